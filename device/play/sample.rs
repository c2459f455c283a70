//! The lesson: the same points of the prior through the plain autoencoder's decoder and the variational one's, and a GAN's samples.

use super::{Area, Control, Dims, Moment, Piece, Pixel, Touch};
use crate::generate::{Dice, Kind, Tiles, latent};
use crate::screen::Canvas;
use crate::ui::dream::tiles::{self, Batch};

/// Samples of each net.
const COUNT: usize = 36;

/// The classifier is sure above this.
const SURE: f32 = 0.9;

pub(super) struct Sample {
    seed: u64,
    pairs: Vec<[Kind; 2]>,
    chosen: usize,
    is_asked: bool,
    shown: Option<Samples>,
}

/// Which nets, what each drew, and of how many the classifier was sure.
struct Samples(Vec<(Kind, Tiles, Option<usize>)>);

impl Sample {
    pub fn new(seed: u64, has: [bool; 5]) -> Self {
        let lesson = [Kind::Autoencoder, Kind::Variational];
        let all = [lesson, [Kind::Gan, Kind::Conditional]];
        let mut pairs: Vec<[Kind; 2]> = all.into_iter().filter(|pair| pair.iter().any(|&kind| has[kind as usize])).collect();
        if pairs.is_empty() {
            pairs.push(lesson);
        }
        Self { seed, pairs, chosen: 0, is_asked: false, shown: None }
    }

    fn again(&mut self) {
        self.seed = self.seed.wrapping_add(1);
        self.is_asked = false;
    }
}

impl Piece for Sample {
    fn title(&self) -> &str {
        match self.pairs[self.chosen] {
            [Kind::Autoencoder, _] => "The same random points through both: one learned what lies between digits",
            _ => "Noise becomes pictures: of whatever comes, and of the class that is asked for",
        }
    }

    fn state(&self) -> String {
        format!("seed {}", self.seed)
    }

    fn controls(&self) -> Vec<Control> {
        let pair = |(i, pair): (usize, &[Kind; 2])| {
            Control::button(if pair[0] == Kind::Autoencoder { "autoencoders" } else { "GANs" }, i == self.chosen)
        };
        let mut controls = vec![Control::button("draw others", false)];
        if self.pairs.len() > 1 {
            controls.extend(self.pairs.iter().enumerate().map(pair));
        }
        controls
    }

    fn press(&mut self, control: usize) {
        match control {
            0 => self.again(),
            pair => (self.chosen, self.is_asked) = ((pair - 1).min(self.pairs.len() - 1), false),
        }
    }

    fn touch(&mut self, touch: Touch, _: Pixel, _: Area, _: Dims) {
        if touch == Touch::Tap {
            self.again();
        }
    }

    fn leave(&mut self) {
        self.is_asked = false;
    }

    fn tick(&mut self, moment: &Moment) {
        self.shown = moment.worker.take().or(self.shown.take());
        if std::mem::replace(&mut self.is_asked, true) {
            return;
        }
        let (kinds, seed) = (self.pairs[self.chosen], self.seed);
        moment.worker.ask(move |family| {
            let mut all = Vec::new();
            let there: Vec<Kind> = kinds.into_iter().filter(|&kind| family.has(kind)).collect();
            for kind in if there.is_empty() { kinds.to_vec() } else { there } {
                let net = family.generator(kind)?;
                let points = latent::from_prior(&mut Dice::new(seed), net.length(), COUNT);
                let classes = net.classes().max(1);
                let drawn = net.draw(&points, |place| place % classes)?;
                let verdicts = family.verdicts(&drawn)?;
                let sure = verdicts.map(|all| all.iter().filter(|v| v.best().1 > SURE).count());
                all.push((kind, drawn, sure));
            }
            Ok(Samples(all))
        });
    }

    fn draw(&self, canvas: &mut Canvas, stage: Area, dims: Dims) {
        let Some(Samples(all)) = &self.shown else { return };
        let words: Vec<String> = all
            .iter()
            .map(|(_, _, sure)| sure.map_or(String::new(), |sure| format!("{sure} of {COUNT} recognised as digits")))
            .collect();
        let mut batches = Vec::with_capacity(all.len());
        for ((kind, tiles, _), words) in all.iter().zip(&words) {
            batches.push(Batch { title: kind.title(), words, tiles: Some(tiles) });
        }
        tiles::draw_batches(canvas, &batches, stage, dims);
    }
}
