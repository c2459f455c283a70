//! Generative nets played with: pictures to latent vectors and back, ways through the latent space, and its map.
//!
//! Everything between is numbers: no file, clock or random source is read here but the [`Dice`] that is handed in.
//!
//! | file | what it does |
//! |---|---|
//! | `tile` | pictures of floats, as nets take and give them |
//! | `nets` | the doers around nets: coder, generator, judge |
//! | `family` | the nets that belong together, as far as they are there |
//! | `latent` | points of the latent space: between, blended, added, drawn |
//! | `polygon` | where a finger is between the corners of a polygon, as weights |
//! | `path` | ways through the latent space without end |
//! | `ink` | strokes and photos of handwriting to pictures like those the nets know |
//! | `idx` | the digits' files |
//! | `map` | many vectors as points on a plane or in space |
//! | `dice` | random numbers from a seed |

mod dice;
mod family;
pub mod idx;
pub mod ink;
pub mod latent;
pub mod map;
mod nets;
pub mod path;
pub mod polygon;
mod tile;

pub use dice::Dice;
pub use family::{Family, Kind};
#[cfg(test)]
pub(crate) use nets::fakes;
pub use nets::{Coder, Generator, Judge, Spread, Verdict};
pub use tile::{Shape, Tiles};
