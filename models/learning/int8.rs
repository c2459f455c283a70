//! A float net of a family and the family's pictures in; what the net sees at the booth, and its int8 file, out.
//!
//! Nets that take pictures see real ones: a discriminator made ones too, a denoising encoder noisy ones. Decoders see the codes of
//! their encoder and normal noise, generators normal noise and, where they are asked for one, a class.

use super::data::Pictures;
use crate::files;
use crate::progress::Progress;
use crate::quantize::check::compare_generative;
use crate::quantize::inputs::Floats;
use crate::quantize::report::Report;
use crate::quantize::{self, CalibrationSet, Options};
use anyhow::{Context, Result, ensure};
use lookalike::manifest::Role;
use lookalike_learn::{Dice, Net};
use std::path::{Path, PathBuf};

/// Inputs to quantize on, and to compare on, at most.
const COUNT: usize = 512;

/// What recipes know of a kind of net.
#[derive(Clone, Copy, Debug)]
pub struct Facts {
    /// Numbers of a code or of noise.
    pub latent: usize,
    /// Classes that a generator is asked for.
    pub classes: usize,
    /// Deviation of the noise that an encoder sees through; `None`: it sees none.
    pub grain: Option<f32>,
}

/// A net's place in its family.
#[derive(Clone, Copy)]
pub struct Scene<'a> {
    /// What it does.
    pub role: Role,
    /// The family's pictures, at least four.
    pub pictures: &'a Pictures,
    /// What else is known of its kind.
    pub facts: Facts,
    /// Of a decoder its encoder, of a discriminator its generator: what it answers.
    pub partner: &'a dyn Fn(&[f32]) -> Result<Vec<f32>>,
}

/// Which inputs.
#[derive(Clone, Copy)]
enum Part {
    Calibration,
    Check,
}

/// The part of a net, as recipes name it, in words of the manifest.
pub fn role(part: &str) -> Role {
    match part {
        "classifier" => Role::Classifier,
        "encoder" => Role::Encoder,
        "decoder" => Role::Decoder,
        "generator" => Role::Generator,
        _ => Role::Discriminator,
    }
}

/// The int8 file of a float one.
pub fn quantize(float: &[u8], scene: Scene, options: Options) -> Result<(Vec<u8>, Report)> {
    let quantized = quantize::quantize(float, CalibrationSet::Floats(&scene.inputs(Part::Calibration)?), options)?;
    Ok((quantized.onnx, quantized.report))
}

/// Says in words how alike both files answer, on other inputs; an error where that is not enough.
pub fn check(float: &[u8], int8: &[u8], scene: Scene) -> Result<String> {
    compare_generative(scene.role, float, int8, &scene.inputs(Part::Check)?)
}

/// Where the int8 file of a float file lies.
pub fn int8_path(float: &Path) -> PathBuf {
    float.with_extension("int8.onnx")
}

/// Writes the int8 files of nets that were just trained beside their float ones, `paths`, where both answer nearly the same. Returns
/// a line about each.
pub fn write(nets: &[(&'static str, Net)], paths: &[PathBuf], pictures: &Pictures, facts: Facts) -> Result<Vec<String>> {
    let one = |((part, _), path): (&(&'static str, Net), &PathBuf)| -> Result<String> {
        let role = role(part);
        let other = if role == Role::Decoder { "encoder" } else { "generator" };
        let partner = |inputs: &[f32]| {
            let found = nets.iter().find(|(part, _)| *part == other);
            found.map(|(_, net)| net.run(inputs)).with_context(|| format!("it has no {other}"))
        };
        let scene = Scene { role, pictures, facts, partner: &partner };
        let (float, to) = (std::fs::read(path)?, int8_path(path));
        let done = quantize(&float, scene, Options::default()).and_then(|(int8, _)| Ok((check(&float, &int8, scene)?, int8)));
        let (words, int8) = match done {
            Ok(done) => done,
            Err(error) => {
                // One of an earlier net would be taken for this one's.
                let _ = std::fs::remove_file(&to);
                return Ok(format!("{}: stays in floats: {error:#}", path.display()));
            }
        };
        files::write(&to, &int8)?;
        Ok(format!("{}: {words}", to.display()))
    };
    let bar = Progress::pieces("quantizing", nets.len() as u64);
    let mut lines = Vec::new();
    for net in nets.iter().zip(paths) {
        lines.push(one(net)?);
        bar.at(lines.len() as u64);
    }
    bar.done();
    Ok(lines)
}

impl Scene<'_> {
    fn inputs(&self, part: Part) -> Result<Floats> {
        let count = COUNT.min(self.pictures.len() / 2 / 2 * 2);
        ensure!(count > 0, "too few pictures to quantize on");
        let dice = &mut Dice::new(20 + part as u64);
        let order = Dice::new(20).order(self.pictures.len());
        let real = self.pictures.floats(order.into_iter().skip(part as usize * count).take(count));
        let half = &real[..real.len() / 2];
        let (shape, values) = match self.role {
            Role::Decoder => {
                let codes = (self.partner)(half)?;
                let means = codes.chunks_exact(codes.len() / (count / 2)).flat_map(|code| &code[..self.facts.latent]).copied();
                (vec![self.facts.latent], means.chain(dice.normals(count / 2 * self.facts.latent)).collect())
            }
            Role::Generator => (vec![self.facts.latent + self.facts.classes], self.noise(COUNT, dice)),
            Role::Discriminator => {
                let made = (self.partner)(&self.noise(count / 2, dice))?;
                (self.pictures.shape.to_vec(), [half, &made].concat())
            }
            _ => {
                let mut seen = real;
                if let Some(grain) = self.facts.grain {
                    let noisy = seen.len() / 2;
                    let grains = dice.normals(seen.len() - noisy);
                    seen[noisy..].iter_mut().zip(grains).for_each(|(v, n)| *v = (*v + grain * n).clamp(0.0, 1.0));
                }
                (self.pictures.shape.to_vec(), seen)
            }
        };
        Ok(Floats { shape, values })
    }

    /// What a generator makes pictures from: noise, then the class as one-hot numbers.
    fn noise(&self, count: usize, dice: &mut Dice) -> Vec<f32> {
        let one = |i: usize| {
            let mut input = dice.normals(self.facts.latent);
            input.extend((0..self.facts.classes).map(|class| f32::from(u8::from(i % self.facts.classes == class))));
            input
        };
        (0..count).flat_map(one).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::learning::graph::onnx;
    use lookalike_learn::pictures;

    #[test]
    fn nets_of_pictures_compute_in_bytes_and_lose_next_to_nothing() {
        let dice = &mut Dice::new(5);
        let bytes = (0..64 * 3 * 32 * 32).map(|i| ((i * 7 + i / 41 * 13) % 251) as u8).collect();
        let real = Pictures { shape: [3, 32, 32], bytes, ..Pictures::default() };
        let (encoder, decoder) = (pictures::encoder(32, 2 * pictures::LATENT, dice), pictures::decoder(32, dice));
        let (generator, discriminator) = (pictures::generator(32, dice).folded(), pictures::discriminator(32, dice));
        for (part, net, partner) in [
            ("encoder", &encoder, None),
            ("decoder", &decoder, Some(&encoder)),
            ("generator", &generator, None),
            ("discriminator", &discriminator, Some(&generator)),
        ] {
            let answer = |inputs: &[f32]| Ok(partner.map(|net| net.run(inputs)).unwrap_or_default());
            let scene = Scene {
                role: role(part),
                pictures: &real,
                facts: Facts { latent: pictures::LATENT, classes: 0, grain: None },
                partner: &answer,
            };
            let float = onnx(part, "", net).unwrap();
            let (int8, report) = quantize(&float, scene, Options::default()).unwrap();
            assert!(report.layers.iter().all(|(_, is_int8)| *is_int8), "{part}: {report}");
            let words = check(&float, &int8, scene).unwrap();
            assert!(words.contains("of its bytes"), "{part}: {words}");
        }
    }
}
