//! The index of a large gallery beside its file, as `NAME.index`: what memory holds of a million people, read in a moment.
//!
//! It says nothing that the gallery does not say, up to a mark in it; what came later is read from the gallery. Where it is
//! missing, damaged, of another version, embedder or gallery, everything is read from the gallery, and the next change makes it
//! anew. So it is not waited for until it is on the disk.
//!
//! A stream of [`pages`](super::pages): the head, [`HEAD`] bytes; then lists, each as long as the head says: names (UTF-8); per
//! person where the name ends and the first row (u32); per row place (u64), owner, next row (u32), cell (u16), scale and square
//! (f32), bytes; per cell scale, square and bytes of its middle.

use super::log::{Log, Mark};
use super::pages::{PageReader, PageWriter, patch};
use super::record;
use crate::gallery::EmbedderId;
use crate::gallery::index::{Fact, Index, NOWHERE};
use crate::gallery::roster::{NONE, Roster};
use anyhow::{Context, Result, ensure};
use std::fs::{File, OpenOptions};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

const MAGIC: &[u8; 8] = b"LOOKIDX\n";
const VERSION: u32 = 1;
const HEAD: usize = 64;
/// What the bytes of a row that left become: zeros, as rows have them.
const BLANK: u8 = 128;

/// Where things lie in an index file.
#[derive(Clone, Copy, Debug)]
pub struct Kept {
    mark: Mark,
    /// Bytes of the gallery up to the mark that are nobody's any more.
    void: u64,
    people: usize,
    rows: usize,
    text: usize,
    cells: usize,
    /// Bytes of a row.
    width: usize,
}

/// The index file of a gallery file.
pub fn path_of(gallery: &Path) -> PathBuf {
    let mut name = gallery.as_os_str().to_owned();
    name.push(".index");
    name.into()
}

impl Kept {
    /// Rows that it knows.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Writes what memory holds of the gallery up to the mark.
    pub fn write(gallery: &Path, embedder: &EmbedderId, log: &Log, roster: &Roster, index: &Index) -> Result<Self> {
        let kept = Self {
            mark: log.mark,
            void: log.void,
            people: roster.ends.len(),
            rows: roster.rows(),
            text: roster.text.len(),
            cells: index.middles().count(),
            width: index.width(),
        };
        super::beside(&path_of(gallery), |file| {
            let mut out = PageWriter::new(std::io::BufWriter::with_capacity(1 << 20, file));
            out.put(&kept.head(embedder)?)?;
            out.put(roster.text.as_bytes())?;
            roster.ends.iter().chain(&roster.first).try_for_each(|n| out.put(&n.to_le_bytes()))?;
            roster.place.iter().try_for_each(|n| out.put(&n.to_le_bytes()))?;
            roster.owner.iter().chain(&roster.next).try_for_each(|n| out.put(&n.to_le_bytes()))?;
            let rows = || (0..kept.rows as u32).map(|row| index.row(row));
            rows().try_for_each(|row| out.put(&row.map_or(NOWHERE, |(cell, ..)| cell).to_le_bytes()))?;
            rows().try_for_each(|row| out.put(&fact_bytes(row.map_or(Fact::NONE, |(_, fact, _)| fact))))?;
            let blank = vec![BLANK; kept.width];
            rows().try_for_each(|row| out.put(row.map_or(&blank, |(.., bytes)| bytes)))?;
            index.middles().try_for_each(|(fact, bytes)| out.put(&fact_bytes(fact)).and_then(|()| out.put(bytes)))?;
            out.finish()
        })?;
        Ok(kept)
    }

    /// Reads it; `None` where there is none. An error says why it is of no use.
    pub fn read(gallery: &Path, embedder: &EmbedderId) -> Result<Option<(Self, File)>> {
        let file = match File::open(path_of(gallery)) {
            Err(e) if e.kind() == ErrorKind::NotFound => return Ok(None),
            file => file?,
        };
        let mut head = [0; HEAD];
        PageReader::new(&file).get(&mut head)?;
        ensure!(&head[..8] == MAGIC, "it is no index");
        let number = |at: usize| u64::from_le_bytes(std::array::from_fn(|i| head[at + i]));
        let small = |at: usize| u32::from_le_bytes(std::array::from_fn(|i| head[at + i])) as usize;
        let version = small(8);
        ensure!(version == VERSION as usize, "it is of format {version}, this program's is {VERSION}");
        let kept = Self {
            mark: Mark { at: number(16), chain: number(24) },
            void: number(32),
            people: small(40),
            rows: small(44),
            text: small(48),
            cells: small(52),
            width: small(56),
        };
        ensure!(kept.head(embedder)? == head, "it is of another embedder");
        let pages = kept.at_end().div_ceil(super::pages::PAGE as u64);
        ensure!(file.metadata()?.len() == pages * (super::pages::PAGE as u64 + 4), "it is cut short");
        Ok(Some((kept, file)))
    }

    /// Bytes of the gallery up to the mark that are nobody's any more.
    pub fn void(&self) -> u64 {
        self.void
    }

    /// Up to where in the gallery it tells.
    pub fn mark(&self) -> Mark {
        self.mark
    }

    /// What it holds.
    pub fn load(&self, mut file: File, embedder: &EmbedderId) -> Result<(Roster, Index)> {
        std::io::Seek::rewind(&mut file)?;
        let mut pages = PageReader::new(file);
        pages.get(&mut [0; HEAD])?;
        let mut text = vec![0; self.text];
        pages.get(&mut text)?;
        let text = String::from_utf8(text).context("a name is no text")?;
        let [ends, first] = [pages.list(self.people, u32::from_le_bytes)?, pages.list(self.people, u32::from_le_bytes)?];
        let place = pages.list(self.rows, u64::from_le_bytes)?;
        let [owner, next] = [pages.list(self.rows, u32::from_le_bytes)?, pages.list(self.rows, u32::from_le_bytes)?];
        let roster = Roster::from_lists(text, ends, first, place, owner, next).context("its lists do not fit together")?;
        let cell_of = pages.list(self.rows, u16::from_le_bytes)?;
        let facts = pages.list(self.rows, fact_of)?;
        let mut index =
            Index::with_cells(embedder.length, embedder.metric, self.cells, cell_of).context("its cells are too few")?;
        let mut bytes = vec![0; self.width];
        for (row, fact) in (0u32..).zip(facts) {
            pages.get(&mut bytes)?;
            index.restore(row, fact, &bytes);
        }
        for cell in 0..self.cells {
            let fact = pages.list(1, fact_of)?[0];
            pages.get(&mut bytes)?;
            index.restore_middle(cell, fact, &bytes);
        }
        Ok((roster, index))
    }

    /// Leaves nothing of rows that left, and of people without rows; `roster` is without them already. The gallery says so since
    /// the mark.
    pub fn wipe(&self, gallery: &Path, roster: &Roster, left: &[(u32, u32)]) -> Result<()> {
        let file = OpenOptions::new().read(true).write(true).open(path_of(gallery))?;
        let at = self.places();
        // What came after the mark is told by the gallery.
        let known = |row: u32| if (row as usize) < self.rows { row } else { NONE }.to_le_bytes();
        for &(row, person) in left.iter().filter(|left| (left.0 as usize) < self.rows) {
            let r = u64::from(row);
            patch(&file, at.owner + 4 * r, &NONE.to_le_bytes())?;
            patch(&file, at.cell + 2 * r, &NOWHERE.to_le_bytes())?;
            patch(&file, at.fact + 8 * r, &fact_bytes(Fact::NONE))?;
            patch(&file, at.bytes + self.width as u64 * r, &vec![BLANK; self.width])?;
            let p = u64::from(person);
            let mut rows = roster.rows_of(person).take_while(|&row| (row as usize) < self.rows).peekable();
            patch(&file, at.first + 4 * p, &known(rows.peek().copied().unwrap_or(NONE)))?;
            for row in rows {
                patch(&file, at.next + 4 * u64::from(row), &known(roster.next[row as usize]))?;
            }
            if roster.rows_of(person).next().is_none() {
                let start = if person == 0 { 0 } else { u64::from(roster.ends[person as usize - 1]) };
                patch(&file, at.text + start, &vec![0; roster.name(person).len()])?;
            }
        }
        Ok(())
    }

    fn head(&self, embedder: &EmbedderId) -> Result<[u8; HEAD]> {
        let mut head = [0; HEAD];
        head[..8].copy_from_slice(MAGIC);
        head[8..12].copy_from_slice(&VERSION.to_le_bytes());
        head[12..16].copy_from_slice(&crc32fast::hash(&record::start(embedder)?).to_le_bytes());
        head[16..24].copy_from_slice(&self.mark.at.to_le_bytes());
        head[24..32].copy_from_slice(&self.mark.chain.to_le_bytes());
        head[32..40].copy_from_slice(&self.void.to_le_bytes());
        for (i, count) in [self.people, self.rows, self.text, self.cells, self.width].into_iter().enumerate() {
            head[40 + 4 * i..][..4].copy_from_slice(&u32::try_from(count)?.to_le_bytes());
        }
        Ok(head)
    }

    fn places(&self) -> Places {
        let [people, rows] = [self.people as u64, self.rows as u64];
        let text = HEAD as u64;
        let first = text + self.text as u64 + 4 * people;
        let owner = first + 4 * people + 8 * rows;
        let next = owner + 4 * rows;
        let cell = next + 4 * rows;
        let fact = cell + 2 * rows;
        Places { text, first, owner, next, cell, fact, bytes: fact + 8 * rows }
    }

    fn at_end(&self) -> u64 {
        self.places().bytes + self.width as u64 * self.rows as u64 + (8 + self.width as u64) * self.cells as u64
    }
}

/// Where the lists begin.
struct Places {
    text: u64,
    first: u64,
    owner: u64,
    next: u64,
    cell: u64,
    fact: u64,
    bytes: u64,
}

fn fact_bytes(fact: Fact) -> [u8; 8] {
    let (scale, square) = (fact.scale.to_le_bytes(), fact.square.to_le_bytes());
    std::array::from_fn(|i| if i < 4 { scale[i] } else { square[i - 4] })
}

fn fact_of(bytes: [u8; 8]) -> Fact {
    let number = |at: usize| f32::from_le_bytes(std::array::from_fn(|i| bytes[at + i]));
    Fact { scale: number(0), square: number(4) }
}
