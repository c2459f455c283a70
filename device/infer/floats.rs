//! An ONNX file in, a net that takes floats out, through tract's own operators.
//!
//! As with pictures of bytes (`engine`), one plan is made per batch size and kept; past [`PLANS_KEPT`] the one unused for longest
//! goes.

use super::{FloatModel, Tensor, engine};
use anyhow::{Context, Result, ensure};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tract_onnx::prelude::{Tensor as TractTensor, *};
use tract_onnx::tract_core::internal::IntoArcTensor;

const PLANS_KEPT: usize = 16;

pub(super) struct Floats {
    file: PathBuf,
    net: InferenceModel,
    /// Of one input.
    shape: Vec<usize>,
    plans: Vec<Plan>,
    turn: u64,
    outputs: Vec<Tensor>,
}

struct Plan {
    count: usize,
    state: engine::State,
    /// Memory of the input: [count, ..shape].
    input: Arc<TractTensor>,
    used: u64,
}

impl Floats {
    pub(super) fn open(file: &Path, sha256: &str, shape: &[usize]) -> Result<Self> {
        let bytes = engine::read_verified(file, sha256)?;
        let net = onnx()
            .with_ignore_output_shapes(true)
            .with_ignore_value_info(true)
            .model_for_read(&mut &bytes[..])
            .with_context(|| format!("{} is not an ONNX file that this program can run", file.display()))?;
        let [inputs, outputs] = [net.input_outlets(), net.output_outlets()].map(|outlets| outlets.map(<[_]>::len).unwrap_or(0));
        ensure!(inputs == 1 && outputs == 1, "{} has {inputs} inputs and {outputs} outputs; one each is needed", file.display());
        let (file, shape) = (file.to_path_buf(), shape.to_vec());
        Ok(Self { file, net, shape, plans: Vec::new(), turn: 0, outputs: Vec::new() })
    }

    /// The index of the plan for so many inputs, made where there is none yet.
    fn plan(&mut self, count: usize) -> Result<usize> {
        self.turn += 1;
        let index = match self.plans.iter().position(|plan| plan.count == count) {
            Some(index) => index,
            None => {
                if self.plans.len() == PLANS_KEPT {
                    let oldest = (0..PLANS_KEPT).min_by_key(|&i| self.plans[i].used).unwrap_or(0);
                    self.plans.swap_remove(oldest);
                }
                let state = self.optimise(count)?;
                self.plans.push(Plan { count, state, input: self.room_for(count)?, used: 0 });
                self.plans.len() - 1
            }
        };
        self.plans[index].used = self.turn;
        Ok(index)
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
            net.into_optimized()?.into_runnable()?.spawn()
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
        let index = self.plan(count)?;
        if Arc::get_mut(&mut self.plans[index].input).is_none() {
            // A run that failed may hold it for good.
            self.plans[index].input = self.room_for(count)?;
        }
        let plan = &mut self.plans[index];
        let room = Arc::get_mut(&mut plan.input).context("fresh memory is ours alone")?;
        room.try_as_plain_ram_mut()?.as_slice_mut::<f32>()?.copy_from_slice(input);
        let outputs = plan.state.run(tvec!(plan.input.clone().into_tvalue()));
        let outputs = outputs.with_context(|| format!("running {} failed", self.file.display()))?;
        engine::keep(&outputs, &mut self.outputs)?;
        Ok(&self.outputs)
    }
}
