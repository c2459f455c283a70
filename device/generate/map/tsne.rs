//! Vectors in, places by t-SNE out, through linfa.

use super::super::Dice;
use anyhow::{Context, Result, ensure};
use linfa::traits::Transformer;
use linfa_tsne::TSneParams;
use ndarray::Array2;

/// Fewer vectors have too few neighbours.
pub const LEAST: usize = 7;

/// Neighbours that count, about; a sixth of all where there are few vectors, so that groups of a few stay apart.
const PERPLEXITY: f64 = 30.0;

const ROUNDS: usize = 500;

/// One place per vector; the third coordinate is 0 where the map is flat. In double precision and without the approximation for
/// very many points, whose random choices no seed reaches.
pub fn places(vectors: &[f32], length: usize, flat: bool, seed: u64) -> Result<Vec<[f32; 3]>> {
    let count = vectors.len() / length;
    ensure!(count >= LEAST, "t-SNE needs at least {LEAST} vectors; there are {count}: PCA needs two");
    let dimensions = if flat { 2 } else { 3 };
    ensure!(length >= dimensions, "t-SNE in {dimensions} dimensions needs vectors of at least so many numbers, not {length}");
    let first = &vectors[..length];
    ensure!(vectors.chunks_exact(length).any(|v| v != first), "the vectors are all the same: there is nothing to tell apart");
    let data = Array2::from_shape_fn((count, length), |(row, column)| f64::from(vectors[row * length + column]));
    let perplexity = ((count - 1) as f64 / 6.0).clamp(2.0, PERPLEXITY);
    let settings = TSneParams::embedding_size_with_rng(dimensions, Seeded(Dice::new(seed)))
        .perplexity(perplexity)
        .approx_threshold(0.0)
        .max_iter(ROUNDS);
    let places = settings.transform(data).context("t-SNE failed")?;
    ensure!(places.iter().all(|v| v.is_finite()), "t-SNE found no places for these vectors: PCA will");
    let place = |row: ndarray::ArrayView1<f64>| [0, 1, 2].map(|axis| row.get(axis).map_or(0.0, |v| *v as f32));
    Ok(places.rows().into_iter().map(place).collect())
}

/// Our dice as linfa wants random numbers.
#[derive(Clone)]
struct Seeded(Dice);

impl rand::RngCore for Seeded {
    fn next_u32(&mut self) -> u32 {
        (self.0.bits() >> 32) as u32
    }

    fn next_u64(&mut self) -> u64 {
        self.0.bits()
    }

    fn fill_bytes(&mut self, bytes: &mut [u8]) {
        bytes.chunks_mut(8).for_each(|chunk| chunk.copy_from_slice(&self.0.bits().to_le_bytes()[..chunk.len()]));
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), rand::Error> {
        self.fill_bytes(bytes);
        Ok(())
    }
}
