//! A desktop window as a screen, X11 or Wayland.

use super::{Canvas, Event, Pixel, Screen, Surface};
use anyhow::{Context, Result, ensure};
use minifb::{InputCallback, Key, MouseButton, MouseMode, ScaleMode, Window as Frame, WindowOptions};
use std::{cell::RefCell, rc::Rc};

/// A window that can be resized. Escape, Q or its close button ask the program to end; space, tab, enter or a click show the next
/// mode.
pub(super) struct Window {
    frame: Frame,
    typed: Rc<RefCell<Vec<Event>>>,
    /// Where the button was pressed, and where it is now.
    pressed: Option<[Pixel; 2]>,
}

/// Hears every key. Asking which keys are down would miss a tap that is shorter than a picture.
struct Keys(Rc<RefCell<Vec<Event>>>);

impl InputCallback for Keys {
    fn add_char(&mut self, _: u32) {}

    fn set_key_state(&mut self, key: Key, is_down: bool) {
        let event = match key {
            Key::Escape | Key::Q => Event::Quit,
            Key::Space | Key::Tab | Key::Enter => Event::Next,
            _ => return,
        };
        if is_down {
            self.0.borrow_mut().push(event);
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
        let typed = Rc::default();
        frame.set_input_callback(Box::new(Keys(Rc::clone(&typed))));
        Ok(Self { frame, typed, pressed: None })
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
        let mut events = self.typed.take();
        let is_down = self.frame.get_mouse_down(MouseButton::Left);
        // Over the border a pressed button stays at it.
        let mode = if self.pressed.is_some() { MouseMode::Clamp } else { MouseMode::Discard };
        let at = self.frame.get_unscaled_mouse_pos(mode).map(|(x, y)| Pixel { x: x as u32, y: y as u32 });
        match (self.pressed, at) {
            (None, Some(at)) if is_down => {
                self.pressed = Some([at; 2]);
                events.push(Event::Press(at));
            }
            (Some([start, last]), Some(at)) if is_down && at != last => {
                self.pressed = Some([start, at]);
                events.push(Event::Drag(at));
            }
            (Some([start, last]), _) if !is_down => {
                self.pressed = None;
                events.extend([Event::Release(last), Event::Tap(start)]);
            }
            _ => {}
        }
        if !self.frame.is_open() {
            events.push(Event::Quit);
        }
        events
    }

    fn next_mode_by(&self) -> &'static str {
        "click or space"
    }

    fn describe(&self) -> String {
        let (width, height) = self.frame.get_size();
        format!("window, {width} x {height} pixels")
    }
}
