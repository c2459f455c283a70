//! People in, one gallery file out, and back. This is the only room that writes people to disk.
//!
//! What is added goes to the end of the file and is on the disk before anybody is told so; see [`log`] for what a pulled plug
//! costs. A file is written anew, beside the old one, synced and renamed over it, where there is none, where it is of the
//! first format, and where most of it is void. Writers wait for each other by a lock on the folder, and readers for writers.

pub mod first;
pub mod kept;
pub mod log;
mod pages;
pub mod record;
#[cfg(test)]
mod tests;

use super::EmbedderId;
use anyhow::{Context, Result, ensure};
use log::{Log, Writer};
use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Read, Seek, SeekFrom};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// The file at `path` and the version of its format; `None` where there is no file.
pub fn open(path: &Path) -> Result<Option<(File, u32)>> {
    let plain = match fs::metadata(path) {
        Err(e) if e.kind() == ErrorKind::NotFound => return Ok(None),
        metadata => metadata.with_context(|| unreadable(path))?.is_file(),
    };
    ensure!(plain, "{} is not a file: name the gallery file itself", path.display());
    let versioned = || -> Result<_> {
        let mut file = File::open(path)?;
        let mut first = Vec::new();
        (&file).take(12).read_to_end(&mut first)?;
        file.seek(SeekFrom::Start(0))?;
        Ok((file, record::version(&first)?))
    };
    versioned().map(Some).with_context(|| unreadable(path))
}

/// What to say of a file that something is wrong with.
pub fn unreadable(path: &Path) -> String {
    format!("the gallery {} cannot be read", path.display())
}

/// Until it is dropped, nobody else writes in the folder of `path`, which is made where it is missing.
pub fn lock_for_writing(path: &Path) -> Result<File> {
    let folder = folder(path);
    fs::create_dir_all(folder).with_context(|| format!("there is no folder for the gallery {}", path.display()))?;
    let locked = File::open(folder).and_then(|folder| folder.lock().map(|()| folder));
    locked.with_context(|| format!("the gallery {} cannot be locked for writing", path.display()))
}

/// Until it is dropped, nobody writes in the folder of `path`. None where that cannot be had: without a folder, say.
pub fn lock_for_reading(path: &Path) -> Option<File> {
    let folder = File::open(folder(path)).ok()?;
    folder.lock_shared().ok()?;
    Some(folder)
}

/// Where a link leads to: a link stays a link, what it points to is written.
pub fn resolved(path: &Path) -> PathBuf {
    fs::canonicalize(path).unwrap_or_else(|_| path.to_path_buf())
}

fn folder(path: &Path) -> &Path {
    path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Adds a batch to the file.
pub fn append(path: &Path, log: &mut Log, batch: &[u8], chain: u64) -> Result<()> {
    let open = || OpenOptions::new().read(true).write(true).open(path).map_err(anyhow::Error::from);
    open().and_then(|file| log.append(file, batch, chain)).with_context(|| unwritten(path))
}

/// Writes the file anew, with what `fill` puts in, whole or not at all.
pub fn replace(path: &Path, embedder: &EmbedderId, fill: impl FnOnce(&mut Writer) -> Result<()>) -> Result<Log> {
    let (file, mark) = beside(path, |file| {
        let mut writer = Writer::new(file, embedder)?;
        fill(&mut writer)?;
        writer.finish()
    })
    .with_context(|| unwritten(path))?;
    let synced = File::open(folder(path)).and_then(|folder| folder.sync_all());
    synced.with_context(|| format!("the gallery {} is written, but may not outlive a power cut", path.display()))?;
    Ok(Log::written(file, mark))
}

fn unwritten(path: &Path) -> String {
    format!(
        "the gallery {} could not be written, and is as it was before: make room on the disk, or choose a folder that may be \
         written",
        path.display()
    )
}

/// Lets `write` fill a new file and puts that in the place of `path`.
pub fn beside<T>(path: &Path, write: impl FnOnce(File) -> Result<T>) -> Result<T> {
    let temporary = temporary(path)?;
    // One name for all writers: what one that was killed left behind is removed by the next, and the lock keeps others out.
    match fs::remove_file(&temporary) {
        Err(e) if e.kind() != ErrorKind::NotFound => Err(e)?,
        _ => {}
    }
    let written = (|| {
        let file = OpenOptions::new().read(true).write(true).create_new(true).mode(0o600).open(&temporary)?;
        // Whoever enrols as root does it for the booth, which is another user and must be able to read it.
        if let Some(owner) = folder_owner(path).filter(|owner| file.metadata().is_ok_and(|m| m.uid() == 0 && owner.0 != 0)) {
            std::os::unix::fs::fchown(&file, Some(owner.0), Some(owner.1))?;
        }
        let written = write(file)?;
        fs::rename(&temporary, path)?;
        Ok(written)
    })();
    if written.is_err() {
        fs::remove_file(&temporary).ok();
    }
    written
}

/// User and group of the folder that `path` lies in.
fn folder_owner(path: &Path) -> Option<(u32, u32)> {
    let metadata = fs::metadata(folder(path)).ok()?;
    Some((metadata.uid(), metadata.gid()))
}

fn temporary(path: &Path) -> Result<PathBuf> {
    let name = path.file_name().with_context(|| format!("{} does not name a file", path.display()))?;
    let mut hidden = std::ffi::OsString::from(".");
    hidden.push(name);
    hidden.push(".tmp");
    Ok(path.with_file_name(hidden))
}
