//! The same input through the learner and tract, for nets of pictures: as for those of digits.

pub use crate::learning::graph::{TOLERANCE, compare};
