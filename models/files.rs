//! Bytes in, files that are either whole or not there out; and their hashes.

use anyhow::{Context, Result};
use sha2::{Digest, Sha256};
use std::fs::File;
use std::io::{Read, Write};
use std::path::Path;

/// Names of unfinished work begin with this; with the lock held, any is a leftover.
pub const PARTIAL: &str = ".partial-";

/// Makes the folder, waits until no other process works in it and sweeps what an interrupted one left.
/// The lock ends with the returned file, however the program ends.
pub fn lock(folder: &Path) -> Result<File> {
    let lock = || -> Result<File> {
        std::fs::create_dir_all(folder)?;
        let file = File::options().create(true).append(true).open(folder.join(".lock"))?;
        file.lock()?;
        sweep(folder)?;
        Ok(file)
    };
    lock().with_context(|| format!("cannot work in the folder {}", folder.display()))
}

fn sweep(folder: &Path) -> Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let leftover = entry.file_name().to_string_lossy().starts_with(PARTIAL);
        match (entry.file_type()?.is_dir(), leftover) {
            (true, true) => std::fs::remove_dir_all(entry.path())?,
            (true, false) => sweep(&entry.path())?,
            (false, true) => std::fs::remove_file(entry.path())?,
            (false, false) => {}
        }
    }
    Ok(())
}

/// SHA-256 as 64 hex digits.
pub fn sha256(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

/// SHA-256 of a file, or `None` where there is none.
pub fn sha256_of(path: &Path) -> Result<Option<String>> {
    let mut file = match File::open(path) {
        Ok(file) => file,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(e) => return Err(e).with_context(|| format!("cannot open {}", path.display())),
    };
    let mut hash = Sha256::new();
    let mut block = vec![0; 1 << 16];
    loop {
        match file.read(&mut block).with_context(|| format!("cannot read {}", path.display()))? {
            0 => return Ok(Some(hex(&hash.finalize()))),
            n => hash.update(&block[..n]),
        }
    }
}

/// Writes a file so that a reader, or a program started after a crash, sees the old content or the new, nothing between.
pub fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    let whole = || -> Result<()> {
        let folder = path.parent().context("it has no folder")?;
        std::fs::create_dir_all(folder)?;
        let mut file = tempfile::Builder::new().prefix(PARTIAL).tempfile_in(folder)?;
        file.write_all(bytes)?;
        file.as_file().sync_all()?;
        open_to_all(file.as_file())?;
        file.persist(path)?;
        Ok(())
    };
    whole().with_context(|| format!("cannot write {}", path.display()))
}

/// Temporary files are private; what replaces them should be as readable as any file.
fn open_to_all(file: &File) -> Result<()> {
    use std::os::unix::fs::PermissionsExt;
    Ok(file.set_permissions(std::fs::Permissions::from_mode(0o644))?)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_of_nothing_is_well_known() {
        assert_eq!(sha256(b""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    }

    #[test]
    fn leftovers_of_an_interrupted_run_are_swept() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(folder.path().join(".partial-1/arrived")).unwrap();
        std::fs::create_dir(folder.path().join("deep")).unwrap();
        std::fs::write(folder.path().join("deep/.partial-2"), "x").unwrap();
        std::fs::write(folder.path().join("deep/kept"), "x").unwrap();
        let _lock = lock(folder.path()).unwrap();
        assert!(!folder.path().join(".partial-1").exists() && !folder.path().join("deep/.partial-2").exists());
        assert!(folder.path().join("deep/kept").exists());
    }

    #[test]
    fn a_written_file_replaces_the_old_one_and_leaves_nothing_beside_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("deep/file");
        write(&path, b"old").unwrap();
        write(&path, b"new").unwrap();
        assert_eq!(sha256_of(&path).unwrap(), Some(sha256(b"new")));
        assert_eq!(std::fs::read_dir(path.parent().unwrap()).unwrap().count(), 1);
        assert_eq!(sha256_of(&folder.path().join("none")).unwrap(), None);
    }
}
