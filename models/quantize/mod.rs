//! A float ONNX file and what its net sees in, an int8 ONNX file (QDQ) and a report out. Static: ranges are fixed here.
//!
//! ```text
//! photos -> crops -> run(float) -> ranges -> write -> correct -> write -> report
//!           what each stage sees   bytes     QDQ      biases            what stays float
//! ```
//!
//! `net` says what of a file becomes bytes; `check` compares the finished file with the float one. Deterministic: no
//! random source, and every list in order. Literature: Nagel et al. 2021, arXiv 2106.08295.

pub mod check;
pub mod crops;
pub mod net;
pub mod ranges;
pub mod report;
mod run;
pub mod sights;
pub mod write;

use crops::Crops;
use net::{Net, Scaling};
use prost::Message;
use ranges::{Bytes, Choice, Extremes, Histogram};
use report::Report;
use std::collections::BTreeMap;
use write::Plan;

use anyhow::{Context, Result, ensure};

/// As many pixels, and no fewer crops, tell a layer's mean well enough.
const ENOUGH_PX: usize = 600_000;
const FEWEST: usize = 16;

/// How to quantize.
#[derive(Clone, Copy, Debug, PartialEq, clap::Args)]
pub struct Options {
    /// How the range of each result is chosen.
    #[arg(long, value_enum, default_value_t = Choice::Mse)]
    pub ranges: Choice,
    /// Leave the biases as they are: by default each takes up the mean error of its layer
    #[arg(long)]
    pub no_bias_correction: bool,
    /// A layer stays float where, quantized alone, it leaves the answer less signal over noise than this
    #[arg(long, value_name = "DB", default_value_t = 15.0)]
    pub keep_float_below_db: f32,
    /// Print how much noise each layer and each result brings
    #[arg(long)]
    pub report: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self { ranges: Choice::Mse, no_bias_correction: false, keep_float_below_db: 15.0, report: false }
    }
}

/// How bytes of a picture become numbers before and after.
#[derive(Clone, Copy, Debug)]
pub struct Input {
    /// As the float file wants it.
    pub float: Scaling,
    /// As the int8 file wants it: the same for all channels, and then bytes are taken as they are.
    pub int8: Scaling,
}

/// A quantized network.
pub struct Quantized {
    /// The file.
    pub onnx: Vec<u8>,
    /// What it costs.
    pub report: Report,
}

/// Quantizes a float file on the crops that its net sees.
pub fn quantize(float: &[u8], input: Input, crops: &Crops, options: Options) -> Result<Quantized> {
    ensure!(!crops.pictures.is_empty(), "nothing to calibrate on");
    let mut net = Net::read(float)?;
    net.take_other_input(input.float, input.int8)?;
    let whole = Plan { points: net.points(), layers: net.layers(), trial: true };
    ensure!(!whole.layers.is_empty(), "no layer that could compute with bytes");
    let plain = write::write(&net, &Plan { points: vec![], layers: vec![], trial: false }, &BTreeMap::new())?;
    let bytes = measure(&net, &plain, input.int8, crops, options.ranges)?;

    let mut report = Report::alone(&net, &plain, &whole, &bytes, input.int8, crops)?;
    let mut plan = whole;
    plan.layers.retain(|layer| report.alone[&layer.name] >= options.keep_float_below_db);
    ensure!(!plan.layers.is_empty(), "every layer loses too much: nothing is left to quantize");
    if !options.no_bias_correction {
        correct(&mut net, &plain, &plan, &bytes, input.int8, crops)?;
    }
    plan.trial = false;
    let mut model = write::write(&net, &plan, &bytes)?;
    report.together(&plain, &model, &plan, &net.ends(), input.int8, crops)?;
    if let Some(graph) = &mut model.graph {
        graph.doc_string =
            format!("int8 by lookalike-models. Input: RGB bytes as (byte - {}) * {}.", input.int8.mean[0], input.int8.scale);
    }
    Ok(Quantized { onnx: model.encode_to_vec(), report })
}

/// Scale and zero point of every point, by the name that it is like.
fn measure(
    net: &Net,
    plain: &tract_onnx::pb::ModelProto,
    scaling: Scaling,
    crops: &Crops,
    choice: Choice,
) -> Result<BTreeMap<String, Bytes>> {
    let own: Vec<String> = net.points().into_iter().filter(|p| p.name == p.like && p.name != net.input).map(|p| p.name).collect();
    let measured: Vec<String> = own.iter().map(|name| net.measured(name).to_string()).collect();
    let mut extremes = vec![Extremes::default(); own.len()];
    run::run(plain, scaling, crops, &measured, &mut |seen| extremes[seen.index].see(seen.values))?;
    let mut histograms: Vec<Histogram> = extremes.into_iter().map(Histogram::new).collect();
    run::run(plain, scaling, crops, &measured, &mut |seen| histograms[seen.index].see(seen.values))?;
    let mut bytes: BTreeMap<String, Bytes> = own.into_iter().zip(histograms.iter().map(|h| h.choose(choice))).collect();
    ensure!(scaling.mean.iter().all(|&m| m == scaling.mean[0] && m.fract() == 0.0), "an int8 file needs one whole mean");
    bytes.insert(net.input.clone(), Bytes { scale: scaling.scale, zero_point: scaling.mean[0] as u8 });
    Ok(bytes)
}

/// Adds to each layer's bias what its result, computed with bytes up to there, lacks in the mean (Nagel et al. 2019,
/// arXiv 1906.04721, section 4.2, with the crops in place of assumed distributions).
fn correct(
    net: &mut Net,
    plain: &tract_onnx::pb::ModelProto,
    plan: &Plan,
    bytes: &BTreeMap<String, Bytes>,
    scaling: Scaling,
    crops: &Crops,
) -> Result<()> {
    let crops = &crops.thinned((ENOUGH_PX / (crops.height * crops.width)).max(FEWEST));
    let names: Vec<String> = plan.layers.iter().map(|l| l.name.clone()).collect();
    let wanted = run::channel_means(plain, scaling, crops, &names)?;
    for (layer, wanted) in plan.layers.iter().zip(wanted) {
        let model = write::write(net, plan, bytes)?;
        let found = run::channel_means(&model, scaling, crops, std::slice::from_ref(&layer.name))?.remove(0);
        let bias = net.weights.get_mut(&layer.bias).context("a bias that is not constant")?;
        for ((b, wanted), found) in bias.values.iter_mut().zip(wanted).zip(found) {
            *b = (f64::from(*b) + wanted - found) as f32;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
