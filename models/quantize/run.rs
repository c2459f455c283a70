//! An ONNX file and inputs in, the numbers of any of its results out, batch by batch, through tract.

use super::inputs::Inputs;
use anyhow::{Context, Result, ensure};
use tract_onnx::pb;
use tract_onnx::prelude::{DatumExt, Framework, InferenceModelExt, IntoRunnable, Tensor, tvec};

/// Inputs in a batch.
pub(super) const BATCH: usize = 16;

/// One result of one batch.
pub struct Seen<'t> {
    /// Which of the names asked for.
    pub index: usize,
    /// [n, channels, ...].
    pub shape: &'t [usize],
    /// Row-major.
    pub values: &'t [f32],
}

/// Runs the network on all inputs and shows `each` the results of these names, a batch at a time, in the order of `names`.
pub fn run(model: &pb::ModelProto, inputs: Inputs, names: &[String], each: &mut dyn FnMut(Seen)) -> Result<()> {
    let mut model = model.clone();
    let graph = model.graph.as_mut().context("a file without a graph")?;
    graph.output = names.iter().map(|name| pb::ValueInfoProto { name: name.clone(), ..Default::default() }).collect();
    let reader = tract_onnx::onnx().with_ignore_output_shapes(true).with_ignore_value_info(true);
    let net = reader.model_for_proto_model(&model)?;
    let mut plan = None;
    for start in (0..inputs.count()).step_by(BATCH) {
        let count = BATCH.min(inputs.count() - start);
        let shape = [&[count], &inputs.shape()[..]].concat();
        if plan.as_ref().is_none_or(|(n, _)| *n != count) {
            let runnable = net.clone().with_input_fact(0, f32::fact(&shape).into())?.into_optimized()?.into_runnable()?;
            plan = Some((count, runnable));
        }
        let (_, runnable) = plan.as_ref().context("no plan")?;
        let mut numbers = Vec::new();
        (start..start + count).for_each(|index| inputs.append(index, &mut numbers));
        let outputs = runnable.run(tvec!(Tensor::from_shape(&shape, &numbers)?.into()))?;
        ensure!(outputs.len() == names.len(), "{} results of {}", outputs.len(), names.len());
        for (index, output) in outputs.iter().enumerate() {
            let view = output.try_as_plain_ram()?;
            each(Seen { index, shape: output.shape(), values: view.as_slice::<f32>()? });
        }
    }
    Ok(())
}

/// All numbers of these results, each in one piece.
pub fn answers(model: &pb::ModelProto, inputs: Inputs, names: &[String]) -> Result<Vec<Vec<f32>>> {
    let mut all = vec![Vec::new(); names.len()];
    run(model, inputs, names, &mut |seen| all[seen.index].extend_from_slice(seen.values))?;
    Ok(all)
}
