//! Pictures out, and what a person does in front of them: the `Screen` door.
//!
//! Back ends: `drm` and `fbdev` (a board's panel, with its fingers and keys), `window`, `terminal`, `png`. What they change about
//! the place where the program was started, `found` undoes.

use crate::input;
use crate::turn::Turn;
use anyhow::{Result, bail};
use std::{
    env, fmt, fs,
    io::{IsTerminal, stdout},
    path::PathBuf,
    time::Duration,
};

mod area;
pub mod canvas;
mod cells;
mod console;
mod drm;
mod fbdev;
mod found;
mod line;
mod panel;
mod picture;
mod png;
mod terminal;
mod text;
mod typed;
#[cfg(feature = "window")]
mod window;

pub use self::drm::ModeWish;
pub use crate::input::{Event, Pixel};
pub use area::Area;
pub use canvas::{Canvas, Surface};
pub use found::put_back;
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

    /// What a person does here to see the next mode, in words; empty where nothing can be done.
    fn next_mode_by(&self) -> &'static str;

    /// What it is, for people.
    fn describe(&self) -> String;
}

/// Which screen is wanted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Kind {
    /// A window where there is a display, the terminal where somebody works in one from afar, else the board's panel, else the
    /// terminal or PNG pictures.
    #[default]
    Auto,
    /// A panel through the kernel's mode setting.
    Drm,
    /// A panel through a framebuffer.
    Fbdev,
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
            Kind::Drm => "drm",
            Kind::Fbdev => "fbdev",
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
    /// Width of a window or a PNG picture in pixels. Terminals and panels have their own size.
    pub width: u32,
    /// Height of it in pixels.
    pub height: u32,
    /// The panel: `auto`, a card (`/dev/dri/card1`), a connector (`DSI-1`), or a framebuffer (`/dev/fb1`).
    pub device: String,
    /// A panel's mode; `None` for its own wish. A framebuffer has one already.
    pub mode: Option<ModeWish>,
    /// How the picture stands on a panel.
    pub turn: Turn,
    /// What is listened to at a panel. Windows and terminals bring their own keys.
    pub input: input::Settings,
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
        Self {
            kind: Kind::Auto,
            width: 1280,
            height: 720,
            device: "auto".into(),
            mode: None,
            turn: Turn::None,
            input: input::Settings::default(),
            png_folder,
            every_ms: 1000,
            keep: 20,
        }
    }
}

/// What is known about the place where the program runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Surroundings {
    /// `DISPLAY` or `WAYLAND_DISPLAY` is set.
    pub display: bool,
    /// Standard output is a terminal that can do more than print lines.
    pub terminal: bool,
    /// It is one of ssh or of a window: whoever works there does not sit at the board's console.
    pub remote: bool,
    /// There is a graphics card.
    pub card: bool,
    /// There is a framebuffer.
    pub framebuffer: bool,
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
            remote: fs::read_link("/proc/self/fd/1").is_ok_and(|name| name.starts_with("/dev/pts")),
            card: drm::is_there(),
            framebuffer: fbdev::is_there(),
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
    let reason = match (here.display, cfg!(feature = "window")) {
        (true, true) => {
            choices.push((Kind::Window, "there is a display"));
            "the display does not let us open a window"
        }
        (true, false) => "this program was built without the `window` feature",
        (false, _) => "no display (DISPLAY and WAYLAND_DISPLAY are not set)",
    };
    let is_console = !(here.display || here.terminal && here.remote);
    match here {
        Surroundings { card: true, .. } if is_console => choices.push((Kind::Drm, "there is a graphics card and no desktop")),
        Surroundings { framebuffer: true, .. } if is_console => {
            choices.push((Kind::Fbdev, "there is a framebuffer and no graphics card"));
        }
        _ => {}
    }
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
        Kind::Drm => {
            let display = drm::Drm::open(&settings.device, settings.mode)?;
            Ok(Box::new(panel::Panel::new(display, settings)?))
        }
        Kind::Fbdev => Ok(Box::new(panel::Panel::new(fbdev::Framebuffer::open(&settings.device)?, settings)?)),
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

/// Every graphics card and framebuffer in one line, or why it cannot be used.
pub fn list_panels() -> Vec<Result<String>> {
    let mut all = drm::list();
    all.extend(fbdev::list());
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOWHERE: Surroundings =
        Surroundings { display: false, terminal: false, remote: false, card: false, framebuffer: false, true_color: false };

    fn kinds_at(here: Surroundings) -> Vec<Kind> {
        choices(Kind::Auto, here).into_iter().map(|(kind, _)| kind).collect()
    }

    fn kinds(kind: Kind, display: bool, terminal: bool) -> Vec<Kind> {
        let here = Surroundings { display, terminal, ..NOWHERE };
        choices(kind, here).into_iter().map(|(kind, _)| kind).collect()
    }

    #[test]
    fn at_a_boards_console_the_panel_and_from_afar_the_terminal() {
        let service = Surroundings { card: true, framebuffer: true, ..NOWHERE };
        assert_eq!(kinds_at(service), [Kind::Drm, Kind::Png]);
        assert_eq!(kinds_at(Surroundings { terminal: true, ..service }), [Kind::Drm, Kind::Terminal]);
        assert_eq!(kinds_at(Surroundings { terminal: true, remote: true, ..service }), [Kind::Terminal]);
        assert_eq!(kinds_at(Surroundings { card: false, ..service }), [Kind::Fbdev, Kind::Png]);
    }

    #[test]
    fn a_desktop_keeps_its_panel() {
        let here = Surroundings { display: true, card: true, framebuffer: true, ..NOWHERE };
        let kinds = kinds_at(here);
        assert!(!kinds.contains(&Kind::Drm) && !kinds.contains(&Kind::Fbdev), "{kinds:?}");
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
        for kind in [Kind::Drm, Kind::Fbdev, Kind::Window, Kind::Terminal, Kind::Png] {
            assert_eq!(kinds(kind, false, false), [kind]);
        }
    }
}
