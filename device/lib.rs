//! Lookalike: camera frames in, named faces with percentages out.
pub mod camera;
pub mod gallery;
pub mod infer;
pub mod manifest;
pub mod types;
