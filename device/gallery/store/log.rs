//! The gallery file as a list of batches that grows at its end: read whole or from a mark on, appended to, wiped of who left.
//!
//! A batch counts once its `DONE` is on the disk. Behind the last that the head of the file tells of, whatever is no whole
//! batch was being written when the power went: it was acknowledged to nobody, and the next batch takes its place. Before it,
//! whatever is not whole is damage.

use super::record::{self, Batch, CUT_SHORT, DAMAGED, DONE, HEAD, Head, Kind, Reader};
use crate::gallery::{EmbedderId, Picture};
use anyhow::{Context, Result, bail, ensure};
use sha2::{Digest, Sha256};
use std::collections::BTreeSet;
use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom};
use std::os::unix::fs::{FileExt, MetadataExt};

/// An open gallery file.
pub struct Log {
    file: File,
    /// Up to where it counts.
    pub mark: Mark,
    /// Bytes of bodies that are gone.
    pub void: u64,
}

/// A place between two batches, and the chain of the batch before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mark {
    pub at: u64,
    pub chain: u64,
}

/// What a reader is told, in the order of the file.
pub enum Event<'a> {
    /// A picture of somebody, and where it lies.
    Face { place: u64, name: &'a str, picture: Picture },
    /// What lies there counts no more; it may have been told of or not.
    Gone { place: u64 },
}

impl Log {
    /// Reads a file of this format from `since` on, or whole. Errors do not say which file it is.
    pub fn read(file: File, embedder: &EmbedderId, since: Option<Mark>, on: &mut dyn FnMut(Event) -> Result<()>) -> Result<Self> {
        let mut first = Vec::new();
        (&file).take(1 << 18).read_to_end(&mut first)?;
        let [head, known_end] = record::read_start(&first, embedder)?;
        let size = file.metadata()?.len();
        ensure!(size >= known_end, CUT_SHORT);
        let mut scan = Scan::new(&file, since.unwrap_or(Mark { at: head, chain: 0 }))?;
        let mut missing = BTreeSet::new();
        let mut void = 0;
        while scan.at < known_end {
            ensure!(scan.next(known_end)?.is_some(), DAMAGED);
            scan.tell(embedder.length, &mut missing, &mut void, on)?;
        }
        ensure!(scan.mark.at == known_end, DAMAGED);
        let end = unknown_end(&file, scan.mark, size)?;
        while scan.at < end {
            ensure!(scan.next(end)?.is_some(), DAMAGED);
            scan.tell(embedder.length, &mut missing, &mut void, on)?;
        }
        ensure!(missing.is_empty(), DAMAGED);
        let mark = scan.mark;
        Ok(Self { file, mark, void })
    }

    /// One that was just written whole.
    pub fn written(file: File, mark: Mark) -> Self {
        Self { file, mark, void: 0 }
    }

    /// Whether this is the file of these facts, and nothing was added to it by another.
    pub fn is_all_of(&self, now: &std::fs::Metadata) -> Result<bool> {
        let own = self.file.metadata()?;
        if (own.dev(), own.ino()) != (now.dev(), now.ino()) {
            return Ok(false);
        }
        // What a batch that was cut off left behind does not count.
        Ok(unknown_end(&self.file, self.mark, own.len())? == self.mark.at)
    }

    /// Puts a batch at the end, and returns when it is on the disk. Where that fails, the file is as it was before.
    pub fn append(&mut self, file: File, batch: &[u8], chain: u64) -> Result<()> {
        let Mark { at, .. } = self.mark;
        let before = file.metadata()?.len();
        // Whoever is wiped by this batch must lie before the end that the head tells of, or they would look cut off.
        let known = file.write_all_at(&record::end(at), 16);
        let written = known.and_then(|()| file.write_all_at(batch, at)).and_then(|()| match before > at + batch.len() as u64 {
            true => file.set_len(at + batch.len() as u64),
            false => Ok(()),
        });
        if let Err(error) = written.and_then(|()| file.sync_all()) {
            file.set_len(at).ok();
            file.sync_all().ok();
            return Err(error.into());
        }
        self.mark = Mark { at: at + batch.len() as u64, chain };
        // Not waited for: a reader finds the batch also where the head does not tell of it yet, and the next batch's wait
        // is this one's too.
        file.write_all_at(&record::end(self.mark.at), 16).ok();
        self.file = file;
        Ok(())
    }

    /// Makes zeros of the bodies at these places, which a batch on the disk says are gone.
    pub fn wipe(&mut self, places: impl IntoIterator<Item = u64>) -> Result<()> {
        let mut is_wiped = false;
        for place in places {
            let Some(body) = self.length_of(place)? else { continue };
            let mut was = vec![0; body];
            self.file.read_exact_at(&mut was, place + HEAD as u64)?;
            if was.iter().any(|&byte| byte != 0) {
                self.file.write_all_at(&vec![0; body], place + HEAD as u64)?;
                self.void += body as u64;
                is_wiped = true;
            }
        }
        if is_wiped {
            self.file.sync_all()?;
        }
        Ok(())
    }

    fn length_of(&self, place: u64) -> Result<Option<usize>> {
        let mut head = [0; HEAD];
        self.file.read_exact_at(&mut head, place)?;
        Ok(Head::read(&head)
            .filter(|h| h.kind == Kind::Face && place + (HEAD + h.length) as u64 <= self.mark.at)
            .map(|h| h.length))
    }

    /// The body of the face at a place, whole.
    pub fn body(&self, place: u64) -> Result<Vec<u8>> {
        let mut head = [0; HEAD];
        self.file.read_exact_at(&mut head, place)?;
        let head = Head::read(&head).filter(|h| h.kind == Kind::Face).context(DAMAGED)?;
        let mut body = vec![0; head.length];
        self.file.read_exact_at(&mut body, place + HEAD as u64)?;
        ensure!(crc32fast::hash(&body) == head.check, DAMAGED);
        Ok(body)
    }

    /// Only the embedding of the face at a place, without reading its picture.
    pub fn embedding(&self, place: u64, out: &mut [f32]) -> Result<()> {
        let mut bytes = [0; 2048];
        // Of names and file names, which are mostly short.
        let texts = 512;
        let wanted = (HEAD + texts + 4 * out.len()).min(bytes.len());
        let got = self.file.read_at(&mut bytes[..wanted], place)?;
        let mut reader = Reader(bytes.get(HEAD..got).context(CUT_SHORT)?);
        let numbers = match (|| Some((reader.text().ok()?, reader.text().ok()?, reader.bytes(4 * out.len()).ok()?)))() {
            Some((_, _, numbers)) => numbers.to_vec(),
            // Long names, or long vectors.
            None => {
                let body = self.body(place)?;
                let mut reader = Reader(&body);
                reader.text()?;
                reader.text()?;
                reader.bytes(4 * out.len())?.to_vec()
            }
        };
        for (out, b) in out.iter_mut().zip(numbers.chunks_exact(4)) {
            *out = f32::from_le_bytes([b[0], b[1], b[2], b[3]]);
        }
        Ok(())
    }

    /// Whether a batch of that chain ends there.
    pub fn has(file: &File, mark: Mark) -> bool {
        let mut done = [0; DONE];
        let read = mark.at.checked_sub(DONE as u64).map(|at| file.read_exact_at(&mut done, at));
        matches!(read, Some(Ok(()))) && done[HEAD..] == mark.chain.to_le_bytes() && done[..4] == *b"DONE"
    }
}

/// Where the last whole batch behind `mark` ends.
fn unknown_end(file: &File, mark: Mark, size: u64) -> Result<u64> {
    let mut scan = Scan::new(file, mark)?;
    let mut is_whole = true;
    while is_whole && scan.at < size && scan.next(size)?.is_some() {
        is_whole = scan.is_whole();
    }
    Ok(scan.mark.at)
}

/// Records, one after the other.
struct Scan<'a> {
    file: BufReader<&'a File>,
    /// Behind the last record.
    at: u64,
    /// Behind the last batch.
    mark: Mark,
    heads: Sha256,
    /// The last record.
    place: u64,
    head: Head,
    body: Vec<u8>,
}

impl<'a> Scan<'a> {
    fn new(file: &'a File, mark: Mark) -> Result<Self> {
        let mut file = BufReader::with_capacity(1 << 20, file);
        file.seek(SeekFrom::Start(mark.at))?;
        let heads = Sha256::new_with_prefix(mark.chain.to_le_bytes());
        let head = Head { kind: Kind::Gone, length: 0, check: 0 };
        Ok(Self { file, at: mark.at, mark, heads, place: mark.at, head, body: Vec::new() })
    }

    /// The next record, unless it does not end before `end` or is none.
    fn next(&mut self, end: u64) -> Result<Option<()>> {
        let mut bytes = [0; HEAD];
        if self.at + HEAD as u64 > end {
            return Ok(None);
        }
        self.file.read_exact(&mut bytes)?;
        let Some(head) = Head::read(&bytes).filter(|h| self.at + (HEAD + h.length) as u64 <= end) else { return Ok(None) };
        self.body.resize(head.length, 0);
        self.file.read_exact(&mut self.body)?;
        (self.place, self.head) = (self.at, head);
        self.at += (HEAD + head.length) as u64;
        if head.kind == Kind::Done {
            let chain = record::chain_of(std::mem::replace(&mut self.heads, Sha256::new()));
            if self.body != chain.to_le_bytes() {
                return Ok(None);
            }
            self.mark = Mark { at: self.at, chain };
            self.heads = Sha256::new_with_prefix(chain.to_le_bytes());
        } else {
            self.heads.update(bytes);
        }
        Ok(Some(()))
    }

    fn is_whole(&self) -> bool {
        crc32fast::hash(&self.body) == self.head.check
    }

    /// `missing`: faces that are not whole; they must be said to be gone.
    fn tell(
        &mut self,
        length: usize,
        missing: &mut BTreeSet<u64>,
        void: &mut u64,
        on: &mut dyn FnMut(Event) -> Result<()>,
    ) -> Result<()> {
        match (self.head.kind, self.is_whole()) {
            (Kind::Face, true) => {
                let (name, picture) = Reader(&self.body).face(length).context(DAMAGED)?;
                on(Event::Face { place: self.place, name, picture })
            }
            (Kind::Face, false) => {
                missing.insert(self.place);
                *void += self.body.len() as u64;
                Ok(())
            }
            (Kind::Gone, true) => self.body.chunks_exact(8).try_for_each(|place| {
                let place = u64::from_le_bytes(std::array::from_fn(|i| place[i]));
                missing.remove(&place);
                on(Event::Gone { place })
            }),
            (Kind::Done, true) => Ok(()),
            (_, false) => bail!(DAMAGED),
        }
    }
}

/// A file written whole, batch after batch.
pub struct Writer {
    file: File,
    mark: Mark,
    batch: Batch,
}

/// Bytes of a batch, or a little more.
const BATCH: usize = 1 << 22;

impl Writer {
    pub fn new(file: File, embedder: &EmbedderId) -> Result<Self> {
        let head = record::start(embedder)?;
        file.write_all_at(&head, 0)?;
        Ok(Self { file, mark: Mark { at: head.len() as u64, chain: 0 }, batch: Batch::after(0) })
    }

    /// Adds the body of a face and says where it will lie.
    pub fn face(&mut self, body: &[u8]) -> Result<u64> {
        if self.batch.bytes.len() > BATCH {
            self.flush()?;
        }
        Ok(self.mark.at + self.batch.copy(body)? as u64)
    }

    fn flush(&mut self) -> Result<()> {
        let chain = self.batch.done()?;
        self.file.write_all_at(&self.batch.bytes, self.mark.at)?;
        self.mark = Mark { at: self.mark.at + self.batch.bytes.len() as u64, chain };
        self.batch = Batch::after(chain);
        Ok(())
    }

    /// Ends the file, and returns when it is on the disk.
    pub fn finish(mut self) -> Result<(File, Mark)> {
        self.flush()?;
        self.file.write_all_at(&record::end(self.mark.at), 16)?;
        self.file.sync_all()?;
        Ok((self.file, self.mark))
    }
}
