//! Training pictures in memory; batches of them out, in an order that the seed decides.

use lookalike_learn::{Batch, Dice};

/// Pictures of one shape.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Pictures {
    /// [channels, height, width] of each.
    pub shape: [usize; 3],
    /// [pictures, channels, height, width]; 0 is 0.0, 255 is 1.0.
    pub bytes: Vec<u8>,
    /// One class per picture, or empty.
    pub labels: Vec<u8>,
    /// Whether a mirror image is as good as the picture.
    pub mirrors: bool,
}

impl Pictures {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.bytes.len() / self.length().max(1)
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Numbers in a picture.
    pub fn length(&self) -> usize {
        self.shape.iter().product()
    }

    /// Some of them, as floats from 0 to 1.
    pub fn floats(&self, which: impl IntoIterator<Item = usize>) -> Vec<f32> {
        let length = self.length();
        which.into_iter().flat_map(|i| &self.bytes[i * length..(i + 1) * length]).map(|&b| f32::from(b) / 255.0).collect()
    }

    /// Batch `number` of an epoch: the same for the same seed. The last pictures that fill no batch wait for another epoch.
    pub fn batch(&self, order: &[usize], number: usize, size: usize, seed: u64) -> Batch {
        let which = &order[number * size..(number + 1) * size];
        let mut pictures = self.floats(which.iter().copied());
        if self.mirrors {
            let mut dice = Dice::new(seed ^ (number as u64 + 1).wrapping_mul(0xd6e8_feb8_6659_fd93));
            for picture in pictures.chunks_exact_mut(self.length()) {
                if dice.below(2) == 1 {
                    picture.chunks_exact_mut(self.shape[2]).for_each(<[f32]>::reverse);
                }
            }
        }
        let labels = which.iter().filter_map(|&i| self.labels.get(i).copied()).collect();
        Batch { pictures, labels, ..Batch::default() }
    }

    /// A hash of everything, to notice other data.
    pub fn hash(&self) -> String {
        crate::files::sha256(&[self.bytes.as_slice(), &self.labels].concat())
    }
}
