//! Two versions of a network in, signal over noise of the second's results out, in decibels.

use super::inputs::Inputs;
use super::net::Net;
use super::ranges::Bytes;
use super::run;
use super::write::{Plan, write};
use anyhow::Result;
use std::collections::BTreeMap;
use std::fmt;
use tract_onnx::pb;

/// As many pixels, no fewer inputs and no more, tell the noise of a layer well enough.
const ENOUGH_PX: usize = 200_000;
const FEWEST: usize = 8;
const MOST: usize = 512;

/// What quantization costs. 20 dB: the noise is a tenth of the signal; 40 dB: a hundredth.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Report {
    /// Per layer: the network's worst answer when only this layer and what it reads are bytes.
    pub alone: BTreeMap<String, f32>,
    /// Layers in the order of computation, and whether they compute with bytes.
    pub layers: Vec<(String, bool)>,
    /// Per result: all layers of the finished file together; the network's answers last.
    pub results: Vec<(String, f32)>,
}

impl Report {
    /// Quantizes each layer alone.
    pub(super) fn alone(
        net: &Net,
        plain: &pb::ModelProto,
        whole: &Plan,
        bytes: &BTreeMap<String, Bytes>,
        inputs: Inputs,
    ) -> Result<Self> {
        let (inputs, ends) = (some(inputs), net.ends());
        let wanted = run::answers(plain, inputs, &ends)?;
        let mut report = Self::default();
        for layer in &whole.layers {
            let points = whole.points.iter().filter(|p| p.name == layer.reads).cloned().collect();
            let model = write(net, &Plan { points, layers: vec![layer.clone()], trial: true, ..Plan::default() }, bytes)?;
            let found = run::answers(&model, inputs, &ends)?;
            let worst = wanted.iter().zip(&found).map(|(w, f)| decibels(w, f)).fold(f32::INFINITY, f32::min);
            report.alone.insert(layer.name.clone(), worst);
            report.layers.push((layer.name.clone(), false));
        }
        Ok(report)
    }

    /// Compares all results of the finished file with the float one's.
    pub(super) fn together(
        &mut self,
        plain: &pb::ModelProto,
        finished: &pb::ModelProto,
        plan: &Plan,
        ends: &[String],
        inputs: Inputs,
    ) -> Result<()> {
        let inputs = some(inputs);
        let points = plan.points.iter().map(|p| &p.name);
        let names: Vec<String> = points.chain(ends).cloned().collect();
        let quantized: Vec<String> = plan.points.iter().map(|p| format!("{}.dq", p.name)).chain(ends.iter().cloned()).collect();
        let mut wanted = run::answers(plain, inputs, &names[1..])?;
        let found = run::answers(finished, inputs, &quantized[1..])?;
        self.results =
            names[1..].iter().zip(wanted.drain(..).zip(&found)).map(|(n, (w, f))| (n.clone(), decibels(&w, f))).collect();
        for (name, int8) in &mut self.layers {
            *int8 = plan.layers.iter().any(|l| l.name == *name);
        }
        Ok(())
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        writeln!(f, "  layer, quantized alone: dB of the answer")?;
        for (name, int8) in &self.layers {
            writeln!(f, "    {name:24} {:5.1}{}", self.alone[name], if *int8 { "" } else { "  stays float" })?;
        }
        writeln!(f, "  result, all quantized: dB")?;
        self.results.iter().try_for_each(|(name, db)| writeln!(f, "    {name:24} {db:5.1}"))
    }
}

fn some(inputs: Inputs) -> Inputs {
    inputs.thinned((ENOUGH_PX / inputs.area()).clamp(FEWEST, MOST))
}

/// Signal over noise: the power of `wanted` over that of the difference. No difference is 200, not-a-number the worst.
pub fn decibels(wanted: &[f32], found: &[f32]) -> f32 {
    let power = |values: &mut dyn Iterator<Item = f32>| values.map(|v| f64::from(v).powi(2)).sum::<f64>();
    let signal = power(&mut wanted.iter().copied());
    let noise = power(&mut wanted.iter().zip(found).map(|(w, f)| w - f));
    match noise {
        0.0 => 200.0,
        n if n.is_nan() => f32::NEG_INFINITY,
        _ => (10.0 * (signal / noise).log10()) as f32,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tenth_of_noise_is_20_decibels() {
        assert!((decibels(&[1.0, -1.0], &[1.1, -0.9]) - 20.0).abs() < 1e-3);
        assert_eq!(decibels(&[1.0], &[1.0]), 200.0);
        assert_eq!(decibels(&[0.0], &[1.0]), f32::NEG_INFINITY);
        assert_eq!(decibels(&[1.0], &[f32::NAN]), f32::NEG_INFINITY);
    }
}
