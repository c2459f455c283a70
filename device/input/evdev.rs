//! The devices in /dev/input: found by what they can do, opened when they are plugged in, let go when they are gone.

use super::{
    Event, Settings,
    decode::{Abilities, Decoder, Heard, Kind, Panel, Range, State},
};
use crate::ioctl;
use crate::turn::Turn;
use anyhow::Result;
use evdev::{AbsoluteAxisCode as Abs, KeyCode as Key, PropType, RelativeAxisCode as Rel, raw_stream::RawDevice};
use std::{
    fs::{self, File},
    io::ErrorKind,
    os::{
        fd::OwnedFd,
        unix::fs::{DirEntryExt, OpenOptionsExt},
    },
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

const FOLDER: &str = "/dev/input";

/// So often it is looked for new devices.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// A device file: its number in the folder tells a newcomer of the same name.
type Place = (PathBuf, u64);

/// Everything that is plugged in, as far as it is of use.
pub struct Input {
    settings: Settings,
    panel: Panel,
    open: Vec<Device>,
    /// Devices that are nothing to us.
    passed_over: Vec<Place>,
    /// Devices that may not be opened.
    refused: usize,
    looked: Instant,
}

struct Device {
    place: Place,
    raw: RawDevice,
    decoder: Decoder,
    kind: Option<Kind>,
}

impl Input {
    /// For a panel of that width and height, on which the picture is turned. Finding nothing is no error: it may come later.
    pub fn open(settings: Settings, size: [u32; 2], turn: Turn) -> Self {
        let (panel, looked) = (Panel { size, turn }, Instant::now());
        let mut input = Self { settings, panel, open: Vec::new(), passed_over: Vec::new(), refused: 0, looked };
        input.look();
        input
    }

    /// What happened since the last call.
    pub fn events(&mut self) -> Vec<Event> {
        if self.looked.elapsed() >= LOOK_EVERY {
            self.look();
        }
        let mut events = Vec::new();
        self.open.retain_mut(|device| device.read(&mut events));
        events
    }

    /// Opens what is new. A device that may not be opened yet is tried again: its permissions come a moment after it.
    fn look(&mut self) {
        self.looked = Instant::now();
        self.refused = 0;
        let places = places();
        self.passed_over.retain(|place| places.contains(place));
        for place in places {
            if self.passed_over.contains(&place) || self.open.iter().any(|device| device.place == place) {
                continue;
            }
            let Ok(raw) = open(&place.0) else {
                self.refused += 1;
                continue;
            };
            match self.listen(raw, &place) {
                Some(device) => self.open.push(device),
                None => self.passed_over.push(place),
            }
        }
    }

    fn listen(&self, mut raw: RawDevice, place: &Place) -> Option<Device> {
        let able = abilities(&raw);
        let kind = able.kind().filter(|_| self.settings.touch);
        if able.letters {
            // What is typed here must not reach the console behind the picture. Fails where another program has it.
            let _ = raw.grab();
        } else if kind.is_none() {
            return None;
        }
        let mut decoder = Decoder::new(&able, self.settings, self.panel);
        decoder.resume(state(&raw, &able));
        Some(Device { place: place.clone(), raw, decoder, kind })
    }

    /// See [`Settings::next_mode_by`].
    pub fn next_mode_by(&self) -> &'static str {
        self.settings.next_mode_by()
    }

    /// What is listened to, for people.
    pub fn describe(&self) -> String {
        let heard = |kind| self.open.iter().filter(|device| device.kind == kind).count();
        let [screens, pointers, mice, others] =
            [Some(Kind::Touchscreen), Some(Kind::Pointer), Some(Kind::Mouse), None].map(heard);
        let named = [(screens, "touchscreen"), (pointers, "pointer"), (mice, "mouse or pad"), (others, "keyboard")];
        let counted = |(n, name): &(usize, &str)| format!("{name}: {n}");
        let mut parts: Vec<String> = named.iter().filter(|(n, _)| *n > 0).map(counted).collect();
        if parts.is_empty() {
            parts.push("no touch, no keys".into());
        }
        if self.refused > 0 {
            parts.push(format!("{} in {FOLDER} cannot be opened (lookalike doctor says why)", self.refused));
        }
        parts.join(", ")
    }
}

impl Device {
    /// Appends what happened. Whether the device is still there.
    fn read(&mut self, events: &mut Vec<Event>) -> bool {
        loop {
            let mut is_lost = false;
            match self.raw.fetch_events() {
                Ok(news) => {
                    let mut heard = Vec::new();
                    for event in news {
                        self.decoder.take(event, &mut heard);
                        // The rest of the batch is in the state that is asked for now.
                        if heard.last() == Some(&Heard::Lost) {
                            is_lost = true;
                            break;
                        }
                    }
                    events.extend(heard.into_iter().filter_map(|heard| match heard {
                        Heard::Event(event) => Some(event),
                        Heard::Lost => None,
                    }));
                }
                Err(error) => return matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted),
            }
            if is_lost {
                self.decoder.resume(state(&self.raw, &abilities(&self.raw)));
            }
        }
    }
}

/// Device files, in the order of their names.
fn places() -> Vec<Place> {
    let entries = fs::read_dir(FOLDER).into_iter().flatten().flatten();
    let devices = entries.filter(|entry| entry.file_name().to_string_lossy().starts_with("event"));
    let mut places: Vec<Place> = devices.map(|entry| (entry.path(), entry.ino())).collect();
    places.sort();
    places
}

fn open(path: &Path) -> Result<RawDevice> {
    let file = File::options().read(true).custom_flags(libc::O_NONBLOCK | libc::O_CLOEXEC).open(path);
    let file = file.map_err(|error| ioctl::refused(path, "input", error))?;
    RawDevice::from_fd(OwnedFd::from(file)).map_err(|error| ioctl::refused(path, "input", error))
}

fn abilities(raw: &RawDevice) -> Abilities {
    let has_axis = |axis| raw.supported_absolute_axes().is_some_and(|axes| axes.contains(axis));
    let has_key = |key| raw.supported_keys().is_some_and(|keys| keys.contains(key));
    let has_step = |axis| raw.supported_relative_axes().is_some_and(|axes| axes.contains(axis));
    let range = |axis: Abs| -> Option<Range> {
        let known = raw.get_absinfo().ok()?.find(|(code, _)| *code == axis)?.1;
        Some([known.minimum(), known.maximum()])
    };
    let ranges = |x, y| Some([range(x)?, range(y)?]);
    let slots = if has_axis(Abs::ABS_MT_SLOT) { ranges(Abs::ABS_MT_POSITION_X, Abs::ABS_MT_POSITION_Y) } else { None };
    Abilities {
        slots,
        position: ranges(Abs::ABS_X, Abs::ABS_Y),
        touch: has_key(Key::BTN_TOUCH),
        click: has_key(Key::BTN_LEFT),
        moves: has_step(Rel::REL_X) && has_step(Rel::REL_Y),
        is_pad: has_key(Key::BTN_TOOL_FINGER) && !raw.properties().contains(PropType::DIRECT),
        letters: [Key::KEY_Q, Key::KEY_SPACE].into_iter().all(has_key),
    }
}

/// What a device is like now. What cannot be asked counts as not touched.
fn state(raw: &RawDevice, able: &Abilities) -> State {
    let value = |axis: Abs| {
        let mut known = raw.get_absinfo().ok()?;
        known.find(|(code, _)| *code == axis).map(|(_, info)| info.value())
    };
    let down = |key| raw.get_key_state().is_ok_and(|keys| keys.contains(key));
    let slots = able.slots.and_then(|_| {
        let [ids, xs, ys] = [Abs::ABS_MT_TRACKING_ID, Abs::ABS_MT_POSITION_X, Abs::ABS_MT_POSITION_Y];
        let [ids, xs, ys] = [ioctl::slots(raw, ids.0).ok()?, ioctl::slots(raw, xs.0).ok()?, ioctl::slots(raw, ys.0).ok()?];
        Some((0..ids.len()).map(|i| (ids[i], [xs[i], ys[i]])).collect())
    });
    State {
        position: [Abs::ABS_X, Abs::ABS_Y].map(|axis| value(axis).unwrap_or_default()),
        is_down: down(Key::BTN_TOUCH) || down(Key::BTN_LEFT),
        slot: value(Abs::ABS_MT_SLOT).unwrap_or_default().clamp(0, 63) as usize,
        slots: slots.unwrap_or_default(),
    }
}

/// Every device in one line, or why it cannot be used.
pub fn list() -> Vec<Result<String>> {
    let describe = |(path, _): &Place| {
        let raw = open(path)?;
        let able = abilities(&raw);
        let what = match (able.kind(), able.letters) {
            (Some(Kind::Touchscreen), _) => "touchscreen",
            (Some(Kind::Pointer), _) => "pointer",
            (Some(Kind::Mouse), _) => "mouse",
            (None, true) => "keyboard",
            (None, false) => "not used",
        };
        Ok(format!("{} {}: {what}", path.display(), raw.name().unwrap_or("without a name")))
    };
    places().iter().map(describe).collect()
}
