//! Heads that are not upright. Roll is how far a head is turned in the picture, clockwise, 0 for an upright one.
//!
//! MT-CNN was trained on upright heads and sees few that are turned by more than 45 degrees. So where none is found, P-Net looks
//! at the smaller levels of the pyramid turned by quarters; R-Net and O-Net get crops that are turned back; and a head's own
//! landmarks say how far it is turned, after which O-Net looks once more, at a crop in which it is upright.

use super::boxes::Candidate;
use crate::turn::Turn;
use crate::types::{Landmarks, Rect};
use std::f32::consts::{FRAC_PI_2, PI};

/// The quarters by which a head may be turned, the likelier first.
pub(super) const TURNED: [Turn; 3] = [Turn::Quarter, Turn::ThreeQuarters, Turn::Half];

/// The roll of a head that stands in the frame as a picture on a panel so turned, in radians.
pub(super) fn radians(turn: Turn) -> f32 {
    match turn {
        Turn::None => 0.0,
        Turn::Quarter => FRAC_PI_2,
        Turn::Half => PI,
        Turn::ThreeQuarters => 3.0 * FRAC_PI_2,
    }
}

/// The quarters of a roll in radians, where it is one of those.
pub(super) fn turn_of(roll: f32) -> Option<Turn> {
    TURNED.into_iter().find(|turn| apart(radians(*turn), roll).abs() < 1e-3)
}

/// From an RGB picture of `size` in which heads are so turned, that in which they are upright.
pub(super) fn set_upright(turn: Turn, from: &[u8], size: [u32; 2], to: &mut [u8]) {
    let columns = turn.size(size)[0];
    for (index, pixel) in to.chunks_exact_mut(3).enumerate() {
        let index = index as u32;
        let [x, y] = turn.to_panel([index % columns, index / columns], size);
        pixel.copy_from_slice(&from[3 * (y * size[0] + x) as usize..][..3]);
    }
}

/// A box of the picture in which heads are upright, in that of `size` in which they are so turned.
pub(super) fn turned_back(turn: Turn, candidate: &Candidate, size: [u32; 2]) -> Candidate {
    let Rect { x, y, w, h } = candidate.rect;
    let [width, height] = turn.size(size).map(|side| side as f32);
    let whole = Rect { x: 0.0, y: 0.0, w: width, h: height };
    let roll = radians(turn);
    let [cx, cy] = Candidate { roll, ..Candidate::at(whole) }.turned([x + w / 2.0, y + h / 2.0]);
    let [dx, dy] = [(size[0] as f32 - width) / 2.0, (size[1] as f32 - height) / 2.0];
    let rect = Rect { x: cx + dx - w / 2.0, y: cy + dy - h / 2.0, w, h };
    Candidate { rect, roll, ..*candidate }
}

/// The roll of a head with these landmarks, -PI to PI: of the line from between the eyes to between the corners of the mouth and of
/// both across, as one.
pub(super) fn roll_of(landmarks: &Landmarks) -> f32 {
    let [a, b, _, c, d] = *landmarks;
    // Down the face, turned back by a quarter, and across it: all point to the right in an upright face.
    let down = [(c[0] + d[0] - a[0] - b[0]) / 2.0, (c[1] + d[1] - a[1] - b[1]) / 2.0];
    let across = [(b[0] - a[0] + d[0] - c[0]) / 2.0, (b[1] - a[1] + d[1] - c[1]) / 2.0];
    (across[1] - down[0]).atan2(across[0] + down[1])
}

/// Heads that are turned by less, in radians, are as good as upright: MT-CNN was trained on such.
pub(super) const NEARLY_UPRIGHT: f32 = PI / 18.0;

/// As [`roll_of`], 0 where that is less than [`NEARLY_UPRIGHT`].
pub(super) fn noticeable(landmarks: &Landmarks) -> f32 {
    Some(roll_of(landmarks)).filter(|roll| roll.abs() >= NEARLY_UPRIGHT).unwrap_or(0.0)
}

/// The difference of two rolls, -PI to PI.
pub(super) fn apart(a: f32, b: f32) -> f32 {
    (a - b + PI).rem_euclid(2.0 * PI) - PI
}

/// The upright box that has the middle of a turned one and, where that is turned by quarters, its sides.
pub(super) fn upright(candidate: &Candidate) -> Rect {
    if candidate.roll == 0.0 {
        return candidate.rect;
    }
    let Rect { x, y, w, h } = candidate.rect;
    let (sin, cos) = candidate.roll.sin_cos();
    let (wide, high) = (w * cos * cos + h * sin * sin, w * sin * sin + h * cos * cos);
    Rect { x: x + (w - wide) / 2.0, y: y + (h - high) / 2.0, w: wide, h: high }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detect::pyramid::Scaler;
    use crate::types::Frame;

    const UPRIGHT: Landmarks = [[40.0, 50.0], [72.0, 50.0], [56.0, 70.0], [43.0, 88.0], [69.0, 88.0]];

    fn turned(degrees: f32) -> Landmarks {
        let whole = Candidate { roll: degrees.to_radians(), ..Candidate::at(Rect { x: 0.0, y: 0.0, w: 112.0, h: 112.0 }) };
        UPRIGHT.map(|point| whole.turned(point))
    }

    #[test]
    fn landmarks_tell_the_roll() {
        for degrees in [0.0f32, 10.0, 45.0, 90.0, 179.0, -135.0, -90.0, -30.0] {
            let off = apart(roll_of(&turned(degrees)), degrees.to_radians());
            assert!(off.abs() < 1e-3, "{degrees}: {off}");
        }
    }

    #[test]
    fn rolls_are_compared_across_the_half_turn() {
        assert!((apart(170f32.to_radians(), -170f32.to_radians()).to_degrees() + 20.0).abs() < 1e-3);
        assert!((apart(-170f32.to_radians(), 170f32.to_radians()).to_degrees() - 20.0).abs() < 1e-3);
    }

    /// Every pixel another colour.
    fn frame() -> Frame {
        let pixels = (0..24u8).flat_map(|y| (0..36u8).flat_map(move |x| [x * 7, y * 9, x ^ y])).collect();
        Frame { width: 36, height: 24, pixels, ..Frame::empty() }
    }

    #[test]
    fn a_box_of_a_turned_picture_lies_where_its_pixels_came_from() {
        let frame = frame();
        for turn in TURNED {
            let [width, height] = turn.size([36, 24]);
            let mut pixels = vec![0; frame.pixels.len()];
            set_upright(turn, &frame.pixels, [36, 24], &mut pixels);
            let upright = Frame { width, height, pixels, ..Frame::empty() };
            let there = Candidate::at(Rect { x: 5.0, y: 3.0, w: 12.0, h: 12.0 });
            let here = turned_back(turn, &there, [36, 24]);
            let (mut seen, mut wanted) = (vec![0; 12 * 12 * 3], vec![0; 12 * 12 * 3]);
            Scaler::new().turned_crop(&upright, &there, 12, &mut wanted).unwrap();
            Scaler::new().turned_crop(&frame, &here, 12, &mut seen).unwrap();
            let most = seen.iter().zip(&wanted).map(|(a, b)| a.abs_diff(*b)).max();
            assert!(most <= Some(1), "{turn:?}: {most:?}");
        }
    }

    #[test]
    fn a_turned_crop_has_the_colours_of_its_place_and_is_black_outside() {
        let grey = Frame { width: 60, height: 60, pixels: vec![90; 60 * 60 * 3], ..Frame::empty() };
        let crop = |rect: Rect| {
            let mut bytes = vec![7; 24 * 24 * 3];
            Scaler::new().turned_crop(&grey, &Candidate { roll: 0.8, ..Candidate::at(rect) }, 24, &mut bytes).unwrap();
            bytes
        };
        assert!(crop(Rect { x: 15.0, y: 15.0, w: 30.0, h: 30.0 }).iter().all(|&b| b == 90));
        assert!(crop(Rect { x: 150.0, y: 15.0, w: 30.0, h: 30.0 }).iter().all(|&b| b == 0));
        assert!(
            Scaler::new().turned_crop(&grey, &Candidate::at(Rect { x: f32::NAN, y: 0.0, w: 9.0, h: 9.0 }), 24, &mut []).is_err()
        );
    }

    #[test]
    fn the_upright_box_of_a_head_that_lies_has_its_sides_changed() {
        let lying = Candidate { roll: FRAC_PI_2, ..Candidate::at(Rect { x: 10.0, y: 20.0, w: 30.0, h: 40.0 }) };
        let Rect { x, y, w, h } = upright(&lying);
        assert!([x - 5.0, y - 25.0, w - 40.0, h - 30.0].iter().all(|off| off.abs() < 1e-3));
    }
}
