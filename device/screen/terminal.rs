//! A terminal as a screen: two pixels a character cell, text as text. Leaves the terminal as it found it.

use super::{Canvas, Event, Screen, Surface, cells::Painter, found, typed::Typed};
use anyhow::{Context, Result, ensure};
use rustix::termios::tcgetwinsize;
use signal_hook::{SigId, consts::TERM_SIGNALS, flag, low_level};
use std::{
    io::{IsTerminal, Write, stdout},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

/// Alternate screen, no cursor, no line wrap; the mouse is told of while a button is down (xterm's 1002), as numbers (1006).
const ENTER: &str = "\x1b[?1049h\x1b[?25l\x1b[?7l\x1b[0m\x1b[2J\x1b[?1002h\x1b[?1006h";
/// All of that undone.
const LEAVE: &str = "\x1b[?1006l\x1b[?1002l\x1b[0m\x1b[?7h\x1b[?25h\x1b[?1049l";

/// The terminal on standard output.
pub(super) struct Terminal {
    painter: Painter,
    size: (u32, u32),
    killed: Arc<AtomicBool>,
    signals: Vec<SigId>,
    typed: Option<Typed>,
    _guard: found::Guard,
}

impl Terminal {
    pub(super) fn open(true_color: bool) -> Result<Self> {
        ensure!(stdout().is_terminal(), "standard output is not a terminal: choose a window or PNG pictures");
        // From here on dropping restores the terminal.
        let mut terminal = Self {
            painter: Painter::new(true_color),
            size: size(),
            killed: Arc::new(AtomicBool::new(false)),
            signals: Vec::new(),
            typed: None,
            _guard: found::Guard,
        };
        terminal.typed = Typed::listen()?;
        // Nobody is left to be told where this fails.
        found::remember(|| drop(send(LEAVE.as_bytes())));
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
        let mut events: Vec<Event> = self.typed.iter_mut().flat_map(Typed::events).collect();
        if self.killed.swap(false, Ordering::SeqCst) {
            events.push(Event::Quit);
        }
        events
    }

    fn next_mode_by(&self) -> &'static str {
        "click or space"
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

fn send(bytes: &[u8]) -> Result<()> {
    let mut out = stdout().lock();
    out.write_all(bytes).and_then(|()| out.flush()).context("the terminal is gone")
}
