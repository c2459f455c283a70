//! A float ONNX file and what its net sees in, an int8 ONNX file (QDQ) and a report out. Static: ranges are fixed here.
//!
//! ```text
//! photos -> crops -> run(float) -> ranges -> report  -> equalise -> fit -> write -> report
//!           what each stage sees             what is    channels    weights,  QDQ
//!                                            float,                 biases
//!                                            what weak
//! ```
//!
//! `inputs` are what a net is shown, pictures or floats; `net` says what of a file becomes bytes; `check` compares the finished
//! file with the float one. Deterministic: no random source, and every list in order. Literature: Nagel et al. 2021, arXiv
//! 2106.08295.

pub mod check;
pub mod crops;
pub mod equalise;
pub mod fit;
pub mod inputs;
pub mod net;
pub mod ranges;
pub mod report;
mod run;
pub mod sights;
pub mod write;

use crops::Crops;
use fit::{Samples, Wanted};
use inputs::{Floats, Inputs};
use net::{Layer, Net, Scaling};
use prost::Message;
use ranges::{Bytes, Choice};
use report::Report;
use std::collections::BTreeMap;
use tract_onnx::pb;
use write::{Plan, Rows};

use anyhow::{Context, Result, ensure};

/// How to quantize.
#[derive(Clone, Copy, Debug, PartialEq, clap::Args)]
pub struct Options {
    /// How the range of each result is chosen.
    #[arg(long, value_enum, default_value_t = Choice::Mse)]
    pub ranges: Choice,
    /// Leave channels as they are: by default each that a weak layer reads is scaled so that bytes suit it
    #[arg(long)]
    pub no_equalisation: bool,
    /// A layer is weak where, quantized alone, it leaves the answer less signal over noise than this: its weights are
    /// rounded for its answers' sake and the channels that it reads are scaled
    #[arg(long, value_name = "DB", default_value_t = 43.0)]
    pub fit_below_db: f32,
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
        Self {
            ranges: Choice::Mse,
            no_equalisation: false,
            fit_below_db: 43.0,
            no_bias_correction: false,
            keep_float_below_db: 15.0,
            report: false,
        }
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

/// What a net is quantized on.
#[derive(Clone, Copy)]
pub enum CalibrationSet<'c> {
    /// Pictures of bytes; the int8 file takes them as they are.
    Pictures(&'c Crops, Input),
    /// Floats, which the int8 file takes as the float file does.
    Floats(&'c Floats),
}

/// Quantizes a float file on what its net sees.
pub fn quantize(float: &[u8], set: CalibrationSet, options: Options) -> Result<Quantized> {
    let mut net = Net::read(float)?;
    let (inputs, takes) = match set {
        CalibrationSet::Pictures(crops, Input { float, int8 }) => {
            ensure!(int8.mean.iter().all(|&m| m == int8.mean[0] && m.fract() == 0.0), "an int8 file needs one whole mean");
            net.take_other_input(float, int8)?;
            (Inputs::pictures(crops, int8), format!("RGB bytes as (byte - {}) * {}", int8.mean[0], int8.scale))
        }
        CalibrationSet::Floats(floats) => (Inputs::floats(floats), "floats".into()),
    };
    ensure!(inputs.count() > 0, "nothing to calibrate on");
    let mut plan = Plan { points: net.points(), layers: net.layers(), rows: BTreeMap::new(), trial: true };
    ensure!(!plan.layers.is_empty(), "no layer that could compute with bytes");
    let mut plain = write::write(&net, &Plan::default(), &BTreeMap::new())?;
    let mut bytes = choose_bytes(&mut net, &plain, inputs, options, &[])?;

    let mut report = Report::alone(&net, &plain, &plan, &bytes, inputs)?;
    plan.layers.retain(|layer| report.alone[&layer.name] >= options.keep_float_below_db);
    ensure!(!plan.layers.is_empty(), "every layer loses too much: nothing is left to quantize");
    let weak: Vec<Layer> = plan.layers.iter().filter(|l| report.alone[&l.name] < options.fit_below_db).cloned().collect();
    if !options.no_equalisation && !weak.is_empty() {
        bytes = choose_bytes(&mut net, &plain, inputs, options, &weak)?;
        plain = write::write(&net, &Plan::default(), &BTreeMap::new())?;
    }
    plan.rows = fit(&net, &plain, &plan, &bytes, inputs, &weak, options)?;
    plan.trial = false;
    let mut model = write::write(&net, &plan, &bytes)?;
    report.together(&plain, &model, &plan, &net.ends(), inputs)?;
    if let Some(graph) = &mut model.graph {
        graph.doc_string = format!("int8 by lookalike-models. Input: {takes}.");
    }
    Ok(Quantized { onnx: model.encode_to_vec(), report })
}

/// Scale and zero point of every point, by the name that it is like; channels that `weak` layers read are scaled to suit
/// them.
fn choose_bytes(
    net: &mut Net,
    plain: &pb::ModelProto,
    inputs: Inputs,
    options: Options,
    weak: &[Layer],
) -> Result<BTreeMap<String, Bytes>> {
    let mut bytes = equalise::choose_bytes(net, plain, inputs, options.ranges, weak)?;
    bytes.extend(inputs.given().map(|given| (net.input.clone(), given)));
    Ok(bytes)
}

/// Chooses whole numbers for each layer in turn, so that from what the bytes before it give it answers as the float
/// network does.
fn fit(
    net: &Net,
    plain: &pb::ModelProto,
    plan: &Plan,
    bytes: &BTreeMap<String, Bytes>,
    inputs: Inputs,
    weak: &[Layer],
    options: Options,
) -> Result<BTreeMap<String, Rows>> {
    let inputs = fit::enough(inputs);
    let wanted = Wanted::of(net, &plan.layers, plain, inputs)?;
    let mut done = Plan { layers: vec![], ..plan.clone() };
    for (layer, wanted) in plan.layers.iter().zip(wanted) {
        let point = plan.points.iter().find(|p| p.name == layer.reads).context("a layer that reads no point")?;
        let (weight, bias, step) = (&net.weights[&layer.weight], &net.weights[&layer.bias], bytes[&point.like].scale);
        let samples = Samples::take(net, layer, wanted, &write::write(net, &done, bytes)?, inputs)?;
        let mut rows = match weak.contains(layer) {
            true => samples.round(weight, &bias.values, step),
            false => Rows::quantize(weight, bias, step),
        };
        let corrected = samples.bias(&rows.weight_values());
        rows.set_bias(if options.no_bias_correction { &bias.values } else { &corrected }, step);
        done.layers.push(layer.clone());
        done.rows.insert(layer.name.clone(), rows);
    }
    Ok(done.rows)
}

#[cfg(test)]
mod tests;
