//! A float ONNX file of the cascade in, the same net ready to learn out; and back.
//!
//! A net that learns has one last layer where the file has two or three: scores, edges and landmarks below each other. The file
//! that comes back is the one that it came from, with other numbers.

use super::{MEAN, SCALE, Stage};
use crate::quantize::sights;
use anyhow::{Context, Result, ensure};
use lookalike::detect::{self, Detector, Heads, Nets, Settings};
use lookalike::infer::Normalise;
use lookalike_learn::{Dice, Net, faces};
use prost::Message;
use std::path::PathBuf;
use tract_onnx::pb;

/// The float files of the three stages.
#[derive(Clone)]
pub struct Files(pub [PathBuf; 3]);

impl Files {
    /// P-Net, R-Net and O-Net, ready to detect.
    pub fn open(&self) -> Result<[detect::Net; 3]> {
        let normalise = Normalise { mean: [MEAN; 3], scale: SCALE };
        let open = |stage: Stage| -> Result<detect::Net> {
            Ok(detect::Net { model: sights::model(&self.0[stage.index()])?, normalise })
        };
        Ok([open(Stage::Pnet)?, open(Stage::Rnet)?, open(Stage::Onet)?])
    }

    /// The detector of these nets, which looks once at heads as they are; see [`Settings`].
    pub fn detector(&self, min_face_px: f32, thresholds: [f32; 3], agreement: f32) -> Result<Detector> {
        let [pnet, rnet, onet] = self.open()?;
        let settings = Settings { min_face_px, factor: 0.709, thresholds, heads: Heads::Upright, second_look: false, agreement };
        Detector::new(vec![Nets { pnet, rnet, onet }], settings)
    }
}

/// The net of that stage with the file's numbers.
pub fn read(stage: Stage, onnx: &[u8]) -> Result<Net> {
    let graph = graph(onnx)?.1;
    let dice = &mut Dice::new(0);
    let mut net = match stage {
        Stage::Pnet => faces::pnet(dice),
        Stage::Rnet => faces::rnet(dice),
        Stage::Onet => faces::onet(dice),
    };
    for (array, names) in net.weights.iter_mut().zip(arrays(stage)) {
        let mut values = Vec::with_capacity(array.values.len());
        for name in &names {
            let found = graph.initializer.iter().find(|tensor| tensor.name == *name);
            let found = found.with_context(|| format!("it has no `{name}`: is it a file of {}?", stage.name()))?;
            values.extend(found.raw_data.chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])));
        }
        ensure!(
            values.len() == array.values.len(),
            "its `{}` has {} numbers instead of {}",
            names[0],
            values.len(),
            array.values.len()
        );
        array.values = values;
    }
    Ok(net)
}

/// The file `onnx` with the numbers of a net that [`read`] made of it, under that name.
pub fn write(stage: Stage, net: &Net, onnx: &[u8], name: &str) -> Result<Vec<u8>> {
    let (mut model, mut graph) = graph(onnx)?;
    for (array, names) in net.weights.iter().zip(arrays(stage)) {
        let mut rest = array.values.as_slice();
        for name in names {
            let found = graph.initializer.iter_mut().find(|tensor| tensor.name == name);
            let found = found.with_context(|| format!("it has no `{name}`"))?;
            let (own, others) = rest.split_at_checked(found.raw_data.len() / 4).context("a net of another shape")?;
            found.raw_data = own.iter().flat_map(|value| value.to_le_bytes()).collect();
            rest = others;
        }
        ensure!(rest.is_empty(), "a net of another shape");
    }
    graph.name = name.into();
    graph.doc_string = "MT-CNN, tuned. Input: RGB, (pixel - 127.5) * 0.0078125.".into();
    model.graph = Some(graph);
    Ok(model.encode_to_vec())
}

fn graph(onnx: &[u8]) -> Result<(pb::ModelProto, pb::GraphProto)> {
    let mut model = pb::ModelProto::decode(onnx).context("not an ONNX file")?;
    let graph = model.graph.take().context("an ONNX file without a graph")?;
    Ok((model, graph))
}

/// The file's arrays that make up each array of the learner, in the learner's order.
fn arrays(stage: Stage) -> Vec<Vec<String>> {
    let trunk: &[&str] = match stage {
        Stage::Pnet => &["conv1", "prelu1", "conv2", "prelu2", "conv3", "prelu3"],
        Stage::Rnet => &["conv1", "prelu1", "conv2", "prelu2", "conv3", "prelu3", "dense4", "prelu4"],
        Stage::Onet => &["conv1", "prelu1", "conv2", "prelu2", "conv3", "prelu3", "conv4", "prelu4", "dense5", "prelu5"],
    };
    let heads: &[&str] = if stage == Stage::Onet { &["face", "boxes", "landmarks"] } else { &["face", "boxes"] };
    let named = |layers: &[&str], end: &str| -> Vec<String> { layers.iter().map(|layer| format!("{layer}.{end}")).collect() };
    let of = |layer: &&str| match layer.starts_with("prelu") {
        true => vec![named(&[layer], "slope")],
        false => vec![named(&[layer], "weight"), named(&[layer], "bias")],
    };
    trunk.iter().flat_map(of).chain([named(heads, "weight"), named(heads, "bias")]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::learning::graph::Runner;

    /// As the set-up writes it.
    fn file(stage: Stage) -> Vec<u8> {
        std::fs::read(format!("out/mtcnn/{}.float32.onnx", stage.name())).expect("`make models` writes it")
    }

    #[test]
    fn a_net_that_learns_answers_as_its_file() {
        for stage in Stage::ALL {
            let onnx = file(stage);
            let net = read(stage, &onnx).unwrap();
            let inputs = Dice::new(5).normals(2 * net.input.iter().product::<usize>());
            let rows = net.run(&inputs);
            let width = rows.len() / 2;
            let shape = [&[2], net.input.as_slice()].concat();
            let answer = |name: &str| Runner::new(&onnx, &shape, Some(name)).unwrap().run(&inputs).unwrap();
            let (scores, edges) = (answer("probability"), answer("boxes"));
            for (index, row) in rows.chunks_exact(width).enumerate() {
                let score = 1.0 / (1.0 + (row[0] - row[1]).exp());
                assert!((score - scores[2 * index + 1]).abs() < 1e-4, "{stage:?}");
                assert!(row[2..6].iter().zip(&edges[4 * index..]).all(|(a, b)| (a - b).abs() < 1e-3), "{stage:?}");
            }
            if stage == Stage::Onet {
                let landmarks = answer("landmarks");
                assert!(rows[6..16].iter().zip(&landmarks).all(|(a, b)| (a - b).abs() < 1e-3));
            }
        }
    }

    #[test]
    fn what_is_written_is_read_again_and_only_the_numbers_change() {
        for stage in Stage::ALL {
            let onnx = file(stage);
            let mut net = read(stage, &onnx).unwrap();
            net.weights.iter_mut().flat_map(|array| &mut array.values).for_each(|value| *value += 0.5);
            let written = write(stage, &net, &onnx, "tuned").unwrap();
            assert_eq!(read(stage, &written).unwrap(), net);
            assert_eq!(written.len().abs_diff(onnx.len()) / 100, 0);
        }
    }

    #[test]
    fn another_stages_file_is_told() {
        let error = read(Stage::Onet, &file(Stage::Pnet)).unwrap_err().to_string();
        assert_eq!(error, "its `conv1.weight` has 270 numbers instead of 864");
        assert!(read(Stage::Onet, b"\x08").is_err());
    }
}
