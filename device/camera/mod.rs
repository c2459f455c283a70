//! Frames in: the `Camera` door.

use crate::types::Frame;

/// A source of frames.
pub trait Camera: Send {
    /// Fills `frame` with the next picture, reusing its buffer. Waits for it, at most the board's `timeout_ms`.
    ///
    /// After a fault the next call tries to recover (reopens the device) and may be repeated for ever;
    /// it never spins: a call that fails at once has slept a little.
    fn read(&mut self, frame: &mut Frame) -> Result<(), Fault>;

    /// What it is, for people: device, format, size, rate.
    fn describe(&self) -> String;
}

/// Why there is no frame. The caller shows it and calls `read` again, but for `End`.
#[derive(Debug)]
pub enum Fault {
    /// The camera is there and delivers nothing.
    Silent(String),
    /// The camera is not there (any more).
    Gone(String),
    /// One picture was broken; the next may be fine.
    BadFrame(String),
    /// There will be no more frames.
    End,
}
