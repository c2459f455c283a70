//! A panel as a screen: what is drawn is turned and put on it, what is touched is turned back. No desktop is in between.

use super::{Canvas, Event, Screen, Settings, Surface, console, found::Guard, typed::Typed};
use crate::input::Input;
use crate::turn::{Turn, Turned};
use anyhow::Result;

/// What puts pixels on a panel.
pub(super) trait Display {
    /// Width and height in pixels, as the panel is built.
    fn size(&self) -> [u32; 2];

    /// Shows a picture. What reaches beyond the panel is cut off. Fails where the panel is gone for good.
    fn show(&mut self, picture: Turned) -> Result<()>;

    /// What it is, for people.
    fn describe(&self) -> String;
}

/// A display with the fingers and keys that belong to it.
pub(super) struct Panel<D: Display> {
    display: D,
    turn: Turn,
    input: Input,
    typed: Option<Typed>,
    line: Vec<u32>,
    _guard: Guard,
}

impl<D: Display> Panel<D> {
    /// Takes the console away from under the display, and listens.
    pub(super) fn new(display: D, settings: &Settings) -> Result<Self> {
        let input = Input::open(settings.input, display.size(), settings.turn);
        // From here on dropping puts the console back.
        let mut panel = Self { display, turn: settings.turn, input, typed: None, line: Vec::new(), _guard: Guard };
        console::silence();
        panel.typed = Typed::listen()?;
        Ok(panel)
    }
}

impl<D: Display> Screen for Panel<D> {
    fn surface(&mut self) -> Surface {
        let [width, height] = self.turn.size(self.display.size());
        Surface { width, height, cells: false }
    }

    fn show(&mut self, canvas: &Canvas) -> Result<()> {
        let size = [canvas.width(), canvas.height()];
        self.display.show(Turned { pixels: canvas.pixels(), size, turn: self.turn, line: &mut self.line })
    }

    fn events(&mut self) -> Vec<Event> {
        let mut events = self.input.events();
        events.extend(self.typed.iter_mut().flat_map(Typed::events));
        events
    }

    fn next_mode_by(&self) -> &'static str {
        self.input.next_mode_by()
    }

    fn describe(&self) -> String {
        let turned = match self.turn {
            Turn::None => "",
            Turn::Quarter => ", turned by 90 degrees",
            Turn::Half => ", turned by 180 degrees",
            Turn::ThreeQuarters => ", turned by 270 degrees",
        };
        format!("{}{turned}; {}", self.display.describe(), self.input.describe())
    }
}
