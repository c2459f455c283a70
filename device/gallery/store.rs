//! People in, one file out, and back. This is the only place that writes people to disk.
//!
//! A new file is written beside the old one, synced and renamed over it, so a reader sees the old gallery or the new one
//! and a full disk or a pulled plug costs nothing that was stored. Writers wait for each other by a lock on the folder.

use super::format::{decode, encode};
use super::{EmbedderId, Person};
use anyhow::{Context, Result, ensure};
use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
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
    fs::create_dir_all(folder).with_context(|| format!("there is no folder for the gallery {}", path.display()))?;
    let _lock = lock(folder).with_context(|| format!("the gallery {} cannot be locked for writing", path.display()))?;
    let mut people = read(path, embedder)?.unwrap_or_default();
    change(&mut people);
    let bytes = encode(&people, embedder)?;
    replace(path, &bytes).with_context(|| {
        format!(
            "the gallery {} could not be written, and is as it was before: make room on the disk, or choose a folder that \
             may be written",
            path.display()
        )
    })?;
    let synced = File::open(folder).and_then(|folder| folder.sync_all());
    synced.with_context(|| format!("the gallery {} is written, but may not outlive a power cut", path.display()))?;
    Ok(people)
}

/// Waits until no other process writes in `folder`. Ends with the value, or with the process.
fn lock(folder: &Path) -> Result<File> {
    let folder = File::open(folder).with_context(|| format!("the folder {} cannot be opened", folder.display()))?;
    folder.lock()?;
    Ok(folder)
}

fn replace(path: &Path, bytes: &[u8]) -> Result<()> {
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
        // Whoever enrols as root does it for the booth, which is another user and must be able to read it.
        if let Some(owner) = folder_owner(path).filter(|owner| file.metadata().is_ok_and(|m| m.uid() == 0 && owner.0 != 0)) {
            std::os::unix::fs::fchown(&file, Some(owner.0), Some(owner.1))?;
        }
        fs::rename(&temporary, path)
    })();
    if let Err(error) = written {
        fs::remove_file(&temporary).ok();
        return Err(error.into());
    }
    Ok(())
}

/// User and group of the folder that `path` lies in.
fn folder_owner(path: &Path) -> Option<(u32, u32)> {
    let metadata = fs::metadata(path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."))).ok()?;
    Some((metadata.uid(), metadata.gid()))
}

fn temporary(path: &Path) -> Result<PathBuf> {
    let name = path.file_name().with_context(|| format!("{} does not name a file", path.display()))?;
    let mut hidden = std::ffi::OsString::from(".");
    hidden.push(name);
    hidden.push(".tmp");
    Ok(path.with_file_name(hidden))
}
#[cfg(test)]
mod tests {
    use super::*;
    use crate::gallery::Picture;
    use crate::types::{Embedding, Metric};
    use std::os::unix::fs::PermissionsExt;
    use std::process::Command;

    fn embedder() -> EmbedderId {
        EmbedderId { name: "net".into(), sha256: "ab".repeat(32), length: 2, metric: Metric::L2 }
    }

    fn add(path: &Path, name: &str, thumbnail: usize) -> Result<Vec<Person>> {
        let picture = Picture { file: "a.jpg".into(), embedding: Embedding(vec![0.0; 2]), thumbnail: vec![7; thumbnail] };
        update(path, &embedder(), |people| {
            people.push(Person { name: name.into(), pictures: vec![picture] });
            people.sort_by(|a, b| a.name.cmp(&b.name));
        })
    }

    fn names(path: &Path) -> Vec<String> {
        read(path, &embedder()).unwrap().unwrap().into_iter().map(|p| p.name).collect()
    }

    #[test]
    fn only_the_owner_may_read_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("gallery");
        assert!(read(&path, &embedder()).unwrap().is_none());
        add(&path, "Ada", 3).unwrap();
        assert_eq!(names(&path), ["Ada"]);
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 1, "nothing else is left in the folder");
    }

    #[test]
    fn a_gallery_that_root_writes_belongs_to_the_owner_of_its_folder() {
        let folder = tempfile::tempdir().unwrap();
        if std::os::unix::fs::chown(folder.path(), Some(1234), Some(1234)).is_err() {
            eprintln!("SKIPPED: only root can give a folder away");
            return;
        }
        let path = folder.path().join("gallery");
        add(&path, "Ada", 3).unwrap();
        let metadata = fs::metadata(&path).unwrap();
        assert_eq!((metadata.uid(), metadata.gid(), metadata.permissions().mode() & 0o777), (1234, 1234, 0o600));
    }

    #[test]
    fn what_a_killed_writer_left_behind_is_removed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("gallery");
        fs::write(temporary(&path).unwrap(), b"half a gallery").unwrap();
        add(&path, "Ada", 3).unwrap();
        assert_eq!(names(&path), ["Ada"]);
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 1);
    }

    #[test]
    fn an_unreadable_file_is_named_and_kept() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("gallery");
        fs::write(&path, b"shopping list").unwrap();
        let complaint = format!("{:#}", add(&path, "Ada", 3).unwrap_err());
        assert!(complaint.contains(path.to_str().unwrap()) && complaint.contains("not a gallery"), "{complaint}");
        assert_eq!(fs::read(&path).unwrap(), b"shopping list");
        assert!(format!("{:#}", read(folder.path(), &embedder()).unwrap_err()).contains("is not a file"));
    }

    #[test]
    fn writers_at_the_same_time_lose_nobody() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("gallery");
        std::thread::scope(|scope| {
            for writer in 0..8 {
                let path = &path;
                scope.spawn(move || (0..5).for_each(|i| drop(add(path, &format!("{writer}-{i}"), 3).unwrap())));
            }
        });
        assert_eq!(names(&path).len(), 40);
    }

    #[test]
    fn a_link_stays_a_link() {
        let folder = tempfile::tempdir().unwrap();
        let (path, link) = (folder.path().join("gallery"), folder.path().join("link"));
        add(&path, "Ada", 3).unwrap();
        std::os::unix::fs::symlink(&path, &link).unwrap();
        add(&link, "Bob", 3).unwrap();
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(names(&path), ["Ada", "Bob"]);
    }

    #[test]
    fn a_folder_that_takes_no_files_is_named() {
        // Nobody may create files here, root neither.
        let path = Path::new("/proc/lookalike-gallery");
        let complaint = format!("{:#}", add(path, "Ada", 3).unwrap_err());
        assert!(complaint.contains("/proc/lookalike-gallery"), "{complaint}");
    }

    /// Runs this test again in a process that may not write files above 8 KiB: as a full disk, the write breaks off.
    #[test]
    fn a_full_disk_keeps_the_old_gallery() {
        const PATH: &str = "LOOKALIKE_TEST_GALLERY";
        if let Some(path) = std::env::var_os(PATH) {
            let complaint = format!("{:#}", add(Path::new(&path), "Bob", 100_000).unwrap_err());
            assert!(complaint.contains(path.to_str().unwrap()) && complaint.contains("as it was before"), "{complaint}");
            return;
        }
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("gallery");
        add(&path, "Ada", 3).unwrap();
        // Blocks of 512 or 1024 bytes, by the shell; the signal is ignored so that write() fails instead.
        let limited = "trap '' XFSZ; ulimit -f 8; exec \"$0\" --exact gallery::store::tests::a_full_disk_keeps_the_old_gallery";
        let mut shell = Command::new("sh");
        let child = shell.args(["-c", limited]).arg(std::env::current_exe().unwrap()).env(PATH, &path).output().unwrap();
        assert!(child.status.success(), "{}", String::from_utf8_lossy(&child.stdout));
        assert!(String::from_utf8_lossy(&child.stdout).contains("1 passed"));
        assert_eq!(names(&path), ["Ada"]);
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 1);
    }
}
