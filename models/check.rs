//! An ONNX file and what the original implementation answered in; how far the file's answers lie from it out.
//!
//! The golden answers are in `tests/golden/nets`, with the script that made them and what the inputs are.

use crate::recipe::Recipe;
use anyhow::{Context, Result, ensure};
use image::RgbImage;
use serde::Deserialize;
use std::collections::BTreeMap;
use tract_onnx::prelude::{DatumExt, Framework, InferenceModelExt, IntoRunnable, IntoTensor, Tensor, tvec};

/// How far any number of an answer may lie from the original's. Float rounding stays thirty times below (4e-7 measured);
/// a single wrong weight goes above.
pub const TOLERANCE: f32 = 1e-5;

/// One question and the original's answer.
#[derive(Deserialize)]
struct Case {
    input: Input,
    outputs: BTreeMap<String, Answer>,
}

/// Where the pixels come from: with `step`, every step-th pixel of the photo from (left, top) on; else the pattern.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Input {
    height: u32,
    width: u32,
    step: Option<u32>,
    #[serde(default)]
    left: u32,
    #[serde(default)]
    top: u32,
}

#[derive(Deserialize)]
struct Answer {
    shape: Vec<usize>,
    values: Vec<f32>,
}

/// The largest difference between the file's answers and the original's; an error where it is above [`TOLERANCE`].
/// `photo`: the astronaut.
pub fn check(recipe: &Recipe, onnx: &[u8], photo: &RgbImage) -> Result<f32> {
    let check = || -> Result<f32> {
        let cases: Vec<Case> = serde_json::from_str(recipe.golden).context("its golden file cannot be read")?;
        ensure!(!cases.is_empty(), "its golden file is empty");
        let mut worst = 0f32;
        for case in &cases {
            let answers = answer(recipe, onnx, &case.input, photo)?;
            for (name, golden) in &case.outputs {
                let got = answers.get(name).with_context(|| format!("it has no output `{name}`"))?;
                ensure!(got.shape() == golden.shape, "`{name}` is shaped {:?} instead of {:?}", got.shape(), golden.shape);
                let difference = largest_difference(got, golden)?;
                ensure!(difference <= TOLERANCE, "`{name}` lies {difference} from the original's: more than {TOLERANCE}");
                worst = worst.max(difference);
            }
        }
        Ok(worst)
    };
    check().with_context(|| format!("{} ({}) does not answer as the original does", recipe.name, recipe.file))
}

fn largest_difference(got: &Tensor, golden: &Answer) -> Result<f32> {
    let got = got.to_plain_array_view::<f32>()?;
    let pairs = got.iter().zip(&golden.values);
    // Not-a-number is as far away as can be.
    Ok(pairs.map(|(a, b)| (a - b).abs()).fold(0.0, |worst, d| if d.is_nan() { f32::INFINITY } else { worst.max(d) }))
}

/// The outputs by name.
fn answer(recipe: &Recipe, onnx: &[u8], input: &Input, photo: &RgbImage) -> Result<BTreeMap<String, Tensor>> {
    let (height, width) = (input.height as usize, input.width as usize);
    let mut values = Vec::with_capacity(3 * height * width);
    for c in 0..3 {
        for y in 0..input.height {
            for x in 0..input.width {
                values.push((f32::from(input.pixel(photo, c, y, x)?) - recipe.mean[c]) * recipe.scale);
            }
        }
    }
    let mut bytes = onnx;
    let model = tract_onnx::onnx()
        .with_ignore_output_shapes(true)
        .model_for_read(&mut bytes)?
        .with_input_fact(0, f32::fact([1, 3, height, width]).into())?;
    let names: Vec<String> = model.output_outlets()?.iter().map(|o| model.node(o.node).name.clone()).collect();
    let tensor = Tensor::from_shape(&[1, 3, height, width], &values)?;
    let outputs = model.into_optimized()?.into_runnable()?.run(tvec!(tensor.into()))?;
    Ok(names.into_iter().zip(outputs.into_iter().map(|o| o.into_tensor())).collect())
}

impl Input {
    fn pixel(&self, photo: &RgbImage, c: usize, y: u32, x: u32) -> Result<u8> {
        let Some(step) = self.step else {
            return Ok(((7 * x + 13 * y + 29 * c as u32 + x * y / 3) % 256) as u8);
        };
        let pixel = photo.get_pixel_checked(self.left + x * step, self.top + y * step);
        Ok(pixel.context("the astronaut photo is too small")?.0[c])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::onnx::{Axis, Graph, Tensor};
    use lookalike::manifest::{EmbeddingFacts, MetricName, Role};

    /// An owner's embedder: a convolution, the mean of each channel, a matrix.
    fn embedder(weight: f32) -> Vec<u8> {
        let mut g = Graph::new("own", "");
        let x = g.input("image", &[Axis::Named("n"), Axis::Fixed(3), Axis::Fixed(64), Axis::Fixed(64)]);
        let weights = Tensor::new(&[2, 3, 1, 1], vec![weight, 0.0, 0.0, 0.0, weight, 0.0]).unwrap();
        let x = g.conv("conv", &x, &weights, &Tensor::new(&[2], vec![0.0, 1.0]).unwrap(), 1);
        let x = g.global_average_pool("average", &x);
        let x = g.flatten("flat", &x);
        let swap = Tensor::new(&[2, 2], vec![0.0, 1.0, 1.0, 0.0]).unwrap();
        let x = g.matmul("embedding", &x, &swap);
        g.output(&x, &[Axis::Named("n"), Axis::Fixed(2)]);
        g.encode()
    }

    fn recipe(golden: &'static str) -> Recipe {
        let template = [[20.0, 20.0], [44.0, 20.0], [32.0, 32.0], [22.0, 46.0], [42.0, 46.0]];
        Recipe {
            name: "own",
            role: Role::Embedder,
            file: "own.onnx",
            input: [3, 64, 64],
            mean: [28.0, 57.0, 86.0],
            scale: 0.5,
            embedding: Some(EmbeddingFacts {
                template,
                length: 2,
                mirrored: false,
                metric: MetricName::Cosine,
                same_person_distance: 0.5,
                calibration: None,
            }),
            licence: "MIT",
            package: &crate::fetch::FACENET_PYTORCH,
            member: "none",
            convert: |bytes| Ok(bytes.to_vec()),
            golden,
            int8: None,
        }
    }

    /// At 1 x 2 pixels the pattern holds 0, 7 for red and 29, 36 for green: means of -12.25 and -12.25 after mean and scale.
    const GOLDEN: &str =
        r#"[{"input": {"height": 1, "width": 2}, "outputs": {"embedding": {"shape": [1, 2], "values": [-23.5, -24.5]}}}]"#;

    #[test]
    fn right_answers_pass_and_the_difference_is_told() {
        assert_eq!(check(&recipe(GOLDEN), &embedder(2.0), &RgbImage::new(1, 1)).unwrap(), 0.0);
    }

    #[test]
    fn wrong_answers_are_refused_by_name() {
        let error = format!("{:#}", check(&recipe(GOLDEN), &embedder(2.001), &RgbImage::new(1, 1)).unwrap_err());
        assert!(error.starts_with("own (own.onnx) does not answer as the original does: `embedding` lies"), "{error}");
        assert!(check(&recipe(GOLDEN), &embedder(f32::NAN), &RgbImage::new(1, 1)).is_err());
    }

    #[test]
    fn a_file_that_is_no_network_and_a_photo_too_small_are_errors() {
        assert!(check(&recipe(GOLDEN), b"no protobuf", &RgbImage::new(1, 1)).is_err());
        let cut = r#"[{"input": {"height": 1, "width": 2, "step": 3, "left": 4, "top": 5}, "outputs": {}}]"#;
        let error = format!("{:#}", check(&recipe(cut), &embedder(2.0), &RgbImage::new(6, 6)).unwrap_err());
        assert!(error.ends_with("the astronaut photo is too small"), "{error}");
    }
}
