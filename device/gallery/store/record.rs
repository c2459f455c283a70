//! What a gallery file is made of, as bytes: its head, and the records behind it.
//!
//! All numbers little-endian; a text is a u16 count of bytes and that much UTF-8; a check is a CRC-32.
//!
//! | bytes | the head of the file |
//! |---|---|
//! | 8 | `LOOKGAL` and a line feed |
//! | 4 | format version, [`VERSION`] |
//! | 4 | bytes of this head |
//! | 8 + 4 | where the last finished batch ends, as far as was known when that batch was on the disk; a check of it |
//! | rest | embedder: text name, text sha256, u32 length, u8 metric (0 L2, 1 cosine); a check of all but the row before |
//!
//! | bytes | a record |
//! |---|---|
//! | 4 | kind: `FACE`, `GONE` or `DONE` |
//! | 4 | bytes of body |
//! | 4 + 4 | a check of the body; a check of the twelve bytes before |
//! | body | `FACE`: text name, text file name, length x f32, the rest is JPEG. `GONE`: u64 places of `FACE`s in this file. |
//! | | `DONE`: u64, the chain: the first eight bytes of SHA-256 of the chain before and the heads of the batch's records |
//!
//! Records up to a `DONE` are a batch: they count together or not at all. The body of a face that is `GONE` becomes zeros
//! once the batch that says so is on the disk: nothing is left of it but its length.

use crate::gallery::{EmbedderId, Picture};
use crate::types::{Embedding, Metric};
use anyhow::{Context, Result, bail, ensure};
use sha2::{Digest, Sha256};

/// The version of the file format that this build writes, and the newest that it reads.
pub const VERSION: u32 = 2;

pub const MAGIC: &[u8; 8] = b"LOOKGAL\n";
pub const CUT_SHORT: &str = "it is cut short: bring back a copy, or delete it and enrol again";
pub const DAMAGED: &str = "it is damaged: bring back a copy, or delete it and enrol again";
/// Bytes of a record before its body.
pub const HEAD: usize = 16;
/// Bytes of a `DONE`.
pub const DONE: usize = HEAD + 8;
/// Bytes of the file's head before the embedder.
pub const START: usize = 28;
/// Far above any record.
const LARGEST: u32 = 1 << 28;

/// What a record is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Face,
    Gone,
    Done,
}

/// What stands before a body.
#[derive(Clone, Copy, Debug)]
pub struct Head {
    pub kind: Kind,
    pub length: usize,
    /// Of the body.
    pub check: u32,
}

impl Head {
    /// None where these bytes are no head of a record.
    pub fn read(bytes: &[u8; HEAD]) -> Option<Self> {
        let number = |at: usize| u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]);
        let kind = match &bytes[..4] {
            b"FACE" => Kind::Face,
            b"GONE" => Kind::Gone,
            b"DONE" => Kind::Done,
            _ => return None,
        };
        let is_whole = number(12) == crc32fast::hash(&bytes[..12]) && number(4) <= LARGEST;
        is_whole.then_some(Self { kind, length: number(4) as usize, check: number(8) })
    }
}

/// A batch as it is being written.
pub struct Batch {
    pub bytes: Vec<u8>,
    heads: Sha256,
}

impl Batch {
    /// One that follows the batch of that chain; 0 for the first.
    pub fn after(chain: u64) -> Self {
        Self { bytes: Vec::new(), heads: Sha256::new_with_prefix(chain.to_le_bytes()) }
    }

    /// Adds a picture and says where in the batch.
    pub fn face(&mut self, name: &str, picture: &Picture) -> Result<usize> {
        self.record(b"FACE", &face(name, picture)?)
    }

    /// Says that these faces count no more.
    pub fn gone(&mut self, places: &[u64]) -> Result<()> {
        let body: Vec<u8> = places.iter().flat_map(|p| p.to_le_bytes()).collect();
        self.record(b"GONE", &body).map(drop)
    }

    /// A record whose body is there already.
    pub fn copy(&mut self, body: &[u8]) -> Result<usize> {
        self.record(b"FACE", body)
    }

    /// Closes it: its bytes are complete then, and the chain is handed out.
    pub fn done(&mut self) -> Result<u64> {
        let chain = chain_of(self.heads.clone());
        self.record(b"DONE", &chain.to_le_bytes())?;
        Ok(chain)
    }

    fn record(&mut self, kind: &[u8; 4], body: &[u8]) -> Result<usize> {
        let at = self.bytes.len();
        let length = u32::try_from(body.len()).ok().filter(|&l| l <= LARGEST).context("a record would be too large")?;
        self.bytes.extend(kind);
        self.bytes.extend(length.to_le_bytes());
        self.bytes.extend(crc32fast::hash(body).to_le_bytes());
        let check = crc32fast::hash(&self.bytes[at..]);
        self.bytes.extend(check.to_le_bytes());
        self.heads.update(&self.bytes[at..]);
        self.bytes.extend(body);
        Ok(at)
    }
}

/// The body of a `FACE`.
pub fn face(name: &str, picture: &Picture) -> Result<Vec<u8>> {
    let mut body = Vec::new();
    put_text(&mut body, name)?;
    put_text(&mut body, &picture.file)?;
    body.extend(picture.embedding.0.iter().flat_map(|v| v.to_le_bytes()));
    body.extend(&picture.thumbnail);
    Ok(body)
}

/// The chain of a batch whose records' heads, but for the `DONE`, were hashed after the chain before.
pub fn chain_of(heads: Sha256) -> u64 {
    let digest = heads.finalize();
    u64::from_le_bytes(std::array::from_fn(|i| digest[i]))
}

/// The head of a file without any batch.
pub fn start(embedder: &EmbedderId) -> Result<Vec<u8>> {
    let mut out = [&MAGIC[..], &VERSION.to_le_bytes(), &[0; 16]].concat();
    put_text(&mut out, &embedder.name)?;
    put_text(&mut out, &embedder.sha256)?;
    out.extend(u32::try_from(embedder.length).context("an embedding of more than 4 billion numbers")?.to_le_bytes());
    out.push(metric_code(embedder.metric));
    let length = out.len() + 4;
    out[12..16].copy_from_slice(&(length as u32).to_le_bytes());
    let check = crc32fast::hash(&[&out[..16], &out[START..]].concat());
    out.extend(check.to_le_bytes());
    out[16..START].copy_from_slice(&end(length as u64));
    Ok(out)
}

/// The twelve bytes, 16 from the start, that say where the last finished batch ends.
pub fn end(at: u64) -> [u8; 12] {
    let mut bytes = [0; 12];
    bytes[..8].copy_from_slice(&at.to_le_bytes());
    let check = crc32fast::hash(&bytes[..8]);
    bytes[8..].copy_from_slice(&check.to_le_bytes());
    bytes
}

/// Checks the head of a file and says how long it is and where the last finished batch ends. `bytes` are the file's first, a few
/// thousand where there are as many.
pub fn read_start(bytes: &[u8], embedder: &EmbedderId) -> Result<[u64; 2]> {
    ensure!(bytes.len() >= START, CUT_SHORT);
    let mut reader = Reader(&bytes[12..]);
    let length = reader.count()?;
    ensure!(length > START + 4, DAMAGED);
    ensure!(bytes.len() >= length, if length > 1 << 18 { DAMAGED } else { CUT_SHORT });
    let at = u64::from_le_bytes(reader.array()?);
    let (sealed, check) = (&bytes[..length - 4], &bytes[length - 4..length]);
    let is_whole = crc32fast::hash(&[&sealed[..16], &sealed[START..]].concat()).to_le_bytes() == *check;
    ensure!(is_whole && bytes[16..START] == end(at) && at >= length as u64, DAMAGED);
    Reader(&sealed[START..]).embedder(embedder)?;
    Ok([length as u64, at])
}

/// Whether these are the first bytes of a gallery, and of which version. Errors say what is wrong with the file and what to
/// do, not which file it is.
pub fn version(bytes: &[u8]) -> Result<u32> {
    let magic = &bytes[..bytes.len().min(8)];
    ensure!(!bytes.is_empty() && MAGIC.starts_with(magic), "it is not a gallery: name a file that `lookalike enroll` wrote");
    let version = u32::from_le_bytes(bytes.get(8..12).context(CUT_SHORT)?.try_into()?);
    ensure!(
        version <= VERSION,
        "it is from a newer Lookalike (format {version}; this program reads up to {VERSION}): update this program"
    );
    ensure!(version > 0, DAMAGED);
    Ok(version)
}

fn put_text(out: &mut Vec<u8>, text: &str) -> Result<()> {
    let length = u16::try_from(text.len()).ok().context("a text is longer than 65535 bytes")?;
    out.extend(length.to_le_bytes());
    out.extend(text.as_bytes());
    Ok(())
}

fn metric_code(metric: Metric) -> u8 {
    match metric {
        Metric::L2 => 0,
        Metric::Cosine => 1,
    }
}

/// What is left to read. Counts in the file only ever bound loops that run out of bytes: nothing is allocated by them.
pub struct Reader<'a>(pub &'a [u8]);

impl<'a> Reader<'a> {
    pub fn bytes(&mut self, count: usize) -> Result<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count).context("it ends too early")?;
        self.0 = rest;
        Ok(taken)
    }

    pub fn array<const N: usize>(&mut self) -> Result<[u8; N]> {
        Ok(self.bytes(N)?.try_into()?)
    }

    pub fn count(&mut self) -> Result<usize> {
        Ok(u32::from_le_bytes(self.array()?) as usize)
    }

    pub fn text(&mut self) -> Result<&'a str> {
        let length = u16::from_le_bytes(self.array()?);
        Ok(std::str::from_utf8(self.bytes(length.into())?)?)
    }

    pub fn embedding(&mut self, length: usize) -> Result<Embedding> {
        let numbers = self.bytes(length * 4)?.chunks_exact(4);
        let embedding: Vec<f32> = numbers.map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect();
        ensure!(embedding.iter().all(|v| v.is_finite()), "an embedding is not finite");
        Ok(Embedding(embedding))
    }

    /// The body of a `FACE`: whose, and what.
    pub fn face(&mut self, length: usize) -> Result<(&'a str, Picture)> {
        let (name, file) = (self.text()?, self.text()?.to_owned());
        let embedding = self.embedding(length)?;
        Ok((name, Picture { file, embedding, thumbnail: std::mem::take(&mut self.0).to_vec() }))
    }

    pub fn embedder(&mut self, expected: &EmbedderId) -> Result<()> {
        let (name, sha256, length) = (self.text()?, self.text()?, self.count()?);
        let [metric] = self.array()?;
        if name != expected.name || !sha256.eq_ignore_ascii_case(&expected.sha256) {
            bail!(
                "its people were enrolled with the embedder `{name}` (sha256 {}), but `{}` (sha256 {}) is in use: choose that \
                 embedder again, or enrol into a new file",
                short(sha256),
                expected.name,
                short(&expected.sha256)
            );
        }
        ensure!(
            length == expected.length && metric == metric_code(expected.metric),
            "its embeddings have {length} numbers and metric {}, but the manifest says {} and {:?} for `{name}`: put the \
             manifest right, or enrol into a new file",
            if metric == 0 { "L2" } else { "Cosine" },
            expected.length,
            expected.metric
        );
        Ok(())
    }
}

fn short(sha256: &str) -> String {
    sha256.chars().take(12).collect()
}
