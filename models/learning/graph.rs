//! A trained net in, its ONNX file out; and the same input through the learner and tract. The learner's own tests hold its
//! answers against burn's.

use crate::onnx::{Axis, Graph, Tensor, Wire};
use anyhow::{Context, Result, ensure};
use lookalike_learn::layer::{LEAK, Layer};
use lookalike_learn::{Dice, Net};
use tract_onnx::prelude::{DatumExt, Framework, InferenceModelExt, IntoRunnable, IntoTensor, tvec};

/// How far the learner's and tract's answers may lie from each other, as a share of the largest number of the answer (at least 1).
/// Sums in another order differ by some millionths; a wrong layer by far more.
pub const TOLERANCE: f32 = 2e-5;

/// The ONNX file of a net without `Norm` layers (`Net::folded`). Layers are called by their number and kind: `3-conv`.
pub fn onnx(name: &str, notes: &str, net: &Net) -> Result<Vec<u8>> {
    let shape = net.output().context("its layers do not fit each other")?;
    let axes = |shape: &[usize]| -> Vec<Axis> {
        [Axis::Named("n")].into_iter().chain(shape.iter().map(|&length| Axis::Fixed(length))).collect()
    };
    let mut graph = Graph::new(name, notes);
    let mut x = graph.input("input", &axes(&net.input));
    let mut arrays = net.weights.iter().map(|w| Tensor::new(&w.shape, w.values.clone()));
    let mut now = net.input.clone();
    for (number, layer) in net.layers.iter().enumerate() {
        x = add(&mut graph, &format!("{number}-{}", word(layer)), &x, (layer, &now), &mut arrays)?;
        now = layer.shape(&now).context("its layers do not fit each other")?;
    }
    graph.output(&x, &axes(&shape));
    Ok(graph.encode())
}

fn add(
    graph: &mut Graph,
    name: &str,
    x: &Wire,
    (layer, shape): (&Layer, &[usize]),
    arrays: &mut impl Iterator<Item = Result<Tensor>>,
) -> Result<Wire> {
    let mut next = || arrays.next().context("it has too few weights")?;
    Ok(match *layer {
        Layer::Dense { .. } => graph.dense(name, x, &next()?, &next()?),
        Layer::Conv { stride, pad, .. } => graph.padded_conv(name, x, &next()?, &next()?, stride, pad),
        Layer::Norm { .. } => anyhow::bail!("its norms are not folded"),
        Layer::Relu => graph.relu(name, x),
        Layer::Leaky => graph.leaky_relu(name, x, LEAK),
        Layer::Sigmoid => graph.sigmoid(name, x),
        Layer::Slopes { channels } => {
            // Of a picture's channel, for its whole plane.
            let slopes = next()?;
            graph.prelu(name, x, &if shape.len() == 3 { slopes.reshaped(&[channels, 1, 1])? } else { slopes })
        }
        Layer::MaxPool { size, beyond } => graph.max_pool(name, x, size, 2, beyond),
        Layer::Shuffle => graph.pixel_shuffle(name, x),
        Layer::Flatten => graph.flatten(name, x),
        Layer::Fold(shape) => graph.fold(name, x, shape),
    })
}

fn word(layer: &Layer) -> &'static str {
    match layer {
        Layer::Dense { .. } => "dense",
        Layer::Conv { .. } => "conv",
        Layer::Norm { .. } => "norm",
        Layer::Relu => "relu",
        Layer::Leaky => "leaky",
        Layer::Sigmoid => "sigmoid",
        Layer::Slopes { .. } => "slopes",
        Layer::MaxPool { .. } => "pool",
        Layer::Shuffle => "shuffle",
        Layer::Flatten => "flat",
        Layer::Fold(_) => "fold",
    }
}

/// An ONNX file, ready to be run by tract on batches of one size.
pub struct Runner(std::sync::Arc<tract_onnx::prelude::TypedRunnableModel>, Vec<usize>);

impl Runner {
    /// `shape`: of the whole input, the batch first. `output`: a layer's name to end at, or the last one.
    pub fn new(bytes: &[u8], shape: &[usize], output: Option<&str>) -> Result<Self> {
        let mut model = tract_onnx::onnx().with_ignore_output_shapes(true).model_for_read(&mut &bytes[..])?;
        if let Some(output) = output {
            model.select_outputs_by_name([output])?;
        }
        let model = model.with_input_fact(0, f32::fact(shape).into())?.into_optimized()?;
        Ok(Self(model.into_runnable()?, shape.to_vec()))
    }

    /// The one output's numbers.
    pub fn run(&self, inputs: &[f32]) -> Result<Vec<f32>> {
        let input = tract_onnx::prelude::Tensor::from_shape(&self.1, inputs)?;
        let outputs = self.0.run(tvec!(input.into()))?;
        Ok(outputs.into_iter().next().context("no output")?.into_tensor().to_plain_array_view::<f32>()?.iter().copied().collect())
    }
}

/// The largest difference between the learner's and tract's answers to the same three inputs; an error above [`TOLERANCE`].
pub fn compare(net: &Net, bytes: &[u8]) -> Result<f32> {
    let dice = &mut Dice::new(9);
    let pictures = net.input.len() == 3;
    let numbers = dice.normals(3 * net.input.iter().product::<usize>());
    let inputs: Vec<f32> = numbers.iter().map(|n| if pictures { (n * 0.5).clamp(0.0, 1.0) } else { *n }).collect();
    let wanted = net.run(&inputs);
    let got = Runner::new(bytes, &[&[3], net.input.as_slice()].concat(), None)?.run(&inputs)?;
    ensure!(got.len() == wanted.len(), "tract gives {} numbers, the learner {}", got.len(), wanted.len());
    let size = wanted.iter().fold(1f32, |most, w| most.max(w.abs()));
    // Not-a-number is as far away as can be.
    let far = |(a, b): (&f32, &f32)| if (a - b).is_nan() { f32::INFINITY } else { (a - b).abs() / size };
    let worst = got.iter().zip(&wanted).map(far).fold(0.0, f32::max);
    ensure!(worst <= TOLERANCE, "tract's answer lies {worst} from the learner's: more than {TOLERANCE}");
    Ok(worst)
}

#[cfg(test)]
mod tests {
    use super::*;
    use lookalike_learn::{digits, faces, pictures};

    #[test]
    fn learner_and_tract_answer_alike_for_every_net_of_the_recipes() {
        let dice = &mut Dice::new(3);
        let nets = [
            digits::classifier(dice),
            digits::encoder(32, dice),
            digits::decoder(dice),
            digits::generator(10, dice).folded(),
            digits::discriminator(0, dice),
            pictures::encoder(32, 128, dice),
            pictures::generator(64, dice).folded(),
            pictures::discriminator(32, dice),
            faces::pnet(dice),
            faces::rnet(dice),
            faces::onet(dice),
        ];
        for net in nets {
            let bytes = onnx("net", "", &net).unwrap();
            compare(&net, &bytes).unwrap();
        }
    }

    #[test]
    fn a_changed_weight_is_noticed() {
        let net = digits::decoder(&mut Dice::new(3));
        let mut other = net.clone();
        other.weights[1].values[5] += 0.1;
        assert!(compare(&other, &onnx("net", "", &net).unwrap()).is_err());
    }
}
