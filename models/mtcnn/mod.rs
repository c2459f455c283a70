//! MT-CNN: three small nets that find faces (Zhang et al. 2016, arXiv 1604.02878).
//!
//! `weights` reads what torch saved, `convert` writes ONNX and says what the inputs and outputs are. `each` shares work on photos among
//! the processors, for `unmarked`, `mine` and `even`.
//!
//! ```text
//! truth -> unmarked -> vary -> mine -> tune -> even -> tuned    lists of faces in, nets that were taught by them beside the stock ones
//!                                       |-> landmarks           the layer of O-Net that fits them best
//!                                       |-> nets                ONNX files as nets that learn, and back
//! ```

pub mod convert;
pub mod each;
pub mod even;
pub mod landmarks;
pub mod mine;
pub mod nets;
pub mod truth;
pub mod tune;
pub mod tuned;
pub mod unmarked;
pub mod vary;
pub mod weights;

use crate::fetch::FACENET_PYTORCH;
use crate::recipe::{Int8, Recipe};
use anyhow::Result;
use lookalike::manifest::Role;

/// Subtracted from red, green and blue, and multiplied afterwards.
const MEAN: f32 = 127.5;
const SCALE: f32 = 0.0078125;

/// So much of what P-Net learned stays in the net that is kept, as a share of the way from the stock weights: what it does not propose
/// nobody finds, and of small upright faces the photos of a booth show few (docs/tuning.md has the figures).
const PNET_STAYS: f32 = 0.75;

/// A net of the cascade.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Stage {
    /// Proposes, everywhere in a picture
    Pnet,
    /// Sifts
    Rnet,
    /// Decides, and gives landmarks
    Onet,
}

impl Stage {
    /// All of them, in their order.
    pub const ALL: [Stage; 3] = [Stage::Pnet, Stage::Rnet, Stage::Onet];

    /// As files and options call it.
    pub fn name(self) -> &'static str {
        ["pnet", "rnet", "onet"][self.index()]
    }

    /// Its place in the cascade, from 0 on.
    pub fn index(self) -> usize {
        self as usize
    }

    /// How strongly it is held to the stock weights where nobody says: what P-Net and R-Net forget, nobody finds any more; O-Net
    /// tells landmarks better for some freedom (docs/tuning.md has the figures).
    pub fn hold(self) -> f32 {
        [100.0, 100.0, 50.0][self.index()]
    }

    /// Height and width of what it learns from.
    pub fn side_px(self) -> u32 {
        [12, 24, 48][self.index()]
    }

    /// What it does in the walk.
    pub fn role(self) -> Role {
        [Role::Pnet, Role::Rnet, Role::Onet][self.index()]
    }

    /// Numbers that say what it should answer: whether this is a face, four edges, of O-Net ten of landmarks.
    pub fn numbers(self) -> usize {
        [5, 5, 15][self.index()]
    }
}

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
        mean: [MEAN; 3],
        scale: SCALE,
        embedding: None,
        licence: "MIT",
        package: &FACENET_PYTORCH,
        member,
        convert,
        golden: "",
        int8: None,
    }
}
