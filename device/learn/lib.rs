//! Small nets and how they learn: lists of layers and numbers in, trained numbers out. One thread, no clock, no file.
//!
//! ```text
//! digits, pictures -> layer -> net -> classifier | autoencoder | adversary -> live
//! which nets          one step  run    one training step of each kind          a GAN to watch
//! ```
//!
//! Tensors and gradients are burn's (its Flex backend on the CPU); no other crate names burn. A net here is plain data, so
//! that the same list of layers is trained by burn, written as ONNX and rebuilt by other programs, and a checkpoint is the
//! numbers themselves. With the same seed and the same data every run on the same processor gives the same numbers.
//!
//! Pictures are [batch, channels, height, width], 0 (ground) to 1 (ink); rows are [batch, numbers].

pub mod adam;
pub mod adversary;
pub mod autoencoder;
pub mod classifier;
pub mod digits;
pub mod layer;
pub mod live;
pub mod memory;
pub mod net;
pub mod pictures;
pub mod random;
pub mod spectral;

pub use live::{DiscriminatorStep, Gan, GeneratorStep, Settings};
pub use memory::{Batch, Learner, Memory};
pub use net::Net;
pub use random::Dice;
