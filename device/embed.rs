//! Chips in, embeddings out, as the manifest says that the network compares them.

use crate::infer::{Model, Normalise};
use crate::types::{Chip, Embedding, Landmarks, Metric};
use anyhow::{Result, ensure};

mod pose;

pub use pose::Pose;

/// Describes faces by vectors.
pub struct Embedder {
    model: Box<dyn Model>,
    facts: Facts,
}

/// What the manifest says of an embedder.
#[derive(Clone, Debug)]
pub struct Facts {
    /// Chip size in pixels.
    pub width: u32,
    /// Chip size in pixels.
    pub height: u32,
    /// Where the five landmarks lie in the chip, in chip pixels.
    pub template: Landmarks,
    /// Bytes to numbers.
    pub normalise: Normalise,
    /// Numbers in an embedding.
    pub length: usize,
    /// Whether an embedding is the mean of those of the chip and of its mirror image.
    pub mirrored: bool,
    /// Cosine asks for unit length; L2 compares the raw vectors (unit length costs the dlib network .4 points on LFW).
    pub metric: Metric,
}

impl Embedder {
    /// An embedder around a net; runs it once, so that a net that does not fit its facts is found at start.
    pub fn new(mut model: Box<dyn Model>, facts: Facts) -> Result<Self> {
        let shape = [1, facts.height as usize, facts.width as usize];
        let outputs = model.run(shape, &facts.normalise, &mut |pixels| pixels.fill(0))?;
        let found = outputs.first().map_or(0, |t| t.data.len());
        ensure!(
            found == facts.length,
            "the embedder gives {found} numbers for a face, its manifest entry says {}: correct the manifest",
            facts.length
        );
        Ok(Self { model, facts })
    }

    /// What it was told of its net.
    pub fn facts(&self) -> &Facts {
        &self.facts
    }

    /// One embedding per chip, in the same order.
    pub fn embed(&mut self, chips: &[Chip]) -> Result<Vec<Embedding>> {
        let one = |chip| {
            let mut embedding = Embedding(Vec::new());
            self.embed_into(chip, &mut embedding).map(|()| embedding)
        };
        chips.iter().map(one).collect()
    }

    /// A chip's embedding, into a vector that is kept.
    pub fn embed_into(&mut self, chip: &Chip, embedding: &mut Embedding) -> Result<()> {
        let Facts { width, height, metric, mirrored, length, .. } = self.facts;
        ensure!(
            (chip.width, chip.height) == (width, height),
            "a chip of {}x{} for a net of {width}x{height}",
            chip.width,
            chip.height
        );
        let vector = &mut embedding.0;
        vector.clear();
        vector.resize(length, 0.0);
        self.add(vector, |pixels| pixels.copy_from_slice(&chip.pixels))?;
        if mirrored {
            self.add(vector, |pixels| mirror(chip, pixels))?;
            vector.iter_mut().for_each(|v| *v /= 2.0);
        }
        if metric == Metric::Cosine {
            let norm = vector.iter().map(|v| v * v).sum::<f32>().sqrt().max(f32::MIN_POSITIVE);
            vector.iter_mut().for_each(|v| *v /= norm);
        }
        Ok(())
    }

    fn add(&mut self, vector: &mut [f32], mut fill: impl FnMut(&mut [u8])) -> Result<()> {
        let Facts { width, height, normalise, length, .. } = self.facts;
        let outputs = self.model.run([1, height as usize, width as usize], &normalise, &mut fill)?;
        let found = outputs.first().map_or(&[][..], |t| &t.data);
        ensure!(found.len() == length, "the embedder gave {} numbers instead of {length}", found.len());
        ensure!(found.iter().all(|v| v.is_finite()), "the embedder gave numbers that are not finite");
        vector.iter_mut().zip(found).for_each(|(sum, v)| *sum += v);
        Ok(())
    }
}

/// Writes a chip with left and right exchanged.
fn mirror(chip: &Chip, pixels: &mut [u8]) {
    let row = chip.width as usize * 3;
    for (from, to) in chip.pixels.chunks_exact(row).zip(pixels.chunks_exact_mut(row)) {
        from.chunks_exact(3).rev().zip(to.chunks_exact_mut(3)).for_each(|(from, to)| to.copy_from_slice(from));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::infer::Tensor;

    /// Gives the mean of each plane.
    #[derive(Default)]
    struct Means(Vec<Tensor>);

    impl Model for Means {
        fn run(&mut self, shape: [usize; 3], _: &Normalise, fill: &mut dyn FnMut(&mut [u8])) -> Result<&[Tensor]> {
            let mut input = vec![0; 3 * shape.iter().product::<usize>()];
            fill(&mut input);
            let plane = (shape[1] * shape[2]) as f32;
            let mean = |c| input.iter().skip(c).step_by(3).map(|&v| f32::from(v)).sum::<f32>() / plane;
            self.0 = vec![Tensor { shape: vec![1, 3], data: (0..3).map(mean).collect() }];
            Ok(&self.0)
        }
    }

    fn facts(metric: Metric, length: usize) -> Facts {
        Facts {
            width: 2,
            height: 2,
            template: [[0.0; 2]; 5],
            normalise: Normalise { mean: [0.0; 3], scale: 1.0 },
            length,
            mirrored: false,
            metric,
        }
    }

    fn chip() -> Chip {
        Chip { width: 2, height: 2, pixels: [3, 0, 4].repeat(4) }
    }

    #[test]
    fn l2_stays_raw_and_cosine_gets_unit_length() {
        let mut raw = Embedder::new(Box::<Means>::default(), facts(Metric::L2, 3)).unwrap();
        assert_eq!(raw.embed(&[chip()]).unwrap()[0].0, [3.0, 0.0, 4.0]);
        let mut unit = Embedder::new(Box::<Means>::default(), facts(Metric::Cosine, 3)).unwrap();
        assert_eq!(unit.embed(&[chip()]).unwrap()[0].0, [0.6, 0.0, 0.8]);
    }

    /// Gives the first number of each plane: what lies in the upper left corner.
    #[derive(Default)]
    struct Corner(Vec<Tensor>);

    impl Model for Corner {
        fn run(&mut self, shape: [usize; 3], _: &Normalise, fill: &mut dyn FnMut(&mut [u8])) -> Result<&[Tensor]> {
            let mut input = vec![0; 3 * shape.iter().product::<usize>()];
            fill(&mut input);
            self.0 = vec![Tensor { shape: vec![1, 3], data: input[..3].iter().map(|&v| f32::from(v)).collect() }];
            Ok(&self.0)
        }
    }

    #[test]
    fn the_mirror_image_counts_half_where_the_manifest_says_so() {
        let chip = Chip { width: 2, height: 2, pixels: vec![10, 20, 30, 50, 60, 70, 0, 0, 0, 0, 0, 0] };
        let facts = Facts { mirrored: true, ..facts(Metric::L2, 3) };
        let mut embedder = Embedder::new(Box::<Corner>::default(), facts).unwrap();
        assert_eq!(embedder.embed(&[chip]).unwrap()[0].0, [30.0, 40.0, 50.0]);
    }

    #[test]
    fn a_net_of_another_length_is_refused_at_start() {
        let error = Embedder::new(Box::<Means>::default(), facts(Metric::L2, 128)).err().unwrap().to_string();
        assert!(error.contains("3 numbers") && error.contains("128"), "{error}");
    }

    #[test]
    fn a_chip_of_another_size_is_refused() {
        let mut embedder = Embedder::new(Box::<Means>::default(), facts(Metric::L2, 3)).unwrap();
        assert!(embedder.embed(&[Chip { width: 1, height: 1, pixels: vec![0; 3] }]).is_err());
    }
}
