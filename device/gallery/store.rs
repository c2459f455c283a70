//! People in, one file out, and back. This is the only place that writes people to disk.
//!
//! A new file is written beside the old one, synced and renamed over it, so a reader sees the old gallery or the new one
//! and a full disk or a pulled plug costs nothing that was stored. Writers wait for each other by a lock on the folder.

use super::format::{decode, encode};
use super::{EmbedderId, Person};
use anyhow::{Context, Result, ensure};
use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// Reads the people in `path`, or `None` where there is no such file.
pub fn read(path: &Path, embedder: &EmbedderId) -> Result<Option<Vec<Person>>> {
    let unreadable = || format!("the gallery {} cannot be read", path.display());
    let plain = match fs::metadata(path) {
        Err(e) if e.kind() == ErrorKind::NotFound => return Ok(None),
        metadata => metadata.with_context(unreadable)?.is_file(),
    };
    ensure!(plain, "{} is not a file: name the gallery file itself", path.display());
    let file = File::open(path).with_context(unreadable)?;
    decode(file, embedder).map(Some).with_context(unreadable)
}

/// Replaces the people in `path` by what `change` makes of them; `change` sees what is in the file now, and nobody else
/// writes until this returns. An unreadable file is an error and stays.
pub fn update(path: &Path, embedder: &EmbedderId, change: impl FnOnce(&mut Vec<Person>)) -> Result<Vec<Person>> {
    // A link stays a link: the file that it points to is replaced.
    let path = &fs::canonicalize(path).unwrap_or_else(|_| path.to_path_buf());
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let _lock = lock(folder).with_context(|| format!("the gallery {} cannot be locked for writing", path.display()))?;
    let mut people = read(path, embedder)?.unwrap_or_default();
    change(&mut people);
    let bytes = encode(&people, embedder)?;
    replace(path, folder, &bytes).with_context(|| {
        format!(
            "the gallery {} could not be written, and is as it was before: make room on the disk, or choose a folder that \
             may be written",
            path.display()
        )
    })?;
    Ok(people)
}

/// Waits until no other process writes in `folder`. Ends with the value, or with the process.
fn lock(folder: &Path) -> Result<File> {
    let folder = File::open(folder).with_context(|| format!("the folder {} cannot be opened", folder.display()))?;
    folder.lock()?;
    Ok(folder)
}

fn replace(path: &Path, folder: &Path, bytes: &[u8]) -> Result<()> {
    let temporary = temporary(path)?;
    // One name for all writers: what one that was killed left behind is removed by the next, and the lock keeps others out.
    match fs::remove_file(&temporary) {
        Err(e) if e.kind() != ErrorKind::NotFound => Err(e)?,
        _ => {}
    }
    let written = (|| {
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&temporary)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&temporary, path)
    })();
    if let Err(error) = written {
        fs::remove_file(&temporary).ok();
        return Err(error.into());
    }
    File::open(folder)?.sync_all()?;
    Ok(())
}

fn temporary(path: &Path) -> Result<PathBuf> {
    let name = path.file_name().with_context(|| format!("{} does not name a file", path.display()))?;
    let mut hidden = std::ffi::OsString::from(".");
    hidden.push(name);
    hidden.push(".tmp");
    Ok(path.with_file_name(hidden))
}
