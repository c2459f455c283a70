//! Who is enrolled, as far as memory holds it, and the file that holds the rest: changes in, people and distances out.

use super::index::{Breadth, Index, distance};
use super::roster::{FRESH, Roster};
use super::store;
use super::store::kept::Kept;
use super::store::log::{Event, Log, Mark};
use super::store::record::Reader;
use super::{Candidate, Change, EmbedderId, Person, Picture};
use crate::types::{Embedding, Metric};
use anyhow::{Context, Result, ensure};
use std::collections::BTreeMap;
use std::fs::File;
use std::path::Path;

/// Pictures whose embeddings stay in memory as floats too: 2 MB of 128 numbers. With more, those that matter are read.
pub const RESIDENT: usize = 4096;

/// The people of a file, with changes that it does not hold yet.
pub struct Enrolled {
    length: usize,
    metric: Metric,
    pub roster: Roster,
    pub index: Index,
    /// Embeddings of all rows, while they are few.
    floats: Option<Vec<f32>>,
    /// Pictures of rows that no file holds.
    pub fresh: BTreeMap<u32, Picture>,
    /// Places in the file of who left since it was read.
    pub gone: Vec<u64>,
    /// Places whose leaving the file knows of, perhaps not yet wiped.
    pub unwiped: Vec<u64>,
    /// None where there is no file of the present format.
    pub log: Option<Log>,
    is_of_first_format: bool,
    /// The index beside the file, where there is one of use.
    pub kept: Option<Kept>,
    /// Rows that left and the index may hold, and whose they were.
    pub left: Vec<(u32, u32)>,
    /// Why the index beside the file is of no use.
    pub index_fault: Option<String>,
}

impl Enrolled {
    /// Nobody, without a file.
    pub fn new(embedder: &EmbedderId) -> Self {
        let EmbedderId { length, metric, .. } = *embedder;
        Self {
            length,
            metric,
            roster: Roster::default(),
            index: Index::new(length, metric),
            floats: Some(Vec::new()),
            fresh: BTreeMap::new(),
            gone: Vec::new(),
            unwiped: Vec::new(),
            log: None,
            is_of_first_format: false,
            kept: None,
            left: Vec::new(),
            index_fault: None,
        }
    }

    /// What the file at `path` holds, nobody where there is none.
    pub fn read(path: &Path, embedder: &EmbedderId) -> Result<Self> {
        let mut read = Self::new(embedder);
        let Some((file, version)) = store::open(path)? else { return Ok(read) };
        let filled = if version == 1 { read.fill_from_first(file, embedder) } else { read.fill(path, file, embedder) };
        filled.with_context(|| store::unreadable(path))?;
        Ok(read)
    }

    fn fill_from_first(&mut self, file: File, embedder: &EmbedderId) -> Result<()> {
        self.is_of_first_format = true;
        for Person { name, pictures } in store::first::decode(file, embedder)? {
            pictures.into_iter().for_each(|picture| self.add_fresh(&name, picture));
        }
        Ok(())
    }

    fn fill(&mut self, path: &Path, file: File, embedder: &EmbedderId) -> Result<()> {
        let since = match self.fill_from_index(path, &file, embedder) {
            Ok(since) => since,
            Err(error) => {
                self.index_fault = Some(format!("{} is not used: {error:#}", store::kept::path_of(path).display()));
                None
            }
        };
        let mut log = Log::read(file, embedder, since, &mut |event| {
            match event {
                Event::Face { place, name, picture } => drop(self.add(name, place, &picture.embedding)),
                Event::Gone { place } => {
                    if let Some(row) = self.roster.row_at(place) {
                        self.take_out(row);
                    }
                    self.unwiped.push(place);
                }
            }
            Ok(())
        })?;
        log.void += self.kept.map_or(0, |kept| kept.void());
        self.log = Some(log);
        Ok(())
    }

    /// From the index beside the file, if it is this file's; says up to where.
    fn fill_from_index(&mut self, path: &Path, file: &File, embedder: &EmbedderId) -> Result<Option<Mark>> {
        let Some((kept, index)) = Kept::read(path, embedder)? else { return Ok(None) };
        ensure!(Log::has(file, kept.mark()), "it is of another gallery");
        (self.roster, self.index) = kept.load(index, embedder)?;
        (self.kept, self.floats) = (Some(kept), None);
        Ok(Some(kept.mark()))
    }

    pub fn has_file(&self) -> bool {
        self.log.is_some() || self.is_of_first_format
    }

    pub fn apply(&mut self, change: &Change) -> Result<()> {
        match change {
            Change::Enroll { name, picture } => {
                let same = match self.roster.find(name) {
                    Some(person) => self.row_of_file(person, &picture.file)?,
                    None => None,
                };
                same.into_iter().for_each(|row| self.leave(row));
                self.add_fresh(name, picture.clone());
            }
            Change::Remove { name } => {
                let rows: Vec<u32> = self.roster.find(name).map_or(Vec::new(), |person| self.roster.rows_of(person).collect());
                rows.into_iter().for_each(|row| self.leave(row));
            }
        }
        Ok(())
    }

    fn row_of_file(&self, person: u32, file: &str) -> Result<Option<u32>> {
        for row in self.roster.rows_of(person) {
            if self.picture(row)?.file == file {
                return Ok(Some(row));
            }
        }
        Ok(None)
    }

    fn add_fresh(&mut self, name: &str, picture: Picture) {
        let row = self.add(name, FRESH, &picture.embedding);
        self.fresh.insert(row, picture);
    }

    fn add(&mut self, name: &str, place: u64, embedding: &Embedding) -> u32 {
        let row = self.roster.add(name, place);
        self.index.insert(row, &embedding.0);
        self.floats = self.floats.take().filter(|_| (row as usize) < RESIDENT);
        if let Some(floats) = &mut self.floats {
            floats.extend(&embedding.0);
        }
        row
    }

    /// Takes a row out that the file may hold.
    fn leave(&mut self, row: u32) {
        if self.fresh.remove(&row).is_none() {
            self.gone.push(self.roster.place[row as usize]);
        }
        self.take_out(row);
    }

    fn take_out(&mut self, row: u32) {
        self.left.extend(self.kept.and_then(|_| self.roster.owner(row)).map(|person| (row, person)));
        self.roster.remove(row);
        self.index.remove(row);
    }

    pub fn pictures_of(&self, name: &str) -> usize {
        self.roster.find(name).map_or(0, |person| self.roster.rows_of(person).count())
    }

    pub fn person(&self, person: u32) -> Result<Person> {
        let pictures: Result<_> = self.roster.rows_of(person).map(|row| self.picture(row)).collect();
        Ok(Person { name: self.roster.name(person).into(), pictures: pictures? })
    }

    /// What is kept of a row.
    pub fn picture(&self, row: u32) -> Result<Picture> {
        if let Some(picture) = self.fresh.get(&row) {
            return Ok(picture.clone());
        }
        let log = self.log.as_ref().context("there is no file to read this picture from")?;
        let body = log.body(self.roster.place[row as usize]).context("a picture cannot be read from the gallery")?;
        Ok(Reader(&body).face(self.length)?.1)
    }

    /// All, as long as they are few enough to be learned from: embeddings alone, without names and pictures.
    pub fn as_floats(&self) -> Option<Vec<Vec<&[f32]>>> {
        let floats = self.floats.as_ref()?;
        let rows = |person| self.roster.rows_of(person).map(|row| &floats[row as usize * self.length..][..self.length]).collect();
        Some(self.roster.everybody().map(rows).collect())
    }

    /// How far everybody is, in the order of [`Self::as_floats`].
    pub fn everybody(&self, embedding: &Embedding) -> Vec<Candidate> {
        self.roster.everybody().filter_map(|person| self.candidate(person, embedding)).collect()
    }

    /// How far the owners of the nearest `rows` rows are.
    pub fn nearest(&self, embedding: &Embedding, rows: usize, breadth: Breadth) -> Vec<Candidate> {
        let near = self.index.nearest(&embedding.0, rows, breadth);
        let mut owners: Vec<u32> = near.iter().filter_map(|near| self.roster.owner(near.row)).collect();
        owners.sort_unstable();
        owners.dedup();
        owners.into_iter().filter_map(|person| self.candidate(person, embedding)).collect()
    }

    /// None where none of the person's pictures can be read.
    fn candidate(&self, person: u32, embedding: &Embedding) -> Option<Candidate> {
        let (mut nearest, mut sum, mut pictures) = (f32::INFINITY, 0.0, 0);
        let mut read = vec![0.0; if self.floats.is_some() { 0 } else { self.length }];
        for row in self.roster.rows_of(person) {
            let Some(vector) = self.embedding(row, &mut read) else { continue };
            let far = distance(vector, &embedding.0, self.metric);
            (nearest, sum, pictures) = (f32::min(nearest, far), sum + far, pictures + 1);
        }
        (pictures > 0).then(|| Candidate { person, nearest, mean: sum / pictures as f32 })
    }

    fn embedding<'a>(&'a self, row: u32, read: &'a mut [f32]) -> Option<&'a [f32]> {
        if let Some(floats) = &self.floats {
            return Some(&floats[row as usize * self.length..][..self.length]);
        }
        if let Some(picture) = self.fresh.get(&row) {
            return Some(&picture.embedding.0);
        }
        self.log.as_ref()?.embedding(self.roster.place[row as usize], read).ok()?;
        Some(read)
    }
}
