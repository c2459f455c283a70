//! Keys typed into the terminal on standard input: bytes in, what they mean out. Nothing is echoed meanwhile.

use super::{Event, found};
use anyhow::{Context, Result};
use rustix::termios::{LocalModes, OptionalActions, QueueSelector, SpecialCodeIndex, tcflush, tcgetattr, tcsetattr};
use std::io::{IsTerminal, Read, stdin};

/// A terminal that hands every key over at once and unseen. `found` knows what it was before.
pub(super) struct Typed(());

impl Typed {
    /// `None` where standard input is no terminal. Ctrl-C stays a signal, Ctrl-Z is off.
    pub(super) fn listen() -> Result<Option<Self>> {
        if !stdin().is_terminal() {
            return Ok(None);
        }
        let before = tcgetattr(stdin()).context("the terminal's keyboard cannot be set up")?;
        let mut keys = before.clone();
        keys.local_modes.remove(LocalModes::ICANON | LocalModes::ECHO);
        keys.special_codes[SpecialCodeIndex::VMIN] = 0;
        keys.special_codes[SpecialCodeIndex::VTIME] = 0;
        // 0 switches a key off. A stopped program would leave the shell with our picture.
        keys.special_codes[SpecialCodeIndex::VSUSP] = 0;
        tcsetattr(stdin(), OptionalActions::Now, &keys).context("the terminal's keyboard cannot be set up")?;
        found::remember(move || {
            // Nobody is left to be told where this fails. What was typed meanwhile is not for the shell.
            let _ = tcflush(stdin(), QueueSelector::IFlush);
            let _ = tcsetattr(stdin(), OptionalActions::Now, &before);
        });
        Ok(Some(Self(())))
    }

    /// What was typed since the last call.
    pub(super) fn events(&mut self) -> Vec<Event> {
        let mut typed = [0; 64];
        let count = stdin().read(&mut typed).unwrap_or(0);
        meant(&typed[..count])
    }
}

/// Escape, q or Ctrl-C end; space, tab or enter show the next mode. An arrow key starts with Escape, too, but goes on.
fn meant(typed: &[u8]) -> Vec<Event> {
    match typed {
        b"\x1b" => vec![Event::Quit],
        [b'\x1b', ..] => Vec::new(),
        keys => keys.iter().filter_map(|&key| event(key)).collect(),
    }
}

fn event(key: u8) -> Option<Event> {
    match key {
        b'q' | b'Q' | b'\x03' => Some(Event::Quit),
        b' ' | b'\t' | b'\r' | b'\n' => Some(Event::Next),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escape_and_q_quit_and_arrow_keys_do_not() {
        for typed in [&b"\x1b"[..], b"q", b"Q", b"aq"] {
            assert_eq!(meant(typed), [Event::Quit], "{typed:?}");
        }
        for typed in [&b""[..], b"x", b"\x1b[A", b"\x1bOq"] {
            assert_eq!(meant(typed), [], "{typed:?}");
        }
    }

    #[test]
    fn space_and_tab_show_the_next_mode() {
        assert_eq!(meant(b" x\t"), [Event::Next, Event::Next]);
        assert_eq!(meant(b" q"), [Event::Next, Event::Quit]);
    }
}
