//! Pictures in, the same pictures shifted and lit otherwise out; and gradients back the same way.

use crate::random::Dice;

/// What lies outside a picture.
const OUTSIDE: f32 = 0.5;

/// How much lighter or darker at most.
const LIGHT: f32 = 0.2;

/// A shift and a light for each picture of a batch.
pub(crate) struct Augmentation {
    shape: [usize; 3],
    /// Rows and columns that a picture's content moves down and right, and what is added to its numbers.
    moves: Vec<(isize, isize, f32)>,
}

impl Augmentation {
    /// For `n` pictures of `shape` = [channels, height, width]: shifts by up to `reach` of their size.
    pub(crate) fn draw(n: usize, shape: &[usize], reach: f32, dice: &mut Dice) -> Self {
        let shape = [shape[0], shape[1], shape[2]];
        let most = (shape[1] as f32 * reach) as usize;
        let shift = |dice: &mut Dice| dice.below(2 * most + 1) as isize - most as isize;
        let one = |_| (shift(dice), shift(dice), (2.0 * dice.share() - 1.0) * LIGHT);
        Self { shape, moves: (0..n).map(one).collect() }
    }

    /// [n, channels, height, width].
    pub(crate) fn apply(&self, pictures: &[f32]) -> Vec<f32> {
        let mut out = vec![OUTSIDE; pictures.len()];
        self.runs(|from, to, length| out[to..][..length].copy_from_slice(&pictures[from..][..length]));
        let size = self.shape.iter().product();
        for (picture, (_, _, light)) in out.chunks_exact_mut(size).zip(&self.moves) {
            picture.iter_mut().for_each(|v| *v += light);
        }
        out
    }

    /// The gradient of the pictures from that of what [`Augmentation::apply`] made of them.
    pub(crate) fn back(&self, gradient: &[f32]) -> Vec<f32> {
        let mut out = vec![0.0; gradient.len()];
        self.runs(|from, to, length| out[from..][..length].copy_from_slice(&gradient[to..][..length]));
        out
    }

    /// Every run of a row that stays inside: where it begins before and after, and its length.
    fn runs(&self, mut each: impl FnMut(usize, usize, usize)) {
        let [c, h, w] = self.shape;
        for (index, &(down, right, _)) in self.moves.iter().enumerate() {
            let length = w - right.unsigned_abs().min(w);
            let (from_x, to_x) = ((-right).max(0) as usize, right.max(0) as usize);
            for plane in index * c..(index + 1) * c {
                for y in 0..h {
                    let Some(to_y) = y.checked_add_signed(down).filter(|to| *to < h) else { continue };
                    each((plane * h + y) * w + from_x, (plane * h + to_y) * w + to_x, length);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_moves_down_and_right_and_gradients_move_back() {
        let moved = Augmentation { shape: [1, 2, 3], moves: vec![(1, 1, 0.1), (0, -1, 0.0)] };
        let pictures = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0];
        assert_eq!(moved.apply(&pictures), [0.6, 0.6, 0.6, 0.6, 1.1, 2.1, 2.0, 3.0, 0.5, 5.0, 6.0, 0.5]);
        let gradient: Vec<f32> = (1..=12).map(|i| i as f32).collect();
        assert_eq!(moved.back(&gradient), [5.0, 6.0, 0.0, 0.0, 0.0, 0.0, 0.0, 7.0, 8.0, 0.0, 10.0, 11.0]);
    }

    #[test]
    fn shifts_reach_as_far_as_asked_and_no_further() {
        let drawn = Augmentation::draw(400, &[3, 32, 32], 0.125, &mut Dice::new(1));
        let (most, least) = (drawn.moves.iter().map(|m| m.0).max(), drawn.moves.iter().map(|m| m.1).min());
        assert_eq!((most, least), (Some(4), Some(-4)));
    }
}
