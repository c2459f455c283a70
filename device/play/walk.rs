//! The walk without end: many points on one way, each a little ahead of its neighbour, all the time.

use super::{Area, Control, Dims, Moment, Piece};
use crate::generate::{Dice, Kind, Tiles, path::Path};
use crate::screen::Canvas;
use crate::ui::dream::tiles;

/// Pictures on the stage, about.
const COUNT: i32 = 24;

/// Turns of the way in a second.
const SPEED: f64 = 0.035;

/// Ahead of the neighbour, in turns.
const AHEAD: f64 = 0.03;

pub(super) struct Walk {
    kinds: Vec<Kind>,
    chosen: usize,
    seed: u64,
    tiles: Option<Tiles>,
    count: std::cell::Cell<usize>,
}

impl Walk {
    pub fn new(seed: u64, has: [bool; 5]) -> Self {
        let order = [Kind::Variational, Kind::Gan, Kind::Conditional];
        let kinds: Vec<Kind> = order.into_iter().filter(|&kind| has[kind as usize]).collect();
        // What is missing is said by its name.
        let kinds = if kinds.is_empty() { vec![Kind::Variational] } else { kinds };
        Self { kinds, chosen: 0, seed, tiles: None, count: (COUNT as usize).into() }
    }
}

impl Piece for Walk {
    fn title(&self) -> &str {
        "A walk through the latent space: nobody ever wrote these digits"
    }

    fn state(&self) -> String {
        self.kinds[self.chosen].title().into()
    }

    fn controls(&self) -> Vec<Control> {
        let button = |(i, kind): (usize, &Kind)| Control::button(kind.title(), i == self.chosen);
        if self.kinds.len() > 1 { self.kinds.iter().enumerate().map(button).collect() } else { Vec::new() }
    }

    fn press(&mut self, control: usize) {
        self.chosen = control.min(self.kinds.len() - 1);
    }

    fn tick(&mut self, moment: &Moment) {
        self.tiles = moment.worker.take().or(self.tiles.take());
        if moment.worker.is_busy() {
            return;
        }
        let (kind, seed, now, count) = (self.kinds[self.chosen], self.seed, moment.now, self.count.get());
        moment.worker.ask(move |family| {
            let net = family.generator(kind)?;
            let way = Path::endless(&mut Dice::new(seed), net.length());
            let mut points = Vec::new();
            (0..count).for_each(|place| way.at(now * SPEED + place as f64 * AHEAD, &mut points));
            // A conditional one shows one class after the other.
            net.draw(&points, |place| (place + (now / 4.0) as usize) % net_classes(kind))
        });
    }

    fn draw(&self, canvas: &mut Canvas, stage: Area, _: Dims) {
        let (columns, rows, side) = tiles::fill(stage, COUNT);
        self.count.set((columns * rows) as usize);
        let Some(drawn) = &self.tiles else { return };
        let (left, top) = (stage.x + (stage.w - columns * side) / 2, stage.y + (stage.h - rows * side) / 2);
        for index in 0..(columns * rows).min(drawn.count() as i32) {
            let place = Area::new(left + index % columns * side, top + index / columns * side, side, side);
            canvas.picture(&drawn.chip(index as usize), place, false);
        }
    }
}

fn net_classes(kind: Kind) -> usize {
    if kind == Kind::Conditional { 10 } else { 1 }
}
