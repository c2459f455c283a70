//! The bytes of IDX files in (Y. LeCun, "The MNIST database": big-endian magic number, one length per axis, then bytes), digits
//! out.

use super::{Shape, Tiles};
use anyhow::{Result, ensure};

/// Pictures and what they show.
#[derive(Clone, Debug, PartialEq)]
pub struct Digits {
    /// 0 (ground) to 1 (ink).
    pub pictures: Tiles,
    /// The class of each, 0 to 9.
    pub labels: Vec<u8>,
}

/// Unsigned bytes, three axes.
const IMAGES: u32 = 0x0803;
/// Unsigned bytes, one axis.
const LABELS: u32 = 0x0801;

impl Digits {
    /// Reads a file of pictures and the file of their labels.
    ///
    /// # Errors
    /// Where one is no IDX file of its kind or is cut short, or where they are not of the same number.
    pub fn parse(images: &[u8], labels: &[u8]) -> Result<Self> {
        let (sizes, pixels) = body::<3>(images, IMAGES, "pictures")?;
        let (counts, classes) = body::<1>(labels, LABELS, "labels")?;
        let [count, height, width] = sizes;
        ensure!(counts[0] == count, "{count} pictures and {} labels do not belong together", counts[0]);
        ensure!(count > 0 && height * width > 0, "there are no pictures in it");
        ensure!(classes.iter().all(|&class| class < 10), "a label is no digit");
        let values = pixels.iter().map(|&byte| f32::from(byte) / 255.0).collect();
        Ok(Self { pictures: Tiles::new(Shape { channels: 1, height, width }, values)?, labels: classes.to_vec() })
    }

    /// How many.
    pub fn count(&self) -> usize {
        self.labels.len()
    }

    /// One of the given class, the `nth` of them, counted round; `None` where there is none of it.
    pub fn of_class(&self, class: u8, nth: usize) -> Option<usize> {
        let all: Vec<usize> = (0..self.count()).filter(|&i| self.labels[i] == class).collect();
        (!all.is_empty()).then(|| all[nth % all.len()])
    }
}

fn body<'a, const AXES: usize>(file: &'a [u8], magic: u32, what: &str) -> Result<([usize; AXES], &'a [u8])> {
    let word = |i: usize| file.get(4 * i..4 * i + 4).and_then(|b| Some(u32::from_be_bytes(b.try_into().ok()?)));
    ensure!(word(0) == Some(magic), "it is no uncompressed IDX file of {what}");
    let sizes: Option<Vec<usize>> = (1..=AXES).map(|i| word(i).map(|n| n as usize)).collect();
    let sizes: Option<[usize; AXES]> = sizes.and_then(|sizes| sizes.try_into().ok());
    let length = sizes.and_then(|s| s.iter().try_fold(1usize, |all, &n| all.checked_mul(n)));
    let bytes = &file[(4 + 4 * AXES).min(file.len())..];
    match (sizes, length) {
        (Some(sizes), Some(length)) if length == bytes.len() => Ok((sizes, bytes)),
        _ => anyhow::bail!("the IDX file of {what} is cut short or too long: copy it again, or run `make models`"),
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A file of pictures.
    pub fn images(count: u32, side: u32, pixel: impl Fn(u32) -> u8) -> Vec<u8> {
        let head = [IMAGES, count, side, side].map(u32::to_be_bytes).concat();
        head.into_iter().chain((0..count * side * side).map(pixel)).collect()
    }

    pub fn labels(classes: &[u8]) -> Vec<u8> {
        [&[LABELS, classes.len() as u32].map(u32::to_be_bytes).concat()[..], classes].concat()
    }

    #[test]
    fn pictures_and_labels_are_read() {
        let digits = Digits::parse(&images(2, 3, |i| if i < 9 { 0 } else { 255 }), &labels(&[4, 7])).unwrap();
        assert_eq!((digits.count(), digits.pictures.get(0), digits.pictures.get(1)), (2, &[0.0; 9][..], &[1.0; 9][..]));
        assert_eq!((digits.of_class(7, 5), digits.of_class(3, 0)), (Some(1), None));
    }

    #[test]
    fn what_is_cut_short_packed_or_of_another_kind_is_refused_in_words() {
        let (good, names) = (images(2, 3, |_| 0), labels(&[4, 7]));
        let complaint = |images: &[u8], labels: &[u8]| Digits::parse(images, labels).unwrap_err().to_string();
        assert!(complaint(&good[..20], &names).contains("cut short"));
        assert!(complaint(&good[..7], &names).contains("cut short"));
        assert!(complaint(&[0x1f, 0x8b, 8, 0], &names).contains("no uncompressed IDX file of pictures"));
        assert!(complaint(&good, &good).contains("IDX file of labels"));
        assert!(complaint(&good, &labels(&[1])).contains("2 pictures and 1 labels"));
        assert!(complaint(&good, &labels(&[1, 11])).contains("no digit"));
        assert!(complaint(&[], &[]).contains("no uncompressed"));
        let huge = [IMAGES, u32::MAX, u32::MAX, u32::MAX].map(u32::to_be_bytes).concat();
        assert!(complaint(&huge, &names).contains("cut short"));
    }
}
