//! How a gallery's changes get into its file: at its end, in milliseconds, whatever the file's size.

use super::enrolled::{Enrolled, RESIDENT};
use super::roster::FRESH;
use super::store::kept::{self, Kept};
use super::store::{self, record};
use super::{EmbedderId, Gallery};
use anyhow::{Context, Result};
use std::fs;
use std::path::Path;
use std::sync::OnceLock;

/// Bytes of who left that a file may hold before it is written anew, and only where they are more than half of it.
const VOID: u64 = 1 << 20;

impl Gallery {
    /// Writes the changes since opening to the file, whole or not at all. What another process enrolled or removed
    /// meanwhile is kept so, and is in this gallery afterwards.
    pub fn save(&mut self) -> Result<()> {
        let path = store::resolved(self.path.as_ref().context("this gallery has no file")?);
        let _lock = store::lock_for_writing(&path)?;
        let is_ours = match (&self.enrolled.log, fs::metadata(&path)) {
            (Some(log), Ok(facts)) => log.is_all_of(&facts)?,
            _ => false,
        };
        if !is_ours {
            self.head = OnceLock::new();
            let mut enrolled = Enrolled::read(&path, &self.embedder)?;
            self.unsaved.iter().try_for_each(|change| enrolled.apply(change))?;
            self.enrolled = enrolled;
        }
        match &self.enrolled.log {
            Some(_) => self.enrolled.append(&path)?,
            None => self.enrolled.rewrite(&path, &self.embedder)?,
        }
        self.unsaved.clear();
        self.enrolled.wipe(&path)?;
        if self.enrolled.log.as_ref().is_some_and(|log| log.void > VOID && 2 * log.void > log.mark.at) {
            // Where there is no room for it, the file goes on as it is.
            if self.enrolled.rewrite(&path, &self.embedder).is_ok() {
                self.enrolled = Enrolled::read(&path, &self.embedder)?;
            }
        }
        self.enrolled.keep_index(&path, &self.embedder);
        Ok(())
    }
}

impl Enrolled {
    /// Adds what is fresh and what is gone to the file.
    fn append(&mut self, path: &Path) -> Result<()> {
        let Some(log) = &mut self.log else { return Ok(()) };
        if self.fresh.is_empty() && self.gone.is_empty() {
            return Ok(());
        }
        let mut batch = record::Batch::after(log.mark.chain);
        if !self.gone.is_empty() {
            batch.gone(&self.gone)?;
        }
        let mut places = Vec::new();
        for (&row, picture) in &self.fresh {
            let person = self.roster.owner(row).context("a picture of nobody")?;
            let at = batch.face(self.roster.name(person), picture)?;
            places.push((row, log.mark.at + at as u64));
        }
        let chain = batch.done()?;
        store::append(path, log, &batch.bytes, chain)?;
        self.settle(&places);
        self.unwiped.append(&mut self.gone);
        Ok(())
    }

    /// Writes the file anew, with whoever is there.
    fn rewrite(&mut self, path: &Path, embedder: &EmbedderId) -> Result<()> {
        let mut places = Vec::new();
        let log = store::replace(path, embedder, |writer| {
            for row in 0..self.roster.rows() as u32 {
                let Some(person) = self.roster.owner(row) else { continue };
                let body = match (self.fresh.get(&row), &self.log) {
                    (Some(picture), _) => record::face(self.roster.name(person), picture)?,
                    (None, Some(log)) => log.body(self.roster.place[row as usize])?,
                    (None, None) => continue,
                };
                places.push((row, writer.face(&body)?));
            }
            Ok(())
        })?;
        self.roster.place.fill(FRESH);
        self.settle(&places);
        self.log = Some(log);
        self.gone.clear();
        self.unwiped.clear();
        Ok(())
    }

    /// Notes where rows lie now, in the order of both.
    fn settle(&mut self, places: &[(u32, u64)]) {
        let all = &mut self.roster.place;
        let settled = all.partition_point(|&place| place != FRESH);
        let mut last = settled.checked_sub(1).map_or(0, |row| all[row]);
        let mut places = places.iter().peekable();
        for (row, place) in all.iter_mut().enumerate().skip(settled) {
            // Who came and left before they were written is nowhere, and between the others.
            last = places.next_if(|(fresh, _)| *fresh as usize == row).map_or(last, |&(_, at)| at);
            *place = last;
        }
        self.fresh.clear();
    }

    /// Leaves nothing of who left.
    fn wipe(&mut self, path: &Path) -> Result<()> {
        let Some(log) = &mut self.log else { return Ok(()) };
        let wiped = log.wipe(self.unwiped.iter().copied());
        wiped.with_context(|| {
            format!(
                "who was removed from {} counts no more, but is not wiped from it yet: the next change does it",
                path.display()
            )
        })?;
        self.unwiped.clear();
        Ok(())
    }

    /// Sees to the index beside the file. It is for speed alone: where it cannot be written there is none.
    fn keep_index(&mut self, path: &Path, embedder: &EmbedderId) {
        let wiped = self.kept.map_or(Ok(()), |kept| kept.wipe(path, &self.roster, &self.left));
        self.left.clear();
        if wiped.is_err() || self.roster.pictures() <= RESIDENT {
            self.kept = None;
            fs::remove_file(kept::path_of(path)).ok();
        }
        let since = self.kept.map_or(0, |kept| kept.rows());
        if let Some(log) = self.log.as_ref().filter(|_| self.roster.pictures() > RESIDENT) {
            // Reading so many from the gallery itself takes a tenth of a second.
            if self.kept.is_none() || self.roster.rows() - since > RESIDENT.max(since / 16) {
                self.kept = Kept::write(path, embedder, log, &self.roster, &self.index).ok();
                self.index_fault = None;
            }
        }
    }
}
