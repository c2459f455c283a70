//! People to bytes and back: the gallery's file format, the embedder checked on the way in.
//!
//! All numbers little-endian; a text is a u16 count of bytes and that much UTF-8.
//!
//! | bytes | what |
//! |---|---|
//! | 8 | `LOOKGAL` and a line feed |
//! | 4 | format version, [`VERSION`] |
//! | 8 | bytes of payload; nothing follows it |
//! | 32 | SHA-256 of the payload |
//! | payload | embedder: text name, text sha256, u32 length, u8 metric (0 L2, 1 cosine); u32 people; |
//! | | per person, in order of names: text name, u32 pictures; |
//! | | per picture: text file name, length x f32, u32 count and that many bytes of JPEG |

use super::{EmbedderId, Person, Picture};
use crate::types::{Embedding, Metric};
use anyhow::{Context, Result, bail, ensure};
use sha2::{Digest, Sha256};
use std::io::Read;

/// The version of the file format that this build writes, and the newest that it reads.
pub const VERSION: u32 = 1;

const MAGIC: &[u8; 8] = b"LOOKGAL\n";
const HEADER: usize = 8 + 4 + 8 + 32;
/// Far above any gallery (10,000 pictures take about 50 MB), far below what would choke a board.
const LARGEST: u64 = 1 << 29;

/// The whole file. People must be in the order of their names.
pub fn encode(people: &[Person], embedder: &EmbedderId) -> Result<Vec<u8>> {
    let mut out = vec![0; HEADER];
    put_text(&mut out, &embedder.name)?;
    put_text(&mut out, &embedder.sha256)?;
    put_count(&mut out, embedder.length)?;
    out.push(metric_code(embedder.metric));
    put_count(&mut out, people.len())?;
    for person in people {
        put_text(&mut out, &person.name)?;
        put_count(&mut out, person.pictures.len())?;
        for picture in &person.pictures {
            put_text(&mut out, &picture.file)?;
            ensure!(picture.embedding.0.len() == embedder.length, "an embedding of {} has another length", person.name);
            out.extend(picture.embedding.0.iter().flat_map(|v| v.to_le_bytes()));
            put_count(&mut out, picture.thumbnail.len())?;
            out.extend(&picture.thumbnail);
        }
    }
    ensure!(out.len() as u64 <= LARGEST, "the gallery would be larger than {LARGEST} bytes: remove people first");
    let payload = (out.len() - HEADER) as u64;
    let digest = Sha256::digest(&out[HEADER..]);
    out[..8].copy_from_slice(MAGIC);
    out[8..12].copy_from_slice(&VERSION.to_le_bytes());
    out[12..20].copy_from_slice(&payload.to_le_bytes());
    out[20..52].copy_from_slice(&digest);
    Ok(out)
}

fn put_text(out: &mut Vec<u8>, text: &str) -> Result<()> {
    let length = u16::try_from(text.len()).ok().context("a text is longer than 65535 bytes")?;
    out.extend(length.to_le_bytes());
    out.extend(text.as_bytes());
    Ok(())
}

fn put_count(out: &mut Vec<u8>, count: usize) -> Result<()> {
    out.extend(u32::try_from(count).ok().context("more than 4 billion of something")?.to_le_bytes());
    Ok(())
}

fn metric_code(metric: Metric) -> u8 {
    match metric {
        Metric::L2 => 0,
        Metric::Cosine => 1,
    }
}

/// Reads people back. Errors say what is wrong with the file and what to do, not which file it is.
pub fn decode(mut file: impl Read, embedder: &EmbedderId) -> Result<Vec<Person>> {
    const CUT_SHORT: &str = "it is cut short: bring back a copy, or delete it and enrol again";
    const DAMAGED: &str = "it is damaged: bring back a copy, or delete it and enrol again";
    let mut head = Vec::new();
    file.by_ref().take(HEADER as u64).read_to_end(&mut head)?;
    let magic = &head[..head.len().min(8)];
    ensure!(!head.is_empty() && MAGIC.starts_with(magic), "it is not a gallery: name a file that `lookalike enroll` wrote");
    ensure!(head.len() == HEADER, CUT_SHORT);
    let mut head = Reader(&head[8..]);
    let version = u32::from_le_bytes(head.array()?);
    ensure!(
        version <= VERSION,
        "it is from a newer Lookalike (format {version}; this program reads up to {VERSION}): update this program"
    );
    let expected = u64::from_le_bytes(head.array()?);
    ensure!(version > 0 && expected <= LARGEST, DAMAGED);
    let mut payload = Vec::new();
    file.take(expected + 1).read_to_end(&mut payload)?;
    ensure!(payload.len() as u64 >= expected, CUT_SHORT);
    ensure!(payload.len() as u64 == expected && Sha256::digest(&payload)[..] == *head.0, DAMAGED);
    let mut payload = Reader(&payload);
    payload.embedder(embedder)?;
    payload.people(embedder.length).context(DAMAGED)
}

/// What is left to read. Counts in the file only ever bound loops that run out of bytes: nothing is allocated by them.
struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    fn bytes(&mut self, count: usize) -> Result<&[u8]> {
        let (taken, rest) = self.0.split_at_checked(count).context("it ends too early")?;
        self.0 = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N]> {
        Ok(self.bytes(N)?.try_into()?)
    }

    fn count(&mut self) -> Result<usize> {
        Ok(u32::from_le_bytes(self.array()?) as usize)
    }

    fn text(&mut self) -> Result<String> {
        let length = u16::from_le_bytes(self.array()?);
        Ok(std::str::from_utf8(self.bytes(length.into())?)?.to_owned())
    }

    fn embedder(&mut self, expected: &EmbedderId) -> Result<()> {
        let (name, sha256, length) = (self.text()?, self.text()?, self.count()?);
        let [metric] = self.array()?;
        if name != expected.name || !sha256.eq_ignore_ascii_case(&expected.sha256) {
            bail!(
                "its people were enrolled with the embedder `{name}` (sha256 {}), but `{}` (sha256 {}) is in use: choose that \
                 embedder again, or enrol into a new file",
                short(&sha256),
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

    fn people(&mut self, length: usize) -> Result<Vec<Person>> {
        let mut people: Vec<Person> = Vec::new();
        for _ in 0..self.count()? {
            let mut person = Person { name: self.text()?, pictures: Vec::new() };
            ensure!(people.last().is_none_or(|p| p.name < person.name), "names are not in order");
            for _ in 0..self.count()? {
                person.pictures.push(self.picture(length)?);
            }
            ensure!(!person.pictures.is_empty(), "{} has no picture", person.name);
            people.push(person);
        }
        ensure!(self.0.is_empty(), "bytes are left over");
        Ok(people)
    }

    fn picture(&mut self, length: usize) -> Result<Picture> {
        let file = self.text()?;
        let numbers = self.bytes(length * 4)?.chunks_exact(4);
        let embedding: Vec<f32> = numbers.map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect();
        ensure!(embedding.iter().all(|v| v.is_finite()), "an embedding is not finite");
        let thumbnail = self.count()?;
        Ok(Picture { file, embedding: Embedding(embedding), thumbnail: self.bytes(thumbnail)?.to_vec() })
    }
}

fn short(sha256: &str) -> String {
    sha256.chars().take(12).collect()
}
#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn embedder() -> EmbedderId {
        EmbedderId { name: "net".into(), sha256: "ab".repeat(32), length: 4, metric: Metric::L2 }
    }

    fn people() -> Vec<Person> {
        let picture = |file: &str, v: f32| Picture {
            file: file.into(),
            embedding: Embedding(vec![v, -v, 0.5, 1e-9]),
            thumbnail: vec![1, 2, 3],
        };
        vec![
            Person { name: "Ada Lovelace".into(), pictures: vec![picture("a.jpg", 1.0), picture("b.jpg", 2.0)] },
            Person { name: "José".into(), pictures: vec![picture("c.jpg", 3.0)] },
        ]
    }

    fn complaint(bytes: &[u8], embedder: &EmbedderId) -> String {
        format!("{:#}", decode(bytes, embedder).unwrap_err())
    }

    #[test]
    fn people_come_back_as_they_were() {
        let bytes = encode(&people(), &embedder()).unwrap();
        assert_eq!(decode(&bytes[..], &embedder()).unwrap(), people());
        let none = encode(&[], &embedder()).unwrap();
        assert_eq!(decode(&none[..], &embedder()).unwrap(), []);
    }

    #[test]
    fn cut_short_anywhere_is_an_error() {
        let bytes = encode(&people(), &embedder()).unwrap();
        for length in 0..bytes.len() {
            let complaint = complaint(&bytes[..length], &embedder());
            assert!(complaint.contains(if length == 0 { "not a gallery" } else { "cut short" }), "{length}: {complaint}");
        }
    }

    #[test]
    fn any_flipped_bit_is_an_error() {
        let bytes = encode(&people(), &embedder()).unwrap();
        for bit in 0..bytes.len() * 8 {
            let mut damaged = bytes.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            assert!(decode(&damaged[..], &embedder()).is_err(), "bit {bit}");
        }
    }

    #[test]
    fn bytes_after_the_end_are_an_error() {
        let mut bytes = encode(&people(), &embedder()).unwrap();
        bytes.push(0);
        assert!(complaint(&bytes, &embedder()).contains("damaged"));
    }

    #[test]
    fn a_newer_format_asks_for_an_update() {
        let mut bytes = encode(&people(), &embedder()).unwrap();
        bytes[8..12].copy_from_slice(&(VERSION + 1).to_le_bytes());
        assert!(complaint(&bytes, &embedder()).contains("newer Lookalike"));
    }

    #[test]
    fn other_files_are_not_galleries() {
        assert!(complaint(b"\xff\xd8\xff\xe0 a JPEG, say, of some length", &embedder()).contains("not a gallery"));
    }

    #[test]
    fn vectors_of_another_network_are_refused() {
        let bytes = encode(&people(), &embedder()).unwrap();
        let complain = |other: EmbedderId| complaint(&bytes, &other);
        assert!(complain(EmbedderId { name: "other".into(), ..embedder() }).contains("`net`"));
        assert!(complain(EmbedderId { sha256: "cd".repeat(32), ..embedder() }).contains("abababababab"));
        assert!(complain(EmbedderId { length: 5, ..embedder() }).contains("4 numbers"));
        assert!(complain(EmbedderId { metric: Metric::Cosine, ..embedder() }).contains("metric L2"));
    }

    /// The payload with a right checksum, as a broken writer would leave it.
    fn sealed(payload: &[u8]) -> Vec<u8> {
        let length = payload.len() as u64;
        [&MAGIC[..], &VERSION.to_le_bytes(), &length.to_le_bytes(), &Sha256::digest(payload), payload].concat()
    }

    #[test]
    fn huge_counts_allocate_nothing() {
        let bytes = encode(&people(), &embedder()).unwrap();
        let mut payload = bytes[HEADER..].to_vec();
        let people = 2 + 3 + 2 + 64 + 4 + 1;
        payload[people..people + 4].copy_from_slice(&u32::MAX.to_le_bytes());
        assert!(complaint(&sealed(&payload), &embedder()).contains("damaged"));
        let mut claim = bytes;
        claim[12..20].copy_from_slice(&u64::MAX.to_le_bytes());
        assert!(complaint(&claim, &embedder()).contains("damaged"));
    }

    proptest! {
        #[test]
        fn garbage_never_panics(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            prop_assert!(decode(&bytes[..], &embedder()).is_err());
            let mut payload = encode(&[], &embedder()).unwrap()[HEADER..].to_vec();
            payload.truncate(payload.len() - 4);
            payload.extend(&bytes);
            let _ = decode(&sealed(&payload)[..], &embedder());
        }
    }
}
