//! A Linux video device in, frames out: YUYV, MJPEG or NV12 through memory-mapped streaming.
//!
//! Only this room names crate `v4l`. The crate panics where a driver surprises it and when a stream cannot be closed, so every
//! call into it is guarded; that needs a build in which panics unwind.
//!
//! A camera that falls silent is closed and opened again. One that is unplugged is looked for at the same path, or, where the
//! board file says `auto`, wherever the first camera that delivers is then.

use super::choice::{Mode, choose};
use super::pixels::{Converter, Layout};
use super::{Camera, Fault, Listing, NAP, Settings};
use crate::guard::guard;
use crate::types::Frame;
use ::v4l::buffer::{Metadata, Type};
use ::v4l::io::mmap::Stream;
use ::v4l::io::traits::{CaptureStream, Stream as _};
use ::v4l::video::Capture;
use ::v4l::video::capture::Parameters;
use ::v4l::{Device, Format};
use anyhow::anyhow;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

mod ask;

/// Few, so that little is old; enough for the driver to fill one while we hold another.
const BUFFERS: u32 = 4;

/// How many times longer the first picture may take: sensors wake up slowly.
const FIRST: u32 = 4;

/// See the module.
pub struct V4l {
    settings: Settings,
    running: Option<Running>,
    converter: Converter,
}

impl V4l {
    /// Opens the device that the settings name; with `auto` the first one that delivers a picture.
    pub fn open(settings: &Settings) -> anyhow::Result<Self> {
        let running = connect(settings).map_err(|fault| anyhow!(fault.to_string()))?;
        Ok(Self { settings: settings.clone(), running: Some(running), converter: Converter::default() })
    }

    fn try_read(&mut self, frame: &mut Frame) -> Result<(), Fault> {
        let running = match &mut self.running {
            Some(running) => running,
            none => {
                self.converter = Converter::default();
                none.insert(connect(&self.settings).inspect_err(|_| std::thread::sleep(NAP))?)
            }
        };
        let result = guarded(|| running.newest(&mut self.converter, frame));
        let Err(error) = result else { return Ok(()) };
        let fault = running.fault(&error);
        if !matches!(fault, Fault::BadFrame(_)) {
            self.running = None;
            if error.kind() != ErrorKind::TimedOut {
                std::thread::sleep(NAP);
            }
        }
        Err(fault)
    }
}

impl Camera for V4l {
    fn read(&mut self, frame: &mut Frame) -> Result<(), Fault> {
        self.try_read(frame).inspect_err(|_| frame.clear())
    }

    fn describe(&self) -> String {
        match &self.running {
            Some(running) => format!("{} at {}, {}", running.name, running.path.display(), running.mode),
            None => format!("no camera now (device: {})", self.settings.device),
        }
    }
}

/// What `doctor` shows.
pub fn list() -> Vec<Listing> {
    ask::video_devices().into_iter().map(|path| ask::listing(&path)).collect()
}

fn connect(settings: &Settings) -> Result<Running, Fault> {
    if settings.device != "auto" {
        let path = Path::new(&settings.device);
        return Running::open(path, settings).map_err(Fault::Gone);
    }
    let (mut silent, mut unusable) = (Vec::new(), Vec::new());
    for path in ask::video_devices() {
        let mut running = match Running::open(&path, settings) {
            Ok(running) => running,
            Err(why) => {
                unusable.push(why);
                continue;
            }
        };
        match guarded(|| running.newest(&mut Converter::default(), &mut Frame::empty())) {
            Ok(()) => return Ok(running),
            Err(e) if e.kind() == ErrorKind::InvalidData => return Ok(running),
            Err(e) if e.kind() == ErrorKind::TimedOut => silent.push(running.fault(&e).to_string()),
            Err(e) => unusable.push(running.fault(&e).to_string()),
        }
    }
    match (silent.is_empty(), unusable.is_empty()) {
        (false, _) => Err(Fault::Silent(silent.join("; "))),
        (true, false) => Err(Fault::Gone(unusable.join("; "))),
        (true, true) => Err(Fault::Gone("there is no /dev/video*: plug in a camera".into())),
    }
}

/// An opened device with its stream.
struct Running {
    path: PathBuf,
    name: String,
    mode: Mode,
    layout: Layout,
    timeout: Duration,
    device: Device,
    /// Always there but in `drop`.
    stream: Option<Stream<'static>>,
    started: bool,
    /// When the last picture was taken.
    last: Instant,
}

impl Running {
    /// The error is one sentence that names the device and says what to do.
    fn open(path: &Path, settings: &Settings) -> Result<Self, String> {
        guarded(|| Ok(Self::try_open(path, settings))).map_err(|e| ask::explain(path, &e))?
    }

    fn try_open(path: &Path, settings: &Settings) -> Result<Self, String> {
        let say = |e: io::Error| ask::explain(path, &e);
        let (width, height, fps) = (settings.width, settings.height, settings.fps);
        let asked = ask::Asked::open(path, width, height, fps)?;
        let device = asked.device;
        let mut mode = choose(&asked.modes, width, height, fps).ok_or_else(|| ask::offers_nothing(path, &asked.others))?;

        let format = device.set_format(&Format::new(mode.width, mode.height, ask::fourcc(mode.packing))).map_err(say)?;
        let Some(packing) = ask::packing(format.fourcc) else {
            return Err(format!("{} was asked for {mode} and gives {} instead", path.display(), format.fourcc));
        };
        mode = Mode { packing, width: format.width, height: format.height, fps: mode.fps };
        // Cameras without a choice of rates refuse this, and then run at the one they have.
        let rate = mode.fps.unwrap_or(fps as f32).round().max(1.0) as u32;
        if let Ok(set) = device.set_params(&Parameters::with_fps(rate)) {
            mode.fps = ask::rate(set.interval).or(mode.fps);
        }
        let layout =
            Layout { packing, width: format.width, height: format.height, stride: format.stride, colours: ask::colours(&format) };
        let mut stream = Stream::with_buffers(&device, Type::VideoCapture, BUFFERS).map_err(say)?;
        let timeout = Duration::from_millis(settings.timeout_ms.into());
        // Of the first picture alone: before later ones `wait` has waited.
        stream.set_timeout(FIRST * timeout);
        let (path, last) = (path.into(), Instant::now());
        Ok(Self { path, name: asked.name, mode, layout, timeout, device, stream: Some(stream), started: false, last })
    }

    /// Takes what the driver has filled, keeps the last and converts it. `TimedOut`: nothing came. `InvalidData`: it is broken.
    /// After any other error the stream is of no use.
    fn newest(&mut self, converter: &mut Converter, frame: &mut Frame) -> io::Result<()> {
        let mut waited_again = false;
        if self.started {
            // Silence counts from the last picture, however long it took to show it; a picture more may be on its way.
            self.wait((self.last + self.timeout).max(Instant::now() + self.mode.period()))?;
        }
        for _ in 0..=2 * BUFFERS {
            let handle = self.device.handle();
            let stream = self.stream.as_mut().ok_or(ErrorKind::NotConnected)?;
            // `next` gives back the buffer that we held and waits for another. It must not time out once the stream runs:
            // it would give the same buffer back twice. So `wait` comes before it, but for the first, which starts the stream.
            let (bytes, meta) = stream.next()?;
            self.started = true;
            if handle.poll(libc::POLLIN, 0).unwrap_or(0) > 0 {
                continue;
            }
            frame.taken = taken(meta);
            // A stamp from long ago is one that nobody can count from.
            self.last = Instant::now() - frame.taken.elapsed().min(self.mode.stale_after());
            if frame.taken.elapsed() > self.mode.stale_after() && !waited_again {
                // While nobody read, the driver ran out of buffers: this one is from before.
                waited_again = true;
                self.wait(Instant::now() + self.timeout)?;
                continue;
            }
            let broken = |text: String| io::Error::new(ErrorKind::InvalidData, text);
            if meta.bytesused == 0 || meta.flags.contains(::v4l::buffer::Flags::ERROR) {
                return Err(broken("the driver marks the picture as damaged".into()));
            }
            let bytes = &bytes[..bytes.len().min(meta.bytesused as usize)];
            return converter.convert(&self.layout, bytes, frame).map_err(|e| broken(format!("{e:#}")));
        }
        Err(io::Error::new(ErrorKind::InvalidData, "pictures come faster than they can be taken"))
    }

    /// Until the driver has something to say. A signal does not shorten it.
    fn wait(&self, end: Instant) -> io::Result<()> {
        loop {
            let left_ms = end.saturating_duration_since(Instant::now()).as_millis() as i32;
            match self.device.handle().poll(libc::POLLIN, left_ms) {
                Ok(0) => return Err(ErrorKind::TimedOut.into()),
                Ok(_) => return Ok(()),
                Err(e) if e.kind() == ErrorKind::Interrupted => {}
                Err(e) => return Err(e),
            }
        }
    }

    fn fault(&self, error: &io::Error) -> Fault {
        let camera = format!("{} at {}", self.name, self.path.display());
        match (error.kind(), error.raw_os_error()) {
            (ErrorKind::InvalidData, _) => Fault::BadFrame(format!("{camera}: {error}")),
            (ErrorKind::TimedOut, _) => {
                let ms = (self.timeout * if self.started { 1 } else { FIRST }).as_millis();
                Fault::Silent(format!("{camera} has delivered nothing for {ms} ms: unplug it and plug it in again"))
            }
            (_, Some(libc::ENODEV | libc::ENXIO)) => Fault::Gone(format!("{camera} is gone: plug it in again")),
            _ => Fault::Silent(ask::explain(&self.path, error)),
        }
    }
}

impl Drop for Running {
    /// The crate's own `drop` panics where the driver refuses to stop, and twice where it refuses twice, which nothing can catch.
    /// Such a stream is left open: the device stays busy, and the booth stays alive to say so.
    fn drop(&mut self) {
        let Some(mut stream) = self.stream.take() else { return };
        match guarded(|| stream.stop()) {
            Err(e) if e.raw_os_error() != Some(libc::ENODEV) => std::mem::forget(stream),
            _ => drop(guarded(|| {
                drop(stream);
                Ok(())
            })),
        }
    }
}

/// Runs a call into crate `v4l`, whose panics come back as errors; the panel stays ours.
fn guarded<T>(call: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
    guard(|| Ok(call())).unwrap_or_else(|_| Err(io::Error::other("the driver gave an answer that makes no sense")))
}

/// When the picture was taken by the driver's stamp, where that runs on the clock of `Instant`; else now.
fn taken(meta: &Metadata) -> Instant {
    const CLOCK_MASK: u32 = 0xe000;
    let now = Instant::now();
    if meta.flags.bits() & CLOCK_MASK != ::v4l::buffer::Flags::TIMESTAMP_MONOTONIC.bits() {
        return now;
    }
    let (Ok(sec), Ok(usec)) = (u64::try_from(meta.timestamp.sec), u64::try_from(meta.timestamp.usec)) else { return now };
    let stamp = Duration::from_secs(sec) + Duration::from_micros(usec);
    let age = ::v4l::v4l_sys::monotonic_now().saturating_sub(stamp);
    now.checked_sub(age).unwrap_or(now)
}

impl Mode {
    /// From one picture to the next.
    fn period(&self) -> Duration {
        Duration::from_secs_f32(1.0 / self.fps.unwrap_or(30.0).max(1.0))
    }

    /// An age that no picture has that has just been taken.
    fn stale_after(&self) -> Duration {
        (4 * self.period()).max(Duration::from_millis(200))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn meta(age: Duration, flags: ::v4l::buffer::Flags) -> Metadata {
        let stamp = ::v4l::v4l_sys::monotonic_now() - age;
        let timestamp = ::v4l::Timestamp::new(stamp.as_secs() as i64, i64::from(stamp.subsec_micros()));
        Metadata { flags, timestamp, ..Metadata::default() }
    }

    #[test]
    fn the_drivers_monotonic_stamp_is_believed() {
        let before = Instant::now() - Duration::from_secs(3);
        let taken = taken(&meta(Duration::from_secs(3), ::v4l::buffer::Flags::TIMESTAMP_MONOTONIC));
        assert!(taken + Duration::from_millis(1) >= before && taken <= Instant::now() - Duration::from_secs(3));
    }

    #[test]
    fn other_stamps_are_not() {
        let before = Instant::now();
        assert!(taken(&meta(Duration::from_secs(3), ::v4l::buffer::Flags::TIMESTAMP_UNKNOWN)) >= before);
        assert!(taken(&meta(Duration::from_secs(3), ::v4l::buffer::Flags::TIMESTAMP_COPY)) >= before);
    }

    #[test]
    fn panics_of_the_crate_become_errors() {
        let result: io::Result<()> = guarded(|| panic!("as on a fourcc that is no text"));
        assert!(result.unwrap_err().to_string().contains("makes no sense"));
    }

    #[test]
    fn what_is_no_video_device_is_refused_by_name() {
        let settings = Settings { device: "/dev/null".into(), ..Settings::default() };
        let text = V4l::open(&settings).err().unwrap().to_string();
        assert!(text.contains("/dev/null") && text.contains("not a video device"), "{text}");
        let settings = Settings { device: "/dev/video\0".into(), ..Settings::default() };
        assert!(V4l::open(&settings).is_err());
    }

    #[test]
    fn a_device_that_is_not_there_is_gone_and_looked_for_again() {
        let settings = Settings { device: "/dev/no-such-camera".into(), ..Settings::default() };
        let mut camera = V4l { settings, running: None, converter: Converter::default() };
        let mut frame = Frame::empty();
        for _ in 0..2 {
            assert!(matches!(camera.read(&mut frame), Err(Fault::Gone(text)) if text.contains("/dev/no-such-camera")));
        }
        assert!(camera.describe().contains("/dev/no-such-camera"));
    }
}
