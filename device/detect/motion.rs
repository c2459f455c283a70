//! Frames in; whether something moved that is not a known face, out. A small grey copy of the frame is all that it keeps.

use crate::types::{Frame, Rect};

/// Size of the grey copy.
const COLUMNS: usize = 80;
/// See [`COLUMNS`].
const ROWS: usize = 60;
/// Samples per cell of the grey copy, across and down.
const SAMPLES: usize = 4;
/// A cell has changed when it differs by more, of 255, after what the whole picture's brightness changed. Sensor noise of
/// ten levels leaves a mean of 16 samples within this in all but one of a thousand million cells.
const CHANGED: i32 = 16;
/// So much of the smallest face sought, by area, must have changed.
const SHARE_OF_FACE: f32 = 0.5;

/// Compares frames with the one that was searched last.
#[derive(Default)]
pub(super) struct Motion {
    searched: Vec<u8>,
    now: Vec<u8>,
}

impl Motion {
    /// Takes in a frame. Whether it differs from the last searched one by about a face of `face_px`, not counting what
    /// `known` faces and the bodies below them do. The first frame differs; a frame of nothing does not.
    pub fn look(&mut self, frame: &Frame, known: impl Iterator<Item = Rect> + Clone, face_px: f32) -> bool {
        shrink(frame, &mut self.now);
        if self.searched.len() != self.now.len() {
            return true;
        }
        let total = |grey: &[u8]| grey.iter().map(|&v| i32::from(v)).sum::<i32>();
        let brighter = (total(&self.now) - total(&self.searched)) / self.now.len().max(1) as i32;
        let cell = (frame.width as f32 / COLUMNS as f32, frame.height as f32 / ROWS as f32);
        let changed = self.now.iter().zip(&self.searched).enumerate().filter(|(index, (now, before))| {
            (i32::from(**now) - i32::from(**before) - brighter).abs() > CHANGED && {
                let (x, y) = ((index % COLUMNS) as f32 + 0.5, (index / COLUMNS) as f32 + 0.5);
                !known.clone().any(|rect| covers(rect, x * cell.0, y * cell.1))
            }
        });
        changed.count() as f32 * cell.0 * cell.1 >= SHARE_OF_FACE * face_px * face_px
    }

    /// The frame looked at last is being searched.
    pub fn searched(&mut self) {
        self.searched.clone_from(&self.now);
    }

    /// Forgets what was seen.
    pub fn forget(&mut self) {
        self.searched.clear();
        self.now.clear();
    }
}

/// Whether a point belongs to a face or to hair and body around and below it.
fn covers(face: Rect, x: f32, y: f32) -> bool {
    let Rect { x: left, y: top, w, h } = face;
    x >= left - w && x <= left + 2.0 * w && y >= top - 0.5 * h
}

/// The mean of some green values of each cell.
fn shrink(frame: &Frame, grey: &mut Vec<u8>) {
    grey.clear();
    let (width, height) = (frame.width as usize, frame.height as usize);
    if width == 0 || height == 0 {
        return;
    }
    for row in 0..ROWS {
        for column in 0..COLUMNS {
            let mut sum = 0;
            for sy in 0..SAMPLES {
                let y = ((row * SAMPLES + sy) * 2 + 1) * height / (2 * ROWS * SAMPLES);
                for sx in 0..SAMPLES {
                    let x = ((column * SAMPLES + sx) * 2 + 1) * width / (2 * COLUMNS * SAMPLES);
                    sum += u32::from(frame.pixels[(y * width + x) * 3 + 1]);
                }
            }
            grey.push((sum / (SAMPLES * SAMPLES) as u32) as u8);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(paint: impl Fn(u32, u32) -> u8) -> Frame {
        let pixels = (0..240).flat_map(|y| (0..320).map(move |x| (x, y))).flat_map(|(x, y)| [paint(x, y); 3]).collect();
        Frame { width: 320, height: 240, pixels, ..Frame::empty() }
    }

    fn square(x: u32, y: u32, left: u32, top: u32, side: u32) -> bool {
        (left..left + side).contains(&x) && (top..top + side).contains(&y)
    }

    fn after(first: &Frame, then: &Frame, known: &[Rect]) -> bool {
        let mut motion = Motion::default();
        assert!(motion.look(first, [].into_iter(), 40.0), "nothing was searched before the first frame");
        motion.searched();
        motion.look(then, known.iter().copied(), 40.0)
    }

    #[test]
    fn something_new_of_a_faces_size_is_motion_and_less_is_not() {
        let plain = frame(|_, _| 80);
        assert!(!after(&plain, &plain, &[]));
        assert!(after(&plain, &frame(|x, y| if square(x, y, 30, 40, 40) { 160 } else { 80 }), &[]));
        assert!(!after(&plain, &frame(|x, y| if square(x, y, 30, 40, 16) { 160 } else { 80 }), &[]));
    }

    #[test]
    fn a_known_face_and_its_body_may_move() {
        let plain = frame(|_, _| 80);
        let moved = frame(|x, y| if square(x, y, 100, 60, 60) || square(x, y, 90, 150, 80) { 160 } else { 80 });
        assert!(!after(&plain, &moved, &[Rect { x: 102.0, y: 60.0, w: 50.0, h: 60.0 }]));
        assert!(after(&plain, &moved, &[Rect { x: 240.0, y: 60.0, w: 50.0, h: 60.0 }]));
    }

    #[test]
    fn light_and_noise_are_no_motion() {
        let noise = |x: u32, y: u32, seed: u32| ((x * 7919 + y * 104_729 + seed).wrapping_mul(2_654_435_761) >> 24) as u8 / 16;
        assert!(!after(&frame(|x, y| 80 + noise(x, y, 1)), &frame(|x, y| 110 + noise(x, y, 2)), &[]));
    }

    #[test]
    fn frames_of_another_size_and_of_nothing_are_looked_at() {
        let mut motion = Motion::default();
        motion.look(&frame(|_, _| 80), [].into_iter(), 40.0);
        motion.searched();
        assert!(motion.look(&Frame::empty(), [].into_iter(), 40.0));
        motion.searched();
        assert!(!motion.look(&Frame::empty(), [].into_iter(), 40.0));
        let tiny = Frame { width: 1, height: 1, pixels: vec![9; 3], ..Frame::empty() };
        assert!(motion.look(&tiny, [].into_iter(), 40.0));
    }
}
