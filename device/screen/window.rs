//! A desktop window as a screen, X11 or Wayland.

use super::{Canvas, Event, Screen, Surface};
use anyhow::{Context, Result, ensure};
use minifb::{InputCallback, Key, ScaleMode, Window as Frame, WindowOptions};
use std::{cell::Cell, rc::Rc};

/// A window that can be resized. Escape, Q or its close button ask the program to end.
pub(super) struct Window {
    frame: Frame,
    asked_to_quit: Rc<Cell<bool>>,
}

/// Hears every key. Asking which keys are down would miss a tap that is shorter than a picture.
struct Keys(Rc<Cell<bool>>);

impl InputCallback for Keys {
    fn add_char(&mut self, _: u32) {}

    fn set_key_state(&mut self, key: Key, is_down: bool) {
        if is_down && matches!(key, Key::Escape | Key::Q) {
            self.0.set(true);
        }
    }
}

impl Window {
    pub(super) fn open(width: u32, height: u32) -> Result<Self> {
        // While it is dragged to another size, the canvas is for a moment that of the old one.
        let options = WindowOptions { resize: true, scale_mode: ScaleMode::UpperLeft, ..WindowOptions::default() };
        let mut frame = Frame::new("Lookalike", width.max(1) as usize, height.max(1) as usize, options)
            .context("no window can be opened on the display; choose the terminal or PNG pictures where there is no desktop")?;
        // The camera sets the pace; sleeping here would add to the picture's delay.
        frame.set_target_fps(0);
        frame.set_background_color(14, 17, 22);
        let asked_to_quit = Rc::default();
        frame.set_input_callback(Box::new(Keys(Rc::clone(&asked_to_quit))));
        Ok(Self { frame, asked_to_quit })
    }
}

impl Screen for Window {
    fn surface(&mut self) -> Surface {
        let (width, height) = self.frame.get_size();
        Surface { width: width as u32, height: height as u32, cells: false }
    }

    fn show(&mut self, canvas: &Canvas) -> Result<()> {
        ensure!(self.frame.is_open(), "the window is closed");
        let (width, height) = (canvas.width() as usize, canvas.height() as usize);
        self.frame.update_with_buffer(canvas.pixels(), width, height).context("the window cannot be drawn")
    }

    fn events(&mut self) -> Vec<Event> {
        let quit = self.asked_to_quit.take() || !self.frame.is_open();
        if quit { vec![Event::Quit] } else { Vec::new() }
    }

    fn describe(&self) -> String {
        let (width, height) = self.frame.get_size();
        format!("window, {width} x {height} pixels")
    }
}
