//! The promises, kept from outside: the program as a user, booth staff or a script meets it. A table of contents.

mod promises {
    /// Arrows and names of the house.
    mod tidy;

    /// Sample people are enrolled, matched, shown.
    mod walk;

    /// A followed face stays where a search finds it.
    mod following;

    /// A Haar cascade in place of MT-CNN, and beside it.
    mod haar;

    /// Heads that lean, lie and hang upside down.
    mod turned;

    /// The detector's own weights, or an owner's.
    mod weights;

    /// The JSON contract and the exit codes.
    mod contract;

    /// Pictures that nobody should give us.
    mod bad_pictures;

    /// Models, boards and galleries that nobody should give us.
    mod bad_setup;

    /// Autoencoders and GANs, from the command line and at the booth.
    mod dream;

    /// Trainings that are killed, stopped, out of room, or have nothing to learn from.
    mod training;

    /// The files of board-config.
    mod boards;

    /// Cameras that are missing, silent, unplugged.
    mod cameras;

    /// A board that asks for int8 sees the same people.
    mod int8;

    /// Where there is no GPU, or half of one, the processor goes on.
    mod gpu;

    /// An owner's own network works by its manifest entry alone.
    mod own_embedder;

    /// Published reference figures, where the evaluation pictures are at hand.
    mod reference;
}
