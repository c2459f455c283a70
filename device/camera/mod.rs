//! Frames in: the `Camera` door. Board settings in, a source of [`Frame`]s out.
//!
//! Back ends: `v4l` (what Linux calls a video device), `pipe` (a program that writes pictures) and `replay` (a folder of
//! pictures). A new one is a file beside them that implements [`Camera`], a [`Kind`] and a line in [`open`].

use crate::types::Frame;
use anyhow::{Context, Result, ensure};
use serde::Deserialize;
use std::path::PathBuf;

mod awaited;
#[cfg(feature = "v4l")]
mod choice;
mod pipe;
mod pixels;
mod replay;
#[cfg(feature = "v4l")]
mod v4l;

/// A source of frames.
pub trait Camera: Send {
    /// Fills `frame` with the newest picture, reusing its buffer. Waits for it, at most about the board's `timeout_ms`.
    ///
    /// After a fault `frame` holds no picture, and the next call tries to recover (reopens the device); it may be repeated for
    /// ever and never spins: a call that fails at once has slept a little.
    fn read(&mut self, frame: &mut Frame) -> Result<(), Fault>;

    /// What it is, for people: device, format, size, rate.
    fn describe(&self) -> String;
}

/// Why there is no frame. The caller shows it and calls `read` again, but for `End`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The camera is there and delivers nothing.
    Silent(String),
    /// The camera is not there (any more).
    Gone(String),
    /// One picture was broken; the next may be fine.
    BadFrame(String),
    /// There will be no more frames.
    End,
}

impl std::fmt::Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        match self {
            Fault::Silent(text) | Fault::Gone(text) | Fault::BadFrame(text) => f.write_str(text),
            Fault::End => f.write_str("there are no more pictures"),
        }
    }
}

impl std::error::Error for Fault {}

/// What the board file's `[camera]` section says.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// Which back end.
    pub kind: Kind,
    /// `auto` for the first camera that delivers, or a path. `/dev/v4l/by-id/...` stays with one camera wherever it is plugged in;
    /// `/dev/video0` is whatever came first.
    pub device: String,
    /// Wanted pixels in a row. A camera gives its nearest size, replay exactly this one.
    pub width: u32,
    /// Wanted rows.
    pub height: u32,
    /// Wanted pictures a second. A camera gives its nearest rate, replay exactly this one.
    pub fps: u32,
    /// A camera that says nothing for so long is silent.
    pub timeout_ms: u32,
    /// Pipe: the program and its arguments. In them `{width}`, `{height}` and `{fps}` are replaced by what is wanted.
    pub command: Vec<String>,
    /// Pipe: what the program writes.
    pub pipe_format: PipeFormat,
    /// Replay: the folder of pictures, shown in the order of their names.
    pub folder: PathBuf,
    /// Replay: how long each picture is shown.
    pub hold_ms: u32,
    /// Replay: begin again after the last picture; otherwise the camera ends there.
    #[serde(rename = "loop")]
    pub repeat: bool,
    /// Replay, for tests: after so many frames nothing comes any more.
    pub silent_after: Option<u32>,
    /// Replay, for tests: after so many frames the camera is gone.
    pub vanish_after: Option<u32>,
    /// Replay, for tests: after so many reads that failed for one of these two reasons the camera is well again, for good.
    /// Without it, it stays away.
    pub return_after: Option<u32>,
}

/// A camera's back end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// The first video device that delivers pictures, else the program that the settings name, else replay.
    #[default]
    Auto,
    /// A video device of Linux.
    V4l,
    /// A program that writes pictures to its standard output.
    Pipe,
    /// A folder of pictures.
    Replay,
}

/// How a program writes its pictures. Raw ones have the size that was wanted and no bytes between rows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PipeFormat {
    /// A plane of Y, then U and V at half the width and height.
    #[default]
    Yuv420,
    /// A plane of Y, then U V pairs at half the width and height.
    Nv12,
    /// JPEGs, one after the other.
    Mjpeg,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            kind: Kind::Auto,
            device: "auto".into(),
            width: 640,
            height: 480,
            fps: 30,
            timeout_ms: 2000,
            command: Vec::new(),
            pipe_format: PipeFormat::default(),
            folder: PathBuf::new(),
            hold_ms: 1500,
            repeat: true,
            silent_after: None,
            vanish_after: None,
            return_after: None,
        }
    }
}

impl Settings {
    /// Refuses numbers that no camera can have meant.
    pub fn check(&self) -> Result<()> {
        ensure!((16..=8192).contains(&self.width), "camera: width = {} must be 16 to 8192", self.width);
        ensure!((16..=8192).contains(&self.height), "camera: height = {} must be 16 to 8192", self.height);
        ensure!((1..=240).contains(&self.fps), "camera: fps = {} must be 1 to 240", self.fps);
        ensure!((10..=60_000).contains(&self.timeout_ms), "camera: timeout_ms = {} must be 10 to 60000", self.timeout_ms);
        ensure!(self.hold_ms >= 1, "camera: hold_ms = 0 must be at least 1");
        ensure!(!self.device.is_empty(), "camera: device is empty: write \"auto\" or a path such as \"/dev/video0\"");
        ensure!(
            self.kind != Kind::Pipe || !self.command.is_empty(),
            "camera: command is empty: name the program that writes pictures to its output"
        );
        ensure!(
            self.kind != Kind::V4l || cfg!(feature = "v4l"),
            "this program was built without camera support: build it with the feature `v4l`"
        );
        Ok(())
    }
}

/// Opens the camera that the settings ask for.
///
/// `Auto` falls back to replay; what it found instead of a camera is then told by [`Camera::describe`]. With another kind a
/// camera that is not there is an error here; one that goes later is a [`Fault`].
pub fn open(settings: &Settings) -> Result<Box<dyn Camera>> {
    settings.check()?;
    match settings.kind {
        Kind::Replay => Ok(Box::new(replay::Replay::open(settings, "")?)),
        Kind::V4l => open_v4l(settings),
        Kind::Pipe => Ok(Box::new(pipe::Pipe::open(settings)?)),
        Kind::Auto => open_any(settings),
    }
}

/// As [`open`], but a camera that is not there, or cannot be used now, is waited for: until then every read tells why.
/// Settings that no camera can have meant are errors all the same, and so is a folder without pictures.
pub fn open_or_await(settings: &Settings) -> Result<Box<dyn Camera>> {
    match open(settings) {
        Err(_) if settings.kind != Kind::Replay && settings.check().is_ok() => Ok(Box::new(awaited::Awaited::new(settings))),
        opened => opened,
    }
}

/// A video device, else the camera program, else the pictures.
fn open_any(settings: &Settings) -> Result<Box<dyn Camera>> {
    let mut missing = match open_v4l(settings) {
        Ok(camera) => return Ok(camera),
        Err(why) => format!("{why:#}"),
    };
    if !settings.command.is_empty() {
        match pipe::Pipe::open(settings) {
            Ok(camera) => return Ok(Box::new(camera)),
            Err(why) => missing = format!("{missing}; {why:#}"),
        }
    }
    let camera = replay::Replay::open(settings, &missing).with_context(|| format!("{missing}; and nothing to replay"))?;
    Ok(Box::new(camera))
}

#[cfg(feature = "v4l")]
fn open_v4l(settings: &Settings) -> Result<Box<dyn Camera>> {
    Ok(Box::new(v4l::V4l::open(settings)?))
}

#[cfg(not(feature = "v4l"))]
fn open_v4l(_: &Settings) -> Result<Box<dyn Camera>> {
    anyhow::bail!("this program was built without camera support: build it with the feature `v4l`")
}

/// A video device as `doctor` shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listing {
    /// `/dev/video0`
    pub path: PathBuf,
    /// What it calls itself; empty where it could not be asked.
    pub name: String,
    /// Its usable formats, one line each (`MJPEG 1280x720 30 fps`), or one sentence: why it cannot be used and what to do.
    pub formats: Result<Vec<String>, String>,
}

/// Every video device of this machine, in the order of their numbers. None of them is switched on.
pub fn list() -> Vec<Listing> {
    #[cfg(feature = "v4l")]
    return v4l::list();
    #[cfg(not(feature = "v4l"))]
    Vec::new()
}

/// The sleep of a call that would otherwise fail at once.
const NAP: std::time::Duration = std::time::Duration::from_millis(300);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_that_nobody_can_mean_are_refused() {
        let good = Settings::default();
        assert!(good.check().is_ok());
        for bad in [
            Settings { width: 0, ..good.clone() },
            Settings { height: 9000, ..good.clone() },
            Settings { fps: 0, ..good.clone() },
            Settings { timeout_ms: 0, ..good.clone() },
            Settings { hold_ms: 0, ..good.clone() },
            Settings { device: String::new(), ..good.clone() },
        ] {
            assert!(bad.check().is_err(), "{bad:?}");
            assert!(open(&bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_board_file_says_loop_and_leaves_the_rest() {
        let settings: Settings = toml::from_str("kind = \"replay\"\nloop = false\n").unwrap();
        assert_eq!(settings, Settings { kind: Kind::Replay, repeat: false, ..Settings::default() });
        assert!(toml::from_str::<Settings>("widht = 640").is_err());
        assert!(toml::from_str::<Settings>("width = -1").is_err());
    }

    #[test]
    fn no_camera_and_no_pictures_is_one_clear_error() {
        let settings = Settings { device: "/dev/no-such-camera".into(), folder: "/no/such/folder".into(), ..Settings::default() };
        let text = format!("{:#}", open(&settings).err().unwrap());
        assert!(text.contains("/no/such/folder"), "{text}");
        #[cfg(feature = "v4l")]
        assert!(text.contains("/dev/no-such-camera"), "{text}");
    }

    #[test]
    fn a_missing_device_that_was_asked_for_is_an_error() {
        let settings = Settings { kind: Kind::V4l, device: "/dev/no-such-camera".into(), ..Settings::default() };
        assert!(open(&settings).is_err());
    }

    #[test]
    fn a_camera_that_comes_late_is_waited_for() {
        let folder = tempfile::tempdir().unwrap();
        let pictures = folder.path().join("pictures");
        let settings = Settings { device: "/dev/no-such-camera".into(), folder: pictures.clone(), ..Settings::default() };
        let mut camera = open_or_await(&settings).unwrap();
        assert!(camera.describe().contains("none yet"), "{}", camera.describe());
        let mut frame = Frame::empty();
        assert!(matches!(camera.read(&mut frame), Err(Fault::Gone(why)) if why.contains("pictures")));
        std::fs::create_dir(&pictures).unwrap();
        image::RgbImage::new(64, 48).save(pictures.join("late.png")).unwrap();
        camera.read(&mut frame).unwrap();
        assert_eq!([frame.width, frame.height], [640, 480]);
        assert!(camera.describe().contains("replay"), "{}", camera.describe());
    }

    #[test]
    fn what_waiting_does_not_mend_is_not_waited_for() {
        for settings in [
            Settings { kind: Kind::Pipe, ..Settings::default() },
            Settings { fps: 0, ..Settings::default() },
            Settings { kind: Kind::Replay, folder: "/no/such/folder".into(), ..Settings::default() },
        ] {
            assert!(open_or_await(&settings).is_err(), "{settings:?}");
        }
    }
}
