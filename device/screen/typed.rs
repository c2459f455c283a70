//! Keys typed into the terminal on standard input: bytes in, what they mean out. Nothing is echoed meanwhile.

use super::{Event, found};
use anyhow::{Context, Result};
use rustix::termios::{LocalModes, OptionalActions, QueueSelector, SpecialCodeIndex, tcflush, tcgetattr, tcsetattr};
use std::{
    fs,
    io::{IsTerminal, Read, stdin},
};

/// A terminal that hands every key over at once and unseen. `found` knows what it was before.
pub(super) struct Typed(());

impl Typed {
    /// `None` where standard input is no terminal, or where somebody else types there. Ctrl-C stays a signal, Ctrl-Z is off.
    pub(super) fn listen() -> Result<Option<Self>> {
        if !stdin().is_terminal() || !is_in_front(&fs::read_to_string("/proc/self/stat").unwrap_or_default()) {
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

/// Whether the terminal is ours to read, by /proc/self/stat (proc(5)): a program behind its shell is stopped when it tries. Fields
/// 5 and 8 are its process group and the one in front; -1 where nobody minds.
fn is_in_front(stat: &str) -> bool {
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    fields.get(5).is_none_or(|&front| front == "-1" || Some(&front) == fields.get(2))
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
    fn a_program_behind_its_shell_does_not_listen() {
        let stat = |front: &str| format!("77 (a) b) S 5 77 5 1025 {front} 4194304");
        assert!(is_in_front(&stat("77")) && is_in_front(&stat("-1")) && is_in_front(""));
        assert!(!is_in_front(&stat("5")));
    }

    #[test]
    fn space_and_tab_show_the_next_mode() {
        assert_eq!(meant(b" x\t"), [Event::Next, Event::Next]);
        assert_eq!(meant(b" q"), [Event::Next, Event::Quit]);
    }
}
