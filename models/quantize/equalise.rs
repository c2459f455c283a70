//! A network in; the same network with its channels scaled so that bytes serve them all alike, and those bytes, out.
//!
//! A result of many channels has one step and one zero point, and a channel that stays small uses few of the 256 bytes.
//! Between two layers scale is free: what the first layer's row is multiplied by, the second's column is divided by, and
//! PRelu, Relu and pooling of either sign let a positive factor through. So each channel gets the step that suits its own
//! numbers, without anything to compute at run time (after Nagel et al. 2019, arXiv 1906.04721, section 4.1, who balance
//! weights; here rows have steps of their own, and what needs balance is the numbers between).

use super::inputs::Inputs;
use super::net::{Layer, Net};
use super::ranges::{self, Bytes, Choice, Extremes, Histogram};
use super::run;
use anyhow::{Context, Result};
use std::collections::BTreeMap;
use tract_onnx::pb;

/// A channel's step is no finer than this part of the coarsest: what hardly woke in the sample photos may wake elsewhere.
/// (Of 1/2 to 1/64 this left the least noise on photos kept apart.)
const FINEST: f32 = 0.25;

/// A result whose channels can be scaled: the layer that makes it and those that read it.
#[derive(Clone, Debug, PartialEq)]
pub struct Link {
    /// Its rows are multiplied.
    pub from: Layer,
    /// Their columns are divided.
    pub to: Vec<Layer>,
}

/// The result of each point of its own, its channels counted apart or all as one.
struct Measured {
    point: String,
    link: Option<Link>,
    groups: Vec<Histogram>,
}

/// Scale and zero point of every point, by the name that it is like. Where `weak` layers read it, channels of `net` are
/// scaled for them. `plain`: the network before, to run.
pub(super) fn choose_bytes(
    net: &mut Net,
    plain: &pb::ModelProto,
    inputs: Inputs,
    choice: Choice,
    weak: &[Layer],
) -> Result<BTreeMap<String, Bytes>> {
    let measured = measure(net, plain, inputs, weak)?;
    let powers = powers(net, plain, inputs)?;
    let mut found = BTreeMap::new();
    for Measured { point, link, groups } in measured {
        let weights = match &link {
            Some(link) => noise_weights(net, link, &powers, groups.len()),
            None => vec![1.0],
        };
        let (zero_point, mut steps) = ranges::choose(&groups, &weights, choice);
        let step = steps.iter().fold(f32::MIN_POSITIVE * 1e6, |a, &b| a.max(b));
        steps.iter_mut().for_each(|s| *s = s.max(step * FINEST));
        if let Some(link) = link {
            let factors: Vec<f32> = steps.iter().map(|s| step / s).collect();
            multiply(net, &link, &factors)?;
        }
        found.insert(point, Bytes { scale: step, zero_point });
    }
    Ok(found)
}

/// Multiplies a result's channels, and changes no answer.
pub(super) fn multiply(net: &mut Net, link: &Link, factors: &[f32]) -> Result<()> {
    for name in [&link.from.weight, &link.from.bias] {
        let rows = net.weights.get_mut(name).context("weights that are not constant")?;
        let length = rows.values.len() / factors.len().max(1);
        for (row, factor) in rows.values.chunks_exact_mut(length.max(1)).zip(factors) {
            row.iter_mut().for_each(|w| *w *= factor);
        }
    }
    for layer in &link.to {
        let columns = net.weights.get_mut(&layer.weight).context("weights that are not constant")?;
        let area = area(&columns.shape, factors.len());
        for (at, plane) in columns.values.chunks_exact_mut(area).enumerate() {
            plane.iter_mut().for_each(|w| *w /= factors[at % factors.len()]);
        }
    }
    Ok(())
}

/// How many weights of a row read one channel.
fn area(shape: &[usize], channels: usize) -> usize {
    shape.iter().skip(1).product::<usize>() / channels.max(1)
}

fn measure(net: &Net, plain: &pb::ModelProto, inputs: Inputs, weak: &[Layer]) -> Result<Vec<Measured>> {
    let suits = |link: &Link| link.to.iter().any(|layer| weak.contains(layer));
    let is_open = |name: &str| name != net.input || inputs.given().is_none();
    let own = net.points().into_iter().filter(|p| p.name == p.like && is_open(&p.name)).map(|p| p.name);
    let own: Vec<(String, Option<Link>)> = own.map(|name| (name.clone(), net.link(&name).filter(suits))).collect();
    let names: Vec<String> = own.iter().map(|(name, _)| net.measured(name).to_string()).collect();
    let mut extremes = vec![Vec::new(); own.len()];
    each_group(plain, inputs, &names, &own, &mut |group| {
        extremes[group.index].resize(group.of, Extremes::default());
        extremes[group.index][group.at].see(group.values);
    })?;
    let mut histograms: Vec<Vec<Histogram>> = extremes.into_iter().map(|e| e.into_iter().map(Histogram::new).collect()).collect();
    each_group(plain, inputs, &names, &own, &mut |group| {
        histograms[group.index][group.at].see(group.values);
    })?;
    Ok(own.into_iter().zip(histograms).map(|((point, link), groups)| Measured { point, link, groups }).collect())
}

/// Some numbers of one result.
struct Group<'t> {
    /// Which of the results asked for.
    index: usize,
    /// Which group they belong to, of how many.
    at: usize,
    of: usize,
    values: &'t [f32],
}

/// Shows `each` the numbers of one group at a time.
fn each_group(
    plain: &pb::ModelProto,
    inputs: Inputs,
    names: &[String],
    own: &[(String, Option<Link>)],
    each: &mut dyn FnMut(Group),
) -> Result<()> {
    run::run(plain, inputs, names, &mut |seen| {
        if own[seen.index].1.is_none() {
            return each(Group { index: seen.index, at: 0, of: 1, values: seen.values });
        }
        let channels = seen.shape[1];
        let area = seen.shape[2..].iter().product();
        for (at, plane) in seen.values.chunks_exact(area).enumerate() {
            each(Group { index: seen.index, at: at % channels, of: channels, values: plane });
        }
    })
}

/// The mean square of each layer's result.
fn powers(net: &Net, plain: &pb::ModelProto, inputs: Inputs) -> Result<BTreeMap<String, f64>> {
    let names: Vec<String> = net.layers().into_iter().map(|l| l.name).collect();
    let mut sums = vec![[0.0; 2]; names.len()];
    run::run(plain, inputs.thinned(64), &names, &mut |seen| {
        let [sum, count] = &mut sums[seen.index];
        *sum += seen.values.iter().map(|&v| f64::from(v).powi(2)).sum::<f64>();
        *count += seen.values.len() as f64;
    })?;
    Ok(names.into_iter().zip(sums).map(|(name, [sum, count])| (name, (sum / count.max(1.0)).max(1e-12))).collect())
}

/// How much noise of each channel reaches the layers that read it, as a share of their own power.
fn noise_weights(net: &Net, link: &Link, powers: &BTreeMap<String, f64>, channels: usize) -> Vec<f64> {
    let mut sums = vec![0.0; channels];
    for layer in &link.to {
        let weight = &net.weights[&layer.weight];
        let scale = 1.0 / (weight.shape[0] as f64 * powers[&layer.name]);
        for (at, plane) in weight.values.chunks_exact(area(&weight.shape, channels)).enumerate() {
            sums[at % channels] += scale * plane.iter().map(|&w| f64::from(w).powi(2)).sum::<f64>();
        }
    }
    sums
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn channels_that_are_read_with_larger_weights_count_for_more() {
        let layer = |name: &str| Layer {
            name: name.into(),
            reads: "x".into(),
            weight: format!("{name}.weight"),
            bias: format!("{name}.bias"),
        };
        let mut net = Net { model: pb::ModelProto::default(), weights: BTreeMap::new(), input: "image".into() };
        let tensor = |shape: &[usize], values: Vec<f32>| crate::onnx::Tensor::new(shape, values).unwrap();
        net.weights.insert("a.weight".into(), tensor(&[1, 2, 1, 2], vec![1.0, 1.0, 3.0, 0.0]));
        net.weights.insert("b.weight".into(), tensor(&[1, 4], vec![0.0, 0.0, 0.0, 4.0]));
        let powers = [("a".to_string(), 1.0), ("b".to_string(), 8.0)].into();
        let link = Link { from: layer("x"), to: vec![layer("a"), layer("b")] };
        assert_eq!(noise_weights(&net, &link, &powers, 2), [2.0, 9.0 + 2.0]);
    }
}
