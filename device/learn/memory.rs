//! What every kind of training has in common: a batch in, losses out, and a memory that can be written down whole.

use crate::adam::Adam;
use crate::net::Net;
use crate::random::Dice;
use crate::spectral::Directions;

/// Some training samples.
#[derive(Clone, Debug, Default)]
pub struct Batch {
    /// [batch, channels, height, width], 0 to 1; of faces (byte - 127.5) / 128.
    pub pictures: Vec<f32>,
    /// One class per picture; empty where pictures have none.
    pub labels: Vec<u8>,
    /// What the answers should be, where that is more than a class: rows, one per picture; else empty.
    pub wanted: Vec<f32>,
}

/// Something that learns batch by batch.
pub trait Learner {
    /// One training step. `pace`: factor on the learning rates. Returns what to show: names with numbers, always the same names
    /// in the same order.
    fn step(&mut self, batch: &Batch, pace: f32) -> Vec<(&'static str, f32)>;

    /// Everything that the next step depends on.
    fn memory(&mut self) -> Memory<'_>;

    /// The nets worth keeping, by name, ready to run.
    fn nets(&self) -> Vec<(&'static str, Net)>;
}

/// A learner's whole state: write it down, put it back, and the next step is the same to the bit.
#[derive(Default)]
pub struct Memory<'a> {
    /// Arrays under names that say what they are, in an order that depends on the nets alone.
    pub arrays: Vec<(String, &'a mut Vec<f32>)>,
    /// Counters and random states.
    pub counters: Vec<(String, &'a mut u64)>,
}

impl<'a> Memory<'a> {
    /// Adds a net's weights.
    pub fn net(mut self, name: &str, net: &'a mut Net) -> Self {
        for (i, w) in net.weights.iter_mut().enumerate() {
            self.arrays.push((format!("{name} {i} {:?}", w.shape), &mut w.values));
        }
        self
    }

    /// Adds what an optimiser remembers.
    pub fn adam(mut self, name: &str, adam: &'a mut Adam) -> Self {
        for (i, (mean, square)) in adam.means.iter_mut().zip(&mut adam.squares).enumerate() {
            self.arrays.push((format!("{name} mean {i}"), mean));
            self.arrays.push((format!("{name} square {i}"), square));
        }
        self.counters.push((format!("{name} steps"), &mut adam.steps));
        self
    }

    /// Adds what spectral normalisation remembers.
    pub fn directions(mut self, name: &str, directions: &'a mut Directions) -> Self {
        for (i, direction) in directions.0.iter_mut().enumerate() {
            self.arrays.push((format!("{name} direction {i}"), direction));
        }
        self
    }

    /// Adds a random state.
    pub fn dice(self, name: &str, dice: &'a mut Dice) -> Self {
        self.counter(name, &mut dice.0)
    }

    /// Adds a counter.
    pub fn counter(mut self, name: &str, counter: &'a mut u64) -> Self {
        self.counters.push((name.into(), counter));
        self
    }
}

/// Classes as rows of one 1 and zeros: [labels, classes].
pub fn one_hot(labels: &[u8], classes: usize) -> Vec<f32> {
    let mut rows = vec![0.0; labels.len() * classes];
    for (row, &label) in rows.chunks_exact_mut(classes).zip(labels) {
        if let Some(cell) = row.get_mut(usize::from(label)) {
            *cell = 1.0;
        }
    }
    rows
}
