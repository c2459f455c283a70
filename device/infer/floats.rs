//! An ONNX file in, a net that takes floats out, through our operators and tract's.
//!
//! One plan is made per batch size and kept. Large batches are worked through in parts of [`AT_ONCE`]: what a net keeps between
//! its layers then stays small, and takes no longer.

use super::{FloatModel, Tensor, choice, engine, lower};
use anyhow::{Context, Result, ensure};
use lookalike_kernels::Kernels;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tract_onnx::prelude::{Tensor as TractTensor, *};
use tract_onnx::tract_core::internal::IntoArcTensor;

/// Inputs that a plan takes at most.
const AT_ONCE: usize = 16;

pub(super) struct Floats {
    pub(super) file: PathBuf,
    pub(super) net: InferenceModel,
    /// Of one input.
    pub(super) shape: Vec<usize>,
    /// None for tract's own operators.
    kernels: Option<Kernels>,
    plans: Vec<Plan>,
    outputs: Vec<Tensor>,
}

struct Plan {
    count: usize,
    state: engine::State,
    /// Memory of the input: [count, ..shape].
    input: Arc<TractTensor>,
}

impl Floats {
    pub(super) fn open(file: &Path, sha256: &str, shape: &[usize]) -> Result<Self> {
        let bytes = engine::read_verified(file, sha256)?;
        let mut onnx = onnx();
        lower::register(&mut onnx);
        let net = onnx
            .with_ignore_output_shapes(true)
            .with_ignore_value_info(true)
            .model_for_read(&mut &bytes[..])
            .with_context(|| format!("{} is not an ONNX file that this program can run", file.display()))?;
        let [inputs, outputs] = [net.input_outlets(), net.output_outlets()].map(|outlets| outlets.map(<[_]>::len).unwrap_or(0));
        ensure!(inputs == 1 && outputs == 1, "{} has {inputs} inputs and {outputs} outputs; one each is needed", file.display());
        let (file, shape) = (file.to_path_buf(), shape.to_vec());
        Ok(Self { file, net, shape, kernels: choice::kernels(), plans: Vec::new(), outputs: Vec::new() })
    }

    /// The same net, without a plan yet.
    #[cfg(any(test, feature = "cuda"))]
    pub(super) fn again(&self) -> Self {
        let Self { file, net, shape, kernels, .. } = self;
        let (file, net, shape) = (file.clone(), net.clone(), shape.clone());
        Self { file, net, shape, kernels: *kernels, plans: Vec::new(), outputs: Vec::new() }
    }

    /// The index of the plan for so many inputs, made where there is none yet.
    fn plan(&mut self, count: usize) -> Result<usize> {
        if let Some(index) = self.plans.iter().position(|plan| plan.count == count) {
            return Ok(index);
        }
        let plan = Plan { count, state: self.optimise(count)?, input: self.room_for(count)? };
        self.plans.push(plan);
        Ok(self.plans.len() - 1)
    }

    /// What comes out for at most [`AT_ONCE`] inputs.
    fn run_some(&mut self, count: usize, input: &[f32]) -> Result<TVec<TValue>> {
        let index = self.plan(count)?;
        if Arc::get_mut(&mut self.plans[index].input).is_none() {
            // A run that failed may hold it for good.
            self.plans[index].input = self.room_for(count)?;
        }
        let plan = &mut self.plans[index];
        let room = Arc::get_mut(&mut plan.input).context("fresh memory is ours alone")?;
        room.try_as_plain_ram_mut()?.as_slice_mut::<f32>()?.copy_from_slice(input);
        let outputs = plan.state.run(tvec!(plan.input.clone().into_tvalue()));
        outputs.with_context(|| format!("running {} failed", self.file.display()))
    }

    fn batch(&self, count: usize) -> Vec<usize> {
        [&[count], &self.shape[..]].concat()
    }

    fn room_for(&self, count: usize) -> Result<Arc<TractTensor>> {
        Ok(TractTensor::zero::<f32>(&self.batch(count))?.into_arc_tensor())
    }

    fn optimise(&self, count: usize) -> Result<engine::State> {
        let shape = self.batch(count);
        let build = || -> TractResult<engine::State> {
            let net = self.net.clone().with_input_fact(0, f32::fact(&shape).into())?.into_typed()?;
            // A net that our operators do not fit after all still runs on tract's.
            let lowered = self.kernels.and_then(|kernels| lower::lower_floats(&net, kernels).ok());
            lowered.unwrap_or(net).into_optimized()?.into_runnable()?.spawn()
        };
        build().with_context(|| {
            format!("{} cannot take an input of {shape:?}: does its manifest entry describe it?", self.file.display())
        })
    }
}

impl FloatModel for Floats {
    fn run(&mut self, count: usize, input: &[f32]) -> Result<&[Tensor]> {
        let length = self.shape.iter().product::<usize>();
        ensure!(
            count > 0 && input.len() == count * length,
            "{} numbers are no {count} inputs of {length} for {}",
            input.len(),
            self.file.display()
        );
        for (part, input) in input.chunks(AT_ONCE * length).enumerate() {
            let some = input.len() / length;
            let outputs = self.run_some(some, input)?;
            if part == 0 {
                engine::keep(&outputs, &mut self.outputs)?;
                continue;
            }
            for (all, more) in self.outputs.iter_mut().zip(&*outputs) {
                ensure!(more.shape().first() == Some(&some), "{} gives no row for each input", self.file.display());
                all.shape[0] += some;
                all.data.extend_from_slice(more.try_as_plain_ram()?.as_slice::<f32>()?);
            }
        }
        Ok(&self.outputs)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sha2::{Digest, Sha256};

    #[test]
    fn committed_nets_answer_as_tracts_own_operators_do() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../models/digits/nets");
        for (name, shape) in [
            ("ae-decoder", &[lookalike_learn::digits::LATENT][..]),
            ("ae-encoder", &[1, 28, 28]),
            ("cgan-generator", &[74]),
            ("classifier", &[1, 28, 28]),
            ("dae-decoder", &[lookalike_learn::digits::LATENT]),
            ("dae-encoder", &[1, 28, 28]),
            ("gan-discriminator", &[1, 28, 28]),
            ("gan-generator", &[64]),
            ("vae-decoder", &[lookalike_learn::digits::LATENT]),
            ("vae-encoder", &[1, 28, 28]),
        ] {
            let file = folder.join(format!("digits-{name}.onnx"));
            let sha256: String = Sha256::digest(std::fs::read(&file).unwrap()).iter().map(|b| format!("{b:02x}")).collect();
            let mut tracts = Floats::open(&file, &sha256, shape).unwrap();
            tracts.kernels = None;
            let mut ours = Vec::new();
            for kernels in Kernels::ALL.into_iter().filter(|kernels| kernels.runs_here()) {
                let mut net = Floats::open(&file, &sha256, shape).unwrap();
                net.kernels = Some(kernels);
                ours.push(net);
            }
            for count in [1, 3, 37, 64, 1] {
                let length = count * shape.iter().product::<usize>();
                let input: Vec<f32> = (0..length).map(|i| ((i * 7 + i / 41 * 13) % 97) as f32 / 48.0 - 1.0).collect();
                let wanted = tracts.run(count, &input).unwrap().to_vec();
                let size = wanted[0].data.iter().fold(1f32, |most, w| most.max(w.abs()));
                for net in &mut ours {
                    let got = net.run(count, &input).unwrap().to_vec();
                    assert_eq!((got.len(), &got[0].shape), (1, &wanted[0].shape), "{name}, {count}");
                    let far = |(a, b): (&f32, &f32)| if (a - b).is_nan() { f32::INFINITY } else { (a - b).abs() / size };
                    let worst = got[0].data.iter().zip(&wanted[0].data).map(far).fold(0.0, f32::max);
                    assert!(worst <= 1e-5, "{name}, {count}, {:?}: {worst}", net.kernels);
                }
            }
        }
    }
}
