//! Photos and the float files in, what each of the four nets sees in these photos out.

use super::crops::{self, Crops, Watched};
use super::net::Scaling;
use crate::files;
use crate::progress::Progress;
use crate::recipe::Recipe;
use anyhow::{Context, Result, ensure};
use image::RgbImage;
use lookalike::align;
use lookalike::detect::Net;
use lookalike::infer::{self, Model, Normalise};
use lookalike::manifest::{EmbeddingFacts, Role};
use lookalike::types::{Face, Frame};
use std::path::Path;

/// So many crops tell a range; more only take time.
const ENOUGH: [(Role, usize); 4] = [(Role::Pnet, 640), (Role::Rnet, 1024), (Role::Onet, 384), (Role::Embedder, 64)];

/// What the nets see in some photos.
pub struct Sights {
    watched: Watched,
    chips: Crops,
}

impl Sights {
    /// Shows the photos to the detector that these recipes' float files below `out` make, each as it is and `varied` too.
    pub fn of(photos: &[RgbImage], recipes: &[Recipe], out: &Path, varied: bool) -> Result<Self> {
        let mut watched = Watched::new(detector(recipes, |recipe| (recipe.file, recipe.scaling()), out)?)?;
        let embedder = recipes.iter().find_map(|r| Some((r.input, r.embedding.as_ref()?))).context("no recipe of an embedder")?;
        let ([_, height, width], facts) = embedder;
        let mut chips = Crops { height, width, pictures: Vec::new() };
        let bar = Progress::pieces("looking at sample photos", photos.len() as u64);
        for (turn, photo) in photos.iter().enumerate() {
            let mut frames = vec![crops::plain(photo)];
            if varied {
                frames.extend(crops::shown(photo, turn));
            }
            for frame in &frames {
                for face in watched.faces(frame)? {
                    chips.pictures.extend(both_ways(frame, &face, facts, [height, width]));
                }
            }
            bar.at(turn as u64 + 1);
        }
        bar.done();
        ensure!(!chips.pictures.is_empty(), "no face in any of the sample photos");
        Ok(Self { watched, chips })
    }

    /// The crops of one net, no more than are needed.
    pub fn crops(&self, role: Role) -> Result<Crops> {
        let most = ENOUGH.iter().find(|(r, _)| *r == role).map_or(usize::MAX, |(_, most)| *most);
        Ok(match role {
            Role::Embedder => self.chips.thinned(most),
            _ => self.watched.crops(role)?.thinned(most),
        })
    }
}

/// The chip of a face and its mirror image.
fn both_ways(frame: &Frame, face: &Face, facts: &EmbeddingFacts, [height, width]: [usize; 2]) -> [Vec<u8>; 2] {
    let chip = align::cut(frame, &face.landmarks, &facts.template, width as u32, height as u32).pixels;
    let rows = chip.chunks_exact(width * 3);
    let mirrored = rows.flat_map(|row| row.as_chunks::<3>().0.iter().rev().flatten().copied()).collect();
    [chip, mirrored]
}

/// The three nets of the detector; `which`: each recipe's file and how it wants its input.
pub fn detector(recipes: &[Recipe], which: impl Fn(&Recipe) -> (&'static str, Scaling), out: &Path) -> Result<[Net; 3]> {
    let open = |role: Role| -> Result<Net> {
        let recipe = recipes.iter().find(|r| r.role == role).with_context(|| format!("no recipe of a {role:?}"))?;
        let (file, Scaling { mean, scale }) = which(recipe);
        Ok(Net { model: model(&out.join(file))?, normalise: Normalise { mean, scale } })
    };
    Ok([open(Role::Pnet)?, open(Role::Rnet)?, open(Role::Onet)?])
}

/// A net of the walk, ready to run.
pub fn model(path: &Path) -> Result<Box<dyn Model>> {
    let hash = files::sha256_of(path)?;
    let hash = hash.with_context(|| format!("there is no {}: run `lookalike-models convert`", path.display()))?;
    infer::open(path, &hash)
}
