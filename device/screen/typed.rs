//! Keys typed into the terminal on standard input, and what it tells of the mouse: bytes in, what they mean out. Nothing is echoed
//! meanwhile.

use super::{Event, Pixel, found};
use anyhow::{Context, Result};
use rustix::termios::{LocalModes, OptionalActions, QueueSelector, SpecialCodeIndex, tcflush, tcgetattr, tcsetattr};
use std::{
    fs,
    io::{IsTerminal, Read, stdin},
};

/// A terminal that hands every key over at once and unseen. `found` knows what it was before.
pub(super) struct Typed {
    mouse: Mouse,
}

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
        Ok(Some(Self { mouse: Mouse::default() }))
    }

    /// What was typed since the last call.
    pub(super) fn events(&mut self) -> Vec<Event> {
        let mut typed = [0; 256];
        let count = stdin().read(&mut typed).unwrap_or(0);
        self.mouse.meant(&typed[..count])
    }
}

/// Whether the terminal is ours to read, by /proc/self/stat (proc(5)): a program behind its shell is stopped when it tries. Fields
/// 5 and 8 are its process group and the one in front; -1 where nobody minds.
fn is_in_front(stat: &str) -> bool {
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    fields.get(5).is_none_or(|&front| front == "-1" || Some(&front) == fields.get(2))
}

/// From a press to its release.
#[derive(Default)]
struct Mouse {
    pressed: Option<[Pixel; 2]>,
    /// The beginning of a report whose end was not read yet.
    rest: Vec<u8>,
}

impl Mouse {
    /// Escape, q or Ctrl-C end; space, tab or enter show the next mode. An arrow key starts with Escape, too, but goes on, and so
    /// does a report of the mouse: `ESC [ < button ; column ; row`, then `M` for down or moved and `m` for up (xterm, "SGR").
    fn meant(&mut self, typed: &[u8]) -> Vec<Event> {
        let all = [std::mem::take(&mut self.rest), typed.to_vec()].concat();
        let (mut rest, mut events) = (&all[..], Vec::new());
        while let Some(start) = rest.iter().position(|&key| key == b'\x1b') {
            let (keys, after) = rest.split_at(start);
            events.extend(keys.iter().filter_map(|&key| event(key)));
            let Some(report) = after.strip_prefix(b"\x1b[<") else {
                // A lone Escape is one; what begins with it is a key that means nothing here, and all that came with it.
                events.extend((after == b"\x1b").then_some(Event::Quit));
                return events;
            };
            let Some(end) = report.iter().position(|key| !matches!(key, b'0'..=b'9' | b';')) else {
                if report.len() < 32 {
                    self.rest = after.to_vec();
                }
                return events;
            };
            self.report(&report[..end], report[end] == b'M', &mut events);
            rest = &report[end + 1..];
        }
        events.extend(rest.iter().filter_map(|&key| event(key)));
        events
    }

    /// Columns and rows count from 1; a row is two pixels high.
    fn report(&mut self, numbers: &[u8], is_down: bool, events: &mut Vec<Event>) {
        let numbers: Vec<u32> = numbers.split(|&b| b == b';').filter_map(|n| str::from_utf8(n).ok()?.parse().ok()).collect();
        let [button, column, row] = numbers[..] else { return };
        /// Added to the button of a report of movement.
        const MOVED: u32 = 32;
        if button & !MOVED != 0 {
            return;
        }
        let at = Pixel { x: column.saturating_sub(1), y: row.saturating_sub(1).saturating_mul(2) };
        match (self.pressed, is_down) {
            (None, true) if button == 0 => {
                self.pressed = Some([at; 2]);
                events.push(Event::Press(at));
            }
            (Some([start, last]), true) if at != last => {
                self.pressed = Some([start, at]);
                events.push(Event::Drag(at));
            }
            (Some([start, last]), false) => {
                self.pressed = None;
                events.extend([Event::Release(last), Event::Tap(start)]);
            }
            _ => {}
        }
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

    fn meant(typed: &[u8]) -> Vec<Event> {
        Mouse::default().meant(typed)
    }

    #[test]
    fn a_click_is_a_tap_and_a_drag_is_followed_even_where_a_report_is_cut() {
        let pixel = |x, y| Pixel { x, y };
        let click = meant(b"\x1b[<0;3;5M\x1b[<0;3;5m");
        assert_eq!(click, [Event::Press(pixel(2, 8)), Event::Release(pixel(2, 8)), Event::Tap(pixel(2, 8))]);
        let mut mouse = Mouse::default();
        assert_eq!(mouse.meant(b"\x1b[<0;1;1M\x1b[<32;2"), [Event::Press(pixel(0, 0))]);
        assert_eq!(mouse.meant(b";1Mq"), [Event::Drag(pixel(1, 0)), Event::Quit]);
        for nothing in [&b"\x1b[<2;1;1M"[..], b"\x1b[<64;1;1M", b"\x1b[<;;M", b"\x1b[<0;1;1m", b"\x1b[<99999999999;1;1M"] {
            assert_eq!(meant(nothing), [], "{nothing:?}");
        }
    }

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
