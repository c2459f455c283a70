//! A photo with its faces in; a copy as another camera might have seen it out: mirrored, smaller, turned, blurred, in other light; its
//! faces where they lie in the copy.

use super::truth::Truth;
use image::{RgbImage, imageops};
use lookalike::align::Similarity;
use lookalike::types::{Frame, Landmarks, Rect};
use lookalike_learn::Dice;

/// Longer side of a copy at most, before it is turned; and the least share of that, of copies from near and from afar.
const LONGER_PX: f32 = 640.0;
const NEAR: f32 = 0.7;
const AFAR: f32 = 0.15;

/// Shares of copies from afar, nearly upright, blurred, lit otherwise, grey.
const FROM_AFAR: f32 = 0.5;
const UPRIGHT: f32 = 0.5;
const BLURRED: f32 = 0.2;
const LIT: f32 = 0.5;
const GREY: f32 = 0.1;

/// Degrees by which a copy that is nearly upright may be turned.
const NEARLY: f32 = 12.0;

/// Where the five points of faces lie on average in a chip of 112 x 112 (Deng et al. 2019, ArcFace), and where MT-CNN's boxes lie
/// there: the middle, width and height. Medians over 1,139 upright frames of ytf, the middle between left and right set to the chip's.
const CHIP: Landmarks = [[38.3, 51.7], [73.5, 51.5], [56.0, 71.7], [41.5, 92.4], [70.7, 92.2]];
const CHIP_BOX: Rect = Rect { x: 15.3, y: 9.0, w: 81.4, h: 107.8 };

/// By how much their middle moves for each pixel that the tip of the nose lies beside where it is on average, across and down: of a head
/// that is turned aside the points lie at one side of its box. Least squares over the same frames, each half of their people alike.
const PER_NOSE: [f32; 2] = [-1.74, -0.5];
const NOSE: usize = 2;

/// A face of a copy.
#[derive(Clone, Debug, PartialEq)]
pub struct Face {
    /// Around it.
    pub rect: Rect,
    /// Where they are known.
    pub landmarks: Option<Landmarks>,
    /// No example, neither of a face nor of none.
    pub ignored: bool,
}

/// What is known of faces, as boxes; those of faces with landmarks alone lie where MT-CNN would put them.
pub fn faces(known: &[Truth]) -> Vec<Face> {
    let face = |truth: &Truth| {
        let rect = truth.rect.or_else(|| truth.landmarks.as_ref().map(around))?;
        Some(Face { rect, landmarks: truth.landmarks, ignored: truth.ignored })
    };
    known.iter().filter_map(face).collect()
}

/// The upright box around a face with these landmarks.
fn around(landmarks: &Landmarks) -> Rect {
    let there = Similarity::least_squares(&CHIP, landmarks);
    let back = Similarity::least_squares(&CHIP.map(|point| there.apply(point)), &CHIP);
    let nose = back.apply(landmarks[NOSE]);
    let [x, y] = [0, 1].map(|axis| PER_NOSE[axis] * (nose[axis] - CHIP[NOSE][axis]));
    moved(&there, &Rect { x: CHIP_BOX.x + x, y: CHIP_BOX.y + y, ..CHIP_BOX })
}

/// The scale of the largest copy of a photo of that size, before it is turned.
pub fn fit(width: u32, height: u32) -> f32 {
    (LONGER_PX / width.max(height) as f32).min(1.0)
}

/// A copy of a photo, turned by up to `roll_most` degrees either way; unless it is to be plain, every other one mirrored, and every other
/// one from afar.
pub fn varied(photo: &RgbImage, faces: &[Face], roll_most: f32, is_plain: bool, dice: &mut Dice) -> (Frame, Vec<Face>) {
    let least = if dice.share() < FROM_AFAR && !is_plain { AFAR } else { NEAR };
    let scale = fit(photo.width(), photo.height()) * least.powf(dice.share());
    let side = |px: u32| ((px as f32 * scale).round() as u32).max(1);
    let mut copy = imageops::resize(photo, side(photo.width()), side(photo.height()), imageops::FilterType::Triangle);
    let [sx, sy] = [copy.width() as f32 / photo.width() as f32, copy.height() as f32 / photo.height() as f32];
    let smaller = |face: &Face| Face {
        rect: Rect { x: face.rect.x * sx, y: face.rect.y * sy, w: face.rect.w * sx, h: face.rect.h * sy },
        landmarks: face.landmarks.map(|points| points.map(|[x, y]| [x * sx, y * sy])),
        ..face.clone()
    };
    let mut faces: Vec<Face> = faces.iter().map(smaller).collect();
    if dice.below(2) == 1 && !is_plain {
        imageops::flip_horizontal_in_place(&mut copy);
        faces.iter_mut().for_each(|face| mirror(face, copy.width() as f32));
    }
    if dice.share() < BLURRED {
        copy = imageops::fast_blur(&copy, 0.6 + 1.4 * dice.share());
    }
    light(&mut copy, dice);
    let most = if dice.share() < UPRIGHT { NEARLY.min(roll_most) } else { roll_most };
    let degrees = most * (2.0 * dice.share() - 1.0);
    let ground = dice.below(2) == 1;
    let (frame, there) = turned(&copy, degrees, ground);
    for face in &mut faces {
        face.rect = moved(&there, &face.rect);
        face.landmarks = face.landmarks.map(|points| points.map(|point| there.apply(point)));
    }
    (frame, faces)
}

/// The mirror image of a face in a picture of that width: what was left is right.
fn mirror(face: &mut Face, width: f32) {
    face.rect.x = width - face.rect.x - face.rect.w;
    if let Some(points) = &mut face.landmarks {
        points.iter_mut().for_each(|point| point[0] = width - point[0]);
        points.swap(0, 1);
        points.swap(3, 4);
    }
}

/// The box that a turned box becomes: its middle stays, and of one that lies the sides are changed, as detectors tell it.
pub fn moved(there: &Similarity, rect: &Rect) -> Rect {
    let [x, y] = there.apply([rect.x + rect.w / 2.0, rect.y + rect.h / 2.0]);
    let [cc, ss] = [there.a * there.a, there.b * there.b].map(|square| square / there.scale());
    let (w, h) = (rect.w * cc + rect.h * ss, rect.w * ss + rect.h * cc);
    Rect { x: x - w / 2.0, y: y - h / 2.0, w, h }
}

fn light(copy: &mut RgbImage, dice: &mut Dice) {
    if dice.share() < LIT {
        let (factor, shift) = (0.6 + 0.8 * dice.share(), 60.0 * (dice.share() - 0.5));
        copy.iter_mut().for_each(|byte| *byte = ((f32::from(*byte) - 128.0) * factor + 128.0 + shift).clamp(0.0, 255.0) as u8);
    }
    if dice.share() < GREY {
        let grey = imageops::grayscale(copy);
        copy.pixels_mut().zip(grey.pixels()).for_each(|(pixel, grey)| pixel.0 = [grey.0[0]; 3]);
    }
}

/// The picture turned clockwise around its middle in a frame that holds all of it, and where its points go. Around it there is black,
/// or else its edge goes on: a net shall learn from neither.
pub fn turned(picture: &RgbImage, degrees: f32, black: bool) -> (Frame, Similarity) {
    let (sin, cos) = degrees.to_radians().sin_cos();
    let [w, h] = [picture.width() as f32, picture.height() as f32];
    let [width, height] = [w * cos.abs() + h * sin.abs(), w * sin.abs() + h * cos.abs()].map(|side| side.round() as u32);
    let [cx, cy] = [width, height].map(|side| side as f32 / 2.0);
    let there = Similarity { a: cos, b: sin, tx: cx - (w * cos - h * sin) / 2.0, ty: cy - (w * sin + h * cos) / 2.0 };
    let bytes = picture.as_raw();
    let stride = 3 * picture.width() as usize;
    let mut pixels = vec![0; (width * height * 3) as usize];
    for (index, pixel) in pixels.chunks_exact_mut(3).enumerate() {
        let (dx, dy) = ((index as u32 % width) as f32 + 0.5 - cx, (index as u32 / width) as f32 + 0.5 - cy);
        let (x, y) = (w / 2.0 + dx * cos + dy * sin - 0.5, h / 2.0 - dx * sin + dy * cos - 0.5);
        if black && !((-0.5..=w - 0.5).contains(&x) && (-0.5..=h - 0.5).contains(&y)) {
            continue;
        }
        let (x, y) = (x.clamp(0.0, w - 1.0), y.clamp(0.0, h - 1.0));
        let (left, upper) = (x as usize, y as usize);
        let (fx, fy) = (x - left as f32, y - upper as f32);
        let at = upper * stride + 3 * left;
        let right = if left + 1 < picture.width() as usize { 3 } else { 0 };
        let below = if upper + 1 < picture.height() as usize { stride } else { 0 };
        for (c, byte) in pixel.iter_mut().enumerate() {
            let value = |at: usize| f32::from(bytes[at + c]);
            let above = value(at) + (value(at + right) - value(at)) * fx;
            let under = value(at + below) + (value(at + below + right) - value(at + below)) * fx;
            *byte = (above + (under - above) * fy + 0.5) as u8;
        }
    }
    (Frame { width, height, pixels, ..Frame::empty() }, there)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A dark picture with a bright square around each landmark.
    fn photo(landmarks: &Landmarks) -> RgbImage {
        let mut photo = RgbImage::from_pixel(240, 180, image::Rgb([20; 3]));
        for [x, y] in landmarks.map(|point| point.map(|v| v as u32)) {
            for place in 0..144 {
                photo.put_pixel(x - 6 + place % 12, y - 6 + place / 12, image::Rgb([250; 3]));
            }
        }
        photo
    }

    #[test]
    fn landmarks_stay_on_their_pixels_and_boxes_around_them() {
        let landmarks = [[80.0, 60.0], [140.0, 60.0], [110.0, 90.0], [84.0, 120.0], [136.0, 120.0]];
        let known = faces(&[Truth { rect: None, landmarks: Some(landmarks), ignored: false }]);
        for seed in 0..40 {
            let (frame, faces) = varied(&photo(&landmarks), &known, 75.0, false, &mut Dice::new(seed));
            let face = &faces[0];
            let points = face.landmarks.unwrap();
            let most = frame.pixels.iter().copied().max().unwrap();
            for [x, y] in points {
                let value = frame.pixels[3 * (y as usize * frame.width as usize + x as usize)];
                assert!(f32::from(value) > 0.6 * f32::from(most), "seed {seed}: {value} at {x} {y}, up to {most} elsewhere");
                let Rect { x: left, y: upper, w, h } = face.rect;
                assert!((left..left + w).contains(&x) && (upper..upper + h).contains(&y), "seed {seed}");
            }
            // Mirrored or not, the left eye of the picture comes first, seen along the face.
            let [a, b, _, c, d] = points;
            let down = [(c[0] + d[0] - a[0] - b[0]), (c[1] + d[1] - a[1] - b[1])];
            assert!((b[0] - a[0]) * down[1] - (b[1] - a[1]) * down[0] > 0.0, "seed {seed}");
        }
    }

    #[test]
    fn the_box_of_landmarks_is_where_mtcnn_has_it() {
        let Rect { x, y, w, h } = around(&CHIP);
        let near = |a: f32, b: f32| (a - b).abs() < 0.1;
        assert!(near(x, CHIP_BOX.x) && near(y, CHIP_BOX.y) && near(w, CHIP_BOX.w) && near(h, CHIP_BOX.h));
    }

    #[test]
    fn the_box_moves_against_the_nose_however_the_face_lies() {
        let middle = |rect: Rect| [rect.x + rect.w / 2.0, rect.y + rect.h / 2.0];
        let straight = middle(around(&CHIP));
        // The points' mean follows the nose by a fifth, and so the nose lies 4 of the 5 pixels beside where it is on average.
        let [across, down] = PER_NOSE.map(|per| 1.0 + 4.0 * per);
        for (aside, [wanted_x, wanted_y]) in
            [([5.0, 0.0], [across, 0.0]), ([-5.0, 0.0], [-across, 0.0]), ([0.0, 5.0], [0.0, down])]
        {
            let mut points = CHIP;
            points[NOSE] = [0, 1].map(|axis| CHIP[NOSE][axis] + aside[axis]);
            let [x, y] = middle(around(&points));
            let [dx, dy] = [x - straight[0], y - straight[1]];
            assert!((dx - wanted_x).abs() < 0.1 && (dy - wanted_y).abs() < 0.1, "{aside:?}: {dx} {dy}");
            // A quarter turn and twice the size.
            let [turned_x, turned_y] = middle(around(&points.map(|[x, y]| [-2.0 * y, 2.0 * x])));
            assert!((turned_x + 2.0 * y).abs() < 0.01 && (turned_y - 2.0 * x).abs() < 0.01, "{aside:?}: {turned_x} {turned_y}");
        }
    }

    #[test]
    fn the_same_chance_gives_the_same_copy() {
        let photo = photo(&CHIP.map(|[x, y]| [x, y - 20.0]));
        let pixels = |seed: u64| varied(&photo, &[], 60.0, false, &mut Dice::new(seed)).0.pixels;
        assert!(pixels(3) == pixels(3) && pixels(3) != pixels(4));
    }
}
