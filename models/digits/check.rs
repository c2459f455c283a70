//! The shipped nets in; whether each still answers as its file promises, out.
//!
//! The learner and tract are compared when a net is exported (`learning::graph`); here the committed files are looked at as the
//! set-up takes them: shapes, ranges, and that the judge knows digits that it never learned from.

use super::export::{Shipped, trained};
use crate::learning::data::Pictures;
use crate::learning::graph::Runner;
use anyhow::{Context, Result, ensure};
use lookalike::manifest::Role;
use lookalike_learn::Dice;
use lookalike_learn::classifier::right;
use lookalike_learn::digits::{CLASSES, LATENT, PIXELS};

/// Checks every shipped net that is trained; fails with its name. `digits`: any, with their classes.
/// Returns a line of what was found.
pub fn check(digits: &Pictures) -> Result<String> {
    let mut count = 0;
    let mut line = String::new();
    for (net, onnx) in trained() {
        shape(net, onnx).with_context(|| format!("{} is not good enough for the manifest", net.name))?;
        count += 1;
        if net.role == Role::Classifier {
            let known = known(onnx, digits)?;
            ensure!(known >= 0.98, "{} knows {:.1} % of the digits: fewer than 98 %", net.name, known * 100.0);
            line = format!(", the classifier knows {:.1} % of 1,000 digits", known * 100.0);
        }
    }
    Ok(match count {
        0 => "digits: no net is trained yet".into(),
        _ => format!("digits: {count} nets{line}"),
    })
}

/// The share of 1,000 of `digits` that the classifier knows.
fn known(onnx: &[u8], digits: &Pictures) -> Result<f32> {
    let some = Dice::new(1).order(digits.len()).into_iter().take(1000).collect::<Vec<_>>();
    let labels: Vec<u8> = some.iter().map(|&i| digits.labels[i]).collect();
    let answers = Runner::new(onnx, &[some.len(), 1, 28, 28], None)?.run(&digits.floats(some))?;
    Ok(right(&answers, &labels))
}

fn shape(net: &Shipped, onnx: &[u8]) -> Result<()> {
    let vector = matches!(net.role, Role::Decoder | Role::Generator);
    let shape: Vec<usize> = if vector { vec![2, net.input[0]] } else { [&[2], net.input.as_slice()].concat() };
    let numbers = Dice::new(2).normals(shape.iter().product());
    let input: Vec<f32> = if vector { numbers } else { numbers.iter().map(|n| n.clamp(0.0, 1.0)).collect() };
    let output = Runner::new(onnx, &shape, None)?.run(&input)?;
    let wanted = match net.role {
        Role::Classifier => CLASSES,
        Role::Discriminator => 1,
        Role::Encoder if net.name.contains("vae") => 2 * LATENT,
        Role::Encoder => LATENT,
        _ => PIXELS,
    };
    ensure!(output.len() == 2 * wanted, "it gives {} numbers instead of {wanted}", output.len() / 2);
    ensure!(output.iter().all(|v| v.is_finite()), "it gives what is no number");
    ensure!(!vector || output.iter().all(|v| (0.0..=1.0).contains(v)), "its pictures leave 0 to 1");
    Ok(())
}
