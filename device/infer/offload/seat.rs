//! A net that may run on the GPU: the same doors as on the processor, and the same answers where the GPU fails.
//!
//! Batches are powers of two, so that few places serve any number; what is lacking is zeros, whose answers are thrown away.

use super::office::{Office, Slot};
use super::twin::{FloatsTwin, PicturesTwin, Twin};
use crate::guard::guard;
use crate::infer::{FloatModel, Model, Normalise, Tensor, engine::Engine, floats::Floats};
use anyhow::{Result, ensure};
use std::sync::Arc;

/// Inputs that go to the GPU in one call at most.
const BATCH_MOST: usize = 64;

/// Faces that an embedder likes to be given in one call.
const FACES_AT_ONCE: usize = 8;

/// Shapes of inputs that get a place; a net that is asked for more, as of a folder of pictures of all sizes, has them on the
/// processor.
const PLACES_MOST: usize = 64;

/// A net's claim to a place on the GPU, for each shape of its inputs.
struct Seat {
    office: Arc<Office>,
    name: String,
    sha256: String,
    slots: Vec<(Vec<usize>, Arc<Slot>)>,
    /// The GPU failed this net: it stays where it is.
    is_off: bool,
    padded: Vec<f32>,
    part: Vec<Tensor>,
    outputs: Vec<Tensor>,
}

impl Seat {
    fn new(office: Arc<Office>, name: String, sha256: &str) -> Self {
        let (padded, part, outputs) = (Vec::new(), Vec::new(), Vec::new());
        Self { office, name, sha256: sha256.into(), slots: Vec::new(), is_off: false, padded, part, outputs }
    }

    /// The place for inputs of that shape, asked for where it is new.
    fn slot(&mut self, shape: &[usize], twin: impl FnOnce() -> Box<dyn Twin>) -> Option<Arc<Slot>> {
        if let Some((_, slot)) = self.slots.iter().find(|(known, _)| known == shape) {
            return Some(slot.clone());
        }
        if self.is_off || self.slots.len() == PLACES_MOST {
            return None;
        }
        let slot = self.office.ask(&self.name, &self.sha256, shape, twin());
        self.slots.push((shape.to_vec(), slot.clone()));
        Some(slot)
    }

    /// Runs `count` inputs of `row` numbers each on the GPU, into `outputs`. False where the processor has to.
    fn run(&mut self, row: &[usize], count: usize, input: &[f32], twin: &dyn Fn(usize) -> Box<dyn Twin>) -> bool {
        let length = row.iter().product::<usize>();
        for (part, input) in input.chunks(BATCH_MOST * length).enumerate() {
            let some = input.len() / length;
            let batch = some.next_power_of_two();
            let shape = [&[batch], row].concat();
            let Some(slot) = self.slot(&shape, || twin(batch)) else { return false };
            self.padded.clear();
            self.padded.extend_from_slice(input);
            self.padded.resize(batch * length, 0.0);
            let Self { part: outputs, padded, .. } = self;
            let done = slot.with(|running| guard(|| running.run(&shape, padded, outputs).and_then(|()| fits(outputs, batch))));
            match done {
                None => return false,
                Some(Err(error)) => {
                    self.fail(&error);
                    return false;
                }
                Some(Ok(())) => self.take(part == 0, some, batch),
            }
        }
        count > 0
    }

    /// Adds a part's answers to the others.
    fn take(&mut self, is_first: bool, some: usize, batch: usize) {
        self.outputs.resize_with(self.part.len(), || Tensor { shape: Vec::new(), data: Vec::new() });
        for (all, part) in self.outputs.iter_mut().zip(&self.part) {
            if is_first {
                all.shape.clone_from(&part.shape);
                all.shape[0] = 0;
                all.data.clear();
            }
            all.shape[0] += some;
            all.data.extend_from_slice(&part.data[..part.data.len() / batch * some]);
        }
    }

    /// The GPU is not asked again by this net.
    fn fail(&mut self, error: &anyhow::Error) {
        self.is_off = true;
        self.slots.clear();
        self.office.failed(&self.name, error);
    }

    /// Whether inputs of that shape are run on the GPU by now.
    fn is_ready(&self) -> bool {
        self.slots.iter().any(|(_, slot)| slot.is_ready())
    }
}

/// Whether there is an answer to each input, and all of numbers.
fn fits(outputs: &[Tensor], batch: usize) -> Result<()> {
    let rows = outputs.iter().all(|t| t.shape.first() == Some(&batch) && t.data.len().is_multiple_of(batch));
    ensure!(rows && !outputs.is_empty(), "it gave no answer to each input");
    ensure!(outputs.iter().all(|t| t.data.iter().all(|v| v.is_finite())), "it gave numbers that are not finite");
    Ok(())
}

/// A net of pictures with a seat.
pub(super) struct Pictures {
    engine: Engine,
    seat: Seat,
    bytes: Vec<u8>,
    planes: Vec<f32>,
}

impl Pictures {
    pub(super) fn new(engine: Engine, sha256: &str, office: Arc<Office>) -> Self {
        let seat = Seat::new(office, super::twin::name_of(&engine.file), sha256);
        Self { engine, seat, bytes: Vec::new(), planes: Vec::new() }
    }
}

impl Model for Pictures {
    fn run(&mut self, shape: [usize; 3], normalise: &Normalise, fill: &mut dyn FnMut(&mut [u8])) -> Result<&[Tensor]> {
        if self.seat.is_off {
            return self.engine.run(shape, normalise, fill);
        }
        let [count, height, width] = shape;
        // Written once: a second time, should the GPU fail, `fill` might give something else.
        self.bytes.resize(count * height * width * 3, 0);
        fill(&mut self.bytes);
        self.planes.resize(self.bytes.len(), 0.0);
        let picture = (height * width * 3).max(1);
        for (bytes, planes) in self.bytes.chunks_exact(picture).zip(self.planes.chunks_exact_mut(picture)) {
            normalise.planes(bytes, planes);
        }
        let Self { engine, seat, bytes, planes } = self;
        let twin = |batch| Box::new(PicturesTwin::new(engine, [batch, height, width], *normalise)) as Box<dyn Twin>;
        if seat.run(&[3, height, width], count, planes, &twin) {
            return Ok(&seat.outputs);
        }
        engine.run(shape, normalise, &mut |pixels| pixels.copy_from_slice(bytes))
    }

    fn at_once(&self) -> usize {
        if self.seat.is_ready() { FACES_AT_ONCE } else { 1 }
    }
}

/// A net of floats with a seat.
pub(super) struct Numbers {
    floats: Floats,
    seat: Seat,
}

impl Numbers {
    pub(super) fn new(floats: Floats, sha256: &str, office: Arc<Office>) -> Self {
        let seat = Seat::new(office, super::twin::name_of(&floats.file), sha256);
        Self { floats, seat }
    }
}

impl FloatModel for Numbers {
    fn run(&mut self, count: usize, input: &[f32]) -> Result<&[Tensor]> {
        let Self { floats, seat } = self;
        let twin = |batch| Box::new(FloatsTwin::new(floats, batch)) as Box<dyn Twin>;
        let length = floats.shape.iter().product::<usize>();
        if !seat.is_off && input.len() == count * length && seat.run(&floats.shape, count, input, &twin) {
            return Ok(&seat.outputs);
        }
        floats.run(count, input)
    }
}
