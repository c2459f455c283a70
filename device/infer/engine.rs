//! An ONNX file in, a runnable net out, through tract, with our operators in its graph.
//!
//! tract optimises for concrete shapes, so one plan is made per input shape and kept: one per pyramid level
//! of P-Net, one per batch size of the others. Past [`PLANS_KEPT`] shapes the plan unused for longest goes.

use super::{Model, Normalise, Tensor, choice, lower};
use anyhow::{Context, Result, bail, ensure};
use sha2::{Digest, Sha256};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tract_onnx::prelude::{Tensor as TractTensor, *};
use tract_onnx::tract_core::internal::IntoArcTensor;

const PLANS_KEPT: usize = 48;

pub(super) type State = tract_onnx::tract_core::plan::SimpleState<TypedFact, Box<dyn TypedOp>>;

pub(super) struct Engine {
    pub(super) file: PathBuf,
    pub(super) net: InferenceModel,
    plans: Vec<Plan>,
    turn: u64,
    outputs: Vec<Tensor>,
}

struct Plan {
    shape: [usize; 3],
    normalise: Normalise,
    state: State,
    /// Memory of the input: bytes, [count, height, width, 3].
    input: Arc<TractTensor>,
    used: u64,
}

impl Engine {
    pub(super) fn open(file: &Path, sha256: &str) -> Result<Self> {
        let bytes = read_verified(file, sha256)?;
        let mut onnx = onnx();
        lower::register(&mut onnx);
        let net = onnx
            .with_ignore_output_shapes(true)
            .with_ignore_value_info(true)
            .model_for_read(&mut &bytes[..])
            .with_context(|| format!("{} is not an ONNX file that this program can run", file.display()))?;
        let inputs = net.input_outlets().map(<[_]>::len).unwrap_or(0);
        ensure!(inputs == 1, "{} has {inputs} inputs; a net with one picture as input is needed", file.display());
        Ok(Self { file: file.to_path_buf(), net, plans: Vec::new(), turn: 0, outputs: Vec::new() })
    }

    /// The same net, without a plan yet.
    #[cfg(any(test, feature = "cuda"))]
    pub(super) fn again(&self) -> Self {
        Self { file: self.file.clone(), net: self.net.clone(), plans: Vec::new(), turn: 0, outputs: Vec::new() }
    }

    /// The index of the plan for pictures of that shape, made where there is none yet.
    fn plan(&mut self, shape: [usize; 3], normalise: Normalise) -> Result<usize> {
        self.turn += 1;
        let found = self.plans.iter().position(|p| p.shape == shape && p.normalise == normalise);
        let index = match found {
            Some(index) => index,
            None => {
                if self.plans.len() == PLANS_KEPT {
                    let oldest = (0..PLANS_KEPT).min_by_key(|&i| self.plans[i].used).unwrap_or(0);
                    self.plans.swap_remove(oldest);
                }
                let state = self.optimise(shape, normalise)?;
                self.plans.push(Plan { shape, normalise, state, input: room_for(shape)?, used: 0 });
                self.plans.len() - 1
            }
        };
        self.plans[index].used = self.turn;
        Ok(index)
    }

    fn optimise(&self, shape: [usize; 3], normalise: Normalise) -> Result<State> {
        let [count, height, width] = shape;
        let build = || -> TractResult<State> {
            let net = self.net.clone().with_input_fact(0, f32::fact([count, 3, height, width]).into())?.into_typed()?;
            // A net that our operators do not fit after all still runs on tract's.
            let lowered = lower::lower(&net, shape, normalise, choice::kernels());
            let lowered = lowered.or_else(|_| lower::lower(&net, shape, normalise, None))?;
            lowered.into_optimized()?.into_runnable()?.spawn()
        };
        build().with_context(|| {
            format!(
                "{} cannot take {count} pictures of {width}x{height}: does its manifest entry describe it?",
                self.file.display()
            )
        })
    }
}

impl Model for Engine {
    fn run(&mut self, shape: [usize; 3], normalise: &Normalise, fill: &mut dyn FnMut(&mut [u8])) -> Result<&[Tensor]> {
        let index = self.plan(shape, *normalise)?;
        let plan = &mut self.plans[index];
        if Arc::get_mut(&mut plan.input).is_none() {
            // A run that failed may hold it for good.
            plan.input = room_for(shape)?;
        }
        let input = Arc::get_mut(&mut plan.input).context("fresh memory is ours alone")?;
        fill(input.try_as_plain_ram_mut()?.as_slice_mut::<u8>()?);
        let outputs = plan.state.run(tvec!(plan.input.clone().into_tvalue()));
        let outputs = outputs.with_context(|| format!("running {} failed", self.file.display()))?;
        keep(&outputs, &mut self.outputs)?;
        Ok(&self.outputs)
    }
}

/// Copies results into memory that serves again for the next.
pub(super) fn keep(results: &[TValue], to: &mut Vec<Tensor>) -> Result<()> {
    to.resize_with(results.len(), || Tensor { shape: Vec::new(), data: Vec::new() });
    for (to, from) in to.iter_mut().zip(results) {
        to.shape.clear();
        to.shape.extend_from_slice(from.shape());
        to.data.clear();
        to.data.extend_from_slice(from.try_as_plain_ram()?.as_slice::<f32>()?);
    }
    Ok(())
}

fn room_for([count, height, width]: [usize; 3]) -> Result<Arc<TractTensor>> {
    Ok(TractTensor::zero::<u8>(&[count, height, width, 3])?.into_arc_tensor())
}

/// The bytes of a file whose SHA-256 must be as given.
pub fn read_verified(file: &Path, sha256: &str) -> Result<Vec<u8>> {
    let bytes =
        std::fs::read(file).with_context(|| format!("cannot read the model file {}: run `make models`", file.display()))?;
    let found: String = Sha256::digest(&bytes).iter().map(|b| format!("{b:02x}")).collect();
    if !found.eq_ignore_ascii_case(sha256) {
        bail!(
            "{} is not the file that the manifest describes (its SHA-256 begins {}, expected {}): run `make models` again",
            file.display(),
            &found[..12],
            &sha256[..12.min(sha256.len())]
        );
    }
    Ok(bytes)
}
