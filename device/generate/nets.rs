//! The doers around nets: pictures in and latent vectors out, latent vectors in and pictures out, pictures in and verdicts out.
//!
//! Each runs its net once when it is made, so that a file that does not fit its manifest entry is found at start.

use super::{Shape, Tiles};
use crate::infer::FloatModel;
use anyhow::{Context, Result, ensure};

/// What an encoder says of one picture.
#[derive(Clone, Debug, PartialEq)]
pub struct Spread {
    /// L numbers: the point, or the middle of the distribution.
    pub mean: Vec<f32>,
    /// L natural logarithms of variances; `None` of an encoder that gives points.
    pub log_variance: Option<Vec<f32>>,
}

impl Spread {
    /// The standard deviation of one coordinate; of a point, 1, as if it came from the prior.
    pub fn deviation(&self, coordinate: usize) -> f32 {
        self.log_variance.as_ref().map_or(1.0, |all| (all[coordinate] / 2.0).exp())
    }

    /// Of all coordinates; `None` of an encoder that gives points.
    pub fn variance(&self) -> Option<Vec<f32>> {
        Some(self.log_variance.as_ref()?.iter().map(|v| v.exp()).collect())
    }
}

/// Latent vectors, or noise, in; pictures out. A class-conditional generator wants the class, too.
pub struct Generator {
    model: Box<dyn FloatModel>,
    shape: Shape,
    length: usize,
    classes: usize,
    input: Vec<f32>,
}

impl Generator {
    /// Around a net that takes vectors of `length + classes` numbers: the noise, then the class as one-hot numbers (`classes` is
    /// 0 where it takes none). Its first answer says the shape of its pictures.
    pub fn new(mut model: Box<dyn FloatModel>, length: usize, classes: usize) -> Result<Self> {
        let answer = model.run(1, &vec![0.0; length + classes])?;
        let shape = match answer.first().map(|t| &t.shape[..]) {
            Some(&[1, channels @ (1 | 3), height, width]) if height * width > 0 => Shape { channels, height, width },
            other => anyhow::bail!("it gives {:?} and no pictures of [1, channels, height, width]", other.unwrap_or_default()),
        };
        Ok(Self { model, shape, length, classes, input: Vec::new() })
    }

    /// Size of its pictures.
    pub fn shape(&self) -> Shape {
        self.shape
    }

    /// Numbers in a latent vector.
    pub fn length(&self) -> usize {
        self.length
    }

    /// Classes that it can be asked for; 0: it cannot be asked.
    pub fn classes(&self) -> usize {
        self.classes
    }

    /// One picture per vector of `latents`, which lie one behind the other. `class` says the class of each by its place.
    pub fn draw(&mut self, latents: &[f32], class: impl Fn(usize) -> usize) -> Result<Tiles> {
        ensure!(
            !latents.is_empty() && latents.len().is_multiple_of(self.length),
            "{} numbers are no latent vectors of {} numbers",
            latents.len(),
            self.length
        );
        self.input.clear();
        for (place, latent) in latents.chunks_exact(self.length).enumerate() {
            self.input.extend_from_slice(latent);
            let class = class(place);
            self.input.extend((0..self.classes).map(|c| f32::from(u8::from(c == class))));
        }
        let values = in_batches(&mut *self.model, &self.input, self.length + self.classes, self.shape.length())?;
        Tiles::new(self.shape, values)
    }
}

/// An encoder and its decoder.
pub struct Coder {
    encoder: Box<dyn FloatModel>,
    /// From latent vectors back to pictures.
    pub decoder: Generator,
    is_variational: bool,
}

impl Coder {
    /// Around an encoder for pictures of `input` and a decoder. It is variational where the encoder gives twice as many numbers as
    /// the decoder takes.
    pub fn new(mut encoder: Box<dyn FloatModel>, input: Shape, decoder: Generator) -> Result<Self> {
        ensure!(
            input == decoder.shape(),
            "the encoder takes {input} pictures and the decoder gives {}: they do not belong together",
            decoder.shape()
        );
        let given = encoder.run(1, &vec![0.0; input.length()])?.first().map_or(0, |t| t.data.len());
        let length = decoder.length();
        ensure!(
            given == length || given == 2 * length,
            "the encoder gives {given} numbers, the decoder takes {length}: {length} or {} are needed, mean and log variance",
            2 * length
        );
        Ok(Self { encoder, decoder, is_variational: given == 2 * length })
    }

    /// Whether it gives a distribution for each picture, and not a point.
    pub fn is_variational(&self) -> bool {
        self.is_variational
    }

    /// Size of the pictures.
    pub fn shape(&self) -> Shape {
        self.decoder.shape()
    }

    /// What the encoder says of each picture.
    pub fn encode(&mut self, pictures: &Tiles) -> Result<Vec<Spread>> {
        fits(pictures, self.shape())?;
        let length = self.decoder.length();
        let given = if self.is_variational { 2 * length } else { length };
        let takes = self.shape().length();
        let values = in_batches(&mut *self.encoder, &pictures.values, takes, given)?;
        let spread = |row: &[f32]| Spread {
            mean: row[..length].to_vec(),
            // Beyond this a variance is no number any more.
            log_variance: self.is_variational.then(|| row[length..].iter().map(|v| v.clamp(-30.0, 20.0)).collect()),
        };
        Ok(values.chunks_exact(given).map(spread).collect())
    }

    /// What the encoder says of each picture, and what the decoder makes of the means.
    pub fn reconstruct(&mut self, pictures: &Tiles) -> Result<(Vec<Spread>, Tiles)> {
        let spreads = self.encode(pictures)?;
        let means: Vec<f32> = spreads.iter().flat_map(|s| s.mean.iter().copied()).collect();
        let back = self.decoder.draw(&means, |_| 0)?;
        Ok((spreads, back))
    }
}

/// What the classifier says of one picture.
#[derive(Clone, Debug, PartialEq)]
pub struct Verdict {
    /// A share for each class, together 1.
    pub shares: Vec<f32>,
}

impl Verdict {
    /// The likeliest class and its share.
    pub fn best(&self) -> (usize, f32) {
        let best = self.shares.iter().enumerate().max_by(|a, b| a.1.total_cmp(b.1));
        best.map_or((0, 0.0), |(class, &share)| (class, share))
    }
}

/// A net that gives a few numbers for a picture: logits of classes, or one logit for real against fake.
pub struct Judge {
    model: Box<dyn FloatModel>,
    shape: Shape,
    outputs: usize,
}

impl Judge {
    /// Around a net for pictures of `input`.
    pub fn new(mut model: Box<dyn FloatModel>, input: Shape) -> Result<Self> {
        let outputs = model.run(1, &vec![0.0; input.length()])?.first().map_or(0, |t| t.data.len());
        ensure!(outputs > 0, "it says nothing of a picture");
        Ok(Self { model, shape: input, outputs })
    }

    /// Numbers that it gives for a picture.
    pub fn outputs(&self) -> usize {
        self.outputs
    }

    /// Size of the pictures that it takes.
    pub fn shape(&self) -> Shape {
        self.shape
    }

    /// The net's numbers for each picture, one behind the other.
    pub fn logits(&mut self, pictures: &Tiles) -> Result<Vec<f32>> {
        fits(pictures, self.shape)?;
        in_batches(&mut *self.model, &pictures.values, self.shape.length(), self.outputs)
    }

    /// The share of each class, for each picture.
    pub fn classify(&mut self, pictures: &Tiles) -> Result<Vec<Verdict>> {
        let logits = self.logits(pictures)?;
        Ok(logits.chunks_exact(self.outputs).map(|row| Verdict { shares: softmax(row) }).collect())
    }

    /// How real each picture looks to a discriminator, 0 to 1.
    pub fn opinions(&mut self, pictures: &Tiles) -> Result<Vec<f32>> {
        ensure!(self.outputs == 1, "a discriminator gives one number for a picture, not {}", self.outputs);
        Ok(self.logits(pictures)?.into_iter().map(|logit| 1.0 / (1.0 + (-logit).exp())).collect())
    }
}

/// Inputs at once: thousands would take the memory of a board.
const BATCH: usize = 64;

/// What the net gives for all inputs of `takes` numbers each: `gives` numbers for each.
fn in_batches(model: &mut dyn FloatModel, input: &[f32], takes: usize, gives: usize) -> Result<Vec<f32>> {
    let mut all = Vec::with_capacity(input.len() / takes * gives);
    for batch in input.chunks(BATCH * takes) {
        let count = batch.len() / takes;
        let answer = model.run(count, batch)?.first().context("the net says nothing")?;
        ensure!(
            answer.data.len() == count * gives,
            "the net gave {} numbers for {count} inputs, not {gives} each",
            answer.data.len()
        );
        all.extend_from_slice(&answer.data);
    }
    Ok(all)
}

fn fits(pictures: &Tiles, shape: Shape) -> Result<()> {
    ensure!(pictures.count() > 0, "there is no picture");
    ensure!(pictures.shape == shape, "a {} picture for a net that takes {shape}", pictures.shape);
    Ok(())
}

fn softmax(logits: &[f32]) -> Vec<f32> {
    let most = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let raised: Vec<f32> = logits.iter().map(|l| (l - most).exp()).collect();
    let total: f32 = raised.iter().sum();
    raised.into_iter().map(|v| v / total).collect()
}

#[cfg(test)]
pub(crate) mod fakes;

#[cfg(test)]
mod tests {
    use super::fakes::{Net, coder, generator, judge};
    use super::*;

    const SHAPE: Shape = Shape { channels: 1, height: 2, width: 2 };

    #[test]
    fn a_picture_comes_back_through_nets_that_lose_nothing() {
        let pictures = Tiles::new(SHAPE, vec![0.1, 0.2, 0.3, 0.4, 1.0, 0.0, 0.5, 0.25]).unwrap();
        for variational in [false, true] {
            let mut coder = coder(SHAPE, variational);
            let (spreads, back) = coder.reconstruct(&pictures).unwrap();
            assert_eq!(back, pictures);
            assert_eq!(spreads[1].mean, [1.0, 0.0, 0.5, 0.25]);
            assert_eq!(spreads[1].variance(), variational.then(|| vec![1.0; 4]));
        }
    }

    #[test]
    fn a_generator_is_asked_for_a_class_by_one_hot_numbers() {
        let mut generator = generator(SHAPE, 2);
        assert_eq!(generator.draw(&[0.25, 0.75], |i| i).unwrap().values, [0.25, 1.0, 0.0, 0.25, 0.75, 0.0, 1.0, 0.75]);
        let error = generator.draw(&[], |_| 0).unwrap_err().to_string();
        assert!(error.contains("no latent vectors of 1 numbers"), "{error}");
    }

    #[test]
    fn shares_of_classes_add_to_one_and_the_first_pixel_wins() {
        let pictures = Tiles::new(SHAPE, [&[9.0, 0.0, 0.0, 0.0][..], &[0.0, 0.0, 3.0, 0.0]].concat()).unwrap();
        let verdicts = judge(SHAPE, 4).classify(&pictures).unwrap();
        assert_eq!((verdicts[0].best().0, verdicts[1].best().0), (0, 2));
        assert!(verdicts.iter().all(|v| (v.shares.iter().sum::<f32>() - 1.0).abs() < 1e-6));
        assert!((judge(SHAPE, 1).opinions(&pictures).unwrap()[1] - 0.5).abs() < 1e-6);
    }

    #[test]
    fn nets_that_do_not_fit_are_refused_at_start() {
        let vectors = |length| Box::new(Net::of(length, &[length]));
        assert!(Generator::new(vectors(4), 4, 0).err().unwrap().to_string().contains("no pictures"));
        let decoder = generator(SHAPE, 0);
        let error = Coder::new(vectors(4), SHAPE, decoder).err().unwrap().to_string();
        assert!(!error.is_empty(), "{error}");
        let error = Coder::new(Box::new(Net::of(4, &[3])), SHAPE, fakes::decoder(SHAPE)).err().unwrap().to_string();
        assert!(error.contains("gives 3 numbers, the decoder takes 4"), "{error}");
    }

    #[test]
    fn a_picture_of_another_size_is_refused_in_words() {
        let small = Tiles::new(Shape { width: 1, ..SHAPE }, vec![0.0; 2]).unwrap();
        let error = coder(SHAPE, true).encode(&small).unwrap_err().to_string();
        assert_eq!(error, "a 1x2 grey picture for a net that takes 2x2 grey");
    }
}
