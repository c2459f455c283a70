//! Lookalike: camera frames in, named faces with percentages out. This page is the map.
//!
//! ```text
//! camera -> detect -> align -> embed -> gallery -> screen          one frame's walk, all of it in pipeline.rs
//! Frame     Followed  Chip     Embedding Answer    Canvas
//!
//! latent -> generate -> play -> screen                             the generative modes end on the same screen
//! ```
//!
//! | room | what it does | may use |
//! |---|---|---|
//! | [`types`] | the data that flows | std |
//! | [`board`] | `board-config/*.toml` to checked settings | serde, toml |
//! | [`manifest`] | `models/out/manifest.toml` to checked model facts | serde, toml, types |
//! | [`infer`] | runs nets: the `Model` door for bytes, `FloatModel` for floats; `lower`: our operators in tract's graph; `choice`: on which kernels; `offload`: on a GPU where a build knows one | tract, the crate `infer/kernels`, guard |
//! | [`guard`] | panics of others' code to errors | std |
//! | [`picture`] | picture files to frames | types, image |
//! | [`scale`] | RGB pictures at another size | fast_image_resize |
//! | [`camera`] | the `Camera` door: V4L2, a maker's camera program through a pipe, or a folder replayed | types, picture, scale, guard, its driver |
//! | [`detect`] | MT-CNN, of heads at any angle, and following the faces that it found; `haar`: OpenCV's cascades, without landmarks; `squares`: what its nets look at, which recipes learn from | types, turn, the `Model` trait, the crate `infer/kernels` |
//! | [`align`] | landmarks to chip | types |
//! | [`embed`] | chip to embedding, and when a face looks different | types, the `Model` trait |
//! | [`gallery`] | who is known: store, search, head, calibrated answers | types, linfa, the crate `infer/kernels` |
//! | [`generate`] | latent vectors: drawn, blended, walked through, mapped; pictures to them and back | types, the `FloatModel` trait, linfa |
//! | [`portrait`] | whether a photo may be enrolled | types |
//! | [`screen`] | the `Screen` door: panels through DRM or fbdev, window, terminal, PNG; the canvas | types, scale, turn, input, ioctl, guard, its driver |
//! | [`input`] | fingers, mice and keys of a panel, without a desktop | turn, ioctl, evdev |
//! | [`turn`] | pictures and points by quarter turns, for panels that stand upright and heads that lie | std |
//! | [`ioctl`] | what the kernel's devices are asked where no crate asks it | rustix |
//! | [`ui`] | what the booth shows, for visitors, for engineers and in the generative modes, drawn on a canvas | types, canvas, generate's data |
//! | [`play`] | the generative modes in motion: fingers and time in, what is drawn out | generate, ui, screen's canvas and events |
//! | the crate `learn` | small nets that learn, on the device the GAN that visitors watch, in the recipes also MT-CNN's | ndarray's products of matrices; burn in builds that learn on a GPU |
//! | [`stopwatch`] | milliseconds per stage | std |
//! | [`pipeline`] | the walk of one frame, the kiosk loop, the worker | all of the above through their `mod.rs` |
//! | [`setup`] | board and manifest to doers: start-up as a list | all of the above |
//!
//! The program around it is `main.rs` and `commands/`, one file per command.
//!
//! Invariants; `tests/promises/tidy.rs` checks what a test can check.
//! 1. Only `pipeline.rs` knows the order of the walk.
//! 2. Only `infer/` names tract, and of it only `infer/offload/cuda.rs` its CUDA, only `camera/v4l*` names v4l, only `screen/drm*`
//!    names DRM, only `input/` names evdev, only `learn`'s `burns`, `way` and oracle name burn, only `board.rs` and `manifest.rs`
//!    know TOML.
//! 3. Between the doors nothing reads a clock, a file, an environment variable or a random source that it was not handed;
//!    the pipeline's clock is `stopwatch`.
//! 4. The picture never waits for recognition: one thread shows, one recognises, one frame in flight, a busy worker means that
//!    the frame is shown and not walked. Nor does it wait for a dream: `play` has one thread for nets, one for a GAN that learns
//!    and one for each t-SNE; a build for a GPU has one that makes nets ready there. Other threads only listen: for signals, and
//!    to what a camera program complains of.
//! 5. A face that leaves the frame leaves memory. Only `gallery/store/` writes people to disk, and only on an explicit
//!    enrolment.
//! 6. `board-config/desktop.toml` runs the whole product on any laptop, without camera, panel or GPU.
//! 7. `unsafe` is denied everywhere but in `ioctl.rs` and in two crates of their own: the inner loops and threads of
//!    `infer/kernels` and the generated bindings of `camera/v4l2-sys`.
//! 8. What a screen changes about the place where it was started goes through `screen/found.rs`, which undoes it.
pub mod align;
pub mod board;
pub mod camera;
pub mod detect;
pub mod embed;
pub mod gallery;
pub mod generate;
pub mod guard;
pub mod infer;
pub mod input;
pub mod ioctl;
pub mod manifest;
pub mod picture;
pub mod pipeline;
pub mod play;
pub mod portrait;
pub mod scale;
pub mod screen;
pub mod setup;
pub mod stopwatch;
pub mod turn;
pub mod types;
pub mod ui;
