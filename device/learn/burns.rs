//! The same nets through burn's tensors and its gradients, on whichever device burn has: how nets learn on a GPU.
//!
//! What goes in and comes out are plain numbers, as of a [`crate::pass::Pass`]; weights go to the device for every pass, and
//! gradients come back.

use crate::layer::{LEAK, Layer, NORM_EPSILON};
use crate::net::Net;
use burn_tensor_0_21::backend::AutodiffBackend;
use burn_tensor_0_21::ops::ConvOptions;
use burn_tensor_0_21::{Tensor, TensorData, activation, module};

/// One way of a batch through a net, remembered on the device.
pub(crate) struct Pass<B: AutodiffBackend> {
    device: B::Device,
    input: Tensor<B, 4>,
    /// Each array of the net, flat.
    weights: Vec<Tensor<B, 1>>,
    trained: Vec<bool>,
    output: Tensor<B, 4>,
    /// Means and variances that batch normalisation saw.
    seen: Vec<[Vec<f32>; 2]>,
}

impl<B: AutodiffBackend> Pass<B> {
    /// Through the first `layers` layers, with the batch's own statistics. `inputs`: [batch, ...], row-major.
    pub(crate) fn new(net: &Net, layers: usize, inputs: &[f32], device: &B::Device) -> Self {
        let n = inputs.len() / net.input.iter().product::<usize>();
        let tensor = |values: &[f32]| Tensor::<B, 1>::from_data(TensorData::new(values.to_vec(), [values.len()]), device);
        let weights: Vec<Tensor<B, 1>> = net.weights.iter().map(|w| tensor(&w.values).require_grad()).collect();
        // Whatever flows is [n, channels, height, width]; rows are [n, numbers, 1, 1].
        let place = |shape: &[usize]| match *shape {
            [c, h, w] => [n, c, h, w],
            _ => [n, shape[0], 1, 1],
        };
        let input = tensor(inputs).reshape(place(&net.input)).require_grad();
        let (mut x, mut now, mut seen, mut at) = (input.clone(), net.input.clone(), Vec::new(), 0);
        for layer in &net.layers[..layers] {
            let own = &weights[at..at + layer.arrays()];
            let after = layer.shape(&now).expect("layers fit each other");
            x = step(layer, own, x, place(&after), &mut seen);
            (now, at) = (after, at + layer.arrays());
        }
        let trained = net.weights.iter().map(|w| w.trained).collect();
        Self { device: device.clone(), input, weights, trained, output: x, seen }
    }

    /// The answer, [batch, ...], row-major.
    pub(crate) fn output(&self) -> Vec<f32> {
        numbers(self.output.clone())
    }

    /// Means and variances that batch normalisation saw, layer by layer.
    pub(crate) fn seen(self) -> Vec<[Vec<f32>; 2]> {
        self.seen
    }

    /// From the gradient of the answer that of every array, empty for those that are not trained, and that of the input.
    pub(crate) fn back(&self, gradient: &[f32]) -> (Vec<Vec<f32>>, Vec<f32>) {
        let above = TensorData::new(gradient.to_vec(), self.output.dims());
        let above = Tensor::<B, 4>::from_data(above, &self.device);
        let mut gradients = (self.output.clone() * above).sum().backward();
        let mut of = |(weights, trained): (&Tensor<B, 1>, &bool)| match weights.grad_remove(&mut gradients) {
            Some(gradient) if *trained => numbers(gradient),
            _ => vec![],
        };
        let of_weights = self.weights.iter().zip(&self.trained).map(&mut of).collect();
        (of_weights, self.input.grad_remove(&mut gradients).map(numbers).unwrap_or_default())
    }
}

fn numbers<B: burn_tensor_0_21::backend::Backend, const D: usize>(tensor: Tensor<B, D>) -> Vec<f32> {
    tensor.into_data().convert::<f32>().to_vec().expect("numbers are float32")
}

/// What a layer makes of a batch; `after`: the shape of that.
fn step<B: AutodiffBackend>(
    layer: &Layer,
    weights: &[Tensor<B, 1>],
    x: Tensor<B, 4>,
    after: [usize; 4],
    seen: &mut Vec<[Vec<f32>; 2]>,
) -> Tensor<B, 4> {
    let [n, c, h, w] = x.dims();
    match *layer {
        Layer::Dense { inputs, outputs } => {
            let matrix = weights[0].clone().reshape([outputs, inputs]).transpose();
            (x.reshape([n, inputs]).matmul(matrix) + weights[1].clone().reshape([1, outputs])).reshape(after)
        }
        Layer::Conv { inputs, outputs, size, stride, pad } => {
            let options = ConvOptions::new([stride; 2], [pad; 2], [1; 2], 1);
            let kernel = weights[0].clone().reshape([outputs, inputs, size, size]);
            module::conv2d(x, kernel, Some(weights[1].clone()), options)
        }
        Layer::Norm { .. } => {
            let lines = x.swap_dims(0, 1).reshape([c, n * h * w]);
            let mean = lines.clone().mean_dim(1);
            let apart = lines - mean.clone();
            let variance = (apart.clone() * apart.clone()).mean_dim(1);
            seen.push([mean, variance.clone()].map(numbers));
            let [factor, offset] = [0, 1].map(|i| weights[i].clone().reshape([c, 1]));
            let out = apart / (variance + NORM_EPSILON).sqrt() * factor + offset;
            out.reshape([c, n, h, w]).swap_dims(0, 1)
        }
        Layer::Relu => activation::relu(x),
        Layer::Leaky => activation::leaky_relu(x, f64::from(LEAK)),
        Layer::Sigmoid => activation::sigmoid(x),
        Layer::Slopes { channels } => {
            let slopes = weights[0].clone().reshape([1, channels, 1, 1]);
            activation::relu(x.clone()) - activation::relu(-x) * slopes
        }
        Layer::MaxPool { size, beyond } => module::max_pool2d(x, [size; 2], [2; 2], [0; 2], [1; 2], beyond),
        Layer::Shuffle => {
            let parts = x.reshape([n, c / 4, 2, 2, h, w]).permute([0, 1, 4, 2, 5, 3]);
            parts.reshape(after)
        }
        Layer::Flatten | Layer::Fold(_) => x.reshape(after),
    }
}

#[cfg(all(test, feature = "cuda-oracle"))]
mod tests {
    use super::*;
    use crate::random::Dice;
    use crate::{digits, faces, pictures};

    fn close(what: &str, ours: &[f32], theirs: &[f32]) {
        assert_eq!(ours.len(), theirs.len(), "{what}");
        // Numbers are of the order of 1; a bias before a norm has no gradient but rounding.
        let size = theirs.iter().fold(1e-1f32, |most, v| most.max(v.abs()));
        let far = ours.iter().zip(theirs).fold(0f32, |most, (a, b)| most.max((a - b).abs()));
        assert!(far <= 2e-4 * size, "{what}: {far} apart, numbers up to {size}");
    }

    #[test]
    fn every_net_that_is_trained_answers_and_learns_as_by_our_own_gradients() {
        let dice = &mut Dice::new(3);
        for (name, net) in [
            ("classifier", digits::classifier(dice)),
            ("encoder", digits::encoder(32, dice)),
            ("decoder", digits::decoder(dice)),
            ("generator", digits::generator(10, dice)),
            ("discriminator", digits::discriminator(10, dice)),
            ("picture encoder", pictures::encoder(32, 128, dice)),
            ("picture generator", pictures::generator(64, dice)),
            ("picture discriminator", pictures::discriminator(32, dice)),
            ("R-Net", faces::rnet(dice)),
            ("O-Net", faces::onet(dice)),
        ] {
            let inputs = dice.normals(5 * net.input.iter().product::<usize>());
            let above = dice.normals(5 * net.output().unwrap().iter().product::<usize>());
            let own = crate::pass::Pass::new(&net, &inputs);
            let burns =
                Pass::<burn_autodiff::Autodiff<burn_flex::Flex>>::new(&net, net.layers.len(), &inputs, &Default::default());
            close(&format!("{name}'s answer"), &burns.output(), &own.output());
            let ((ours, ours_of_input), (theirs, theirs_of_input)) = (own.back(&above, true), burns.back(&above));
            close(&format!("{name}'s input"), &theirs_of_input, &ours_of_input);
            for (index, (ours, theirs)) in ours.iter().zip(&theirs).enumerate() {
                close(&format!("{name}'s array {index}"), theirs, ours);
            }
            close(&format!("{name}'s statistics"), &burns.seen().concat().concat(), &own.seen().concat().concat());
        }
    }
}
