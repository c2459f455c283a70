//! Nets whose arithmetic has a known answer, for tests.

use super::{Coder, Generator, Judge, Shape};
use crate::infer::{FloatModel, Tensor};
use anyhow::Result;

/// Repeats its input, cut or filled with zeros to the shape that it gives.
pub struct Net {
    takes: usize,
    gives: Vec<usize>,
    outputs: Vec<Tensor>,
}

impl Net {
    /// `takes` numbers in, `gives` (without the batch axis) out.
    pub fn of(takes: usize, gives: &[usize]) -> Self {
        Self { takes, gives: gives.to_vec(), outputs: Vec::new() }
    }
}

impl FloatModel for Net {
    fn run(&mut self, count: usize, input: &[f32]) -> Result<&[Tensor]> {
        assert_eq!(input.len(), count * self.takes);
        let long = self.gives.iter().product::<usize>();
        let data = input.chunks_exact(self.takes).flat_map(|row| (0..long).map(|i| row.get(i).copied().unwrap_or_default()));
        self.outputs = vec![Tensor { shape: [&[count], &self.gives[..]].concat(), data: data.collect() }];
        Ok(&self.outputs)
    }
}

/// A vector of a picture's length becomes that picture.
pub fn decoder(shape: Shape) -> Generator {
    let long = shape.length();
    Generator::new(Box::new(Net::of(long, &[shape.channels, shape.height, shape.width])), long, 0).unwrap()
}

/// A picture is its own latent vector; with a variance of 1 throughout where it is variational.
pub fn coder(shape: Shape, variational: bool) -> Coder {
    let long = shape.length();
    let gives = if variational { 2 * long } else { long };
    Coder::new(Box::new(Net::of(long, &[gives])), shape, decoder(shape)).unwrap()
}

/// The first pixel is the number of the vector, the next ones are the class; the last one is the first again.
pub fn generator(shape: Shape, classes: usize) -> Generator {
    struct First(Net);
    impl FloatModel for First {
        fn run(&mut self, count: usize, input: &[f32]) -> Result<&[Tensor]> {
            self.0.run(count, input)?;
            let tensor = &mut self.0.outputs[0];
            let long = tensor.data.len() / count;
            tensor.data.chunks_exact_mut(long).for_each(|picture| picture[long - 1] = picture[0]);
            Ok(&self.0.outputs)
        }
    }
    let net = First(Net::of(1 + classes, &[shape.channels, shape.height, shape.width]));
    Generator::new(Box::new(net), 1, classes).unwrap()
}

/// The first pixels are the logits.
pub fn judge(shape: Shape, outputs: usize) -> Judge {
    Judge::new(Box::new(Net::of(shape.length(), &[outputs])), shape).unwrap()
}

/// Whatever a formula says of each input.
pub struct ByFormula<F> {
    gives: Vec<usize>,
    formula: F,
    outputs: Vec<Tensor>,
}

impl<F: Fn(&[f32]) -> Vec<f32> + Send> ByFormula<F> {
    /// `gives`: the shape of an answer, without the batch axis.
    pub fn new(gives: &[usize], formula: F) -> Self {
        Self { gives: gives.to_vec(), formula, outputs: Vec::new() }
    }
}

impl<F: Fn(&[f32]) -> Vec<f32> + Send> FloatModel for ByFormula<F> {
    fn run(&mut self, count: usize, input: &[f32]) -> Result<&[Tensor]> {
        let data = input.chunks_exact(input.len() / count).flat_map(&self.formula).collect();
        self.outputs = vec![Tensor { shape: [&[count], &self.gives[..]].concat(), data }];
        Ok(&self.outputs)
    }
}
