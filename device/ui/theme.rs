//! Colours and sizes that all modes share.

use crate::screen::{Align, Canvas, Style};
use embedded_graphics::pixelcolor::Rgb888;

/// Behind everything.
pub const BACK: Rgb888 = Rgb888::new(13, 16, 22);
/// Cards.
pub const CARD: Rgb888 = Rgb888::new(23, 28, 37);
/// The empty part of a bar, the place of a missing picture.
pub const TRACK: Rgb888 = Rgb888::new(37, 44, 57);
/// What a visitor shall read.
pub const TEXT: Rgb888 = Rgb888::new(241, 244, 249);
/// What explains it.
pub const QUIET: Rgb888 = Rgb888::new(160, 170, 187);
/// What only the owner reads.
pub const FAINT: Rgb888 = Rgb888::new(112, 123, 142);
/// The share of nobody.
pub const NOBODY: Rgb888 = Rgb888::new(139, 151, 173);
/// Something is wrong.
pub const ALARM: Rgb888 = Rgb888::new(255, 122, 89);

/// One colour for each face in view: apart from each other, from skin and from the background.
pub const FACES: [Rgb888; 6] = [
    Rgb888::new(255, 190, 92),
    Rgb888::new(96, 200, 255),
    Rgb888::new(128, 226, 140),
    Rgb888::new(255, 132, 178),
    Rgb888::new(186, 164, 255),
    Rgb888::new(238, 230, 120),
];

/// Sizes in pixels that follow from the size of the canvas.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sizes {
    /// Text of cards.
    pub body: i32,
    /// Text of the footer and captions.
    pub small: i32,
    /// Between things.
    pub gap: i32,
    /// Of round corners.
    pub radius: i32,
}

impl Sizes {
    /// Type grows slower than the canvas: a small panel is looked at from nearby.
    pub fn of(canvas: &Canvas) -> Self {
        let side = f64::from(canvas.width() * canvas.height()).sqrt();
        let body = ((8.0 + side / 95.0).round() as i32).min(canvas.height() as i32 / 8).max(8);
        Self { body, small: (body * 4 / 5).max(8), gap: body * 2 / 3, radius: body / 2 }
    }
}

/// Left-aligned text.
pub fn left(px: i32, color: Rgb888) -> Style {
    Style { px, color, align: Align::Left }
}

/// Centred text.
pub fn centre(px: i32, color: Rgb888) -> Style {
    Style { px, color, align: Align::Centre }
}

/// Right-aligned text.
pub fn right(px: i32, color: Rgb888) -> Style {
    Style { px, color, align: Align::Right }
}

/// A percentage in words: whole, with a space that does not break.
pub fn percent(value: f32) -> String {
    match value {
        v if v > 0.0 && v < 0.5 => "<1\u{a0}%".into(),
        v => format!("{:.0}\u{a0}%", v.clamp(0.0, 100.0)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentages_are_whole_and_never_hide_a_trace() {
        assert_eq!(
            [63.7, 0.2, 0.0, 100.0, f32::NAN].map(percent),
            ["64\u{a0}%", "<1\u{a0}%", "0\u{a0}%", "100\u{a0}%", "NaN\u{a0}%"]
        );
    }
}
