//! What training digits, pictures and the detector have in common.
//!
//! ```text
//! data -> course -> checkpoint         pictures in, a learner stepped through epochs, its memory kept
//!           |-> grid, watch            what it makes, as a PNG; whether it has collapsed
//! net  -> graph -> int8                trained nets as ONNX, and the same input through the learner and tract; in bytes
//! ```

pub mod checkpoint;
pub mod command;
pub mod course;
pub mod data;
pub mod graph;
pub mod grid;
pub mod int8;
pub mod options;
pub mod watch;
