//! Lookalike: camera frames in, named faces with percentages out.
pub mod align;
pub mod board;
pub mod camera;
pub mod detect;
pub mod embed;
pub mod gallery;
pub mod infer;
pub mod manifest;
pub mod picture;
pub mod pipeline;
pub mod portrait;
pub mod screen;
pub mod setup;
pub mod stopwatch;
pub mod types;
pub mod ui;
