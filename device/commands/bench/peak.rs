//! `lookalike bench --peak`: which share of the processor's peak the inner loops reach.
//!
//! The peak is measured too: the same instructions on registers alone, in the same second. By Winograd's way a layer does
//! fewer multiply-adds than its definition has, so there the share can pass 1.

use crate::commands::{json, line};
use anyhow::{Context, Result};
use lookalike_kernels::peak::{Kind, spin};
use lookalike_kernels::{ByteConv, Bytes, FloatConv, Kernels, Requantise, Window, padded};
use serde::Serialize;
use std::time::Instant;

/// Layers of the nets that we ship: name, height and width of what comes out, the window.
const LAYERS: [(&str, usize, Window); 5] = [
    ("embedder 32, 35x35", 35, Window { inputs: 32, outputs: 32, height: 3, width: 3, stride: 1 }),
    ("embedder 64, 17x17", 17, Window { inputs: 64, outputs: 64, height: 3, width: 3, stride: 1 }),
    ("embedder 256, 3x3", 3, Window { inputs: 256, outputs: 256, height: 3, width: 3, stride: 1 }),
    ("P-Net 16 to 32, 60x60", 60, Window { inputs: 16, outputs: 32, height: 3, width: 3, stride: 1 }),
    ("O-Net 64 to 128, 3x3", 3, Window { inputs: 64, outputs: 128, height: 2, width: 2, stride: 1 }),
];

#[derive(Serialize)]
struct Row {
    kernels: &'static str,
    layer: String,
    precision: &'static str,
    /// Multiply-adds of the layer's definition, in thousands of millions a second.
    gmacs: f64,
    peak_gmacs: f64,
    share: f64,
}

/// Every kind of kernels that this processor has, on every layer.
pub fn print(as_json: bool, repeat: usize) -> Result<()> {
    if !as_json {
        line(&format!("{:12} {:32} {:>9} {:>8} {:>8} {:>6}", "kernels", "layer", "precision", "GMAC/s", "peak", "share"))?;
    }
    for kernels in Kernels::ALL.into_iter().filter(|k| k.runs_here()) {
        for (name, side, window) in LAYERS {
            let floats = Floats::new(kernels, window, side);
            let row = |layer: String, precision, [gmacs, peak_gmacs]: [f64; 2]| {
                let row = Row { kernels: kernels.name(), layer, precision, gmacs, peak_gmacs, share: gmacs / peak_gmacs };
                if as_json {
                    return line(&json::to_line(&row)?);
                }
                let Row { layer, .. } = &row;
                line(&format!("{:12} {layer:32} {precision:>9} {gmacs:8.1} {peak_gmacs:8.1} {:6.2}", row.kernels, row.share))
            };
            row(name.into(), "float32", floats.plain(repeat)?)?;
            if let Some(rates) = floats.winograd(repeat)? {
                row(format!("{name}, Winograd"), "float32", rates)?;
            }
            row(name.into(), "int8", bytes(kernels, window, side, repeat)?)?;
        }
    }
    Ok(())
}

/// A layer of floats.
struct Floats {
    kernels: Kernels,
    window: Window,
    side: usize,
    shape: [usize; 3],
    weights: Vec<f32>,
    ones: Vec<f32>,
    input: Vec<f32>,
}

impl Floats {
    fn new(kernels: Kernels, window: Window, side: usize) -> Self {
        let shape = input_of(window, side);
        let noise = |count: usize| (0..count).map(|i| (i * 7919 % 1013) as f32 / 1013.0 - 0.5).collect();
        Self {
            kernels,
            window,
            side,
            shape,
            weights: noise(window.inputs * window.outputs * window.height * window.width),
            ones: vec![1.0; window.outputs],
            input: noise(shape.iter().product::<usize>() * window.inputs),
        }
    }

    fn plain(&self, repeat: usize) -> Result<[f64; 2]> {
        self.rates(FloatConv::plain(self.kernels, self.window, &self.weights, &self.ones, &self.ones), repeat)
    }

    /// None where plain sums are the way that is taken.
    fn winograd(&self, repeat: usize) -> Result<Option<[f64; 2]>> {
        let conv = FloatConv::new(self.kernels, self.window, &self.weights, &self.ones, &self.ones, self.shape);
        if conv.is_plain() { Ok(None) } else { self.rates(conv, repeat).map(Some) }
    }

    fn rates(&self, conv: FloatConv, repeat: usize) -> Result<[f64; 2]> {
        let mut out = vec![0.0; self.side * self.side * self.window.outputs];
        measure(self.kernels, Kind::Floats, macs(self.window, self.side), repeat, || {
            conv.run(&self.input, self.shape, None, &mut out);
        })
    }
}

fn bytes(kernels: Kernels, window: Window, side: usize, repeat: usize) -> Result<[f64; 2]> {
    let shape = input_of(window, side);
    let weights: Vec<i8> = (0..window.inputs * window.outputs * window.height * window.width).map(|i| (i * 7919) as i8).collect();
    let weights: Vec<i8> = weights.into_iter().map(|w| w.max(-127)).collect();
    let scales = vec![1e-4; window.outputs];
    let requantise = Requantise { up: scales.clone(), down: scales };
    let conv = ByteConv::new(kernels, window, &weights, &vec![0; window.outputs], 128, &requantise, shape);
    let input: Vec<u8> = (0..shape.iter().product::<usize>() * padded(window.inputs)).map(|i| (i * 7907) as u8).collect();
    let how = Bytes { zero_point: 128, floor: 0, residual: None };
    let mut out = vec![0; side * side * padded(window.outputs)];
    measure(kernels, Kind::Bytes, macs(window, side), repeat, || conv.to_bytes(&input, shape, how, &mut out))
}

/// Thousands of millions of multiply-adds a second: the layer's at its quickest, and the peak's.
fn measure(kernels: Kernels, kind: Kind, macs: f64, repeat: usize, mut run: impl FnMut()) -> Result<[f64; 2]> {
    let (mut layer, mut peak) = (0f64, 0f64);
    // About a tenth of a millisecond of registers.
    let rounds = if kernels == Kernels::Scalar { 20_000 } else { 10_000 };
    for _ in 0..repeat {
        let start = Instant::now();
        run();
        layer = layer.max(macs / start.elapsed().as_secs_f64());
        let start = Instant::now();
        let done = spin(kernels, kind, rounds).context("kernels that do not run here")?;
        peak = peak.max(done as f64 / start.elapsed().as_secs_f64());
    }
    Ok([layer / 1e9, peak / 1e9])
}

/// Multiply-adds of the definition.
fn macs(window: Window, side: usize) -> f64 {
    (side * side * window.outputs * window.inputs * window.height * window.width) as f64
}

fn input_of(window: Window, side: usize) -> [usize; 3] {
    [1, side + window.height - 1, side + window.width - 1]
}
