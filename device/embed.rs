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
        let mut embeddings = vec![Embedding(Vec::new()); chips.len()];
        self.embed_each(chips.iter().zip(&mut embeddings))?;
        Ok(embeddings)
    }

    /// Each chip's embedding, into the vector beside it: one chip after the other, or many in one call where the net likes that.
    pub fn embed_each<'a>(&mut self, mut faces: impl Iterator<Item = (&'a Chip, &'a mut Embedding)>) -> Result<()> {
        let at_once = self.model.at_once();
        if at_once == 1 {
            return faces.try_for_each(|(chip, embedding)| self.embed_into(chip, embedding));
        }
        let mut faces: Vec<_> = faces.collect();
        faces.chunks_mut(at_once).try_for_each(|some| self.embed_some(some))
    }

    /// A chip's embedding, into a vector that is kept.
    pub fn embed_into(&mut self, chip: &Chip, embedding: &mut Embedding) -> Result<()> {
        self.facts.check(chip)?;
        let vector = &mut embedding.0;
        vector.clear();
        vector.resize(self.facts.length, 0.0);
        add(vector, self.describe(1, |pixels| pixels.copy_from_slice(&chip.pixels))?);
        if self.facts.mirrored {
            add(vector, self.describe(1, |pixels| mirror(chip, pixels))?);
        }
        self.facts.finish(vector);
        Ok(())
    }

    /// The same for many chips in one call: all of them, then their mirror images where they count.
    fn embed_some(&mut self, faces: &mut [(&Chip, &mut Embedding)]) -> Result<()> {
        faces.iter().try_for_each(|(chip, _)| self.facts.check(chip))?;
        let size = 3 * (self.facts.width * self.facts.height) as usize;
        let sides = if self.facts.mirrored { 2 } else { 1 };
        let fill = |pixels: &mut [u8]| {
            let (plain, mirrored) = pixels.split_at_mut(faces.len() * size);
            plain.chunks_exact_mut(size).zip(&*faces).for_each(|(pixels, (chip, _))| pixels.copy_from_slice(&chip.pixels));
            mirrored.chunks_exact_mut(size).zip(&*faces).for_each(|(pixels, (chip, _))| mirror(chip, pixels));
        };
        let found = self.describe(sides * faces.len(), fill)?.to_vec();
        let (length, count) = (self.facts.length, faces.len());
        for (place, (_, embedding)) in faces.iter_mut().enumerate() {
            embedding.0.clear();
            embedding.0.resize(length, 0.0);
            (0..sides).for_each(|side| add(&mut embedding.0, &found[(side * count + place) * length..][..length]));
            self.facts.finish(&mut embedding.0);
        }
        Ok(())
    }

    /// What the net says of so many chips.
    fn describe(&mut self, count: usize, mut fill: impl FnMut(&mut [u8])) -> Result<&[f32]> {
        let Facts { width, height, normalise, length, .. } = self.facts;
        let outputs = self.model.run([count, height as usize, width as usize], &normalise, &mut fill)?;
        let found = outputs.first().map_or(&[][..], |t| &t.data);
        ensure!(found.len() == count * length, "the embedder gave {} numbers instead of {}", found.len(), count * length);
        ensure!(found.iter().all(|v| v.is_finite()), "the embedder gave numbers that are not finite");
        Ok(found)
    }
}

impl Facts {
    fn check(&self, chip: &Chip) -> Result<()> {
        let Facts { width, height, .. } = *self;
        ensure!(
            (chip.width, chip.height) == (width, height),
            "a chip of {}x{} for a net of {width}x{height}",
            chip.width,
            chip.height
        );
        Ok(())
    }

    /// The sum over both sides becomes what is compared.
    fn finish(&self, vector: &mut [f32]) {
        if self.mirrored {
            vector.iter_mut().for_each(|v| *v /= 2.0);
        }
        if self.metric == Metric::Cosine {
            let norm = vector.iter().map(|v| v * v).sum::<f32>().sqrt().max(f32::MIN_POSITIVE);
            vector.iter_mut().for_each(|v| *v /= norm);
        }
    }
}

fn add(sum: &mut [f32], found: &[f32]) {
    sum.iter_mut().zip(found).for_each(|(sum, v)| *sum += v);
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

    /// The same of many pictures in one call.
    #[derive(Default)]
    struct Corners(Vec<Tensor>);

    impl Model for Corners {
        fn run(&mut self, shape: [usize; 3], _: &Normalise, fill: &mut dyn FnMut(&mut [u8])) -> Result<&[Tensor]> {
            assert!(shape[0] <= 4, "two chips with their mirror images");
            let mut input = vec![0; 3 * shape.iter().product::<usize>()];
            fill(&mut input);
            let corners = input.chunks_exact(3 * shape[1] * shape[2]).flat_map(|picture| &picture[..3]);
            self.0 = vec![Tensor { shape: vec![shape[0], 3], data: corners.map(|&v| f32::from(v)).collect() }];
            Ok(&self.0)
        }

        fn at_once(&self) -> usize {
            2
        }
    }

    #[test]
    fn many_chips_in_one_call_are_described_as_each_alone() {
        let pixels = |first: u8| (0..12).map(|i| first + 3 * i).collect();
        let chips: Vec<Chip> = [10, 40, 90].map(|first| Chip { width: 2, height: 2, pixels: pixels(first) }).into();
        for mirrored in [false, true] {
            let facts = Facts { mirrored, ..facts(Metric::Cosine, 3) };
            let mut alone = Embedder::new(Box::<Corner>::default(), facts.clone()).unwrap();
            let mut together = Embedder::new(Box::<Corners>::default(), facts).unwrap();
            assert_eq!(together.embed(&chips).unwrap(), alone.embed(&chips).unwrap());
        }
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
