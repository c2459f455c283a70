//! A net on the GPU and its twin on the processor in; whether it is right there, and how quick both are, out.
//!
//! float16 where its answers hold [`HALF_TOLERANCE`], else float32 where they hold [`TOLERANCE`], else not at all.

use super::graph;
use super::twin::Twin;
use crate::guard::guard;
use crate::infer::Tensor;
use anyhow::{Result, bail, ensure};
use serde::{Deserialize, Serialize};
use std::time::{Duration, Instant};
use tract_onnx::prelude::TypedModel;

/// How far an answer in float16 may be from the processor's, as a share of the largest number of that output. Half of what
/// bytes are allowed, whose answers the booth lives with as well.
pub(super) const HALF_TOLERANCE: f32 = 1e-2;

/// The same in float32.
pub(super) const TOLERANCE: f32 = 1e-4;

/// Each side is timed for so long at most, but for [`LEAST_RUNS`].
const TIMED: Duration = Duration::from_millis(300);
const LEAST_RUNS: usize = 5;

/// Where nets run beside the processor: CUDA, or the tests' stand-in.
pub(super) trait Device: Send {
    /// Makes a net ready for inputs of the shape that its graph says.
    fn prepare(&self, graph: TypedModel) -> Result<Box<dyn Running>>;
}

/// A net that is ready.
pub(super) trait Running: Send {
    /// Runs it on an input of `shape`. The outputs go into memory that serves again.
    fn run(&mut self, shape: &[usize], input: &[f32], outputs: &mut Vec<Tensor>) -> Result<()>;
}

/// What was measured of a net for inputs of one shape.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Verdict {
    /// In float16; else float32.
    pub half: bool,
    /// How far its answers are from the processor's, as a share of the largest number.
    pub apart: f32,
    /// Milliseconds on the processor, the least of some runs.
    pub cpu_ms: f32,
    /// The same on the GPU, with the ways there and back.
    pub gpu_ms: f32,
}

impl Verdict {
    /// Whether the GPU was quicker.
    pub fn is_quicker(&self) -> bool {
        self.gpu_ms < self.cpu_ms
    }
}

/// Makes a net ready as it was judged before.
pub(super) fn prepare(device: &dyn Device, graph: &TypedModel, half: bool) -> Result<Box<dyn Running>> {
    let graph = if half { graph::halved(graph)? } else { graph.clone() };
    guard(|| device.prepare(graph))
}

/// Compares and times both. The net comes back ready.
pub(super) fn judge(
    device: &dyn Device,
    graph: &TypedModel,
    shape: &[usize],
    twin: &mut dyn Twin,
) -> Result<(Verdict, Box<dyn Running>)> {
    let sample = twin.sample();
    let wanted = twin.run()?.to_vec();
    let mut outputs = Vec::new();
    let mut farthest = 0.0;
    for (half, tolerance) in [(true, HALF_TOLERANCE), (false, TOLERANCE)] {
        let mut running = prepare(device, graph, half)?;
        guard(|| running.run(shape, &sample, &mut outputs))?;
        let apart = apart(&outputs, &wanted)?;
        if apart <= tolerance {
            let gpu_ms = least_ms(|| guard(|| running.run(shape, &sample, &mut outputs)))?;
            let cpu_ms = least_ms(|| twin.run().map(drop))?;
            return Ok((Verdict { half, apart, cpu_ms, gpu_ms }, running));
        }
        farthest = apart;
    }
    bail!("its answers are {farthest:.1e} of the largest number apart from the processor's, {TOLERANCE:.0e} is allowed")
}

/// The largest difference of any two numbers, each as a share of the largest of its output.
pub(super) fn apart(found: &[Tensor], wanted: &[Tensor]) -> Result<f32> {
    let shapes = |tensors: &[Tensor]| tensors.iter().map(|t| t.shape.clone()).collect::<Vec<_>>();
    ensure!(shapes(found) == shapes(wanted), "it gives {:?} and on the processor {:?}", shapes(found), shapes(wanted));
    let mut most = 0f32;
    for (found, wanted) in found.iter().zip(wanted) {
        let size = wanted.data.iter().fold(f32::MIN_POSITIVE, |most, w| most.max(w.abs()));
        for (f, w) in found.data.iter().zip(&wanted.data) {
            let far = (f - w).abs() / size;
            most = if far.is_nan() { f32::INFINITY } else { most.max(far) };
        }
    }
    Ok(most)
}

fn least_ms(mut run: impl FnMut() -> Result<()>) -> Result<f32> {
    run()?;
    let (began, mut least, mut runs) = (Instant::now(), f32::INFINITY, 0);
    while runs < LEAST_RUNS || began.elapsed() < TIMED {
        let started = Instant::now();
        run()?;
        least = least.min(started.elapsed().as_secs_f32() * 1e3);
        runs += 1;
    }
    Ok(least)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tensor(data: &[f32]) -> Vec<Tensor> {
        vec![Tensor { shape: vec![1, data.len()], data: data.to_vec() }]
    }

    #[test]
    fn distances_are_shares_of_the_largest_number() {
        assert_eq!(apart(&tensor(&[1.0, 9.0]), &tensor(&[2.0, 10.0])).unwrap(), 0.1);
        assert_eq!(apart(&tensor(&[1.0, f32::NAN, 3.0]), &tensor(&[1.0, 2.0, 3.0])).unwrap(), f32::INFINITY);
        assert!(apart(&tensor(&[1.0]), &tensor(&[1.0, 2.0])).unwrap_err().to_string().contains("[[1, 1]]"));
    }
}
