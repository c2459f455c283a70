//! What one device says (Documentation/input/event-codes, multi-touch-protocol type B) in, [`Event`]s out. Reads no device.
//!
//! A tap is a press and a release with little movement between. Of several fingers only the first counts.

use super::{Event, Pixel, Settings};
use crate::turn::Turn;
use evdev::{
    AbsoluteAxisCode as Abs, EventType, InputEvent, KeyCode as Key, RelativeAxisCode as Rel, SynchronizationCode as Syn,
};

/// A finger that travels further than this part of the panel wipes it and does not tap.
const WIPE: u32 = 8;

/// What the pixels of the panel are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Panel {
    /// Width and height as it is built: so the touchscreen on it counts.
    pub size: [u32; 2],
    /// How the picture stands on it.
    pub turn: Turn,
}

/// Lowest and highest value of an axis.
pub(super) type Range = [i32; 2];

/// What a device can do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Abilities {
    /// ABS_MT_POSITION_X and _Y of a device that has slots.
    pub slots: Option<[Range; 2]>,
    /// ABS_X and ABS_Y.
    pub position: Option<[Range; 2]>,
    /// BTN_TOUCH.
    pub touch: bool,
    /// BTN_LEFT.
    pub click: bool,
    /// REL_X and REL_Y.
    pub moves: bool,
    /// BTN_TOOL_FINGER without INPUT_PROP_DIRECT: fingers on it are not fingers on the panel.
    pub is_pad: bool,
    /// Letters and a space bar.
    pub letters: bool,
}

/// What kind of pointer a device is, if any.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Touchscreen,
    /// A tablet, or the pointer that an emulator lends.
    Pointer,
    Mouse,
}

impl Abilities {
    /// As what the device is used.
    pub fn kind(&self) -> Option<Kind> {
        let is_direct = !self.is_pad;
        if is_direct && (self.slots.is_some() || self.position.is_some() && self.touch) {
            Some(Kind::Touchscreen)
        } else if is_direct && self.position.is_some() && self.click {
            Some(Kind::Pointer)
        } else if self.click && (self.moves || self.is_pad) {
            Some(Kind::Mouse)
        } else {
            None
        }
    }
}

/// What a device is like now, for what it said before it was listened to.
#[derive(Clone, Debug, Default)]
pub(super) struct State {
    /// ABS_X and ABS_Y.
    pub position: [i32; 2],
    /// BTN_TOUCH or BTN_LEFT is down.
    pub is_down: bool,
    /// ABS_MT_SLOT.
    pub slot: usize,
    /// ABS_MT_TRACKING_ID, ABS_MT_POSITION_X and _Y of every slot.
    pub slots: Vec<(i32, [i32; 2])>,
}

/// What an event led to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Heard {
    Event(Event),
    /// The kernel threw events away: the decoder wants to be told the state.
    Lost,
}

/// Follows one device.
pub(super) struct Decoder {
    panel: Panel,
    pointer: Pointer,
    letters: bool,
    control: bool,
    /// Everything until the end of the packet is void.
    is_lost: bool,
}

enum Pointer {
    None,
    Single {
        ranges: [Range; 2],
        at: [i32; 2],
        is_down: bool,
        press: Press,
    },
    Slots {
        ranges: [Range; 2],
        slots: Vec<(i32, [i32; 2])>,
        /// The one that events are about.
        slot: usize,
        /// Slot and number of the finger that is followed.
        first: Option<(usize, i32)>,
        /// Slot of the first finger that came with this packet.
        begun: Option<usize>,
        press: Press,
    },
    Mouse {
        at: [i32; 2],
        is_down: bool,
        press: Press,
    },
}

/// Is told what a finger does, and where, in the device's axes.
type Say<'a> = dyn FnMut(fn(Pixel) -> Event, [i32; 2]) + 'a;

/// From the press to the release.
#[derive(Clone, Copy)]
enum Press {
    Up,
    /// Where it began; where it is; whether it is still a tap.
    Down([i32; 2], [i32; 2], bool),
    /// It began unseen.
    Unseen,
}

impl Press {
    /// Where it is now and how far a tap may go; `None` when it is up. Says what that means and where, in the device's axes.
    fn now(&mut self, at: Option<[i32; 2]>, reach: [u32; 2], say: &mut Say) {
        match (*self, at) {
            (Press::Up, Some(at)) => {
                *self = Press::Down(at, at, true);
                say(Event::Press, at);
            }
            (Press::Down(start, last, is_tap), Some(at)) if at != last => {
                *self = Press::Down(start, at, is_tap && (0..2).all(|i| at[i].abs_diff(start[i]) <= reach[i]));
                say(Event::Drag, at);
            }
            (Press::Down(start, last, is_tap), None) => {
                *self = Press::Up;
                say(Event::Release, last);
                if is_tap {
                    say(Event::Tap, start);
                }
            }
            (Press::Unseen, None) => *self = Press::Up,
            _ => {}
        }
    }

    fn seen(is_down: bool) -> Self {
        if is_down { Press::Unseen } else { Press::Up }
    }
}

impl Decoder {
    /// For a device with these abilities. It wants to be told the state before the first event.
    pub fn new(able: &Abilities, settings: Settings, panel: Panel) -> Self {
        let pointer = match (able.kind(), able.slots, able.position) {
            _ if !settings.touch => Pointer::None,
            (Some(Kind::Touchscreen), Some(ranges), _) => {
                Pointer::Slots { ranges, slots: Vec::new(), slot: 0, first: None, begun: None, press: Press::Up }
            }
            (Some(Kind::Touchscreen | Kind::Pointer), _, Some(ranges)) => {
                Pointer::Single { ranges, at: [0; 2], is_down: false, press: Press::Up }
            }
            (Some(Kind::Mouse), ..) => {
                let at = panel.turn.size(panel.size).map(|side| side as i32 / 2);
                Pointer::Mouse { at, is_down: false, press: Press::Up }
            }
            _ => Pointer::None,
        };
        Self { panel, pointer, letters: able.letters && settings.keyboard, control: false, is_lost: false }
    }

    /// Takes over what the device is like. What is pressed now does not become a tap.
    pub fn resume(&mut self, state: State) {
        (self.control, self.is_lost) = (false, false);
        match &mut self.pointer {
            Pointer::None => {}
            Pointer::Single { at, is_down, press, .. } => {
                (*at, *is_down, *press) = (state.position, state.is_down, Press::seen(state.is_down));
            }
            Pointer::Mouse { is_down, press, .. } => (*is_down, *press) = (state.is_down, Press::seen(state.is_down)),
            Pointer::Slots { slots, slot, first, begun, press, .. } => {
                (*slots, *slot, *first, *begun, *press) = (state.slots, state.slot, None, None, Press::Up);
            }
        }
    }

    /// Takes one event, and appends what it led to.
    pub fn take(&mut self, event: InputEvent, heard: &mut Vec<Heard>) {
        let (kind, code, value) = (event.event_type(), event.code(), event.value());
        match kind {
            EventType::SYNCHRONIZATION if code == Syn::SYN_DROPPED.0 => self.is_lost = true,
            EventType::SYNCHRONIZATION if code == Syn::SYN_REPORT.0 => match std::mem::take(&mut self.is_lost) {
                true => heard.push(Heard::Lost),
                false => self.end_of_packet(&mut |event| heard.push(Heard::Event(event))),
            },
            _ if self.is_lost => {}
            EventType::KEY => heard.extend(self.key(Key(code), value).map(Heard::Event)),
            EventType::ABSOLUTE => self.axis(Abs(code), value),
            EventType::RELATIVE => self.step(Rel(code), value),
            _ => {}
        }
    }

    /// `value` is 0 for up, 1 for down, 2 for a repetition.
    fn key(&mut self, key: Key, value: i32) -> Option<Event> {
        match (key, &mut self.pointer) {
            (Key::BTN_TOUCH | Key::BTN_LEFT, Pointer::Single { is_down, .. }) => *is_down = value > 0,
            (Key::BTN_LEFT, Pointer::Mouse { is_down, .. }) => *is_down = value > 0,
            (Key::KEY_LEFTCTRL | Key::KEY_RIGHTCTRL, _) => self.control = value > 0,
            _ => {}
        }
        if !self.letters || value != 1 {
            return None;
        }
        match key {
            Key::KEY_Q | Key::KEY_ESC => Some(Event::Quit),
            Key::KEY_C if self.control => Some(Event::Quit),
            Key::KEY_SPACE | Key::KEY_TAB | Key::KEY_ENTER => Some(Event::Next),
            _ => None,
        }
    }

    fn axis(&mut self, axis: Abs, value: i32) {
        match &mut self.pointer {
            Pointer::Single { at, .. } => match axis {
                Abs::ABS_X => at[0] = value,
                Abs::ABS_Y => at[1] = value,
                _ => {}
            },
            Pointer::Slots { slots, slot, begun, .. } => {
                if axis == Abs::ABS_MT_SLOT {
                    *slot = value.clamp(0, 63) as usize;
                }
                if slots.len() <= *slot {
                    slots.resize(*slot + 1, (-1, [0; 2]));
                }
                let (id, at) = &mut slots[*slot];
                match axis {
                    Abs::ABS_MT_TRACKING_ID => {
                        *id = value;
                        if value >= 0 {
                            begun.get_or_insert(*slot);
                        }
                    }
                    Abs::ABS_MT_POSITION_X => at[0] = value,
                    Abs::ABS_MT_POSITION_Y => at[1] = value,
                    _ => {}
                }
            }
            _ => {}
        }
    }

    fn step(&mut self, axis: Rel, value: i32) {
        let Pointer::Mouse { at, .. } = &mut self.pointer else { return };
        let size = self.panel.turn.size(self.panel.size).map(|side| side as i32);
        let index = match axis {
            Rel::REL_X => 0,
            Rel::REL_Y => 1,
            _ => return,
        };
        at[index] = at[index].saturating_add(value).clamp(0, size[index] - 1);
    }

    fn end_of_packet(&mut self, tell: &mut dyn FnMut(Event)) {
        let panel = self.panel;
        match &mut self.pointer {
            Pointer::None => {}
            Pointer::Single { ranges, at, is_down, press } => {
                press.now(is_down.then_some(*at), reach(ranges), &mut |what, at| tell(what(panel.pixel(at, ranges))));
            }
            Pointer::Mouse { at, is_down, press } => {
                let pixel = |[x, y]: [i32; 2]| Pixel { x: x as u32, y: y as u32 };
                press.now(is_down.then_some(*at), [u32::MAX; 2], &mut |what, at| tell(what(pixel(at))));
            }
            Pointer::Slots { ranges, slots, first, begun, press, .. } => {
                let mut say = |what: fn(Pixel) -> Event, at| tell(what(panel.pixel(at, ranges)));
                if first.is_some_and(|(slot, id)| slots[slot].0 != id) {
                    press.now(None, reach(ranges), &mut say);
                    *first = None;
                }
                // A finger that joins others is none to follow, even when it stays the last.
                let begun = begun.take().filter(|&slot| slots[slot].0 >= 0);
                *first = first.or(begun.map(|slot| (slot, slots[slot].0)));
                if let Some((slot, _)) = *first {
                    press.now(Some(slots[slot].1), reach(ranges), &mut say);
                }
            }
        }
    }
}

fn reach(ranges: &[Range; 2]) -> [u32; 2] {
    ranges.map(|[least, most]| most.abs_diff(least) / WIPE)
}

impl Panel {
    /// From the device's axes to the picture.
    fn pixel(&self, at: [i32; 2], ranges: &[Range; 2]) -> Pixel {
        let pixel = |i: usize| {
            let [least, most] = ranges[i].map(i64::from);
            let steps = (most - least + 1).max(1);
            let pixel = (i64::from(at[i]) - least) * i64::from(self.size[i]) / steps;
            pixel.clamp(0, i64::from(self.size[i]) - 1) as u32
        };
        let [x, y] = self.turn.to_picture([pixel(0), pixel(1)], self.size);
        Pixel { x, y }
    }
}

#[cfg(test)]
mod tests;
