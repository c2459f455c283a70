//! What was measured of nets on this machine's GPU, in one file: read at start, written whole after every measurement.
//!
//! A finding counts for the same file of the net, the same shape of its inputs, the same driver, the same kernels of the
//! processor and the same version of this program. A file that cannot be read counts for nothing: what it held is measured anew.

use super::judge::Verdict;
use super::probe::Place;
use crate::infer::choice;
use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};
use std::io::Write;
use std::path::{Path, PathBuf};

/// The version of the file format.
const VERSION: u32 = 1;

/// Findings that the file keeps at most, the newest.
const FINDINGS_MOST: usize = 1000;

/// What is known of a net.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Finding {
    /// Both sides were timed.
    Measured(Verdict),
    /// The GPU lacks this operator of it.
    Unfit(String),
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Sheet {
    version: u32,
    entries: Vec<Entry>,
}

#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    sha256: String,
    shape: Vec<usize>,
    driver: String,
    kernels: String,
    program: String,
    finding: Finding,
}

/// The findings, and where they are kept.
pub(super) struct Record {
    file: Option<PathBuf>,
    driver: String,
    entries: Vec<Entry>,
}

impl Record {
    /// What a machine's file holds.
    pub(super) fn read(place: &Place) -> Self {
        let entries = place.record.as_deref().and_then(read).unwrap_or_default();
        Self { file: place.record.clone(), driver: place.driver(), entries }
    }

    /// What is known of a net for inputs of that shape.
    pub(super) fn find(&self, sha256: &str, shape: &[usize]) -> Option<&Finding> {
        self.of(sha256).find(|entry| entry.shape == shape).map(|entry| &entry.finding)
    }

    fn of(&self, sha256: &str) -> impl Iterator<Item = &Entry> {
        let sha256 = sha256.to_ascii_lowercase();
        self.entries.iter().filter(move |entry| {
            entry.sha256 == sha256
                && entry.driver == self.driver
                && entry.kernels == choice::kernels_in_use()
                && entry.program == env!("CARGO_PKG_VERSION")
        })
    }

    /// Remembers a finding, for this run in any case. Fails where the file cannot be written.
    pub(super) fn put(&mut self, sha256: &str, shape: &[usize], finding: Finding) -> Result<()> {
        let entry = Entry {
            sha256: sha256.to_ascii_lowercase(),
            shape: shape.to_vec(),
            driver: self.driver.clone(),
            kernels: choice::kernels_in_use().into(),
            program: env!("CARGO_PKG_VERSION").into(),
            finding,
        };
        let key = |e: &Entry| (e.sha256.clone(), e.shape.clone(), e.driver.clone(), e.kernels.clone(), e.program.clone());
        // Another program may have written since.
        let mut all = self.file.as_deref().and_then(read).unwrap_or_default();
        all.retain(|other| !self.entries.iter().any(|ours| key(ours) == key(other)));
        all.append(&mut self.entries);
        all.retain(|other| key(other) != key(&entry));
        all.push(entry);
        all.drain(..all.len().saturating_sub(FINDINGS_MOST));
        self.entries = all;
        let file = self.file.as_deref().context("neither XDG_CACHE_HOME nor HOME says where")?;
        write(file, &self.entries)
    }
}

/// Nothing where there is no file that this version understands.
fn read(file: &Path) -> Option<Vec<Entry>> {
    let sheet: Sheet = serde_json::from_slice(&std::fs::read(file).ok()?).ok()?;
    (sheet.version == VERSION).then_some(sheet.entries)
}

/// Beside the file first, so that whoever reads it finds the old one or the new one.
fn write(file: &Path, entries: &[Entry]) -> Result<()> {
    let folder = file.parent().unwrap_or(Path::new("."));
    let put = || -> Result<()> {
        std::fs::create_dir_all(folder)?;
        let mut new = tempfile::NamedTempFile::new_in(folder)?;
        let sheet = Sheet { version: VERSION, entries: entries.to_vec() };
        new.write_all(&serde_json::to_vec_pretty(&sheet)?)?;
        new.as_file().sync_all()?;
        new.persist(file)?;
        Ok(())
    };
    put().with_context(|| format!("{} cannot be written", file.display()))
}

/// What `auto` would choose for a net, a line for each shape that is known.
pub(super) fn would_choose(place: &Place, name: &str, sha256: &str) -> Vec<String> {
    let record = Record::read(place);
    let lines: Vec<String> = record.of(sha256).map(|entry| format!("{name}, {}", words(&entry.shape, &entry.finding))).collect();
    if lines.is_empty() { vec![format!("{name}: not measured yet, the processor until then")] } else { lines }
}

fn words(shape: &[usize], finding: &Finding) -> String {
    let shape: Vec<String> = shape.iter().map(usize::to_string).collect();
    let what = match finding {
        Finding::Unfit(operator) => format!("the processor: the GPU has no {operator}"),
        Finding::Measured(Verdict { half, apart, cpu_ms, gpu_ms }) => {
            let choice = if gpu_ms < cpu_ms { "the GPU" } else { "the processor" };
            let precision = if *half { "float16" } else { "float32" };
            format!("{choice}: {gpu_ms:.2} ms there, {cpu_ms:.2} ms on the processor, {precision}, {apart:.0e} apart")
        }
    };
    format!("inputs {}: {what}", shape.join("x"))
}

#[cfg(test)]
mod tests {
    use super::super::probe;
    use super::*;

    fn measured(gpu_ms: f32) -> Finding {
        Finding::Measured(Verdict { half: true, apart: 1e-3, cpu_ms: 2.0, gpu_ms })
    }

    fn place(folder: &Path) -> Place {
        Place { record: Some(folder.join("cache/gpu.json")), ..probe::tests::whole(folder) }
    }

    #[test]
    fn findings_are_found_again_for_the_same_file_shape_and_driver_only() {
        let folder = tempfile::tempdir().unwrap();
        let here = place(folder.path());
        let mut record = Record::read(&here);
        record.put("AB", &[1, 3], measured(1.0)).unwrap();
        record.put("ab", &[2, 3], Finding::Unfit("MaxPool".into())).unwrap();
        record.put("ab", &[1, 3], measured(3.0)).unwrap();
        let again = Record::read(&here);
        assert_eq!(again.find("ab", &[1, 3]), Some(&measured(3.0)));
        assert_eq!(again.find("AB", &[2, 3]), Some(&Finding::Unfit("MaxPool".into())));
        assert_eq!((again.find("cd", &[1, 3]), again.find("ab", &[4, 3])), (None, None));
        assert_eq!(again.entries.len(), 2);
        std::fs::write(
            here.root.join("proc/driver/nvidia/version"),
            "NVRM version: NVIDIA UNIX x86_64 Kernel Module  570.1  now",
        )
        .unwrap();
        assert_eq!(Record::read(&here).find("ab", &[1, 3]), None);
    }

    #[test]
    fn a_file_of_another_hand_is_measured_anew_and_written_over() {
        let folder = tempfile::tempdir().unwrap();
        let here = place(folder.path());
        let file = here.record.clone().unwrap();
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        for spoiled in ["", "{", "{\"version\":2,\"entries\":[]}", "{\"version\":1,\"entries\":[{\"sha256\":1}]}"] {
            std::fs::write(&file, spoiled).unwrap();
            let mut record = Record::read(&here);
            assert_eq!(record.find("ab", &[1]), None);
            record.put("ab", &[1], measured(1.0)).unwrap();
            assert!(Record::read(&here).find("ab", &[1]).is_some(), "{spoiled}");
        }
        let left: Vec<_> = std::fs::read_dir(file.parent().unwrap()).unwrap().collect();
        assert_eq!(left.len(), 1);
    }

    #[test]
    fn two_programs_lose_nothing_of_each_other() {
        let folder = tempfile::tempdir().unwrap();
        let here = place(folder.path());
        let (mut one, mut two) = (Record::read(&here), Record::read(&here));
        one.put("ab", &[1], measured(1.0)).unwrap();
        two.put("cd", &[1], measured(1.0)).unwrap();
        let both = Record::read(&here);
        assert!(both.find("ab", &[1]).is_some() && both.find("cd", &[1]).is_some());
    }

    #[test]
    fn where_nothing_can_be_written_a_finding_still_counts_for_this_run() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("cache"), "no folder").unwrap();
        let mut record = Record::read(&place(folder.path()));
        let error = format!("{:#}", record.put("ab", &[1], measured(1.0)).unwrap_err());
        assert!(error.contains("gpu.json cannot be written"), "{error}");
        assert!(record.find("ab", &[1]).is_some());
        let mut homeless = Record::read(&Place { record: None, ..place(folder.path()) });
        assert!(homeless.put("ab", &[1], measured(1.0)).unwrap_err().to_string().contains("XDG_CACHE_HOME"));
    }

    #[test]
    fn choices_are_said_in_words() {
        let folder = tempfile::tempdir().unwrap();
        let here = place(folder.path());
        assert_eq!(would_choose(&here, "dlib-resnet", "ab"), ["dlib-resnet: not measured yet, the processor until then"]);
        Record::read(&here).put("ab", &[8, 3, 150, 150], measured(0.5)).unwrap();
        let said = "dlib-resnet, inputs 8x3x150x150: the GPU: 0.50 ms there, 2.00 ms on the processor, float16, 1e-3 apart";
        assert_eq!(would_choose(&here, "dlib-resnet", "ab"), [said]);
    }
}
