//! A manifest and a board in, the board's Haar cascade out: at once where it finds the faces, on demand else.

use crate::board::{self, Finder};
use crate::detect::haar::{Haar, Settings};
use crate::infer;
use crate::manifest::{Entry, Manifest, Precision, Role};
use crate::pipeline::Cascade;
use anyhow::{Context, Result, ensure};

/// The cascade that the board names, with the board's parameters.
pub fn cascade(models: &Manifest, board: &board::Detect) -> Result<Haar> {
    open(models, models.find(Role::Cascade, &board.cascade, Precision::Float32)?, board)
}

/// What the walk gets of it. Where MT-CNN finds the faces, a manifest without a cascade, or without its file, is no fault.
pub(super) fn of_walk(models: &Manifest, board: &board::Detect) -> Result<Cascade> {
    if board.detector == Finder::Haar {
        return cascade(models, board).map(Cascade::Instead);
    }
    match models.find(Role::Cascade, &board.cascade, Precision::Float32) {
        Ok(entry) if models.path(entry).exists() => {
            let (models, entry, board) = (models.clone(), entry.clone(), board.clone());
            Ok(Cascade::Later(Box::new(move || open(&models, &entry, &board))))
        }
        _ => Ok(Cascade::None),
    }
}

fn open(models: &Manifest, entry: &Entry, board: &board::Detect) -> Result<Haar> {
    let file = models.path(entry);
    let bytes = infer::read_verified(&file, &entry.sha256)?;
    let settings =
        Settings { min_face_px: board.min_face_px, factor: board.cascade_factor, neighbours: board.cascade_neighbours };
    let parse = || -> Result<Haar> {
        let haar = Haar::new(std::str::from_utf8(&bytes).context("it is no text")?, settings)?;
        let ([width, height], [_, high, wide]) = (haar.window(), entry.input);
        ensure!((high, wide) == (height, width), "its window is {width}x{height}, the manifest says {wide}x{high}");
        Ok(haar)
    };
    parse().with_context(|| format!("the cascade {} cannot be used", file.display()))
}
