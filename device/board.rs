//! A board file (`board-config/*.toml`) in, checked settings out. Unknown keys are errors: a misspelt key must not pass for a default.
//!
//! Relative paths in a board file start at the folder that the file lies in.

use crate::manifest::Precision;
use anyhow::{Context, Result, ensure};
use serde::Deserialize;
use std::path::{Component, Path, PathBuf};

/// Built in, for where no board file is named.
const DESKTOP: &str = include_str!("../board-config/desktop.toml");

/// Everything that one board is told.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Board {
    /// Folder of `manifest.toml` and the model files.
    pub models: PathBuf,
    /// Where nets run.
    pub runtime: Runtime,
    /// [`Camera`].
    pub camera: Camera,
    /// [`Detect`].
    pub detect: Detect,
    /// [`Recognise`].
    pub recognise: Recognise,
    /// [`Gallery`].
    pub gallery: Gallery,
    /// [`Dream`].
    pub dream: Dream,
    /// [`Screen`].
    pub screen: Screen,
    /// [`Input`].
    pub input: Input,
}

/// Where nets run: on the processor, or on a GPU beside it in a build that knows one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Runtime {
    /// On the GPU each net that was measured to be quicker there on this machine, the others on the processor
    Auto,
    /// On the processor
    Cpu,
    /// On the GPU every net that it can take
    Cuda,
}

/// Where frames come from.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Camera {
    /// `auto` takes a V4L2 camera where there is one, else `command` where it is not empty, and replays pictures otherwise.
    pub kind: CameraKind,
    /// A V4L2 device such as `/dev/video0`, or `auto` for the first that captures.
    pub device: String,
    /// Frame size asked for; the nearest that the camera has is taken.
    pub width: u32,
    /// See `width`.
    pub height: u32,
    /// Frames per second asked for.
    pub fps: u32,
    /// A camera that delivers nothing for so long is reported and restarted.
    pub timeout_ms: u32,
    /// The program of the pipe camera and its arguments, with `{width}`, `{height}` and `{fps}` in them.
    pub command: Vec<String>,
    /// What that program writes.
    pub pipe_format: PipeFormat,
    /// Folder of pictures that the replay camera shows.
    pub replay: PathBuf,
    /// How long the replay camera shows each picture.
    pub hold_ms: u32,
    /// For tests: after so many frames the replay camera delivers nothing any more.
    pub silent_after: Option<u32>,
    /// For tests: after so many frames the replay camera is gone.
    pub vanish_after: Option<u32>,
    /// For tests: after so many failed reads it is back.
    pub return_after: Option<u32>,
}

/// The kinds of camera.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
#[allow(missing_docs)]
pub enum CameraKind {
    Auto,
    V4l,
    Pipe,
    Replay,
}

/// How the pipe camera's program writes its pictures.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
#[allow(missing_docs)]
pub enum PipeFormat {
    Yuv420,
    Nv12,
    Mjpeg,
}

/// How faces are sought.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Detect {
    /// Who finds faces.
    pub detector: Finder,
    /// Width of the smallest face sought, in frame pixels, by either.
    pub min_face_px: f32,
    /// Ratio of neighbouring pyramid levels.
    pub factor: f32,
    /// Lowest scores that pass P-Net, R-Net and O-Net.
    pub thresholds: [f32; 3],
    /// Which heads are found.
    pub heads: Heads,
    /// Which weights MT-CNN's nets have.
    pub weights: Weights,
    /// Which files: `float32` or `int8`.
    pub precision: Precision,
    /// Threads of the detector: levels of the pyramid and batches of crops go side by side. A net keeps to one thread.
    pub threads: usize,
    /// The whole frame is searched at least every so many recognised frames; between, known faces are only confirmed.
    pub search_every: u32,
    /// For how many frames a face may be missed before it counts as gone.
    pub patience_frames: u32,
    /// The Haar cascade's name in the manifest.
    pub cascade: String,
    /// Ratio of the sizes that the cascade looks for, one after the other.
    pub cascade_factor: f64,
    /// A box of the cascade is made of more windows than so many; 0: every window is a box.
    pub cascade_neighbours: u32,
}

/// The two ways to find faces.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Finder {
    /// Three nets: boxes with five landmarks, which names come of
    Mtcnn,
    /// OpenCV's cascade of Haar features: boxes without landmarks, so without names
    Haar,
}

/// Which heads are found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Heads {
    /// Those that MT-CNN sees by itself, within some 45 degrees of upright
    Upright,
    /// At any angle
    Any,
}

/// Which weights MT-CNN's nets have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Weights {
    /// MT-CNN's own
    Stock,
    /// Yours, as docs/tuning.md makes them
    Tuned,
}

impl std::fmt::Display for Weights {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        f.write_str(match self {
            Weights::Stock => "stock",
            Weights::Tuned => "tuned",
        })
    }
}

/// How faces are named.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recognise {
    /// The embedder's name in the manifest.
    pub embedder: String,
    /// Which of its files.
    pub precision: Precision,
    /// Faces at most that get a name in one frame, largest first; the others get only a box.
    pub faces_most: usize,
    /// A settled face is embedded again after so many frames, or sooner when it turns; 1: in every frame.
    pub refresh_every: u32,
    /// Names in an answer.
    pub top: usize,
    /// The share of visitors that are expected not to be in the gallery, above 0 and below 1.
    pub strangers: f32,
}

/// Whom the booth knows.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Gallery {
    /// The gallery file. It need not exist yet.
    pub file: PathBuf,
}

/// The generative modes.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Dream {
    /// Which family of nets: what their names in the manifest begin with.
    pub nets: String,
    /// Which files: `float32`, or `int8` of each net that has one.
    pub precision: Precision,
    /// After so long without a face in view the visitors' mode walks through the latent space, until somebody comes; 0: never.
    pub attract_s: u32,
    /// After so long without a touch a mode that was switched to gives way to the visitors' mode; 0: never.
    pub return_s: u32,
}

/// Where pictures go.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Screen {
    /// `auto`: a window where there is a display, the terminal from afar, else the panel, else PNG files.
    pub kind: ScreenKind,
    /// Size of a window or PNG file in pixels; a terminal and a panel have their own.
    pub width: u32,
    /// See `width`.
    pub height: u32,
    /// Which panel: `auto`, a card such as `/dev/dri/card1`, a connector such as `DSI-1`, or a framebuffer such as `/dev/fb1`.
    pub device: String,
    /// A panel's mode, where it is driven by a card.
    pub mode: PanelMode,
    /// Degrees by which the picture is turned clockwise on a panel: 0, 90, 180 or 270.
    pub rotate: u32,
    /// Why the booth cannot start is shown for so long, unless somebody ends it sooner.
    pub explain_s: u32,
    /// Shows the camera as a mirror, as visitors expect.
    pub mirror: bool,
    /// Folder of the PNG screen.
    pub png_folder: PathBuf,
    /// Least time between two PNG files.
    pub png_every_ms: u32,
    /// PNG files kept.
    pub png_keep: usize,
}

/// The kinds of screen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
#[allow(missing_docs)]
pub enum ScreenKind {
    Auto,
    Drm,
    Fbdev,
    Window,
    Terminal,
    Png,
}

/// A panel's mode: `auto` for its own wish, or `800x480`, or `800x480@60`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub enum PanelMode {
    /// What the panel itself prefers.
    Auto,
    /// This size, at this rate if it matters.
    Size {
        /// Pixels in a row.
        width: u32,
        /// Rows.
        height: u32,
        /// Pictures a second.
        hz: Option<u32>,
    },
}

impl TryFrom<String> for PanelMode {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        if text == "auto" {
            return Ok(PanelMode::Auto);
        }
        let (size, hz) = text.split_once('@').map_or((text.as_str(), None), |(size, hz)| (size, Some(hz)));
        let number = |digits: &str| digits.parse::<u32>().ok().filter(|n| (1..=16_384).contains(n));
        let read = || {
            let (width, height) = size.split_once('x')?;
            let hz = hz.map_or(Some(None), |hz| number(hz).map(Some))?;
            Some(PanelMode::Size { width: number(width)?, height: number(height)?, hz })
        };
        read().ok_or_else(|| format!("the mode `{text}` is none: auto, 800x480 or 800x480@60"))
    }
}

/// What is listened to at a panel; windows and terminals bring their own keys.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Input {
    /// Touchscreens and mice.
    pub touch: Listen,
    /// Keyboards.
    pub keyboard: Listen,
}

/// Which devices.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Listen {
    /// All that there are and that are plugged in later.
    Auto,
    /// None.
    None,
}

impl Board {
    /// Reads and checks a board file.
    pub fn read(path: &Path) -> Result<Self> {
        let text = std::fs::read_to_string(path)
            .with_context(|| format!("cannot read the board file {}: name one with --board FILE", path.display()))?;
        Self::parse(&text, path.parent().unwrap_or(Path::new("")))
            .with_context(|| format!("the board file {} is not valid: compare it with board-config/desktop.toml", path.display()))
    }

    /// The desktop board, as built in; its relative paths start at `board-config` in the current folder.
    pub fn desktop() -> Result<Self> {
        Self::parse(DESKTOP, Path::new("board-config"))
    }

    /// What a board file that is not valid can still tell: each of its keys that is right, the desktop's for the others.
    /// Enough to say on the board's own panel what is wrong.
    pub fn salvage(path: &Path) -> Result<Self> {
        let folder = path.parent().unwrap_or(Path::new(""));
        let mut kept: toml::Table = DESKTOP.parse()?;
        let text = std::fs::read_to_string(path).unwrap_or_default();
        for (section, theirs) in text.parse::<toml::Table>().unwrap_or_default() {
            for (key, value) in theirs.as_table().into_iter().flatten() {
                let mut tried = kept.clone();
                let Some(toml::Value::Table(ours)) = tried.get_mut(&section) else { continue };
                ours.insert(key.clone(), value.clone());
                if Self::parse(&toml::to_string(&tried)?, folder).is_ok() {
                    kept = tried;
                }
            }
        }
        Self::parse(&toml::to_string(&kept)?, folder)
    }

    fn parse(text: &str, folder: &Path) -> Result<Self> {
        let mut board: Board = toml::from_str(text)?;
        board.check()?;
        for entry in [&mut board.models, &mut board.camera.replay, &mut board.gallery.file, &mut board.screen.png_folder] {
            *entry = below(folder, entry);
        }
        Ok(board)
    }

    fn check(&self) -> Result<()> {
        let Board { camera, detect, recognise, screen, .. } = self;
        within("camera.width", camera.width, 16, 8192)?;
        within("camera.height", camera.height, 16, 8192)?;
        within("camera.fps", camera.fps, 1, 240)?;
        within("camera.timeout_ms", camera.timeout_ms, 50, 60_000)?;
        within("camera.hold_ms", camera.hold_ms, 1, 600_000)?;
        within("detect.min_face_px", detect.min_face_px, 12.0, 4096.0)?;
        within("detect.factor", detect.factor, 0.3, 0.95)?;
        for threshold in detect.thresholds {
            within("detect.thresholds", threshold, 0.0, 1.0)?;
        }
        within("detect.threads", detect.threads, 1, 64)?;
        within("detect.search_every", detect.search_every, 1, 1000)?;
        within("detect.patience_frames", detect.patience_frames, 0, 1000)?;
        within("detect.cascade_factor", detect.cascade_factor, 1.01, 4.0)?;
        within("detect.cascade_neighbours", detect.cascade_neighbours, 0, 1000)?;
        within("recognise.faces_most", recognise.faces_most, 1, 64)?;
        within("recognise.refresh_every", recognise.refresh_every, 1, 10_000)?;
        within("recognise.top", recognise.top, 1, 10)?;
        within("recognise.strangers", recognise.strangers, 0.01, 0.99)?;
        let nets = &self.dream.nets;
        let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
        ensure!(!nets.is_empty() && nets.chars().all(is_name), "dream.nets = \"{nets}\" is no name: letters, digits, - and _");
        within("dream.attract_s", self.dream.attract_s, 0, 86_400)?;
        within("dream.return_s", self.dream.return_s, 0, 86_400)?;
        within("screen.width", screen.width, 160, 7680)?;
        within("screen.height", screen.height, 120, 4320)?;
        ensure!(
            matches!(screen.rotate, 0 | 90 | 180 | 270),
            "screen.rotate = {} is no quarter turn: 0, 90, 180 or 270",
            screen.rotate
        );
        within("screen.explain_s", screen.explain_s, 0, 86_400)?;
        within("screen.png_every_ms", screen.png_every_ms, 0, 3_600_000)?;
        within("screen.png_keep", screen.png_keep, 1, 1_000_000)
    }
}

/// `path` as seen from `folder`, without `..` in the middle, so that messages stay readable.
fn below(folder: &Path, path: &Path) -> PathBuf {
    let mut clean = PathBuf::new();
    for part in folder.join(path).components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir if matches!(clean.components().next_back(), Some(Component::Normal(_))) => {
                clean.pop();
            }
            part => clean.push(part),
        }
    }
    clean
}

fn within<T: PartialOrd + std::fmt::Display>(key: &str, value: T, least: T, most: T) -> Result<()> {
    ensure!(value >= least && value <= most, "{key} = {value} is out of range: {least} to {most}");
    Ok(())
}

#[cfg(test)]
mod tests;
