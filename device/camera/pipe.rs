//! A program's standard output in, frames out: for cameras that give raw sensor data on V4L2 and need their maker's own
//! program in front (`rpicam-vid` on a Raspberry Pi, `gst-launch-1.0 nvarguscamerasrc` on a Jetson).
//!
//! The program writes pictures one after the other, without anything between them. One that ends or falls silent is ended and
//! started again. Its last words on stderr are part of the fault. The pipe carries no time stamps: a picture counts as taken
//! when its first byte arrives.

use super::pixels::{Colours, Converter, Layout, Packing};
use super::{Camera, Fault, NAP, PipeFormat, Settings};
use crate::types::Frame;
use anyhow::{Context, Result, anyhow};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use std::io::{self, BufRead, BufReader, ErrorKind, Read};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

mod splitter;

use splitter::Splitter;

/// Whole pictures that may wait in the pipe before the newest is taken as it is.
const WAITING_MOST: usize = 8;
/// The most that one read takes; what Linux lets a pipe hold by itself.
const CHUNK_BYTES: usize = 64 << 10;
/// How long a program that is to end may take before it is killed.
const PATIENCE: Duration = Duration::from_millis(500);

/// See the module.
pub struct Pipe {
    settings: Settings,
    layout: Layout,
    running: Option<Running>,
    converter: Converter,
}

impl Pipe {
    /// Starts the program and waits for its first picture, for three times `timeout_ms`: sensors wake up slowly.
    pub fn open(settings: &Settings) -> Result<Self> {
        let started = Running::start(settings).and_then(|mut running| {
            running.newest(settings)?;
            running.is_unread = true;
            Ok(running)
        });
        let running = started.map_err(|fault| anyhow!(fault.to_string()))?;
        let layout = layout(settings);
        Ok(Self { settings: settings.clone(), layout, running: Some(running), converter: Converter::default() })
    }

    fn try_read(&mut self, frame: &mut Frame) -> Result<(), Fault> {
        let running = match &mut self.running {
            Some(running) => running,
            none => none.insert(Running::start(&self.settings).inspect_err(|_| std::thread::sleep(NAP))?),
        };
        match running.newest(&self.settings) {
            Ok(taken) => {
                frame.taken = taken;
                let convert = self.converter.convert(&self.layout, running.splitter.picture(), frame);
                convert.map_err(|e| Fault::BadFrame(format!("{}: {e:#}", running.name)))
            }
            Err(fault) => {
                self.running = None;
                if matches!(fault, Fault::Gone(_)) {
                    std::thread::sleep(NAP);
                }
                Err(fault)
            }
        }
    }
}

impl Camera for Pipe {
    fn read(&mut self, frame: &mut Frame) -> Result<(), Fault> {
        self.try_read(frame).inspect_err(|_| frame.clear())
    }

    fn describe(&self) -> String {
        let Settings { width, height, fps, .. } = self.settings;
        format!("{}, {width}x{height} {fps} fps", program(&self.settings))
    }
}

fn program(settings: &Settings) -> &str {
    settings.command.first().map_or("", |name| name)
}

/// What the programs do when they are not told otherwise: BT.709 from 720 rows on, BT.601 below, both of limited range.
fn layout(settings: &Settings) -> Layout {
    let Settings { width, height, pipe_format, .. } = *settings;
    let packing = match pipe_format {
        PipeFormat::Yuv420 => Packing::Yuv420,
        PipeFormat::Nv12 => Packing::Nv12,
        PipeFormat::Mjpeg => Packing::Mjpeg,
    };
    let colours = Colours { full_range: false, bt709: height >= 720 };
    Layout { packing, width, height, stride: width.next_multiple_of(2), colours }
}

/// A started program.
struct Running {
    name: String,
    child: Child,
    pictures: ChildStdout,
    splitter: Splitter,
    chunk: Vec<u8>,
    last_words: Arc<Mutex<String>>,
    /// A picture has come.
    is_started: bool,
    /// When the last picture was whole; before the first, when the program was started.
    last: Instant,
    /// The splitter's picture was not handed out yet.
    is_unread: bool,
}

impl Running {
    fn start(settings: &Settings) -> Result<Self, Fault> {
        let name = program(settings).to_string();
        let gone = |why: String| Fault::Gone(format!("the camera program {name} {why}"));
        let say = |e: anyhow::Error| match e.downcast_ref::<io::Error>().map(io::Error::kind) {
            Some(ErrorKind::NotFound) => gone("is not installed: install it, or change camera.command in the board file".into()),
            _ => gone(format!("cannot be started: {e:#}")),
        };
        let mut child = spawn(settings).map_err(say)?;
        let last_words = Arc::new(Mutex::new(String::new()));
        if let Some(complaints) = child.stderr.take() {
            let words = last_words.clone();
            std::thread::spawn(move || listen(complaints, &words));
        }
        let Some(pictures) = child.stdout.take() else { return Err(gone("has no output".into())) };
        let splitter = match settings.pipe_format {
            PipeFormat::Mjpeg => Splitter::jpegs(),
            _ => Splitter::equal(layout(settings).picture_bytes()),
        };
        let (chunk, last) = (vec![0; CHUNK_BYTES], Instant::now());
        Ok(Self { name, child, pictures, splitter, chunk, last_words, is_started: false, last, is_unread: false })
    }

    /// Waits for a whole picture, and takes the last of those that are there. When its first byte came.
    fn newest(&mut self, settings: &Settings) -> Result<Instant, Fault> {
        let timeout = Duration::from_millis(settings.timeout_ms.into()) * if self.is_started { 1 } else { 3 };
        // Silence counts from the last picture, however long it took to show it; a picture more may be on its way.
        let end = (self.last + timeout).max(Instant::now() + Duration::from_secs(1) / settings.fps);
        while !(std::mem::take(&mut self.is_unread) || self.splitter.advance()) {
            if !self.is_ready(end.saturating_duration_since(Instant::now())) {
                let ms = timeout.as_millis();
                return Err(Fault::Silent(self.fault(&format!("has delivered nothing for {ms} ms: it is started again"))));
            }
            if self.take().map_err(|e| Fault::Gone(self.fault(&format!("cannot be read: {e}"))))? == 0 {
                return Err(Fault::Gone(self.fault("has ended: it is started again")));
            }
        }
        (self.is_started, self.last) = (true, Instant::now());
        let mut newer = 0;
        // Its end, or a fault, is for the next call to meet.
        while newer < WAITING_MOST && self.is_ready(Duration::ZERO) && matches!(self.take(), Ok(1..)) {
            newer += usize::from(self.splitter.advance());
        }
        while newer < WAITING_MOST && self.splitter.advance() {
            newer += 1;
        }
        Ok(self.splitter.taken())
    }

    /// Reads what has come; 0 at the program's end.
    fn take(&mut self) -> io::Result<usize> {
        loop {
            match self.pictures.read(&mut self.chunk) {
                Err(e) if e.kind() == ErrorKind::Interrupted => {}
                read => return read.inspect(|bytes| self.splitter.push(&self.chunk[..*bytes])),
            }
        }
    }

    fn is_ready(&self, time: Duration) -> bool {
        let time = Timespec { tv_sec: time.as_secs() as i64, tv_nsec: time.subsec_nanos().into() };
        let mut fds = [PollFd::new(&self.pictures, PollFlags::IN)];
        // A signal may cut the wait short; the caller's end stands.
        poll(&mut fds, Some(&time)).is_ok_and(|ready| ready > 0)
    }

    fn fault(&self, what: &str) -> String {
        // What it says at its end takes a moment to arrive.
        std::thread::sleep(Duration::from_millis(20));
        let words = self.last_words.lock().map_or(String::new(), |words| words.clone());
        let words = if words.is_empty() { words } else { format!(" ({words})") };
        format!("the camera program {} {what}{words}", self.name)
    }
}

impl Drop for Running {
    /// Asks the program to end, so that it can switch the sensor off, then insists.
    fn drop(&mut self) {
        let pid = rustix::process::Pid::from_child(&self.child);
        let asked = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
        let until = Instant::now() + PATIENCE;
        while asked.is_ok() && Instant::now() < until {
            if !matches!(self.child.try_wait(), Ok(None)) {
                return;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn spawn(settings: &Settings) -> Result<Child> {
    let Settings { width, height, fps, .. } = settings;
    let told = |argument: &String| {
        let argument = argument.replace("{width}", &width.to_string()).replace("{height}", &height.to_string());
        argument.replace("{fps}", &fps.to_string())
    };
    let (name, arguments) = settings.command.split_first().context("camera: command is empty")?;
    let mut command = Command::new(name);
    command.args(arguments.iter().map(told)).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    Ok(command.spawn()?)
}

/// Keeps the last line that says something.
fn listen(complaints: impl Read, words: &Mutex<String>) {
    let mut lines = BufReader::new(complaints);
    let mut line = Vec::new();
    while matches!(lines.read_until(b'\n', &mut line), Ok(1..)) {
        let text = String::from_utf8_lossy(&line).trim().chars().take(200).collect::<String>();
        if let (false, Ok(mut words)) = (text.is_empty(), words.lock()) {
            *words = text;
        }
        line.clear();
    }
}

#[cfg(test)]
mod tests;
