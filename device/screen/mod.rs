//! Pictures out: the `Screen` door.

use anyhow::Result;

pub mod canvas;

/// Where canvases are shown.
pub trait Screen {
    /// Width and height that a canvas must have to be shown now, in pixels. May change (a terminal that is resized).
    fn size_px(&mut self) -> (u32, u32);

    /// Shows the canvas.
    fn show(&mut self, canvas: &canvas::Canvas) -> Result<()>;

    /// What the person at the screen did since the last call.
    fn events(&mut self) -> Vec<Event>;

    /// What it is, for people.
    fn describe(&self) -> String;
}

/// What a person at the screen can do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// Close the program.
    Quit,
}
