//! Pictures out: the `Screen` door.

use anyhow::{Result, bail};
use std::{
    env, fmt,
    io::{IsTerminal, stdout},
    path::PathBuf,
    time::Duration,
};

mod area;
pub mod canvas;
mod cells;
mod picture;
mod png;
mod terminal;
mod text;
#[cfg(feature = "window")]
mod window;

pub use area::Area;
pub use canvas::{Canvas, Surface};
pub use picture::Picture;
pub use text::{Align, Style};

/// Where canvases are shown.
pub trait Screen {
    /// What a canvas must be like to be shown now. May change from call to call (a window that is resized).
    fn surface(&mut self) -> Surface;

    /// Shows the canvas. Fails where the screen is gone for good.
    fn show(&mut self, canvas: &Canvas) -> Result<()>;

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

/// Which screen is wanted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Kind {
    /// A window where there is a display, else the terminal where standard output is one, else PNG pictures.
    #[default]
    Auto,
    /// A desktop window (X11 or Wayland).
    Window,
    /// The terminal on standard output.
    Terminal,
    /// PNG pictures in a folder.
    Png,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(match self {
            Kind::Auto => "auto",
            Kind::Window => "window",
            Kind::Terminal => "terminal",
            Kind::Png => "png",
        })
    }
}

/// The board's wishes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Which screen.
    pub kind: Kind,
    /// Width of a window or a PNG picture in pixels. A terminal has its own size.
    pub width: u32,
    /// Height of it in pixels.
    pub height: u32,
    /// Where PNG pictures go.
    pub png_folder: PathBuf,
    /// Least time from one PNG picture to the next.
    pub every_ms: u64,
    /// So many PNG pictures are kept, the newest.
    pub keep: usize,
}

impl Default for Settings {
    fn default() -> Self {
        let png_folder = PathBuf::from(".lookalike/screen");
        Self { kind: Kind::Auto, width: 1280, height: 720, png_folder, every_ms: 1000, keep: 20 }
    }
}

/// What is known about the place where the program runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Surroundings {
    /// `DISPLAY` or `WAYLAND_DISPLAY` is set.
    pub display: bool,
    /// Standard output is a terminal that can do more than print lines.
    pub terminal: bool,
    /// The terminal promises 24-bit colours (`COLORTERM`).
    pub true_color: bool,
}

impl Surroundings {
    /// Asks the environment variables and standard output.
    pub fn look() -> Self {
        let is_set = |name| env::var_os(name).is_some_and(|value| !value.is_empty());
        let plain = env::var_os("TERM").is_none_or(|term| term.is_empty() || term == "dumb");
        let colors = env::var("COLORTERM").unwrap_or_default();
        Self {
            display: is_set("DISPLAY") || is_set("WAYLAND_DISPLAY"),
            terminal: stdout().is_terminal() && !plain,
            true_color: ["truecolor", "24bit"].contains(&colors.as_str()),
        }
    }
}

/// The screens to try, best first, each with the reason in words. Never empty.
pub fn choices(kind: Kind, here: Surroundings) -> Vec<(Kind, &'static str)> {
    if kind != Kind::Auto {
        return vec![(kind, "the board file or command line asks for it")];
    }
    let mut choices = Vec::new();
    if here.display && cfg!(feature = "window") {
        choices.push((Kind::Window, "there is a display"));
    }
    let reason = match (here.display, cfg!(feature = "window")) {
        (false, _) => "no display (DISPLAY and WAYLAND_DISPLAY are not set)",
        (true, false) => "this program was built without the `window` feature",
        (true, true) => "the display does not let us open a window",
    };
    choices.push(if here.terminal { (Kind::Terminal, reason) } else { (Kind::Png, reason) });
    choices
}

/// Opens the first screen that can be opened. What was tried in vain goes to standard error, and where PNG pictures go.
pub fn open(settings: &Settings, here: Surroundings) -> Result<Box<dyn Screen>> {
    let mut choices = choices(settings.kind, here).into_iter().peekable();
    while let Some((kind, _)) = choices.next() {
        match open_one(kind, settings, here) {
            Err(error) if choices.peek().is_some() => eprintln!("screen: {error:#}"),
            opened => return opened,
        }
    }
    bail!("no screen to open")
}

fn open_one(kind: Kind, settings: &Settings, here: Surroundings) -> Result<Box<dyn Screen>> {
    match kind {
        Kind::Window => open_window(settings),
        Kind::Terminal => Ok(Box::new(terminal::Terminal::open(here.true_color)?)),
        Kind::Png | Kind::Auto => {
            let surface = Surface { width: settings.width, height: settings.height, cells: false };
            let every = Duration::from_millis(settings.every_ms);
            let screen = png::Snapshots::open(&settings.png_folder, every, settings.keep, surface)?;
            eprintln!("screen: {}", screen.describe());
            Ok(Box::new(screen))
        }
    }
}

#[cfg(feature = "window")]
fn open_window(settings: &Settings) -> Result<Box<dyn Screen>> {
    Ok(Box::new(window::Window::open(settings.width, settings.height)?))
}

#[cfg(not(feature = "window"))]
fn open_window(_: &Settings) -> Result<Box<dyn Screen>> {
    bail!("this program was built without the `window` feature: use the terminal or PNG pictures")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kinds(kind: Kind, display: bool, terminal: bool) -> Vec<Kind> {
        let here = Surroundings { display, terminal, true_color: false };
        choices(kind, here).into_iter().map(|(kind, _)| kind).collect()
    }

    #[test]
    #[cfg(feature = "window")]
    fn a_display_gets_a_window_and_the_terminal_stays_in_reserve() {
        assert_eq!(kinds(Kind::Auto, true, true), [Kind::Window, Kind::Terminal]);
        assert_eq!(kinds(Kind::Auto, true, false), [Kind::Window, Kind::Png]);
    }

    #[test]
    fn without_a_display_the_terminal_else_pictures() {
        assert_eq!(kinds(Kind::Auto, false, true), [Kind::Terminal]);
        assert_eq!(kinds(Kind::Auto, false, false), [Kind::Png]);
    }

    #[test]
    fn a_wish_is_not_second_guessed() {
        for kind in [Kind::Window, Kind::Terminal, Kind::Png] {
            assert_eq!(kinds(kind, false, false), [kind]);
        }
    }
}
