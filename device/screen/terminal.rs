//! A terminal as a screen: two pixels a character cell, text as text. Leaves the terminal as it found it.

use super::{Canvas, Event, Screen, Surface, cells::Painter};
use anyhow::{Context, Result, ensure};
use rustix::termios::{LocalModes, OptionalActions, SpecialCodeIndex, Termios, tcgetattr, tcgetwinsize, tcsetattr};
use signal_hook::{SigId, consts::TERM_SIGNALS, flag, low_level};
use std::{
    io::{IsTerminal, Read, Write, stdin, stdout},
    panic,
    sync::{
        Arc, Mutex, Once,
        atomic::{AtomicBool, Ordering},
    },
};

/// Alternate screen, no cursor, no line wrap.
const ENTER: &str = "\x1b[?1049h\x1b[?25l\x1b[?7l\x1b[0m\x1b[2J";
/// All of that undone.
const LEAVE: &str = "\x1b[0m\x1b[?7h\x1b[?25h\x1b[?1049l";

/// What must be put back when the terminal is left; `None` while no terminal is in use.
static FOUND: Mutex<Option<Found>> = Mutex::new(None);

struct Found {
    keyboard: Option<Termios>,
}

/// The terminal on standard output.
pub(super) struct Terminal {
    painter: Painter,
    size: (u32, u32),
    killed: Arc<AtomicBool>,
    signals: Vec<SigId>,
    has_keyboard: bool,
}

impl Terminal {
    pub(super) fn open(true_color: bool) -> Result<Self> {
        ensure!(stdout().is_terminal(), "standard output is not a terminal: choose a window or PNG pictures");
        let keyboard = listen().context("the terminal's keyboard cannot be set up")?;
        let has_keyboard = keyboard.is_some();
        *FOUND.lock().unwrap_or_else(|e| e.into_inner()) = Some(Found { keyboard });
        leave_on_panic();
        // From here on dropping restores the terminal.
        let mut terminal = Self {
            painter: Painter::new(true_color),
            size: size(),
            killed: Arc::new(AtomicBool::new(false)),
            signals: Vec::new(),
            has_keyboard,
        };
        for &signal in TERM_SIGNALS {
            let id = flag::register(signal, terminal.killed.clone()).context("signals cannot be received")?;
            terminal.signals.push(id);
        }
        send(ENTER.as_bytes())?;
        Ok(terminal)
    }
}

impl Screen for Terminal {
    fn surface(&mut self) -> Surface {
        self.size = size();
        let (columns, rows) = self.size;
        Surface { width: columns, height: rows * 2, cells: true }
    }

    fn show(&mut self, canvas: &Canvas) -> Result<()> {
        send(self.painter.paint(canvas))
    }

    fn events(&mut self) -> Vec<Event> {
        let mut typed = [0; 64];
        let count = if self.has_keyboard { stdin().read(&mut typed).unwrap_or(0) } else { 0 };
        let quit = self.killed.swap(false, Ordering::SeqCst) || is_quit(&typed[..count]);
        if quit { vec![Event::Quit] } else { Vec::new() }
    }

    fn describe(&self) -> String {
        let (columns, rows) = self.size;
        let colors = if self.painter.true_color() { "24-bit" } else { "256" };
        format!("terminal, {columns} x {rows} characters, {colors} colours")
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        for id in self.signals.drain(..) {
            low_level::unregister(id);
        }
        leave();
    }
}

/// Columns and rows of the terminal now.
fn size() -> (u32, u32) {
    match tcgetwinsize(stdout()) {
        Ok(s) if s.ws_col > 0 && s.ws_row > 0 => (s.ws_col.into(), s.ws_row.into()),
        // A serial line knows no size.
        _ => (80, 24),
    }
}

/// Keys arrive at once and unseen; Ctrl-C stays a signal, Ctrl-Z is off. Returns what it was before.
fn listen() -> Result<Option<Termios>> {
    if !stdin().is_terminal() {
        return Ok(None);
    }
    let before = tcgetattr(stdin())?;
    let mut keys = before.clone();
    keys.local_modes.remove(LocalModes::ICANON | LocalModes::ECHO);
    keys.special_codes[SpecialCodeIndex::VMIN] = 0;
    keys.special_codes[SpecialCodeIndex::VTIME] = 0;
    // 0 switches a key off. A stopped program would leave the shell in the alternate screen.
    keys.special_codes[SpecialCodeIndex::VSUSP] = 0;
    tcsetattr(stdin(), OptionalActions::Now, &keys)?;
    Ok(Some(before))
}

/// Escape, q or Q. An arrow key starts with Escape, too, but goes on.
fn is_quit(typed: &[u8]) -> bool {
    typed == b"\x1b" || typed.iter().any(|key| b"qQ\x03".contains(key)) && typed.first() != Some(&0x1b)
}

fn send(bytes: &[u8]) -> Result<()> {
    let mut out = stdout().lock();
    out.write_all(bytes).and_then(|()| out.flush()).context("the terminal is gone")
}

/// Puts the terminal back, once.
fn leave() {
    if let Some(found) = FOUND.lock().unwrap_or_else(|e| e.into_inner()).take() {
        // Nobody is left to be told where this fails.
        let _ = send(LEAVE.as_bytes());
        if let Some(keyboard) = found.keyboard {
            let _ = tcsetattr(stdin(), OptionalActions::Now, &keyboard);
        }
    }
}

/// A panic's message must not vanish with the alternate screen.
fn leave_on_panic() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let report = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            leave();
            report(info);
        }));
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escape_and_q_quit_and_arrow_keys_do_not() {
        for typed in [&b"\x1b"[..], b"q", b"Q", b"aq"] {
            assert!(is_quit(typed), "{typed:?}");
        }
        for typed in [&b""[..], b"x", b"\x1b[A", b"\x1bOq"] {
            assert!(!is_quit(typed), "{typed:?}");
        }
    }
}
