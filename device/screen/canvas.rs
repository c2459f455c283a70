//! The picture in memory that everything draws on.

/// A picture of 0x00RRGGBB pixels, rows from the top.
pub struct Canvas;
