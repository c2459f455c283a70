//! Pictures with their classes in, a net that tells classes out.

use crate::adam::{Adam, average};
use crate::loss::class_entropy;
use crate::memory::{Batch, Learner, Memory, one_hot};
use crate::net::Net;
use crate::way::Way;

/// How much of the averaged weights stays each step.
const KEEP: f32 = 0.998;

/// A classifier in training. Its product is the average of its weights over some steps, which errs less than the last ones.
pub struct Classifier {
    net: Net,
    slow: Net,
    adam: Adam,
    classes: usize,
}

impl Classifier {
    /// `net` gives one logit per class.
    pub fn new(net: Net, rate: f32) -> Self {
        let classes = net.output().map_or(0, |shape| shape.iter().product());
        Self { adam: Adam::new(&net, rate, 0.9, 0.999), slow: net.clone(), net, classes }
    }
}

impl Learner for Classifier {
    fn step(&mut self, batch: &Batch, pace: f32) -> Vec<(&'static str, f32)> {
        let pass = Way::new(&self.net, &batch.pictures);
        let logits = pass.output();
        let (loss, gradient) = class_entropy(&logits, &one_hot(&batch.labels, self.classes), self.classes);
        let (gradients, _) = pass.back(&gradient, false);
        let seen = pass.seen();
        self.adam.pace = pace;
        self.adam.step(&mut self.net, &gradients);
        self.net.follow(seen);
        // Young averages follow quicker, or the first weights would stay in them for long.
        let young = self.adam.steps as f32 / (self.adam.steps as f32 + 10.0);
        average(&mut self.slow, &self.net, KEEP.min(young));
        vec![("loss", loss), ("right", right(&logits, &batch.labels))]
    }

    fn memory(&mut self) -> Memory<'_> {
        Memory::default().net("net", &mut self.net).net("slow", &mut self.slow).adam("adam", &mut self.adam)
    }

    fn nets(&self) -> Vec<(&'static str, Net)> {
        vec![("classifier", self.slow.folded())]
    }
}

/// The share of rows of `logits` whose largest number stands at the label.
pub fn right(logits: &[f32], labels: &[u8]) -> f32 {
    let classes = logits.len() / labels.len().max(1);
    let rows = logits.chunks_exact(classes.max(1)).zip(labels);
    rows.filter(|(row, label)| largest(row) == usize::from(**label)).count() as f32 / labels.len().max(1) as f32
}

/// Where the largest number stands.
pub fn largest(row: &[f32]) -> usize {
    (0..row.len()).max_by(|&a, &b| row[a].total_cmp(&row[b])).unwrap_or(0)
}
