//! Bytes as they come in, whole pictures out.

use std::time::Instant;

/// More than any picture of a booth's camera has; a stream without an end of picture is given up here.
const LARGEST_BYTES: usize = 64 << 20;

/// Where one picture ends and the next begins.
enum Rule {
    /// All have so many bytes.
    Equal(usize),
    /// From a JPEG's start mark to its end mark.
    Jpegs(Scan),
}

/// How far a JPEG was read (ITU-T T.81, annex B).
#[derive(Clone, Copy, Default)]
struct Scan {
    /// The next byte to look at, counted from the picture's start.
    at: usize,
    /// Within the compressed pixels, where marks are searched for; otherwise within segments that say their length.
    is_in_pixels: bool,
}

/// See the module.
pub struct Splitter {
    rule: Rule,
    /// The picture that was handed out last, then what came after it.
    bytes: Vec<u8>,
    /// Bytes of that picture.
    whole: usize,
    /// When its first byte came, and the first byte of what came after it.
    taken: Instant,
    next: Instant,
}

impl Splitter {
    /// Pictures of so many bytes.
    pub fn equal(bytes: usize) -> Self {
        Self::new(Rule::Equal(bytes.max(1)))
    }

    /// JPEGs. What lies between them is skipped.
    pub fn jpegs() -> Self {
        Self::new(Rule::Jpegs(Scan::default()))
    }

    fn new(rule: Rule) -> Self {
        Self { rule, bytes: Vec::new(), whole: 0, taken: Instant::now(), next: Instant::now() }
    }

    /// More of the stream.
    pub fn push(&mut self, bytes: &[u8]) {
        if !self.has_more() {
            self.next = Instant::now();
        }
        if self.bytes.len() - self.whole > LARGEST_BYTES {
            self.bytes.truncate(self.whole);
            if let Rule::Jpegs(scan) = &mut self.rule {
                *scan = Scan::default();
            }
        }
        self.bytes.extend_from_slice(bytes);
    }

    /// Goes to the next picture, if it is there whole, and drops the one before.
    pub fn advance(&mut self) -> bool {
        let length = match &mut self.rule {
            Rule::Equal(bytes) => Some(*bytes).filter(|bytes| self.bytes.len() - self.whole >= *bytes),
            Rule::Jpegs(scan) => jpeg(&mut self.bytes, self.whole, scan),
        };
        let Some(length) = length else { return false };
        self.bytes.drain(..self.whole);
        self.whole = length;
        (self.taken, self.next) = (self.next, Instant::now());
        true
    }

    /// The picture; empty before the first one.
    pub fn picture(&self) -> &[u8] {
        &self.bytes[..self.whole]
    }

    /// When the picture's first byte came, or was found behind the picture before.
    pub fn taken(&self) -> Instant {
        self.taken
    }

    /// Something came behind the picture.
    pub fn has_more(&self) -> bool {
        self.bytes.len() > self.whole
    }
}

/// The length of the JPEG that begins at `from`, once it is whole. What is no JPEG is cut out before it.
fn jpeg(bytes: &mut Vec<u8>, from: usize, scan: &mut Scan) -> Option<usize> {
    loop {
        if scan.at == 0 {
            let rest = &bytes[from..];
            let start = rest.windows(2).position(|pair| pair == [0xff, 0xd8]);
            let junk = start.unwrap_or(rest.len() - usize::from(rest.last() == Some(&0xff)));
            bytes.drain(from..from + junk);
            start?;
            *scan = Scan { at: 2, is_in_pixels: false };
        }
        let picture = &bytes[from..];
        if scan.is_in_pixels {
            // A mark that is neither a byte 0xff of pixels (00), nor a restart (d0 to d7), nor filling.
            let is_mark = |pair: &[u8]| pair[0] == 0xff && !matches!(pair[1], 0 | 0xd0..=0xd7 | 0xff);
            let Some(found) = picture.get(scan.at..)?.windows(2).position(is_mark) else {
                scan.at = scan.at.max(picture.len().saturating_sub(1));
                return None;
            };
            (scan.at, scan.is_in_pixels) = (scan.at + found, false);
        }
        match *picture.get(scan.at..scan.at + 2)? {
            [0xff, 0xd9] => {
                let length = scan.at + 2;
                *scan = Scan::default();
                return Some(length);
            }
            [0xff, 0xff] => scan.at += 1,
            [0xff, code] => {
                let length = picture.get(scan.at + 2..scan.at + 4)?;
                scan.at += 2 + usize::from(u16::from_be_bytes([length[0], length[1]])).max(2);
                scan.is_in_pixels = code == 0xda;
            }
            _ => {
                // No JPEG after all: go on behind its start mark.
                *scan = Scan::default();
                bytes.drain(from..from + 2);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Start, a segment that holds an end mark, pixels with a stuffed byte and a restart mark, end.
    const JPEG: &[u8] = b"\xff\xd8\xff\xe1\x00\x06\xff\xd8\xff\xd9\xff\xda\x00\x04ab\x01\xff\x00\x02\xff\xd3\x03\xff\xd9";

    fn split(splitter: &mut Splitter, stream: &[u8], chunk: usize) -> Vec<Vec<u8>> {
        let mut pictures = Vec::new();
        for bytes in stream.chunks(chunk) {
            splitter.push(bytes);
            while splitter.advance() {
                pictures.push(splitter.picture().to_vec());
            }
        }
        pictures
    }

    #[test]
    fn equal_pictures_are_cut_at_their_size() {
        let stream: Vec<u8> = (0..25).collect();
        for chunk in 1..30 {
            assert_eq!(split(&mut Splitter::equal(10), &stream, chunk), [&stream[..10], &stream[10..20]]);
        }
    }

    #[test]
    fn jpegs_end_at_their_own_end_mark_and_junk_between_them_is_skipped() {
        let stream = [b"\0\xffjunk", JPEG, JPEG, b"\xff\xff", JPEG, b"\xff\xd8\xff"].concat();
        for chunk in 1..stream.len() {
            assert_eq!(split(&mut Splitter::jpegs(), &stream, chunk), [JPEG; 3], "in pieces of {chunk}");
        }
    }

    #[test]
    fn a_start_mark_without_a_jpeg_is_passed_over() {
        assert_eq!(split(&mut Splitter::jpegs(), &[b"\xff\xd8nothing", JPEG].concat(), 3), [JPEG]);
    }

    #[test]
    fn a_stream_without_end_is_given_up() {
        let mut splitter = Splitter::jpegs();
        splitter.push(b"\xff\xd8\xff\xda\0\x02");
        for _ in 0..=LARGEST_BYTES >> 20 {
            splitter.push(&vec![0; 1 << 20]);
            assert!(!splitter.advance());
        }
        assert!(splitter.bytes.len() <= LARGEST_BYTES + (1 << 20));
    }

    proptest! {
        #[test]
        fn any_bytes_are_survived(
            stream in proptest::collection::vec(prop_oneof![Just(0xff), Just(0xd8), Just(0xda), any::<u8>()], 0..400),
            chunk in 1usize..50,
        ) {
            split(&mut Splitter::jpegs(), &stream, chunk);
        }
    }
}
