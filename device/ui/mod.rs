//! What the booth shows: one file per mode, drawn on a canvas. No hardware here.

mod bars;
mod card;
mod compact;
#[cfg(test)]
mod golden;
mod headline;
pub mod live;
pub mod message;
mod overlay;
mod theme;
