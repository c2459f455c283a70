//! MT-CNN: three small nets that find faces (Zhang et al. 2016, arXiv 1604.02878).
//!
//! `weights` reads what torch saved, `convert` writes ONNX and says what the inputs and outputs are.

pub mod convert;
pub mod weights;

use crate::fetch::FACENET_PYTORCH;
use crate::recipe::{Int8, Recipe};
use anyhow::Result;
use lookalike::manifest::Role;

/// P-Net, R-Net, O-Net.
pub fn recipes() -> Vec<Recipe> {
    vec![
        Recipe {
            golden: include_str!("../../tests/golden/nets/mtcnn-pnet.json"),
            int8: Some(Int8 { file: "mtcnn/pnet.int8.onnx", mean: 128 }),
            ..recipe("mtcnn-pnet", Role::Pnet, 0, "mtcnn/pnet.float32.onnx", "facenet_pytorch/data/pnet.pt", convert::pnet)
        },
        Recipe {
            golden: include_str!("../../tests/golden/nets/mtcnn-rnet.json"),
            int8: Some(Int8 { file: "mtcnn/rnet.int8.onnx", mean: 128 }),
            ..recipe("mtcnn-rnet", Role::Rnet, 24, "mtcnn/rnet.float32.onnx", "facenet_pytorch/data/rnet.pt", convert::rnet)
        },
        Recipe {
            golden: include_str!("../../tests/golden/nets/mtcnn-onet.json"),
            int8: Some(Int8 { file: "mtcnn/onet.int8.onnx", mean: 128 }),
            ..recipe("mtcnn-onet", Role::Onet, 48, "mtcnn/onet.float32.onnx", "facenet_pytorch/data/onet.pt", convert::onet)
        },
    ]
}

fn recipe(
    name: &'static str,
    role: Role,
    size: usize,
    file: &'static str,
    member: &'static str,
    convert: fn(&[u8]) -> Result<Vec<u8>>,
) -> Recipe {
    Recipe {
        name,
        role,
        file,
        input: [3, size, size],
        mean: [127.5; 3],
        scale: 0.0078125,
        embedding: None,
        licence: "MIT",
        package: &FACENET_PYTORCH,
        member,
        convert,
        golden: "",
        int8: None,
    }
}
