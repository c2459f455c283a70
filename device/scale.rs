//! RGB pictures at another size, through `fast_image_resize`.

use anyhow::Result;
use fast_image_resize::images::{TypedImage, TypedImageRef};
use fast_image_resize::pixels::U8x3;
use fast_image_resize::{FilterType, ResizeAlg, ResizeOptions, Resizer};

/// An RGB picture's width and height in pixels.
pub type Size = [u32; 2];

/// Scales pictures and keeps the room that it takes.
#[derive(Debug, Default)]
pub struct Scaler(Resizer);

impl Scaler {
    /// `from` and `to`: 8 bits a channel, rows from the top without padding (height x width x 3). Shrinking widens the
    /// filter, so that nothing aliases.
    ///
    /// # Errors
    /// Where a slice is shorter than its size says.
    pub fn scale(&mut self, from: &[u8], from_size: Size, to: &mut [u8], to_size: Size, filter: FilterType) -> Result<()> {
        // The typed way: the other one brings the loops of every kind of pixel, two megabytes of program.
        let from = TypedImageRef::<U8x3>::from_buffer(from_size[0], from_size[1], from)?;
        let mut to = TypedImage::<U8x3>::from_buffer(to_size[0], to_size[1], to)?;
        let options = ResizeOptions::new().resize_alg(ResizeAlg::Convolution(filter));
        Ok(self.0.resize_typed(&from, &mut to, &options)?)
    }
}
