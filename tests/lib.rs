//! What the promises share: the program as a user starts it, and folders to work in.

pub mod crowd;
pub mod dice;

use lookalike::align::{self, Similarity};
use lookalike::types::{Chip, Frame, Landmarks};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// The repository's root.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize().expect("the repository")
}

/// The models that `make test` builds.
pub fn models() -> PathBuf {
    let folder = root().join("models/out");
    assert!(folder.join("manifest.toml").exists(), "no models in {}: run `make models` first", folder.display());
    folder
}

/// A sample photo of `models/out/samples`, such as `gallery/Joe Biden/biden.jpg`.
pub fn sample(path: &str) -> PathBuf {
    let file = models().join("samples").join(path);
    assert!(file.exists(), "no sample {}: run `make models` first", file.display());
    file
}

/// The program, with our models and in a folder of no importance. `LOOKALIKE_PROGRAM` names another build of it, with words
/// before it that start it, such as an emulator's.
pub fn lookalike() -> Command {
    let mut command = match std::env::var("LOOKALIKE_PROGRAM") {
        Ok(program) => {
            let mut words = program.split_whitespace();
            let mut command = Command::new(words.next().expect("LOOKALIKE_PROGRAM is empty"));
            command.args(words);
            command
        }
        Err(_) => return here(),
    };
    prepare(&mut command);
    command
}

/// The program as it was built for this machine, whatever `LOOKALIKE_PROGRAM` names.
pub fn here() -> Command {
    built("lookalike")
}

/// The recipes' program, as it was built for this machine.
pub fn recipes() -> Command {
    built("lookalike-models")
}

fn built(name: &str) -> Command {
    let test = std::env::current_exe().expect("this test's own path");
    let binary = test.parent().and_then(Path::parent).expect("target folder").join(name);
    assert!(binary.exists(), "{} is not built: run `make test`", binary.display());
    let mut command = Command::new(binary);
    prepare(&mut command);
    command
}

fn prepare(command: &mut Command) {
    for name in ["LOOKALIKE_BOARD", "LOOKALIKE_MODELS", "DISPLAY", "WAYLAND_DISPLAY"] {
        command.env_remove(name);
    }
    command.env("LOOKALIKE_MODELS", models()).current_dir(std::env::temp_dir());
}

/// A finished run.
pub struct Ran {
    /// Exit code; a signal gives -1.
    pub code: i32,
    /// Standard output.
    pub out: String,
    /// Standard error.
    pub err: String,
}

impl Ran {
    /// Each line of standard output as JSON.
    pub fn json(&self) -> Vec<serde_json::Value> {
        self.out.lines().map(|l| serde_json::from_str(l).unwrap_or_else(|e| panic!("{e}: {l}"))).collect()
    }
}

/// Runs to the end. Whatever the input, the program must not panic.
pub fn run(command: &mut Command) -> Ran {
    let Output { status, stdout, stderr } = command.output().expect("the program starts");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("UTF-8");
    let ran = Ran { code: status.code().unwrap_or(-1), out: text(stdout), err: text(stderr) };
    assert!(!ran.err.contains("panicked"), "{}", ran.err);
    ran
}

/// The desktop board with replacements, written into `folder`, its paths made absolute.
pub fn board(folder: &Path, changes: &[(&str, &str)]) -> PathBuf {
    let mut text = std::fs::read_to_string(root().join("board-config/desktop.toml")).expect("the desktop board");
    text = text.replace("\"../", &format!("\"{}/", root().display()));
    text = text.replace(&format!("{}/.lookalike", root().display()), &folder.display().to_string());
    for (from, to) in changes {
        assert!(text.contains(from), "the desktop board has no `{from}`");
        text = text.replace(from, to);
    }
    let file = folder.join("board.toml");
    std::fs::write(&file, text).expect("a board file");
    file
}

/// A 640 x 480 picture of a photo's face that was moved, turned and scaled; `there`: from the photo to the picture. Beyond the
/// photo's edge its edge goes on.
pub fn placed(photo: &Frame, landmarks: &Landmarks, there: &Similarity) -> Frame {
    let Chip { width, height, pixels } = align::cut(photo, landmarks, &landmarks.map(|point| there.apply(point)), 640, 480);
    Frame { width, height, pixels, ..Frame::empty() }
}

/// The evaluation pictures, or `None` with a word on stderr that says so.
pub fn evaluation_pictures(test: &str) -> Option<PathBuf> {
    let folder = root().join("../shared/data");
    if folder.is_dir() {
        return Some(folder);
    }
    // Not eprintln!, which the test runner swallows: a skip must be seen.
    let _ = writeln!(std::io::stderr(), "{test}: SKIPPED, there are no evaluation pictures in ../shared/data");
    None
}
