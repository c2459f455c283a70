//! Fingers, mice and keys of a panel, without a desktop: devices of the kernel in, [`Event`]s in picture pixels out.
//!
//! `evdev` opens what there is and what is plugged in later; `decode` makes sense of what a device says.

mod decode;
mod evdev;

pub use self::evdev::{Input, list};

/// What a person at the screen can do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// Close the program.
    Quit,
    /// Show the next mode.
    Next,
    /// Put a finger on a pixel of the picture, or press the mouse's button there.
    Press(Pixel),
    /// Move it, still pressed.
    Drag(Pixel),
    /// Let it go.
    Release(Pixel),
    /// Touch or click for a moment: comes behind the [`Event::Release`] of a finger that moved little, with the pixel where it was
    /// put down.
    Tap(Pixel),
}

/// A pixel of the picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pixel {
    /// Column.
    pub x: u32,
    /// Row.
    pub y: u32,
}

/// What is listened to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Touchscreens and mice.
    pub touch: bool,
    /// Keyboards. Those that are not listened to are silenced all the same.
    pub keyboard: bool,
}

impl Settings {
    /// What a person does to see the next mode, in words; empty where nobody is listened to.
    pub fn next_mode_by(&self) -> &'static str {
        match (self.touch, self.keyboard) {
            (true, true) => "tap or space",
            (true, false) => "tap",
            (false, true) => "space",
            (false, false) => "",
        }
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self { touch: true, keyboard: true }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_is_told_to_do_what_is_not_listened_to() {
        let words = |touch, keyboard| Settings { touch, keyboard }.next_mode_by();
        assert_eq!(
            [words(true, true), words(true, false), words(false, true), words(false, false)],
            ["tap or space", "tap", "space", ""]
        );
    }
}
