//! A manifest and a board in, MT-CNN out, with the weights that the board chooses.

use super::normalise;
use crate::board::{self, Weights};
use crate::detect::{AGREEMENT, Detector, Heads, Net, Nets, Settings};
use crate::infer;
use crate::manifest::{Entry, Manifest, Role};
use anyhow::{Context, Result};

/// MT-CNN with the files of the board's weights and precision, on as many threads as the board gives.
pub fn detector(models: &Manifest, board: &board::Detect) -> Result<Detector> {
    let [pnet, rnet, onet] = detector_nets(models, board)?;
    let net = |entry: &Entry| -> Result<Net> {
        Ok(Net { model: infer::open(&models.path(entry), &entry.sha256)?, normalise: normalise(entry) })
    };
    let heads = match board.heads {
        board::Heads::Upright => Heads::Upright,
        board::Heads::Any => Heads::Any,
    };
    let board::Detect { min_face_px, factor, thresholds, .. } = *board;
    // They are what the recipe fits tuned nets to.
    let (second_look, agreement) = match board.weights {
        Weights::Stock => (false, 0.0),
        Weights::Tuned => (true, AGREEMENT),
    };
    let settings = Settings { min_face_px, factor, thresholds, heads, second_look, agreement };
    let nets = |_| Ok(Nets { pnet: net(pnet)?, rnet: net(rnet)?, onet: net(onet)? });
    Detector::new((0..board.threads).map(nets).collect::<Result<_>>()?, settings)
}

/// The entries of the board's P-, R- and O-Net.
pub fn detector_nets<'m>(models: &'m Manifest, board: &board::Detect) -> Result<[&'m Entry; 3]> {
    let [pnet, rnet, onet] = names(board.weights).map(|(role, name)| {
        let found = models.find(role, name, board.precision);
        match board.weights {
            Weights::Stock => found,
            // Nobody has these by `make models`, so what the manifest has instead is no help.
            Weights::Tuned => found.ok().with_context(|| {
                format!(
                    "the manifest in {} has no tuned weights of the detector in {}: make them with `lookalike-models train \
                     mtcnn`, as docs/tuning.md says, or take the stock ones: --detector-weights stock, or detect.weights in the \
                     board file",
                    models.folder.display(),
                    board.precision
                )
            }),
        }
    });
    Ok([pnet?, rnet?, onet?])
}

/// Whether an entry is one of the board's nets.
pub(super) fn is_used(entry: &Entry, board: &board::Detect) -> bool {
    entry.precision == board.precision && names(board.weights).contains(&(entry.role, &entry.name))
}

/// What the manifest calls P-, R- and O-Net.
fn names(weights: Weights) -> [(Role, &'static str); 3] {
    match weights {
        Weights::Stock => [(Role::Pnet, "mtcnn-pnet"), (Role::Rnet, "mtcnn-rnet"), (Role::Onet, "mtcnn-onet")],
        Weights::Tuned => [(Role::Pnet, "mtcnn-tuned-pnet"), (Role::Rnet, "mtcnn-tuned-rnet"), (Role::Onet, "mtcnn-tuned-onet")],
    }
}

#[cfg(test)]
mod tests {
    use super::super::offloadable;
    use super::*;
    use crate::board::Board;
    use crate::manifest::{Precision, VERSION};

    /// Both precisions of each of these weights.
    fn manifest(all: &[Weights]) -> Manifest {
        let entry = |(role, name): (Role, &str), precision| Entry {
            name: name.into(),
            role,
            precision,
            file: format!("{name}.{precision}.onnx"),
            sha256: "0".repeat(64),
            input: [3, 48, 48],
            mean: [127.5; 3],
            scale: 1.0 / 128.0,
            embedding: None,
            licence: "MIT".into(),
            source: "this test".into(),
        };
        let both = |net| [Precision::Float32, Precision::Int8].map(|precision| entry(net, precision));
        let models = all.iter().flat_map(|&weights| names(weights)).flat_map(both).collect();
        Manifest { version: VERSION, models, folder: "models/out".into() }
    }

    fn board(weights: Weights, precision: Precision) -> Board {
        let mut board = Board::desktop().unwrap();
        (board.detect.weights, board.detect.precision) = (weights, precision);
        board
    }

    fn files(entries: impl IntoIterator<Item = Entry>) -> Vec<String> {
        entries.into_iter().map(|entry| entry.file).collect()
    }

    #[test]
    fn the_boards_weights_and_precision_choose_the_entries() {
        let models = manifest(&[Weights::Stock, Weights::Tuned]);
        let chosen =
            |weights, precision| files(detector_nets(&models, &board(weights, precision).detect).unwrap().map(Entry::clone));
        let stock = ["mtcnn-pnet.float32.onnx", "mtcnn-rnet.float32.onnx", "mtcnn-onet.float32.onnx"];
        assert_eq!(chosen(Weights::Stock, Precision::Float32), stock);
        let tuned = ["mtcnn-tuned-pnet.int8.onnx", "mtcnn-tuned-rnet.int8.onnx", "mtcnn-tuned-onet.int8.onnx"];
        assert_eq!(chosen(Weights::Tuned, Precision::Int8), tuned);
    }

    #[test]
    fn a_gpu_is_made_ready_for_the_nets_that_are_used() {
        let models = manifest(&[Weights::Stock, Weights::Tuned]);
        let ready = |weights| files(offloadable(&models, &board(weights, Precision::Float32)).into_iter().cloned());
        assert_eq!(ready(Weights::Stock), ["mtcnn-rnet.float32.onnx", "mtcnn-onet.float32.onnx"]);
        assert_eq!(ready(Weights::Tuned), ["mtcnn-tuned-rnet.float32.onnx", "mtcnn-tuned-onet.float32.onnx"]);
    }

    #[test]
    fn tuned_weights_that_are_not_there_are_told_how_to_make() {
        let complaint = |models: &Manifest, precision| {
            format!("{:#}", detector_nets(models, &board(Weights::Tuned, precision).detect).unwrap_err())
        };
        let text = complaint(&manifest(&[Weights::Stock]), Precision::Float32);
        for words in ["models/out has no tuned weights", "lookalike-models train mtcnn", "--detector-weights stock"] {
            assert!(text.contains(words), "no `{words}` in {text}");
        }
        let mut models = manifest(&[Weights::Stock, Weights::Tuned]);
        models.models.retain(|entry| entry.name != "mtcnn-tuned-onet" || entry.precision == Precision::Float32);
        assert!(complaint(&models, Precision::Int8).contains("no tuned weights of the detector in int8"));
        assert!(detector_nets(&models, &board(Weights::Tuned, Precision::Float32).detect).is_ok());
    }

    #[test]
    fn stock_weights_that_are_not_there_are_named() {
        let error = detector_nets(&manifest(&[Weights::Tuned]), &board(Weights::Stock, Precision::Int8).detect).unwrap_err();
        let text = format!("{error:#}");
        assert!(text.contains("no Pnet model `mtcnn-pnet` in int8") && text.contains("mtcnn-tuned-pnet"), "{text}");
    }
}
