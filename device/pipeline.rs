//! The walk of one frame, and the kiosk loop around it. The whole product on one page.
//!
//! ```text
//! camera -> detect -> align -> embed -> gallery -> screen
//! Frame     Followed  Chip     Embedding Answer    Canvas
//! ```
//!
//! Two threads: this one shows every frame of the camera, the worker names the faces of as many frames as it manages.
//! One frame is in flight; while the worker is busy, frames are shown and not walked. The picture never waits. A turn of the
//! loop is a frame, what came of earlier ones, a picture, and what people do (`scene`).
//!
//! Most frames of a face that is known cost one look of O-Net: it is followed, not sought ([`crate::detect::Follower`]),
//! and its answer stands until it turns or some time has passed (`memory`). Such a frame allocates nothing, nor does a search
//! (`tests/steady.rs`): buffers for what comes of a frame travel with it to the worker and back.

use crate::align;
use crate::camera::Camera;
use crate::detect::Follower;
use crate::embed::Embedder;
use crate::gallery::Gallery;
use crate::infer::News;
use crate::play::Play;
use crate::screen::Screen;
use crate::stopwatch::{Stage, Stages, Stopwatch};
use crate::types::{Chip, Duel, Embedding, Frame, Outline, Sighting};
use crate::ui::Mode;
use anyhow::Result;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

mod haar;
mod memory;
mod portraits;
mod rate;
mod scene;
mod summary;

pub use haar::Cascade;
use memory::Known;
use portraits::Lender;
use scene::Scene;
pub use summary::Summary;

/// What the board file says about the walk.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Settings {
    /// Names in an answer.
    pub top: usize,
    /// Faces at most that get a name in one frame, largest first.
    pub faces_most: usize,
    /// Frames until a settled face is embedded again, sooner when it turns.
    pub refresh_every: u32,
}

/// Everything between the doors: the doers of the walk, and what they remember of the faces in view.
pub struct Walk {
    /// Finds faces and follows them.
    pub follower: Follower,
    /// Describes them.
    pub embedder: Embedder,
    /// Knows them.
    pub gallery: Gallery,
    /// The other way to find faces, without names: in its place, or beside it.
    pub cascade: Cascade,
    settings: Settings,
    known: Vec<Known>,
}

/// A frame that went the whole way. Its buffers serve the next one.
pub struct Walked {
    /// The faces in it, largest first.
    pub sightings: Vec<Sighting>,
    /// The vector of the first of them, as it was embedded last; without numbers where there is none.
    pub embedding: Embedding,
    /// Where a cascade finds the faces, what it found, and no sightings.
    pub outlines: Option<Vec<Outline>>,
    /// Where both ways are set beside each other, what they found, and no sightings.
    pub duel: Option<Duel>,
    /// What each stage took.
    pub stages: Stages,
}

impl Default for Walked {
    fn default() -> Self {
        let embedding = Embedding(Vec::new());
        Self { sightings: Vec::new(), embedding, outlines: None, duel: None, stages: Stages::default() }
    }
}

impl Walk {
    /// A walk that remembers nobody yet, and has no cascade.
    pub fn new(follower: Follower, embedder: Embedder, gallery: Gallery, settings: Settings) -> Self {
        Self { follower, embedder, gallery, cascade: Cascade::None, settings, known: Vec::new() }
    }

    /// THE walk: one frame in, named faces out.
    pub fn frame(&mut self, frame: &Frame, walked: &mut Walked) -> Result<()> {
        if matches!(self.cascade, Cascade::Instead(_)) {
            return self.outline(frame, walked);
        }
        (walked.outlines, walked.duel) = (None, None);
        let Self { follower, embedder, gallery, known, settings, .. } = self;
        let mut watch = Stopwatch::start();
        let faces = follower.follow(frame)?;
        watch.lap(Stage::Detect);
        let facts = embedder.facts();
        known.iter_mut().for_each(|face| face.is_due = false);
        for seen in faces.iter().take(settings.faces_most) {
            let face = memory::of(seen.track, known, [facts.width, facts.height]);
            face.plan(seen.face, settings.refresh_every);
            if face.is_due {
                align::cut_into(frame, &seen.face.landmarks, &facts.template, &mut face.chip);
            }
        }
        watch.lap(Stage::Align);
        let due = known.iter_mut().filter(|face| face.is_due);
        embedder.embed_each(due.map(|face| (&face.chip, &mut face.embedding)))?;
        watch.lap(Stage::Embed);
        for face in known.iter_mut().filter(|face| face.is_due) {
            face.answered(&gallery.answer(&face.embedding, usize::MAX));
        }
        memory::show(faces, known, if gallery.count() == 0 { 0 } else { settings.top }, &mut walked.sightings);
        match faces.first().and_then(|first| known.iter().find(|face| face.track == first.track)) {
            Some(largest) => walked.embedding.0.clone_from(&largest.embedding.0),
            None => walked.embedding.0.clear(),
        }
        // A face that leaves the frame leaves memory.
        known.retain(|face| follower.is_live(face.track));
        watch.lap(Stage::Match);
        walked.stages = watch.stages();
        Ok(())
    }

    /// Forgets who was in view: after a gap nobody knows whether it is the same face that stands there.
    pub fn forget(&mut self) {
        self.follower.forget();
        self.known.clear();
    }
}

/// A frame on its way to the worker, with the buffers for what comes of it.
struct Job {
    number: u64,
    frame: Arc<Frame>,
    /// There was a gap before this frame.
    is_afresh: bool,
    /// Both ways to find faces are asked.
    is_duel: bool,
    walked: Walked,
}

/// A job's number, what came of it, and portraits that the screen may lack.
type Report = (u64, Result<Walked>, Vec<(String, Chip)>);

/// More reports than ever wait: the worker has one frame in flight and the kiosk takes them all at every frame.
const REPORTS_MOST: usize = 4;

/// The kiosk: its doors, and what it shows beside the camera's picture.
pub struct Kiosk<'a> {
    /// Frames in.
    pub camera: Box<dyn Camera>,
    /// Pictures out.
    pub screen: Box<dyn Screen>,
    /// The generative modes.
    pub play: Play,
    /// Shown first, and come back to.
    pub home: Mode,
    /// Whether the walk has a cascade to set beside MT-CNN.
    pub has_cascade: bool,
    /// The visitors' mode walks through the latent space after so long without a face; 0: never.
    pub attract_s: u32,
    /// Home after so long without a touch, from a generative mode; 0: never.
    pub return_s: u32,
    /// Shows the camera as a mirror.
    pub mirror: bool,
    /// What to type where the gallery is empty.
    pub how_to_enroll: String,
    /// Ends after so many frames.
    pub frames_most: Option<u64>,
    /// Ends soon after this becomes true.
    pub stop: &'a AtomicBool,
    /// Gets every frame that went the whole way, with its number.
    pub on_walked: &'a mut dyn FnMut(u64, &Walked) -> Result<()>,
    /// Gets each new fault in words, and "" when it is over.
    pub on_notice: &'a mut dyn FnMut(&str),
    /// Gets the first mode, and each that a person switches to.
    pub on_mode: &'a mut dyn FnMut(Mode) -> Result<()>,
    /// Called for every picture that was shown, with or without a camera: the booth moves.
    pub on_shown: &'a mut dyn FnMut(),
    /// Asked at every picture: what is made ready behind it, and what there is to say of that.
    pub news: &'a mut dyn FnMut() -> News,
}

impl Kiosk<'_> {
    /// Runs until the camera ends, the frames are used up, somebody quits or `stop` is set.
    pub fn run(mut self, mut walk: Walk) -> Result<Summary> {
        let mut scene = Scene::new(self.home, self.screen.surface(), &walk.gallery);
        let (to_worker, jobs) = sync_channel(0);
        let (report, reports) = sync_channel(REPORTS_MOST);
        std::thread::scope(|threads| {
            std::thread::Builder::new()
                .name("recognition".into())
                .spawn_scoped(threads, move || recognise(&mut walk, &jobs, &report))?;
            let shown = self.show(&mut scene, &to_worker, &reports);
            // Without frames to come the worker ends; the one in flight still counts.
            drop(to_worker);
            shown?;
            for (number, walked, _) in reports.iter() {
                let walked = walked?;
                (self.on_walked)(number, &walked)?;
                scene.summary.take(&walked);
            }
            Ok(scene.summary)
        })
    }

    fn show(&mut self, scene: &mut Scene, to_worker: &SyncSender<Job>, reports: &Receiver<Report>) -> Result<()> {
        (self.on_mode)(scene.mode)?;
        while !self.stop.load(Ordering::Relaxed) && self.frames_most.is_none_or(|most| scene.summary.frames < most) {
            if self.capture(scene, to_worker)?.is_break() {
                break;
            }
            self.hear(scene, reports)?;
            self.draw(scene)?;
            if self.obey(scene)?.is_break() {
                break;
            }
        }
        Ok(())
    }
}

/// The worker: walks the frames that it is handed, until there are no more.
fn recognise(walk: &mut Walk, jobs: &Receiver<Job>, report: &SyncSender<Report>) {
    let mut lender = Lender::of(&walk.gallery);
    for Job { number, frame, is_afresh, is_duel, mut walked } in jobs {
        if is_afresh {
            walk.forget();
        }
        let done = if is_duel { walk.duel(&frame, &mut walked) } else { walk.frame(&frame, &mut walked) };
        let done = done.map(|()| walked);
        let lent = done.as_ref().map_or(Vec::new(), |walked| lender.lend(&walked.sightings, &walk.gallery));
        if report.send((number, done, lent)).is_err() {
            return;
        }
    }
}
