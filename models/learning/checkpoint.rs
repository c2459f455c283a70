//! A learner's memory in, a file that it continues from exactly out; and back.
//!
//! The file: [`MAGIC`], the length of a JSON header (8 bytes, little-endian), the header, every array as 32-bit floats,
//! little-endian, and the SHA-256 of all before it. It replaces the one before in one step, or not at all.

use crate::files;
use anyhow::{Context, Result, bail, ensure};
use lookalike_learn::Memory;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::path::Path;

const MAGIC: &[u8; 8] = b"LKTRAIN1";

/// Where a training stands.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Place {
    /// What is trained: `digits vae`.
    pub what: String,
    /// Everything that decides what the next step does, as the command line spells it.
    pub settings: String,
    /// SHA-256 of the pictures.
    pub data: String,
    /// Finished epochs.
    pub epoch: usize,
    /// Finished batches of the epoch after those.
    pub batch: usize,
}

#[derive(Serialize, Deserialize)]
struct Header {
    place: Place,
    arrays: Vec<(String, usize)>,
    counters: Vec<(String, u64)>,
}

/// Writes the checkpoint. On an error the one before is still whole.
pub fn save(path: &Path, place: &Place, memory: &Memory) -> Result<()> {
    let header = Header {
        place: place.clone(),
        arrays: memory.arrays.iter().map(|(name, values)| (name.clone(), values.len())).collect(),
        counters: memory.counters.iter().map(|(name, value)| (name.clone(), **value)).collect(),
    };
    let header = serde_json::to_vec(&header)?;
    let mut bytes = [MAGIC.as_slice(), &(header.len() as u64).to_le_bytes(), &header].concat();
    for (_, values) in &memory.arrays {
        bytes.extend(values.iter().flat_map(|v| v.to_le_bytes()));
    }
    bytes.extend(Sha256::digest(&bytes).as_slice().to_vec());
    files::write(path, &bytes)
}

/// Puts a checkpoint back into `memory`. `wanted`: what this training is; its epoch and batch are not looked at.
pub fn load(path: &Path, wanted: &Place, memory: Memory) -> Result<Place> {
    let bytes = std::fs::read(path)
        .with_context(|| format!("cannot read {}: without --resume the training begins anew", path.display()))?;
    restore(&bytes, wanted, memory).with_context(|| format!("cannot go on from {}", path.display()))
}

fn restore(bytes: &[u8], wanted: &Place, memory: Memory) -> Result<Place> {
    let broken = "it is not a whole checkpoint: remove it to begin anew";
    let (body, sum) = bytes.split_last_chunk::<32>().map(|(body, sum)| (body, sum.as_slice())).context(broken)?;
    ensure!(body.starts_with(MAGIC) && Sha256::digest(body).as_slice() == sum, "{broken}");
    let (length, rest) = body[MAGIC.len()..].split_first_chunk::<8>().context(broken)?;
    let (header, mut rest) = rest.split_at_checked(u64::from_le_bytes(*length) as usize).context(broken)?;
    let header: Header = serde_json::from_slice(header).context(broken)?;
    let Place { what, settings, data, .. } = &header.place;
    ensure!(*what == wanted.what, "it is a checkpoint of `{what}`, not of `{}`", wanted.what);
    ensure!(*settings == wanted.settings, "it was trained with `{settings}`, not with `{}`", wanted.settings);
    ensure!(*data == wanted.data, "it was trained on other pictures");
    let fits = header.arrays.len() == memory.arrays.len()
        && header.counters.len() == memory.counters.len()
        && header.arrays.iter().zip(&memory.arrays).all(|((n, l), (name, values))| n == name && *l == values.len());
    if !fits {
        bail!("its nets are of another shape: an older version wrote it; remove it to begin anew");
    }
    ensure!(rest.len() == 4 * header.arrays.iter().map(|(_, length)| length).sum::<usize>(), "{broken}");
    for (_, values) in memory.arrays {
        let (numbers, after) = rest.split_at(4 * values.len());
        let floats = numbers.chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]]));
        values.iter_mut().zip(floats).for_each(|(value, float)| *value = float);
        rest = after;
    }
    for ((_, counter), (_, value)) in memory.counters.into_iter().zip(header.counters) {
        *counter = value;
    }
    Ok(header.place)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place() -> Place {
        Place { what: "digits vae".into(), settings: "--seed 1".into(), data: "d".into(), epoch: 2, batch: 30 }
    }

    fn memory<'a>(array: &'a mut Vec<f32>, counter: &'a mut u64) -> Memory<'a> {
        Memory { arrays: vec![("net 0".into(), array)], ..Memory::default() }.counter("steps", counter)
    }

    #[test]
    fn what_was_saved_comes_back_to_the_bit() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("checkpoint");
        let (mut array, mut counter) = (vec![0.1, -2.5e-30, 3.0], u64::MAX);
        save(&path, &place(), &memory(&mut array, &mut counter)).unwrap();
        let (mut again, mut count) = (vec![0.0; 3], 0);
        assert_eq!(load(&path, &place(), memory(&mut again, &mut count)).unwrap(), place());
        assert_eq!((again, count), (array, counter));
    }

    #[test]
    fn a_cut_or_changed_or_foreign_checkpoint_is_refused_in_words() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("checkpoint");
        let (mut array, mut counter) = (vec![1.0; 3], 1);
        save(&path, &place(), &memory(&mut array, &mut counter)).unwrap();
        let whole = std::fs::read(&path).unwrap();
        let mut words =
            |bytes: &[u8], wanted: Place| format!("{:#}", restore(bytes, &wanted, memory(&mut array, &mut counter)).unwrap_err());
        for length in [0, 7, 31, 60, whole.len() - 1] {
            assert!(words(&whole[..length], place()).contains("not a whole checkpoint"));
        }
        let mut changed = whole.clone();
        changed[40] ^= 1;
        assert!(words(&changed, place()).contains("not a whole checkpoint"));
        let other = Place { what: "digits gan".into(), ..place() };
        assert_eq!(words(&whole, other), "it is a checkpoint of `digits vae`, not of `digits gan`");
        assert!(words(&whole, Place { settings: "--seed 2".into(), ..place() }).contains("--seed 1"));
        assert!(words(&whole, Place { data: "e".into(), ..place() }).contains("other pictures"));
        let mut longer = vec![0.0; 4];
        let error = restore(&whole, &place(), memory(&mut longer, &mut 0)).unwrap_err().to_string();
        assert!(error.contains("another shape"), "{error}");
    }
}
