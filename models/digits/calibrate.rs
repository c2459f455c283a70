//! A shipped net in; its int8 file, and how alike both files answer, out.

use super::Kind;
use super::export::{Shipped, trained};
use super::net::facts;
use crate::learning::data::Pictures;
use crate::learning::graph::Runner;
use crate::learning::int8::{self, Scene};
use crate::quantize::Options;
use crate::quantize::report::Report;
use anyhow::{Context, Result};
use clap::ValueEnum;
use lookalike::manifest::Role;

/// The int8 file of a shipped net.
pub fn quantize(net: &Shipped, float: &[u8], digits: &Pictures, options: Options) -> Result<(Vec<u8>, Report)> {
    in_scene(net, digits, |scene| int8::quantize(float, scene, options)).with_context(|| format!("cannot quantize {}", net.name))
}

/// Says in words how alike both files of a shipped net answer; an error where that is not enough.
pub fn check(net: &Shipped, float: &[u8], int8: &[u8], digits: &Pictures) -> Result<String> {
    in_scene(net, digits, |scene| int8::check(float, int8, scene))
        .with_context(|| format!("{} in int8 is not good enough for the manifest", net.name))
}

fn in_scene<T>(net: &Shipped, digits: &Pictures, work: impl Fn(Scene) -> Result<T>) -> Result<T> {
    let partner = |inputs: &[f32]| match net.role {
        Role::Decoder => run(&net.name.replace("decoder", "encoder"), inputs),
        _ => run(&net.name.replace("discriminator", "generator"), inputs),
    };
    let is_of = |kind: &&Kind| net.name.split('-').nth(1) == Some(kind.name());
    let kind = Kind::value_variants().iter().find(is_of).with_context(|| format!("{} is of no kind", net.name))?;
    work(Scene { role: net.role, pictures: digits, facts: facts(*kind), partner: &partner })
}

fn run(name: &str, inputs: &[f32]) -> Result<Vec<f32>> {
    let (net, onnx) = trained().find(|(net, _)| net.name == name).with_context(|| format!("there is no {name}"))?;
    let length: usize = net.input.iter().product();
    let shape = if net.role.takes_vectors() { &net.input[..1] } else { &net.input[..] };
    Runner::new(onnx, &[&[inputs.len() / length], shape].concat(), None)?.run(inputs)
}
