//! The same net on the processor: what the GPU's answers are held against, and its speed.

use crate::infer::{FloatModel, Model, Normalise, Tensor, engine::Engine, floats::Floats};
use anyhow::{Context, Result};
use std::path::Path;
use tract_onnx::prelude::*;

/// A net for inputs of one shape, with one input that serves as the sample.
pub(super) trait Twin: Send {
    /// The net as tract has it, for floats.
    fn graph(&self) -> Result<TypedModel>;

    /// The sample as floats.
    fn sample(&self) -> Vec<f32>;

    /// The processor's answers to the sample, as the booth would get them.
    fn run(&mut self) -> Result<&[Tensor]>;
}

/// What a net's file is called, for people.
pub(super) fn name_of(file: &Path) -> String {
    file.file_name().map_or_else(|| "a net".into(), |name| name.to_string_lossy().into_owned())
}

fn graph(net: &InferenceModel, shape: &[usize], file: &Path) -> Result<TypedModel> {
    let build = || net.clone().with_input_fact(0, f32::fact(shape).into())?.into_typed()?.into_decluttered();
    build().with_context(|| format!("{} cannot take an input of {shape:?}", file.display()))
}

/// Bytes or shares of them that look like nothing, the same every time.
fn noise(index: usize) -> u8 {
    ((index * 7 + index / 41 * 13 + index / 1009 * 5) % 251) as u8
}

pub(super) struct PicturesTwin {
    engine: Engine,
    shape: [usize; 3],
    normalise: Normalise,
}

impl PicturesTwin {
    pub(super) fn new(engine: &Engine, shape: [usize; 3], normalise: Normalise) -> Self {
        Self { engine: engine.again(), shape, normalise }
    }

    fn bytes(&self) -> Vec<u8> {
        (0..3 * self.shape.iter().product::<usize>()).map(noise).collect()
    }
}

impl Twin for PicturesTwin {
    fn graph(&self) -> Result<TypedModel> {
        let [count, height, width] = self.shape;
        graph(&self.engine.net, &[count, 3, height, width], &self.engine.file)
    }

    fn sample(&self) -> Vec<f32> {
        let bytes = self.bytes();
        let mut planes = vec![0.0; bytes.len()];
        let picture = 3 * self.shape[1] * self.shape[2];
        for (bytes, planes) in bytes.chunks_exact(picture).zip(planes.chunks_exact_mut(picture)) {
            self.normalise.planes(bytes, planes);
        }
        planes
    }

    fn run(&mut self) -> Result<&[Tensor]> {
        let bytes = self.bytes();
        self.engine.run(self.shape, &self.normalise, &mut |pixels| pixels.copy_from_slice(&bytes))
    }
}

pub(super) struct FloatsTwin {
    floats: Floats,
    count: usize,
    sample: Vec<f32>,
}

impl FloatsTwin {
    pub(super) fn new(floats: &Floats, count: usize) -> Self {
        let length = count * floats.shape.iter().product::<usize>();
        let sample = (0..length).map(|i| f32::from(noise(i)) / 125.0 - 1.0).collect();
        Self { floats: floats.again(), count, sample }
    }
}

impl Twin for FloatsTwin {
    fn graph(&self) -> Result<TypedModel> {
        graph(&self.floats.net, &[&[self.count], &self.floats.shape[..]].concat(), &self.floats.file)
    }

    fn sample(&self) -> Vec<f32> {
        self.sample.clone()
    }

    fn run(&mut self) -> Result<&[Tensor]> {
        self.floats.run(self.count, &self.sample)
    }
}
