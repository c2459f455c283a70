//! Small nets and how they learn: lists of layers and numbers in, trained numbers out. One thread, no clock, no file.
//!
//! ```text
//! digits, pictures, faces -> layer -> net -> pass -> classifier | autoencoder | adversary | faces -> live
//! which nets                 one step  run  gradients  one training step of each kind                a GAN to watch
//! ```
//!
//! Gradients are our own (`pass`, `ops`, `loss`), for a training step through burn 0.22's CPU backend took two to three and a
//! half times PyTorch's; the tests hold every net's answers and gradients against burn's, and with the feature `cuda` learners may
//! learn on a GPU by them (`burns`, `way`). A net here is plain data, so that the
//! same list of layers is trained, written as ONNX and rebuilt by other programs, and a checkpoint is the numbers themselves.
//! With the same seed and the same data every run on the same processor gives the same numbers.
//!
//! Pictures are [batch, channels, height, width], 0 (ground) to 1 (ink), those of faces as MT-CNN has them; rows are [batch, numbers].

pub mod adam;
pub mod adversary;
mod augment;
pub mod autoencoder;
#[cfg(feature = "cuda")]
mod burns;
pub mod classifier;
pub mod digits;
pub mod faces;
pub mod layer;
pub mod live;
mod loss;
pub mod memory;
pub mod net;
mod ops;
#[cfg(test)]
mod oracle;
mod pass;
pub mod pictures;
pub mod random;
pub mod spectral;
mod way;

pub use live::{DiscriminatorStep, Gan, GeneratorStep, Settings};
pub use memory::{Batch, Learner, Memory};
pub use net::Net;
pub use random::Dice;
pub use way::{Device, learn_on};
