//! The generative modes in motion: fingers and time in, what is on the canvas out. One file per mode.
//!
//! Nets run in a worker, a GAN learns in another, t-SNE is computed in a third: the thread that draws never waits for any of them.
//! Of what was asked while the worker was busy only the newest question counts.

use crate::generate::Family;
use crate::screen::{Area, Canvas, Event, Pixel};
use crate::types::Chip;
use crate::ui::Mode;
use crate::ui::dream::{self, Control, Dims, Hit, Layout};
use anyhow::Result;
use std::collections::BTreeMap;

mod blend;
mod draw;
#[cfg(test)]
mod golden;
mod lesson;
pub mod map;
mod reconstruct;
mod sample;
pub mod train;
mod walk;
mod worker;

use worker::Worker;

/// What the modes are made of.
pub struct Parts {
    /// Opens the nets, when they are first asked.
    pub open: Box<dyn FnOnce() -> Result<Family> + Send>,
    /// Which kinds of net there will be, in the order of `Kind::ALL`.
    pub has: [bool; 5],
    /// Whether there will be real digits.
    pub has_digits: bool,
    /// The gallery's faces, for the map.
    pub faces: map::Faces,
    /// Makes a GAN that learns; `None` where this program cannot teach one.
    pub learner: Option<train::Learner>,
    /// Everything that is drawn by chance follows from it.
    pub seed: u64,
}

/// What a finger on the stage does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Touch {
    Down,
    Move,
    Up,
    /// Behind an `Up`, of a finger that moved little.
    Tap,
}

/// What happens around a mode.
struct Moment<'a> {
    /// Seconds since the booth started.
    now: f64,
    worker: &'a Worker,
    visitor: Option<Visitor<'a>>,
}

/// Whoever is in front of the camera, the largest face.
#[derive(Clone, Copy)]
pub struct Visitor<'a> {
    /// Its vector.
    pub embedding: &'a [f32],
    /// Its picture.
    pub chip: Option<&'a Chip>,
}

/// One mode.
trait Piece {
    /// What it is, in a line.
    fn title(&self) -> &str;
    /// What is going on, in a few words.
    fn state(&self) -> String {
        String::new()
    }
    fn controls(&self) -> Vec<Control> {
        Vec::new()
    }
    /// A button was tapped.
    fn press(&mut self, _control: usize) {}
    /// A slider was moved, 0 to 1.
    fn slide(&mut self, _control: usize, _share: f32) {}
    /// A finger is on the stage.
    fn touch(&mut self, _touch: Touch, _at: Pixel, _stage: Area, _dims: Dims) {}
    /// Called before every picture.
    fn tick(&mut self, moment: &Moment);
    /// Somebody went on to another mode.
    fn leave(&mut self) {}
    fn draw(&self, canvas: &mut Canvas, stage: Area, dims: Dims);
}

/// All generative modes, as far as somebody was there.
pub struct Play {
    worker: Worker,
    parts: Later,
    pieces: BTreeMap<&'static str, Box<dyn Piece>>,
    /// What the finger that is down began on.
    grabbed: Option<Hit>,
    seed: u64,
}

/// What modes take when they are first entered.
struct Later {
    faces: Option<map::Faces>,
    learner: Option<train::Learner>,
    has: [bool; 5],
    has_digits: bool,
}

/// What somebody wants of the booth, and not of the mode.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wish {
    /// The next mode.
    Next,
}

impl Play {
    /// Everything but what takes time: that is done when a mode is first shown.
    pub fn new(parts: Parts) -> Self {
        let Parts { open, has, has_digits, faces, learner, seed } = parts;
        let later = Later { faces: Some(faces), learner, has, has_digits };
        Self { worker: Worker::start(open), parts: later, pieces: BTreeMap::new(), grabbed: None, seed }
    }

    /// Whether there is any net to play with.
    pub fn has_nets(&self) -> bool {
        self.parts.has.contains(&true)
    }

    fn piece(&mut self, mode: Mode) -> &mut Box<dyn Piece> {
        let (parts, seed) = (&mut self.parts, self.seed);
        self.pieces.entry(mode.name()).or_insert_with(|| match mode {
            Mode::Sample => Box::new(sample::Sample::new(seed, parts.has)),
            Mode::Reconstruct => Box::new(reconstruct::Reconstruct::new(seed, parts.has_digits)),
            Mode::Blend => Box::new(blend::Blend::new(seed)),
            Mode::Draw => Box::new(draw::Draw::default()),
            Mode::Train => Box::new(train::Train::new(parts.learner.take())),
            Mode::Map => Box::new(map::Map::new(parts.faces.take().unwrap_or_default(), seed)),
            // The others are the visitors' and the engineers', which are none of ours.
            _ => Box::new(walk::Walk::new(seed, parts.has)),
        })
    }

    /// Takes what a person did while the mode was shown on that canvas.
    pub fn event(&mut self, mode: Mode, event: Event, canvas: &Canvas) -> Option<Wish> {
        let grabbed = self.grabbed;
        let piece = self.piece(mode);
        let (dims, layout) = (Dims::of(canvas), Layout::of(canvas, &piece.controls()));
        let (touch, at) = match event {
            Event::Next => return Some(Wish::Next),
            Event::Quit => return None,
            Event::Press(at) => (Touch::Down, at),
            Event::Drag(at) => (Touch::Move, at),
            Event::Release(at) => (Touch::Up, at),
            Event::Tap(at) => (Touch::Tap, at),
        };
        let on = match touch {
            Touch::Down | Touch::Tap => layout.hit(at),
            _ => grabbed.unwrap_or(Hit::Nothing),
        };
        match (on, touch) {
            (Hit::Footer, Touch::Tap) => return Some(Wish::Next),
            (Hit::Stage, _) => piece.touch(touch, at, layout.stage, dims),
            (Hit::Control(index), _) => match (piece.controls().get(index), touch) {
                (Some(Control::Button { .. }), Touch::Tap) => piece.press(index),
                (Some(Control::Slider { .. }), Touch::Down | Touch::Move) => {
                    piece.slide(index, dream::share_of(layout.controls[index], at)[0].clamp(0.0, 1.0));
                }
                _ => {}
            },
            _ => {}
        }
        match touch {
            Touch::Down => self.grabbed = Some(on),
            Touch::Up => self.grabbed = None,
            _ => {}
        }
        None
    }

    /// Draws the mode as it is at `now`, in seconds since the booth started. `hint` says how to come to the next mode.
    pub fn draw(&mut self, mode: Mode, canvas: &mut Canvas, now: f64, visitor: Option<Visitor>, hint: &str) {
        self.piece(mode);
        let moment = Moment { now, worker: &self.worker, visitor };
        let Some(piece) = self.pieces.get_mut(mode.name()) else { return };
        piece.tick(&moment);
        let (controls, state) = (piece.controls(), piece.state());
        let frame = dream::Frame { title: piece.title(), controls: &controls, state: &state, hint };
        dream::draw(canvas, &frame, |canvas, stage, dims| match &self.worker.complaint() {
            Some(words) => dream::draw_words(canvas, words, stage, dims),
            None => piece.draw(canvas, stage, dims),
        });
    }

    /// Somebody went on to another mode.
    pub fn leave(&mut self, mode: Mode) {
        self.grabbed = None;
        self.worker.forget();
        if let Some(piece) = self.pieces.get_mut(mode.name()) {
            piece.leave();
        }
    }
}
