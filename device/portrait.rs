//! A picture's faces in, the one face that may be enrolled out, or the reason why none may.

use crate::types::{Chip, Face};

/// Eyes nearer to each other than this, in pixels of the picture, show too little of a face.
pub const EYES_APART_PX: f32 = 16.0;
/// Chips that vary less from pixel to pixel than this are blurred. See [`sharpness`]. Of sharp video frames under one in
/// a hundred lies below, of faces blurred by a tenth of the distance between the eyes more than nine in ten (`make eval`).
pub const SHARPNESS: f32 = 0.009;
/// Another face counts when it is at least this high, compared with the largest: people in the background do not.
const OTHER_FACE: f32 = 0.5;

/// Why a picture cannot be enrolled.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Refusal {
    /// No face was found.
    NoFace,
    /// So many faces of similar size.
    Several(usize),
    /// The eyes are so many pixels apart.
    Small(f32),
    /// The face is not sharp.
    Blurred,
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        match self {
            Refusal::NoFace => write!(f, "no face found: use a photo that shows the face from the front"),
            Refusal::Several(n) => write!(f, "{n} faces: cut the photo so that it shows one person"),
            Refusal::Small(px) => {
                write!(f, "the face is too small (eyes {px:.0} pixels apart, {EYES_APART_PX:.0} are needed): use a larger photo")
            }
            Refusal::Blurred => write!(f, "the face is blurred: use a sharper photo"),
        }
    }
}

/// The one face of a portrait.
pub fn only_face(faces: &[Face]) -> Result<&Face, Refusal> {
    let largest = faces.iter().max_by(|a, b| a.rect.h.total_cmp(&b.rect.h)).ok_or(Refusal::NoFace)?;
    let rivals = faces.iter().filter(|f| f.rect.h >= OTHER_FACE * largest.rect.h).count();
    if rivals > 1 {
        return Err(Refusal::Several(rivals));
    }
    let [[ax, ay], [bx, by], ..] = largest.landmarks;
    let apart = (bx - ax).hypot(by - ay);
    if apart < EYES_APART_PX { Err(Refusal::Small(apart)) } else { Ok(largest) }
}

/// Refuses a chip without detail.
pub fn sharp_enough(chip: &Chip) -> Result<(), Refusal> {
    if sharpness(chip) < SHARPNESS { Err(Refusal::Blurred) } else { Ok(()) }
}

/// How much detail a chip has: the mean square of the Laplacian over the variance of the grey values, of the chip at
/// half size, so that a chip enlarged from a small face does not pass for a blurred one. Without contrast 0.
pub fn sharpness(chip: &Chip) -> f32 {
    let (width, height) = (chip.width as usize / 2, chip.height as usize / 2);
    if width < 3 || height < 3 {
        return 0.0;
    }
    let row = chip.width as usize * 3;
    let grey = |x: usize, y: usize| -> f32 {
        let at = 2 * y * row + 6 * x;
        let sum: u32 = [0, 3, row, row + 3].iter().flat_map(|&o| &chip.pixels[at + o..at + o + 3]).map(|&b| u32::from(b)).sum();
        sum as f32 / 12.0
    };
    let small: Vec<f32> = (0..height).flat_map(|y| (0..width).map(move |x| (x, y))).map(|(x, y)| grey(x, y)).collect();
    let mean = small.iter().sum::<f32>() / small.len() as f32;
    let variance = small.iter().map(|v| (v - mean) * (v - mean)).sum::<f32>() / small.len() as f32;
    let mut detail = 0.0;
    for y in 1..height - 1 {
        for x in 1..width - 1 {
            let at = y * width + x;
            let laplacian = 4.0 * small[at] - small[at - 1] - small[at + 1] - small[at - width] - small[at + width];
            detail += laplacian * laplacian;
        }
    }
    let detail = detail / ((width - 2) * (height - 2)) as f32;
    if variance < 1.0 { 0.0 } else { detail / variance }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::Rect;

    fn face(x: f32, size: f32) -> Face {
        let at = |dx: f32, dy: f32| [x + dx * size, dy * size];
        Face {
            rect: Rect { x, y: 0.0, w: size, h: size },
            score: 0.99,
            landmarks: [at(0.3, 0.4), at(0.7, 0.4), at(0.5, 0.6), at(0.35, 0.8), at(0.65, 0.8)],
        }
    }

    #[test]
    fn one_large_face_is_taken_and_the_background_does_not_count() {
        assert_eq!(only_face(&[face(0.0, 30.0), face(100.0, 100.0)]), Ok(&face(100.0, 100.0)));
    }

    #[test]
    fn none_several_and_small_are_refused_with_the_reason() {
        assert_eq!(only_face(&[]), Err(Refusal::NoFace));
        assert_eq!(only_face(&[face(0.0, 90.0), face(100.0, 100.0)]), Err(Refusal::Several(2)));
        assert_eq!(only_face(&[face(0.0, 20.0)]), Err(Refusal::Small(8.0)));
    }

    #[test]
    fn blur_takes_sharpness_away() {
        let noisy: Vec<u8> = (0..64 * 64u32).flat_map(|i| [(i.wrapping_mul(2_654_435_761) >> 24) as u8; 3]).collect();
        let smooth: Vec<u8> = (0..64 * 64u32).flat_map(|i| [(i % 64) as u8 * 3; 3]).collect();
        let chip = |pixels| Chip { width: 64, height: 64, pixels };
        assert!(sharpness(&chip(noisy)) > 1.0);
        assert!(sharpness(&chip(smooth)) < 0.01);
        assert_eq!(sharpness(&chip(vec![7; 64 * 64 * 3])), 0.0);
    }
}
