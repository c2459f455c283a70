//! Frames in, boxes out: cascades of Haar features (Viola and Jones 2001), as OpenCV's `detectMultiScale` looks through them.
//!
//! The picture is shrunk step by step; at each size a window of fixed size stands at every place, or at every other one
//! where the picture is still large. Stage after stage sums up what simple differences of brightness say of the window,
//! most of them end at the first. What is left is grouped: a face is seen at several places and sizes.
//!
//! Such a box has no landmarks. Nothing can be aligned or named by it.

use crate::types::{Frame, Outline, Rect};
use anyhow::Result;
use lookalike_kernels::Kernels;

mod cascade;
mod group;
mod judge;
mod shrink;
mod sums;
mod xml;

use cascade::Cascade;
use group::{Grouper, Square, round};
use judge::Judge;
use shrink::{Grey, Shrinker};
use sums::{Layout, Tables};

/// Sizes at most, whatever the factor: OpenCV's own bound is memory.
const LEVELS_MOST: usize = 1000;

/// From this scale on every place has a window, below every other.
const FINE_SCALE: f32 = 2.0;

/// How a cascade is led over a picture: `detectMultiScale`'s parameters.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Settings {
    /// Width of the smallest box sought, in frame pixels.
    pub min_face_px: f32,
    /// Ratio of neighbouring sizes, above 1.
    pub factor: f64,
    /// A box is made of more boxes than so many; 0: all boxes, ungrouped.
    pub neighbours: u32,
}

/// Finds what its cascade was trained for. Buffers are kept from frame to frame.
pub struct Haar {
    cascade: Cascade,
    settings: Settings,
    kernels: Kernels,
    /// Width and height that the judges are made for.
    ready_for: (usize, usize),
    /// For every other place, and for every place.
    judges: Vec<Judge>,
    levels: Vec<Level>,
    grey: Grey,
    shrinker: Shrinker,
    shrunk: Grey,
    tables: Tables,
    grouper: Grouper,
    squares: Vec<Square>,
}

/// A size of the picture.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Level {
    scale: f32,
    width: usize,
    height: usize,
    /// Places between windows.
    step: usize,
    /// Windows in a row, and rows.
    across: usize,
    down: usize,
}

impl Haar {
    /// From the text of OpenCV's XML.
    pub fn new(text: &str, settings: Settings) -> Result<Self> {
        Self::with_kernels(text, settings, Kernels::best())
    }

    /// With the inner loops of one kind of processor, which must be this one's.
    pub fn with_kernels(text: &str, settings: Settings, kernels: Kernels) -> Result<Self> {
        Ok(Self {
            cascade: Cascade::parse(text)?,
            settings,
            kernels,
            ready_for: (0, 0),
            judges: Vec::new(),
            levels: Vec::new(),
            grey: Grey::default(),
            shrinker: Shrinker::default(),
            shrunk: Grey::default(),
            tables: Tables::default(),
            grouper: Grouper::default(),
            squares: Vec::new(),
        })
    }

    /// Width and height of the cascade's window in pixels.
    pub fn window(&self) -> [usize; 2] {
        self.cascade.window
    }

    /// All boxes of a frame, those of most neighbours first. None is an empty list.
    pub fn detect(&mut self, frame: &Frame) -> Vec<Outline> {
        let mut found = Vec::new();
        self.detect_into(frame, &mut found);
        found
    }

    /// As [`Haar::detect`], into a list that is kept.
    pub fn detect_into(&mut self, frame: &Frame, found: &mut Vec<Outline>) {
        found.clear();
        self.make_ready(frame.width as usize, frame.height as usize);
        if self.levels.is_empty() {
            return;
        }
        self.grey.fill(frame);
        self.squares.clear();
        for index in 0..self.levels.len() {
            self.search(self.levels[index]);
        }
        self.grouper.group(&mut self.squares, self.settings.neighbours);
        found.extend(self.squares.iter().map(|square| outline(square, frame)));
        found.sort_by_key(|outline| std::cmp::Reverse(outline.neighbours));
    }

    /// Lets the window stand everywhere in one size of the picture.
    fn search(&mut self, level: Level) {
        let Level { scale, width, height, step, across, down } = level;
        self.shrinker.shrink(&self.grey, width, height, &mut self.shrunk);
        let layout = Layout::new(self.levels[0].width, step);
        self.tables.fill(&self.shrunk, layout);
        let [w, h] = self.cascade.window.map(|side| round(side as f32 * scale));
        let place = |index: usize| round((index * step) as f32 * scale);
        for row in 0..down {
            let squares = &mut self.squares;
            let found = |index| squares.push(Square { x: place(index), y: place(row), w, h, neighbours: 1 });
            self.judges[step % 2].row(&self.tables, row * step, across, found);
        }
    }

    /// Prepares for frames of that size, once.
    fn make_ready(&mut self, width: usize, height: usize) {
        if std::mem::replace(&mut self.ready_for, (width, height)) == (width, height) {
            return;
        }
        self.levels = levels(width, height, self.cascade.window, &self.settings);
        let Some(first) = self.levels.first() else { return };
        let judge = |step| Judge::new(&self.cascade, Layout::new(first.width, step), self.kernels);
        self.judges = [2, 1].map(judge).into();
    }
}

/// The sizes of a picture that the window looks at, largest first.
fn levels(width: usize, height: usize, window: [usize; 2], settings: &Settings) -> Vec<Level> {
    let mut levels = Vec::new();
    let mut factor = 1.0f64;
    // Rows of the largest level are dealt out in stripes, and the last may be cut short: OpenCV does so on one thread, too.
    let mut stripes = 0;
    for _ in 0..LEVELS_MOST {
        let [w, h] = window.map(|side| (side as f64 * factor).round_ties_even() as usize);
        if w > width || h > height {
            break;
        }
        let scale = factor as f32;
        factor *= settings.factor;
        let least = window.map(|side| round(side as f32 * scale) as f32);
        if least.iter().any(|&side| side < settings.min_face_px) {
            continue;
        }
        let [width, height] = [width, height].map(|side| round(side as f32 / scale) as usize);
        let step = if scale >= FINE_SCALE { 1 } else { 2 };
        let [columns, rows] = [(width, window[0]), (height, window[1])].map(|(side, window)| (side + 1).saturating_sub(window));
        if levels.is_empty() {
            stripes = columns.div_ceil(32).max(1);
        }
        let stripe = (rows / step).div_ceil(stripes).max(1) * step;
        let (across, down) = (columns.div_ceil(step), rows.min(stripes * stripe).div_ceil(step));
        levels.push(Level { scale, width, height, step, across, down });
    }
    levels
}

/// A box of whole pixels, cut at the frame's borders.
fn outline(square: &Square, frame: &Frame) -> Outline {
    let [left, right] = [square.x, square.x + square.w].map(|x| x.clamp(0, frame.width as i32) as f32);
    let [top, bottom] = [square.y, square.y + square.h].map(|y| y.clamp(0, frame.height as i32) as f32);
    Outline { rect: Rect { x: left, y: top, w: right - left, h: bottom - top }, neighbours: square.neighbours }
}

#[cfg(test)]
mod tests;
