//! Where nets run: on the processor, or on a GPU beside it in a build that knows one. The user's wish in; nets that may move
//! over out, and what there is to say of that.
//!
//! ```text
//! seat -> office -> device            a net's seat asks for its place on the GPU, the office decides, the device runs
//!         graph, judge, record        what the GPU is given, whether it is right and quicker there, what is known of before
//!         probe                       what is missing on this machine
//! ```
//!
//! A net is opened for the processor and runs there, until the office's thread has made it ready on the GPU; it runs there
//! again as soon as the GPU fails. What the booth shows never waits for any of it.

use super::{FloatModel, Model, engine::Engine, floats::Floats};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

#[cfg(feature = "cuda")]
mod cuda;
#[cfg(any(test, feature = "cuda"))]
mod graph;
#[cfg(any(test, feature = "cuda"))]
mod judge;
#[cfg(any(test, feature = "cuda"))]
mod office;
#[cfg(any(test, feature = "cuda"))]
mod probe;
#[cfg(any(test, feature = "cuda"))]
mod record;
#[cfg(any(test, feature = "cuda"))]
mod seat;
#[cfg(test)]
mod tests;
#[cfg(any(test, feature = "cuda"))]
mod twin;

/// Where the user wants nets to run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wish {
    /// On the GPU each net that was measured to be quicker there.
    Auto,
    /// On the processor.
    Cpu,
    /// On the GPU every net that it can take.
    Cuda,
}

/// How nets come to the GPU.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Patience {
    /// They run on the processor until they are ready there; what was not measured yet is measured meanwhile.
    Background,
    /// Their first run waits; what was not measured yet stays on the processor, where that is to be decided.
    Wait,
    /// Their first run waits, and what was not measured yet is measured.
    Measure,
}

/// What there is to say of the GPU.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct News {
    /// What is being made ready, in a few words.
    pub progress: Option<String>,
    /// What is missing or went wrong since it was asked last, a sentence each.
    pub sentences: Vec<String>,
}

/// News on their way from whoever has some to whoever asks.
#[derive(Clone, Default)]
struct Notes(Arc<Mutex<News>>);

impl Notes {
    fn say(&self, sentence: String) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).sentences.push(sentence);
    }

    #[cfg(any(test, feature = "cuda"))]
    fn progress(&self, words: Option<String>) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).progress = words;
    }

    fn take(&self) -> News {
        let mut news = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        News { progress: news.progress.clone(), sentences: std::mem::take(&mut news.sentences) }
    }
}

/// What was chosen, once for the whole program.
struct Chosen {
    notes: Notes,
    #[cfg(feature = "cuda")]
    office: Option<Arc<office::Office>>,
}

static CHOSEN: OnceLock<Chosen> = OnceLock::new();

/// Decides where nets run that are opened from now on. The first call counts; without one, they run on the processor.
pub fn offload(wish: Wish, patience: Patience) {
    CHOSEN.get_or_init(|| choose(wish, patience));
}

#[cfg(not(feature = "cuda"))]
fn choose(wish: Wish, _: Patience) -> Chosen {
    let notes = Notes::default();
    if wish == Wish::Cuda {
        notes.say(format!("{NOT_IN_THIS_BUILD}; the processor goes on"));
    }
    Chosen { notes }
}

#[cfg(feature = "cuda")]
fn choose(wish: Wish, patience: Patience) -> Chosen {
    let notes = Notes::default();
    let open = || office::Office::open(wish, patience, cuda::place(), Box::new(cuda::open), notes.clone());
    let office = if wish == Wish::Cpu { None } else { open().map_err(|error| notes.say(format!("{error:#}"))).ok() };
    Chosen { notes, office }
}

/// What is asked of a build that knows no GPU.
#[cfg(not(feature = "cuda"))]
const NOT_IN_THIS_BUILD: &str = "this build knows no GPU: build it with --features cuda-12 or cuda-13, as docs/gpu.md says";

/// What there is to say since it was asked last. Cheap: asked at every picture.
pub fn news() -> News {
    CHOSEN.get().map(|chosen| chosen.notes.take()).unwrap_or_default()
}

/// Whether something is being made ready on the GPU, which must not be torn down under it.
pub fn is_busy() -> bool {
    #[cfg(feature = "cuda")]
    return CHOSEN.get().and_then(|chosen| chosen.office.as_ref()).is_some_and(|office| office.is_busy());
    #[cfg(not(feature = "cuda"))]
    false
}

/// What this machine has of what a GPU needs, a line each, for whoever sets it up.
pub fn gpu_report() -> Vec<String> {
    #[cfg(feature = "cuda")]
    return probe::report(&cuda::place());
    #[cfg(not(feature = "cuda"))]
    vec![NOT_IN_THIS_BUILD.into()]
}

/// What `auto` would choose for a net's file, in words; none where this build knows no GPU.
pub fn would_choose(name: &str, sha256: &str) -> Vec<String> {
    #[cfg(feature = "cuda")]
    return record::would_choose(&cuda::place(), name, sha256);
    #[cfg(not(feature = "cuda"))]
    {
        let _ = (name, sha256);
        vec![]
    }
}

/// A net of pictures, with a seat where there is a GPU.
pub(super) fn pictures(engine: Engine, sha256: &str) -> Box<dyn Model> {
    #[cfg(feature = "cuda")]
    if let Some(office) = CHOSEN.get().and_then(|chosen| chosen.office.as_ref()) {
        return Box::new(seat::Pictures::new(engine, sha256, office.clone()));
    }
    let _ = sha256;
    Box::new(engine)
}

/// A net of floats, with a seat where there is a GPU.
pub(super) fn floats(floats: Floats, sha256: &str) -> Box<dyn FloatModel> {
    #[cfg(feature = "cuda")]
    if let Some(office) = CHOSEN.get().and_then(|chosen| chosen.office.as_ref()) {
        return Box::new(seat::Numbers::new(floats, sha256, office.clone()));
    }
    let _ = sha256;
    Box::new(floats)
}
