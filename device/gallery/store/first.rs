//! The first format of gallery files, which this program reads and no longer writes: the next save makes the present one of it.
//!
//! Numbers and texts as in [`record`](super::record).
//!
//! | bytes | what |
//! |---|---|
//! | 8 + 4 | `LOOKGAL` and a line feed; format version, 1 |
//! | 8 | bytes of payload; nothing follows it |
//! | 32 | SHA-256 of the payload |
//! | payload | embedder: text name, text sha256, u32 length, u8 metric (0 L2, 1 cosine); u32 people; |
//! | | per person, in order of names: text name, u32 pictures; |
//! | | per picture: text file name, length x f32, u32 count and that many bytes of JPEG |

use super::record::{CUT_SHORT, DAMAGED, Reader};
use crate::gallery::{EmbedderId, Person, Picture};
use anyhow::{Context, Result, ensure};
use sha2::{Digest, Sha256};
use std::io::Read;

const HEADER: usize = 8 + 4 + 8 + 32;
/// Above what was ever written, far below what would choke a board.
const LARGEST: u64 = 1 << 29;

/// Reads people back. Errors say what is wrong with the file and what to do, not which file it is.
pub fn decode(mut file: impl Read, embedder: &EmbedderId) -> Result<Vec<Person>> {
    let mut head = Vec::new();
    file.by_ref().take(HEADER as u64).read_to_end(&mut head)?;
    ensure!(head.len() == HEADER, CUT_SHORT);
    let mut head = Reader(&head[12..]);
    let expected = u64::from_le_bytes(head.array()?);
    ensure!(expected <= LARGEST, DAMAGED);
    let mut payload = Vec::new();
    file.take(expected + 1).read_to_end(&mut payload)?;
    ensure!(payload.len() as u64 >= expected, CUT_SHORT);
    ensure!(payload.len() as u64 == expected && Sha256::digest(&payload)[..] == *head.0, DAMAGED);
    let mut payload = Reader(&payload);
    payload.embedder(embedder)?;
    people(&mut payload, embedder.length).context(DAMAGED)
}

fn people(reader: &mut Reader, length: usize) -> Result<Vec<Person>> {
    let mut people: Vec<Person> = Vec::new();
    for _ in 0..reader.count()? {
        let mut person = Person { name: reader.text()?.to_owned(), pictures: Vec::new() };
        ensure!(people.last().is_none_or(|p| p.name < person.name), "names are not in order");
        for _ in 0..reader.count()? {
            let file = reader.text()?.to_owned();
            let embedding = reader.embedding(length)?;
            let thumbnail = reader.count()?;
            person.pictures.push(Picture { file, embedding, thumbnail: reader.bytes(thumbnail)?.to_vec() });
        }
        ensure!(!person.pictures.is_empty(), "{} has no picture", person.name);
        people.push(person);
    }
    ensure!(reader.0.is_empty(), "bytes are left over");
    Ok(people)
}

#[cfg(test)]
pub mod tests {
    use super::*;
    use crate::gallery::store::record::MAGIC;
    use crate::types::{Embedding, Metric};
    use proptest::prelude::*;

    fn embedder() -> EmbedderId {
        EmbedderId { name: "net".into(), sha256: "ab".repeat(32), length: 4, metric: Metric::L2 }
    }

    pub fn people() -> Vec<Person> {
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

    fn text(text: &str) -> Vec<u8> {
        [&(text.len() as u16).to_le_bytes(), text.as_bytes()].concat()
    }

    fn count(count: usize) -> [u8; 4] {
        (count as u32).to_le_bytes()
    }

    fn payload(people: &[Person], embedder: &EmbedderId) -> Vec<u8> {
        let mut out = [text(&embedder.name), text(&embedder.sha256), count(embedder.length).into(), vec![0]].concat();
        out.extend(count(people.len()));
        for person in people {
            out.extend([text(&person.name), count(person.pictures.len()).into()].concat());
            for picture in &person.pictures {
                out.extend(text(&picture.file));
                out.extend(picture.embedding.0.iter().flat_map(|v| v.to_le_bytes()));
                out.extend(count(picture.thumbnail.len()));
                out.extend(&picture.thumbnail);
            }
        }
        out
    }

    /// The payload with a right checksum, as a broken writer would leave it.
    fn sealed(payload: &[u8]) -> Vec<u8> {
        let length = payload.len() as u64;
        [&MAGIC[..], &1u32.to_le_bytes(), &length.to_le_bytes(), &Sha256::digest(payload), payload].concat()
    }

    /// A file as that format's writers left it.
    pub fn encode(people: &[Person], embedder: &EmbedderId) -> Vec<u8> {
        sealed(&payload(people, embedder))
    }

    fn complaint(bytes: &[u8]) -> String {
        format!("{:#}", decode(bytes, &embedder()).unwrap_err())
    }

    #[test]
    fn people_come_back_as_they_were() {
        assert_eq!(decode(&encode(&people(), &embedder())[..], &embedder()).unwrap(), people());
        assert_eq!(decode(&encode(&[], &embedder())[..], &embedder()).unwrap(), []);
    }

    #[test]
    fn cut_short_anywhere_is_an_error() {
        let bytes = encode(&people(), &embedder());
        for length in 0..bytes.len() {
            assert!(complaint(&bytes[..length]).contains("cut short"), "{length}");
        }
    }

    #[test]
    fn any_flipped_bit_is_an_error() {
        let bytes = encode(&people(), &embedder());
        // Magic and version are looked at before.
        for bit in 12 * 8..bytes.len() * 8 {
            let mut damaged = bytes.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            assert!(decode(&damaged[..], &embedder()).is_err(), "bit {bit}");
        }
    }

    #[test]
    fn bytes_after_the_end_are_an_error() {
        let mut bytes = encode(&people(), &embedder());
        bytes.push(0);
        assert!(complaint(&bytes).contains("damaged"));
    }

    #[test]
    fn huge_counts_allocate_nothing() {
        let mut payload = payload(&people(), &embedder());
        let people_at = 2 + 3 + 2 + 64 + 4 + 1;
        payload[people_at..people_at + 4].copy_from_slice(&u32::MAX.to_le_bytes());
        assert!(complaint(&sealed(&payload)).contains("damaged"));
        let mut claim = encode(&people(), &embedder());
        claim[12..20].copy_from_slice(&u64::MAX.to_le_bytes());
        assert!(complaint(&claim).contains("damaged"));
    }

    proptest! {
        #[test]
        fn garbage_never_panics(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            prop_assert!(decode(&bytes[..], &embedder()).is_err());
            let mut payload = payload(&[], &embedder());
            payload.truncate(payload.len() - 4);
            payload.extend(&bytes);
            let _ = decode(&sealed(&payload)[..], &embedder());
        }
    }
}
