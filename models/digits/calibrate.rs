//! A shipped net in; the inputs that it is quantized on, or other ones to compare its two files on, out; and its int8 file.
//!
//! Nets that take pictures see digits of the pinned package (the discriminator made ones too, the denoising encoder noisy ones).
//! Decoders see the codes of their encoder and normal noise, generators normal noise: what the booth gives them.

use super::export::{Shipped, trained};
use crate::learning::data::Pictures;
use crate::learning::graph::Runner;
use crate::quantize::calibration::Floats;
use crate::quantize::check::compare_generative;
use crate::quantize::report::Report;
use crate::quantize::{self, Options, Sight};
use anyhow::{Context, Result};
use lookalike::manifest::Role;
use lookalike_learn::Dice;
use lookalike_learn::digits::{CLASSES, LATENT, NOISE, PICTURE, PIXELS};
use lookalike_learn::memory::one_hot;

/// Inputs of either part.
const COUNT: usize = 512;
/// Deviation of the noise over half the denoising encoder's digits: as its training.
const GRAIN: f32 = 0.4;

/// Which inputs.
#[derive(Clone, Copy, PartialEq)]
pub enum Part {
    /// To quantize on.
    Calibration,
    /// Kept apart.
    Check,
}

/// The int8 file of a shipped net.
pub fn quantize(net: &Shipped, float: &[u8], digits: &Pictures, options: Options) -> Result<(Vec<u8>, Report)> {
    let seen = inputs(net, digits, Part::Calibration)?;
    let quantized =
        quantize::quantize(float, Sight::Floats(&seen), options).with_context(|| format!("cannot quantize {}", net.name))?;
    Ok((quantized.onnx, quantized.report))
}

/// Says in words how alike both files of a shipped net answer; an error where that is not enough.
pub fn check(net: &Shipped, float: &[u8], int8: &[u8], digits: &Pictures) -> Result<String> {
    compare_generative(net.role, float, int8, &inputs(net, digits, Part::Check)?)
        .with_context(|| format!("{} in int8 is not good enough for the manifest", net.name))
}

fn inputs(net: &Shipped, digits: &Pictures, part: Part) -> Result<Floats> {
    let dice = &mut Dice::new(20 + part as u64);
    let order = Dice::new(20).order(digits.len());
    let real = digits.floats(order.into_iter().skip(part as usize * COUNT).take(COUNT));
    let length: usize = net.input.iter().product();
    let values = match net.role {
        Role::Decoder => {
            let encoder = of_name(&net.name.replace("decoder", "encoder"))?;
            let codes = run(encoder, &real[..COUNT / 2 * PIXELS])?;
            let means = codes.chunks_exact(codes.len() / (COUNT / 2)).flat_map(|code| &code[..LATENT]).copied();
            means.chain(dice.normals(COUNT / 2 * LATENT)).collect()
        }
        Role::Generator => {
            let labels: Vec<u8> = (0..COUNT).map(|i| (i % CLASSES) as u8).collect();
            let rows = one_hot(&labels, CLASSES);
            let noise = dice.normals(COUNT * NOISE);
            let both = noise.chunks_exact(NOISE).zip(rows.chunks_exact(CLASSES));
            both.flat_map(|(noise, class)| [noise, &class[..length - NOISE]].concat()).collect()
        }
        Role::Discriminator => {
            let noise = dice.normals(COUNT / 2 * NOISE);
            [&real[..COUNT / 2 * PIXELS], &run(of_name("digits-gan-generator")?, &noise)?].concat()
        }
        _ if net.name.contains("dae") => {
            let (clean, rest) = real.split_at(COUNT / 2 * PIXELS);
            let grains = dice.normals(rest.len());
            let noisy = rest.iter().zip(grains).map(|(v, n)| (v + GRAIN * n).clamp(0.0, 1.0));
            clean.iter().copied().chain(noisy).collect()
        }
        _ => real,
    };
    let shape = if net.role.takes_vectors() { vec![length] } else { PICTURE.to_vec() };
    Ok(Floats { shape, values })
}

fn of_name(name: &str) -> Result<(&'static Shipped, &'static [u8])> {
    trained().find(|(net, _)| net.name == name).with_context(|| format!("there is no {name}"))
}

fn run((net, onnx): (&Shipped, &[u8]), inputs: &[f32]) -> Result<Vec<f32>> {
    let length: usize = net.input.iter().product();
    let shape = if net.role.takes_vectors() { &net.input[..1] } else { &net.input[..] };
    Runner::new(onnx, &[&[inputs.len() / length], shape].concat(), None)?.run(inputs)
}
