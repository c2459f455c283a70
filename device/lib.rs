//! Lookalike: camera frames in, named faces with percentages out.
pub mod camera;
pub mod infer;
pub mod manifest;
pub mod screen;
pub mod types;
pub mod ui;
