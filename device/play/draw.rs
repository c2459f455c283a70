//! A digit under a finger: encoded, reconstructed, classified and put beside its neighbours while it is drawn.

use super::{Area, Control, Dims, Moment, Piece, Pixel, Touch};
use crate::generate::{Family, Kind, Tiles, Verdict, ink::Strokes, latent};
use crate::screen::Canvas;
use crate::ui::dream::{share_of, sheet};
use anyhow::{Result, ensure};
use std::sync::{Arc, Mutex, PoisonError};

/// Neighbours that are shown.
const NEIGHBOURS: usize = 6;

/// Real digits that are looked through; encoding more takes a visitor's patience on a small board.
const KNOWN_MOST: usize = 2000;

#[derive(Default)]
pub(super) struct Draw {
    strokes: Strokes,
    /// The drawing changed since it was last looked at.
    is_new: bool,
    seen: Option<Seen>,
    /// Where the real digits lie, once they were encoded.
    places: Arc<Mutex<Option<Vec<f32>>>>,
}

struct Seen {
    pair: Tiles,
    verdict: Option<Verdict>,
    neighbours: Option<Tiles>,
}

impl Piece for Draw {
    fn title(&self) -> &str {
        "Draw a digit and see what the nets see in it"
    }

    fn state(&self) -> String {
        Kind::Variational.title().into()
    }

    fn controls(&self) -> Vec<Control> {
        vec![Control::button("clear", false)]
    }

    fn press(&mut self, _: usize) {
        self.strokes.clear();
        (self.is_new, self.seen) = (false, None);
    }

    fn touch(&mut self, touch: Touch, at: Pixel, stage: Area, dims: Dims) {
        let at = share_of(sheet::sheet(stage, dims), at);
        let is_inside = at.iter().all(|v| (0.0..=1.0).contains(v));
        match touch {
            Touch::Down if is_inside => self.strokes.begin(at),
            Touch::Move if is_inside && !self.strokes.is_empty() => self.strokes.go_on(at),
            _ => return,
        }
        self.is_new = true;
    }

    fn leave(&mut self) {
        self.is_new = !self.strokes.is_empty();
    }

    fn tick(&mut self, moment: &Moment) {
        self.seen = moment.worker.take().or(self.seen.take()).filter(|_| !self.strokes.is_empty());
        if !self.is_new || moment.worker.is_busy() {
            return;
        }
        self.is_new = false;
        let (strokes, places) = (self.strokes.clone(), self.places.clone());
        moment.worker.ask(move |family| look(family, &strokes, &places));
    }

    fn draw(&self, canvas: &mut Canvas, stage: Area, dims: Dims) {
        let view = sheet::View {
            strokes: &self.strokes,
            pair: self.seen.as_ref().map(|s| &s.pair),
            verdict: self.seen.as_ref().and_then(|s| s.verdict.as_ref()),
            neighbours: self.seen.as_ref().and_then(|s| s.neighbours.as_ref()),
        };
        sheet::draw(canvas, &view, stage, dims);
    }
}

fn look(family: &mut Family, strokes: &Strokes, places: &Mutex<Option<Vec<f32>>>) -> Result<Seen> {
    let coder = family.coder(Kind::Variational)?;
    let shape = coder.shape();
    ensure!(shape.channels == 1, "drawings are grey, these nets take {shape} pictures");
    let drawing = strokes.picture(shape);
    let (spreads, back) = coder.reconstruct(&drawing)?;
    let verdict = family.verdicts(&drawing)?.map(|mut v| v.remove(0));
    let mut places = places.lock().unwrap_or_else(PoisonError::into_inner);
    if let (None, Some(known)) = (&*places, &family.known) {
        let length = known.pictures.shape.length();
        let some = known.pictures.values.iter().take(KNOWN_MOST * length).copied().collect();
        let some = Tiles::new(known.pictures.shape, some)?;
        let means = family.coder(Kind::Variational)?.encode(&some)?.into_iter().flat_map(|s| s.mean).collect();
        *places = Some(means);
    }
    let neighbours = places.as_ref().zip(family.known.as_ref()).map(|(places, known)| {
        let mut near = Tiles::empty(known.pictures.shape);
        let found = latent::nearest(places, &spreads[0].mean, NEIGHBOURS);
        found.into_iter().for_each(|(place, _)| near.push(known.pictures.get(place)));
        near
    });
    let mut pair = drawing;
    pair.push(back.get(0));
    Ok(Seen { pair, verdict, neighbours })
}
