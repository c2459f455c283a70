//! A board's nets in, each run once in every size that the booth runs it in, so that a GPU has made it ready.

use super::normalise;
use crate::board::Board;
use crate::infer;
use crate::manifest::{Entry, Manifest, Role};
use anyhow::Result;

/// Faces in a call to the embedder; P-Net's largest level and the crops of its followers come by the booth's own use.
const PICTURES: [usize; 4] = [1, 2, 4, 8];

/// Pictures or latent vectors in a call to a generative net: one that a finger asks for, a row, a wall.
const VECTORS: [usize; 3] = [1, 16, 64];

/// The nets of the board that are of one input size: the embedder and the generative ones, and of MT-CNN R-Net and O-Net.
pub fn offloadable<'m>(models: &'m Manifest, board: &Board) -> Vec<&'m Entry> {
    let Board { detect, recognise, dream, .. } = board;
    let is_of = |entry: &&Entry| match entry.role {
        Role::Pnet | Role::Cascade => false,
        Role::Rnet | Role::Onet => super::mtcnn::is_used(entry, detect),
        Role::Embedder => entry.name == recognise.embedder && entry.precision == recognise.precision,
        role => {
            let used = super::family::entry(models, role, &entry.name, dream.precision);
            entry.name.starts_with(&format!("{}-", dream.nets)) && used.is_some_and(|used| used.precision == entry.precision)
        }
    };
    models.models.iter().filter(is_of).collect()
}

/// Runs a net in the booth's sizes.
pub fn warm(models: &Manifest, entry: &Entry) -> Result<()> {
    let file = models.path(entry);
    if entry.role.takes_floats() {
        let input = if entry.role.takes_vectors() { &entry.input[..1] } else { &entry.input[..] };
        let mut net = infer::open_floats(&file, &entry.sha256, input)?;
        let length = input.iter().product::<usize>();
        return VECTORS.into_iter().try_for_each(|count| net.run(count, &vec![0.0; count * length]).map(drop));
    }
    let mut net = infer::open(&file, &entry.sha256)?;
    let [_, height, width] = entry.input;
    let run = |count| net.run([count, height, width], &normalise(entry), &mut |pixels| pixels.fill(0)).map(drop);
    PICTURES.into_iter().try_for_each(run)
}
