//! An ONNX file and crops in, the numbers of any of its results out, batch by batch, through tract.

use super::crops::Crops;
use super::net::Scaling;
use anyhow::{Context, Result, ensure};
use tract_onnx::pb;
use tract_onnx::prelude::{DatumExt, Framework, InferenceModelExt, IntoRunnable, Tensor, tvec};

/// Crops in a batch.
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

/// Runs the network on all crops and shows `each` the results of these names, a batch at a time, in the order of `names`.
pub fn run(model: &pb::ModelProto, scaling: Scaling, crops: &Crops, names: &[String], each: &mut dyn FnMut(Seen)) -> Result<()> {
    let mut model = model.clone();
    let graph = model.graph.as_mut().context("a file without a graph")?;
    graph.output = names.iter().map(|name| pb::ValueInfoProto { name: name.clone(), ..Default::default() }).collect();
    let reader = tract_onnx::onnx().with_ignore_output_shapes(true).with_ignore_value_info(true);
    let net = reader.model_for_proto_model(&model)?;
    let mut plan = None;
    for batch in crops.pictures.chunks(BATCH) {
        let shape = [batch.len(), 3, crops.height, crops.width];
        if plan.as_ref().is_none_or(|(n, _)| *n != batch.len()) {
            let runnable = net.clone().with_input_fact(0, f32::fact(shape).into())?.into_optimized()?.into_runnable()?;
            plan = Some((batch.len(), runnable));
        }
        let (_, runnable) = plan.as_ref().context("no plan")?;
        let numbers: Vec<f32> = batch.iter().flat_map(|picture| planes(picture, scaling)).collect();
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
pub fn answers(model: &pb::ModelProto, scaling: Scaling, crops: &Crops, names: &[String]) -> Result<Vec<Vec<f32>>> {
    let mut all = vec![Vec::new(); names.len()];
    run(model, scaling, crops, names, &mut |seen| all[seen.index].extend_from_slice(seen.values))?;
    Ok(all)
}

/// Interleaved bytes to planes of numbers.
fn planes(picture: &[u8], Scaling { mean, scale }: Scaling) -> impl Iterator<Item = f32> {
    (0..3).flat_map(move |c| picture.iter().skip(c).step_by(3).map(move |&b| (f32::from(b) - mean[c]) * scale))
}
