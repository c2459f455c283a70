//! A stream of bytes as pages with a check each, so that a little of a large file can be changed and all of it be trusted.
//!
//! A page is [`PAGE`] bytes of the stream, the last one filled up with zeros, and their CRC-32.

use anyhow::{Context, Result, ensure};
use std::fs::File;
use std::io::{Read, Write};
use std::os::unix::fs::FileExt;

/// Bytes of the stream in a page.
pub const PAGE: usize = (1 << 16) - 4;

/// Writes a stream.
pub struct PageWriter<W: Write> {
    file: W,
    page: Vec<u8>,
}

impl<W: Write> PageWriter<W> {
    pub fn new(file: W) -> Self {
        Self { file, page: Vec::with_capacity(PAGE + 4) }
    }

    pub fn put(&mut self, mut bytes: &[u8]) -> Result<()> {
        while !bytes.is_empty() {
            let (now, later) = bytes.split_at(bytes.len().min(PAGE - self.page.len()));
            self.page.extend_from_slice(now);
            bytes = later;
            if self.page.len() == PAGE {
                self.flush()?;
            }
        }
        Ok(())
    }

    fn flush(&mut self) -> Result<()> {
        self.page.resize(PAGE, 0);
        self.page.extend(crc32fast::hash(&self.page).to_le_bytes());
        self.file.write_all(&self.page)?;
        self.page.clear();
        Ok(())
    }

    /// Writes what is left.
    pub fn finish(mut self) -> Result<()> {
        if self.page.is_empty() { Ok(()) } else { self.flush() }
    }
}

/// Reads a stream, and fails at the first page that is not as it was written.
pub struct PageReader<R: Read> {
    file: R,
    page: Vec<u8>,
    at: usize,
}

impl<R: Read> PageReader<R> {
    pub fn new(file: R) -> Self {
        Self { file, page: vec![0; PAGE + 4], at: PAGE }
    }

    pub fn get(&mut self, mut out: &mut [u8]) -> Result<()> {
        while !out.is_empty() {
            if self.at == PAGE {
                self.file.read_exact(&mut self.page).context("a page is cut short")?;
                check(&self.page)?;
                self.at = 0;
            }
            let now = out.len().min(PAGE - self.at);
            out[..now].copy_from_slice(&self.page[self.at..self.at + now]);
            self.at += now;
            out = &mut out[now..];
        }
        Ok(())
    }

    /// So many numbers, as `number` reads them from `N` bytes.
    pub fn list<T, const N: usize>(&mut self, count: usize, number: fn([u8; N]) -> T) -> Result<Vec<T>> {
        let mut list = Vec::with_capacity(count);
        let mut bytes = vec![0; 4096 * N];
        while list.len() < count {
            let some = &mut bytes[..N * (count - list.len()).min(4096)];
            self.get(some)?;
            list.extend(some.chunks_exact(N).map(|b| number(std::array::from_fn(|i| b[i]))));
        }
        Ok(list)
    }
}

/// Puts other bytes at a place of a stream.
pub fn patch(file: &File, mut at: u64, mut bytes: &[u8]) -> Result<()> {
    let mut page = vec![0; PAGE + 4];
    while !bytes.is_empty() {
        let (number, inside) = (at / PAGE as u64, (at % PAGE as u64) as usize);
        let place = number * (PAGE as u64 + 4);
        file.read_exact_at(&mut page, place)?;
        check(&page)?;
        let (now, later) = bytes.split_at(bytes.len().min(PAGE - inside));
        if page[inside..inside + now.len()] != *now {
            page[inside..inside + now.len()].copy_from_slice(now);
            let check = crc32fast::hash(&page[..PAGE]);
            page[PAGE..].copy_from_slice(&check.to_le_bytes());
            file.write_all_at(&page, place)?;
        }
        at += now.len() as u64;
        bytes = later;
    }
    Ok(())
}

fn check(page: &[u8]) -> Result<()> {
    ensure!(crc32fast::hash(&page[..PAGE]).to_le_bytes() == page[PAGE..], "a page is damaged");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::io::{Seek, SeekFrom};

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(16))]
        #[test]
        fn streams_come_back_with_their_patches(length in 0usize..200_000, patches in prop::collection::vec((0usize..200_000, 1usize..3000), 0..5)) {
            let mut stream: Vec<u8> = (0..length).map(|i| (i * 31 % 251) as u8).collect();
            let mut file = tempfile::tempfile().unwrap();
            let mut writer = PageWriter::new(&file);
            stream.chunks(777).for_each(|chunk| writer.put(chunk).unwrap());
            writer.finish().unwrap();
            for (at, count) in patches {
                if at + count <= length {
                    patch(&file, at as u64, &vec![9; count]).unwrap();
                    stream[at..at + count].fill(9);
                }
            }
            file.seek(SeekFrom::Start(0)).unwrap();
            let mut got = vec![0; length];
            PageReader::new(&file).get(&mut got).unwrap();
            prop_assert!(got == stream);
        }
    }

    #[test]
    fn a_flipped_bit_is_an_error() {
        let file = tempfile::tempfile().unwrap();
        let mut writer = PageWriter::new(&file);
        writer.put(&[7; 100]).unwrap();
        writer.finish().unwrap();
        file.write_all_at(&[6], 50).unwrap();
        (&file).seek(SeekFrom::Start(0)).unwrap();
        assert!(PageReader::new(&file).get(&mut [0; 100]).is_err());
        assert!(patch(&file, 0, &[1]).is_err());
    }
}
