//! The same nets through burn's tensors and its gradients: what ours are held against.

use crate::layer::{LEAK, Layer, NORM_EPSILON};
use crate::net::Net;
use crate::ops;
use crate::pass::Pass;
use crate::random::Dice;
use crate::{digits, faces, pictures};
use burn_tensor::ops::{ConvOptions, MaxPoolOptions};
use burn_tensor::{Device, Tensor, TensorData, activation, module};

fn tensor<const D: usize>(values: &[f32], shape: [usize; D]) -> Tensor<D> {
    Tensor::from_data(TensorData::new(values.to_vec(), shape), &Device::flex().autodiff())
}

fn numbers<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    tensor.into_data().try_into_vec().unwrap()
}

/// The answer to a batch with the batch's own statistics; and the gradients of the weights and of the input, `above` being that
/// of the answer.
fn burns(net: &Net, inputs: &[f32], above: &[f32]) -> (Vec<f32>, Vec<Vec<f32>>, Vec<f32>) {
    let n = inputs.len() / net.input.iter().product::<usize>();
    let weights: Vec<Tensor<1>> = net.weights.iter().map(|w| tensor(&w.values, [w.values.len()]).require_grad()).collect();
    // Whatever flows is [n, channels, height, width]; rows are [n, numbers, 1, 1].
    let shape = |shape: &[usize]| match *shape {
        [c, h, w] => [n, c, h, w],
        _ => [n, shape[0], 1, 1],
    };
    let input = tensor(inputs, shape(&net.input)).require_grad();
    let (mut x, mut now, mut next) = (input.clone(), net.input.clone(), weights.iter().cloned());
    for layer in &net.layers {
        let mut next = || next.next().unwrap();
        let after = layer.shape(&now).unwrap();
        x = match *layer {
            Layer::Dense { inputs, outputs } => {
                let matrix = next().reshape([outputs, inputs]).transpose();
                (x.reshape([n, inputs]).matmul(matrix) + next().reshape([1, outputs])).reshape([n, outputs, 1, 1])
            }
            Layer::Conv { inputs, outputs, size, stride, pad } => {
                let options = ConvOptions::new([stride; 2], [pad; 2], [1; 2], 1);
                module::conv2d(x, next().reshape([outputs, inputs, size, size]), Some(next()), options)
            }
            Layer::Norm { .. } => {
                let [factor, offset, ..] = [(); 4].map(|()| next());
                module::batch_norm_train(x, factor, offset, f64::from(NORM_EPSILON)).output
            }
            Layer::Relu => activation::relu(x),
            Layer::Leaky => activation::leaky_relu(x, f64::from(LEAK)),
            Layer::Sigmoid => activation::sigmoid(x),
            Layer::Slopes { channels } => {
                let slopes = next().reshape([1, channels, 1, 1]);
                activation::relu(x.clone()) - activation::relu(-x) * slopes
            }
            Layer::MaxPool { size, beyond } => {
                module::max_pool2d(x, MaxPoolOptions::new([size; 2]).with_stride([2; 2]).with_ceil_mode(beyond))
            }
            Layer::Shuffle => {
                let [n, c, h, w] = x.dims();
                let parts = x.reshape([n, c / 4, 2, 2, h, w]).permute([0, 1, 4, 2, 5, 3]);
                parts.reshape([n, c / 4, 2 * h, 2 * w])
            }
            Layer::Flatten | Layer::Fold(_) => x.reshape(shape(&after)),
        };
        now = after;
    }
    let wanted = tensor(above, x.dims());
    let mut gradients = (x.clone() * wanted).sum().backward();
    let of = |w: &Tensor<1>, gradients: &mut _| w.grad_remove(gradients).map(numbers).unwrap_or_default();
    let of_weights = weights.iter().map(|w| of(w, &mut gradients)).collect();
    (numbers(x), of_weights, numbers(input.grad_remove(&mut gradients).unwrap()))
}

fn close(what: &str, ours: &[f32], theirs: &[f32]) {
    assert_eq!(ours.len(), theirs.len(), "{what}");
    // Numbers are of the order of 1; a bias before a norm has no gradient but rounding.
    let size = theirs.iter().fold(1e-1f32, |most, v| most.max(v.abs()));
    let far = ours.iter().zip(theirs).fold(0f32, |most, (a, b)| most.max((a - b).abs()));
    assert!(far <= 2e-4 * size, "{what}: {far} apart, numbers up to {size}");
}

fn nets() -> Vec<(&'static str, Net)> {
    let dice = &mut Dice::new(3);
    vec![
        ("classifier", digits::classifier(dice)),
        ("encoder", digits::encoder(32, dice)),
        ("decoder", digits::decoder(dice)),
        ("generator", digits::generator(10, dice)),
        ("discriminator", digits::discriminator(10, dice)),
        ("live generator", digits::live_generator(dice)),
        ("picture encoder", pictures::encoder(32, 128, dice)),
        ("picture generator", pictures::generator(64, dice)),
        ("picture discriminator", pictures::discriminator(32, dice)),
        ("P-Net", faces::pnet(dice)),
        ("R-Net", faces::rnet(dice)),
        ("O-Net", faces::onet(dice)),
    ]
}

#[test]
fn answers_and_gradients_of_every_net_are_burns() {
    for (name, net) in nets() {
        let dice = &mut Dice::new(4);
        let inputs = dice.normals(5 * net.input.iter().product::<usize>());
        let above = dice.normals(5 * net.output().unwrap().iter().product::<usize>());
        let pass = Pass::new(&net, &inputs);
        let (answer, of_weights, of_input) = burns(&net, &inputs, &above);
        close(&format!("{name}'s answer"), &pass.output(), &answer);
        let (ours, ours_of_input) = pass.back(&above, true);
        for (index, (ours, theirs)) in ours.iter().zip(&of_weights).enumerate().filter(|(i, _)| net.weights[*i].trained) {
            close(&format!("{name}'s array {index}"), ours, theirs);
        }
        close(&format!("{name}'s input"), &ours_of_input, &of_input);
        assert_eq!(pass.back_to_input(&above), ours_of_input, "{name}");
    }
}

#[test]
fn odd_sizes_and_many_pictures_too() {
    let dice = &mut Dice::new(5);
    for (size, stride, side, n) in [(3, 2, 7, 3), (5, 2, 5, 2), (5, 1, 3, 2), (2, 3, 8, 2), (3, 1, 28, 300)] {
        let conv = Layer::Conv { inputs: 2, outputs: 3, size, stride, pad: size / 2 };
        let net = Net::new(&[2, side, side], vec![conv], dice);
        let inputs = dice.normals(n * 2 * side * side);
        let above = dice.normals(n * net.output().unwrap().iter().product::<usize>());
        let pass = Pass::new(&net, &inputs);
        let (answer, of_weights, of_input) = burns(&net, &inputs, &above);
        close("the answer", &pass.output(), &answer);
        let (ours, ours_of_input) = pass.back(&above, true);
        ours.iter().zip(&of_weights).for_each(|(ours, theirs)| close("an array", ours, theirs));
        close("the input", &ours_of_input, &of_input);
    }
}

#[test]
fn an_odd_row_is_left_out_of_pooling() {
    let nine = [1.0, 5.0, 9.0, 2.0, 3.0, 9.0, 9.0, 9.0, 9.0];
    let (out, picks) = ops::max_pool(&nine, [1, 3, 3, 1], [1, 1], 2);
    assert_eq!((out, picks.clone()), (vec![5.0], vec![1]));
    assert_eq!(ops::max_pool_back(&[2.0], &picks, [1, 3, 3, 1], [1, 1], 2), [0.0, 2.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]);
}

#[test]
fn windows_that_reach_beyond_the_edge_take_what_there_is() {
    let layer = Layer::MaxPool { size: 3, beyond: true };
    assert_eq!(layer.shape(&[1, 4, 4]), Some(vec![1, 2, 2]));
    let net = Net::new(&[1, 4, 4], vec![layer], &mut Dice::new(1));
    let rising: Vec<f32> = (0..16).map(|v| v as f32 - 20.0).collect();
    assert_eq!(net.run(&rising), [-10.0, -9.0, -6.0, -5.0]);
    // The number that two windows take has both gradients.
    let four = [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 9.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0];
    let (_, picks) = ops::max_pool(&four, [1, 4, 4, 1], [2, 2], 3);
    assert_eq!(ops::max_pool_back(&[1.0, 2.0, 0.0, 0.0], &picks, [1, 4, 4, 1], [2, 2], 3)[6], 3.0);
}
