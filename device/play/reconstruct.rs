//! One digit after the other: what the encoder says of it, what comes back, and what lies around it.

use super::{Area, Control, Dims, Moment, Piece, Pixel, Touch};
use crate::generate::{Dice, Kind, Spread, Tiles, latent};
use crate::screen::Canvas;
use crate::ui::dream::{draw_words, reconstruct};

/// Samples around the input.
const AROUND: usize = 16;

/// The slider's right end, in standard deviations.
const REACH_MOST: f32 = 4.0;

/// The next digit comes by itself after so many seconds.
const EVERY_S: f64 = 6.0;

pub(super) struct Reconstruct {
    kinds: [Kind; 3],
    chosen: usize,
    has_digits: bool,
    dice: Dice,
    digit: u64,
    reach: f32,
    is_asked: bool,
    changed: f64,
    is_held: bool,
    shown: Option<Seen>,
}

struct Seen {
    pair: Tiles,
    spread: Spread,
    verdict: String,
    around: Tiles,
}

impl Reconstruct {
    pub fn new(seed: u64, has_digits: bool) -> Self {
        let mut dice = Dice::new(seed);
        let digit = dice.bits();
        let kinds = [Kind::Variational, Kind::Autoencoder, Kind::Denoising];
        Self { kinds, chosen: 0, has_digits, dice, digit, reach: 1.0, is_asked: false, changed: 0.0, is_held: false, shown: None }
    }

    fn next(&mut self) {
        (self.digit, self.is_asked) = (self.dice.bits(), false);
    }
}

impl Piece for Reconstruct {
    fn title(&self) -> &str {
        "An encoder says few numbers of a picture, a decoder draws it again"
    }

    fn state(&self) -> String {
        self.kinds[self.chosen].title().into()
    }

    fn controls(&self) -> Vec<Control> {
        let names = ["variational", "plain", "denoising"];
        let kinds = names.into_iter().enumerate().map(|(i, name)| Control::button(name, i == self.chosen));
        let reach = Control::Slider { label: format!("around x{:.1}", self.reach), share: self.reach / REACH_MOST };
        [Control::button("another", false), reach].into_iter().chain(kinds).collect()
    }

    fn press(&mut self, control: usize) {
        match control {
            0 => self.next(),
            2..=4 => (self.chosen, self.is_asked, self.is_held) = (control - 2, false, true),
            _ => {}
        }
    }

    fn slide(&mut self, _: usize, share: f32) {
        (self.reach, self.is_asked, self.is_held) = (share * REACH_MOST, false, true);
    }

    fn touch(&mut self, touch: Touch, _: Pixel, _: Area, _: Dims) {
        if touch == Touch::Tap {
            self.next();
        }
    }

    fn leave(&mut self) {
        (self.is_asked, self.is_held) = (false, false);
    }

    fn tick(&mut self, moment: &Moment) {
        self.shown = moment.worker.take().or(self.shown.take());
        if !self.is_held && moment.now - self.changed > EVERY_S {
            self.next();
        }
        if std::mem::replace(&mut self.is_asked, true) {
            return;
        }
        self.changed = moment.now;
        let (kind, digit, reach) = (self.kinds[self.chosen], self.digit, self.reach);
        moment.worker.ask(move |family| {
            let known = family.known()?;
            let place = Dice::new(digit).below(known.count());
            let input = Tiles::new(known.pictures.shape, known.pictures.get(place).to_vec())?;
            let coder = family.coder(kind)?;
            let (mut spreads, back) = coder.reconstruct(&input)?;
            let spread = spreads.remove(0);
            // The same directions at every reach, so that a slider moves them and does not shuffle them.
            let points = latent::around(&mut Dice::new(digit), &spread, reach, AROUND);
            let around = coder.decoder.draw(&points, |_| 0)?;
            let verdict = family.verdicts(&back)?;
            let words = |(class, share): (usize, f32)| format!("comes back as a {class}, {:.0}\u{a0}%", share * 100.0);
            let verdict = verdict.map_or(String::new(), |v| words(v[0].best()));
            let mut pair = input;
            pair.push(back.get(0));
            Ok(Seen { pair, spread, verdict, around })
        });
    }

    fn draw(&self, canvas: &mut Canvas, stage: Area, dims: Dims) {
        match &self.shown {
            Some(Seen { pair, spread, verdict, around }) => {
                reconstruct::draw(canvas, &reconstruct::View { pair, spread, verdict, around }, stage, dims);
            }
            None if !self.has_digits => {
                draw_words(canvas, "There are no real digits on this device: run `make models`.", stage, dims)
            }
            None => {}
        }
    }
}
