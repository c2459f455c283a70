//! An ONNX file in, a runnable net out, through tract. The only place that names tract.
//!
//! tract optimises for concrete shapes, so one plan is made per input shape and kept: one per pyramid level
//! of P-Net, one per batch size of the others. Past [`PLANS_KEPT`] shapes the plan unused for longest goes.

use super::{Model, Normalise, Tensor};
use anyhow::{Context, Result, bail, ensure};
use sha2::{Digest, Sha256};
use std::path::{Path, PathBuf};
use tract_onnx::prelude::*;

const PLANS_KEPT: usize = 48;

type State = tract_onnx::tract_core::plan::SimpleState<TypedFact, Box<dyn TypedOp>>;

pub(super) struct Engine {
    file: PathBuf,
    net: InferenceModel,
    plans: Vec<Plan>,
    turn: u64,
    bytes: Vec<u8>,
    outputs: Vec<Tensor>,
}

struct Plan {
    shape: [usize; 3],
    state: State,
    used: u64,
}

impl Engine {
    pub(super) fn open(file: &Path, sha256: &str) -> Result<Self> {
        let bytes = read_verified(file, sha256)?;
        let net = onnx()
            .with_ignore_output_shapes(true)
            .with_ignore_value_info(true)
            .model_for_read(&mut &bytes[..])
            .with_context(|| format!("{} is not an ONNX file that this program can run", file.display()))?;
        let inputs = net.input_outlets().map(<[_]>::len).unwrap_or(0);
        ensure!(inputs == 1, "{} has {inputs} inputs; a net with one picture as input is needed", file.display());
        Ok(Self { file: file.to_path_buf(), net, plans: Vec::new(), turn: 0, bytes: Vec::new(), outputs: Vec::new() })
    }

    fn plan(&mut self, shape: [usize; 3]) -> Result<&mut State> {
        self.turn += 1;
        let found = self.plans.iter().position(|p| p.shape == shape);
        let index = match found {
            Some(index) => index,
            None => {
                if self.plans.len() == PLANS_KEPT {
                    let oldest = (0..PLANS_KEPT).min_by_key(|&i| self.plans[i].used).unwrap_or(0);
                    self.plans.swap_remove(oldest);
                }
                let state = self.optimise(shape)?;
                self.plans.push(Plan { shape, state, used: 0 });
                self.plans.len() - 1
            }
        };
        self.plans[index].used = self.turn;
        Ok(&mut self.plans[index].state)
    }

    fn optimise(&self, [count, height, width]: [usize; 3]) -> Result<State> {
        let shape = [count, 3, height, width];
        let build = || -> TractResult<State> {
            self.net.clone().with_input_fact(0, f32::fact(shape).into())?.into_optimized()?.into_runnable()?.spawn()
        };
        build().with_context(|| {
            format!("{} cannot take an input of {shape:?}: does its manifest entry describe it?", self.file.display())
        })
    }
}

impl Model for Engine {
    fn run(&mut self, shape: [usize; 3], normalise: &Normalise, fill: &mut dyn FnMut(&mut [u8])) -> Result<&[Tensor]> {
        let [count, height, width] = shape;
        let picture = 3 * height * width;
        self.bytes.resize(count * picture, 0);
        fill(&mut self.bytes);
        let mut input = tract_onnx::prelude::Tensor::zero::<f32>(&[count, 3, height, width])?;
        let mut view = input.try_as_plain_ram_mut()?;
        let planes = view.as_slice_mut::<f32>()?;
        for (bytes, planes) in self.bytes.chunks_exact(picture).zip(planes.chunks_exact_mut(picture)) {
            normalise.planes(bytes, planes);
        }
        let state = self.plan(shape)?;
        let outputs = state.run(tvec!(input.into_tvalue()));
        let outputs = outputs.with_context(|| format!("running {} failed", self.file.display()))?;
        self.outputs.clear();
        for t in &outputs {
            self.outputs.push(Tensor { shape: t.shape().to_vec(), data: t.try_as_plain_ram()?.as_slice::<f32>()?.to_vec() });
        }
        Ok(&self.outputs)
    }
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

/// How many threads every net may use for one product of matrices; small ones stay on one thread. For the whole program.
pub fn set_threads(threads: usize) {
    use tract_linalg::multithread::{Executor, set_default_executor};
    set_default_executor(if threads > 1 { Executor::multithread(threads) } else { Executor::SingleThread });
}
