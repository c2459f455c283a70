//! The walk of one frame, and the kiosk loop around it. The whole product on one page.
//!
//! ```text
//! camera -> detect -> align -> embed -> gallery -> screen
//! Frame     Vec<Face> Chip     Embedding Answer    Canvas
//! ```
//!
//! Two threads: this one shows every frame of the camera, the worker names the faces of as many frames as it manages.
//! One frame is in flight; while the worker is busy, frames are shown and not walked. The picture never waits.

use crate::align;
use crate::camera::{Camera, Fault};
use crate::detect::{Detector, Tracks};
use crate::embed::Embedder;
use crate::gallery::Gallery;
use crate::gallery::calibration::Smoothed;
use crate::screen::{Canvas, Event, Screen};
use crate::stopwatch::{Stage, Stages, Stopwatch};
use crate::types::{Chip, Face, Frame, Sighting};
use crate::ui::live;
use anyhow::Result;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::time::Instant;

/// Frames that a face's answer is averaged over.
const SMOOTHED_FRAMES: u32 = 8;

/// Everything between the doors: the doers of the walk, and what they remember of the faces in view.
pub struct Walk {
    /// Finds faces.
    pub detector: Detector,
    /// Describes them.
    pub embedder: Embedder,
    /// Knows them.
    pub gallery: Gallery,
    /// Names in an answer.
    pub top: usize,
    /// Faces at most that get a name in one frame, largest first.
    pub faces_most: usize,
    tracks: Tracks,
    smoothed: HashMap<u64, Smoothed>,
}

/// A frame that went the whole way.
pub struct Walked {
    /// The faces in it, largest first.
    pub sightings: Vec<Sighting>,
    /// What each stage took.
    pub stages: Stages,
}

impl Walk {
    /// A walk that remembers nobody yet. `patience_frames`: for how many frames a face may be missed before it is forgotten.
    pub fn new(
        detector: Detector,
        embedder: Embedder,
        gallery: Gallery,
        top: usize,
        faces_most: usize,
        patience_frames: u32,
    ) -> Self {
        let tracks = Tracks::new(patience_frames);
        Self { detector, embedder, gallery, top, faces_most, tracks, smoothed: HashMap::new() }
    }

    /// THE walk: one frame in, named faces out.
    pub fn frame(&mut self, frame: &Frame) -> Result<Walked> {
        let mut watch = Stopwatch::start();
        let mut faces = self.detector.detect(frame)?;
        faces.sort_by(|a, b| (b.rect.w * b.rect.h).total_cmp(&(a.rect.w * a.rect.h)));
        let tracks = self.tracks.follow(&faces);
        watch.lap(Stage::Detect);
        let facts = self.embedder.facts();
        let cut = |face: &Face| align::cut(frame, &face.landmarks, &facts.template, facts.width, facts.height);
        let chips: Vec<Chip> = faces.iter().take(self.faces_most).map(cut).collect();
        watch.lap(Stage::Align);
        let embeddings = self.embedder.embed(&chips)?;
        watch.lap(Stage::Embed);
        for (track, embedding) in tracks.iter().zip(&embeddings) {
            let answer = self.gallery.answer(embedding, usize::MAX);
            self.smoothed.entry(*track).or_insert_with(|| Smoothed::over(SMOOTHED_FRAMES)).add(&answer);
        }
        // A face that leaves the frame leaves memory.
        self.smoothed.retain(|track, _| self.tracks.is_live(*track));
        let known = !self.gallery.people().is_empty();
        let mut chips = chips.into_iter();
        let sightings = faces.into_iter().zip(tracks).map(|(face, track)| Sighting {
            track,
            face,
            chip: chips.next(),
            answer: self.smoothed.get(&track).filter(|_| known).and_then(|s| s.answer(self.top)),
        });
        let sightings = sightings.collect();
        watch.lap(Stage::Match);
        Ok(Walked { sightings, stages: watch.stages() })
    }
}

/// The kiosk: its doors, and what it shows beside the camera's picture.
pub struct Kiosk<'a> {
    /// Frames in.
    pub camera: Box<dyn Camera>,
    /// Pictures out.
    pub screen: Box<dyn Screen>,
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
}

/// What the kiosk saw, and how long things took.
#[derive(Default)]
pub struct Summary {
    /// Frames shown.
    pub frames: u64,
    /// Frames that went the whole way.
    pub walked: u64,
    /// Faces in those frames.
    pub faces: u64,
    /// How often each name came first, with a larger share than "nobody".
    pub names: BTreeMap<String, u64>,
    /// Of every stage.
    pub stages: crate::stopwatch::History,
    /// When the first frame with a name had been shown.
    pub first_name: Option<Instant>,
}

impl Kiosk<'_> {
    /// Runs until the camera ends, the frames are used up, somebody quits or `stop` is set.
    pub fn run(mut self, mut walk: Walk) -> Result<Summary> {
        let names: Vec<String> = walk.gallery.people().iter().map(|p| p.name.clone()).collect();
        let thumbnails = names.into_iter().filter_map(|n| walk.gallery.thumbnail(&n).map(|chip| (n, chip))).collect();
        let people = walk.gallery.people().len();
        let (to_worker, frames) = sync_channel::<(u64, Arc<Frame>)>(0);
        let (report, reports) = channel();
        std::thread::scope(|threads| {
            std::thread::Builder::new()
                .name("recognition".into())
                .spawn_scoped(threads, move || recognise(&mut walk, &frames, &report))?;
            let shown = self.show(&to_worker, &reports, &thumbnails, people);
            // Without frames to come the worker ends; the one in flight still counts.
            drop(to_worker);
            let mut summary = shown?;
            for (number, walked) in reports.iter() {
                take(walked?, number, &mut summary, self.on_walked)?;
            }
            Ok(summary)
        })
    }

    fn show(
        &mut self,
        to_worker: &SyncSender<(u64, Arc<Frame>)>,
        reports: &Receiver<(u64, Result<Walked>)>,
        thumbnails: &BTreeMap<String, Chip>,
        people: usize,
    ) -> Result<Summary> {
        let mut summary = Summary::default();
        let mut canvas = Canvas::new(self.screen.surface());
        let (mut buffers, mut shown): (Vec<Arc<Frame>>, Option<Arc<Frame>>) = (Vec::new(), None);
        let (mut sightings, mut stages, mut rate) = (Vec::new(), Stages::default(), Rate::default());
        let mut notice = String::new();
        while !self.stop.load(Ordering::Relaxed) && self.frames_most.is_none_or(|most| summary.frames < most) {
            let mut buffer = spare(&mut buffers);
            let read = Arc::get_mut(&mut buffer).map_or(Err(Fault::End), |frame| self.camera.read(frame));
            let fault = match read {
                Ok(()) => {
                    stages.set(Stage::Capture, buffer.taken.elapsed());
                    summary.stages.add(Stage::Capture, &stages);
                    summary.frames += 1;
                    rate.tick();
                    // A busy worker is no fault: this frame is shown and not walked.
                    let _ = to_worker.try_send((summary.frames, buffer.clone()));
                    buffers.extend(shown.replace(buffer));
                    String::new()
                }
                Err(Fault::End) => break,
                Err(fault) => {
                    buffers.push(buffer);
                    if !matches!(fault, Fault::BadFrame(_)) {
                        sightings.clear();
                    }
                    fault.to_string()
                }
            };
            if fault != notice {
                (self.on_notice)(&fault);
                notice = fault;
            }
            for (number, walked) in reports.try_iter() {
                match walked {
                    Ok(walked) => {
                        stages.merge(&walked.stages);
                        sightings = take(walked, number, &mut summary, self.on_walked)?;
                    }
                    Err(error) => (self.on_notice)(&format!("a frame was not recognised: {error:#}")),
                }
            }
            let drawing = Instant::now();
            canvas.fit(self.screen.surface());
            live::draw(
                &mut canvas,
                &live::View {
                    frame: shown.as_deref(),
                    mirror: self.mirror,
                    sightings: &sightings,
                    thumbnails,
                    gallery_people: people,
                    how_to_enroll: &self.how_to_enroll,
                    stages: &stages.list(),
                    fps: rate.per_second(),
                    notice: Some(notice.as_str()).filter(|n| !n.is_empty()),
                },
            );
            self.screen.show(&canvas)?;
            stages.set(Stage::Draw, drawing.elapsed());
            summary.stages.add(Stage::Draw, &stages);
            if summary.first_name.is_none() && sightings.iter().any(|s| best(s).is_some()) {
                summary.first_name = Some(Instant::now());
            }
            if self.screen.events().contains(&Event::Quit) {
                break;
            }
        }
        Ok(summary)
    }
}

/// The worker: walks the frames that it is handed, until there are no more.
fn recognise(walk: &mut Walk, frames: &Receiver<(u64, Arc<Frame>)>, report: &Sender<(u64, Result<Walked>)>) {
    for (number, frame) in frames {
        if report.send((number, walk.frame(&frame))).is_err() {
            return;
        }
    }
}

/// Enters a walked frame into the books. Returns its faces.
fn take(
    walked: Walked,
    number: u64,
    summary: &mut Summary,
    on_walked: &mut dyn FnMut(u64, &Walked) -> Result<()>,
) -> Result<Vec<Sighting>> {
    on_walked(number, &walked)?;
    summary.walked += 1;
    summary.faces += walked.sightings.len() as u64;
    for name in walked.sightings.iter().filter_map(best) {
        *summary.names.entry(name.to_string()).or_default() += 1;
    }
    for stage in Stage::WALK {
        summary.stages.add(stage, &walked.stages);
    }
    Ok(walked.sightings)
}

/// Whom a face resembles most, unless "nobody" has the larger share.
pub fn best(sighting: &Sighting) -> Option<&str> {
    let answer = sighting.answer.as_ref()?;
    answer.matches.first().filter(|m| m.percent >= answer.nobody_percent).map(|m| m.name.as_str())
}

/// A frame buffer that nobody looks at any more.
fn spare(buffers: &mut Vec<Arc<Frame>>) -> Arc<Frame> {
    let free = buffers.iter_mut().position(|b| Arc::get_mut(b).is_some());
    free.map_or_else(|| Arc::new(Frame::empty()), |index| buffers.swap_remove(index))
}

/// Frames a second, over about the last half second.
#[derive(Default)]
struct Rate {
    last: Option<Instant>,
    seconds: f32,
}

impl Rate {
    fn tick(&mut self) {
        let now = Instant::now();
        if let Some(last) = self.last.replace(now) {
            let step = now.duration_since(last).as_secs_f32();
            self.seconds = if self.seconds == 0.0 { step } else { self.seconds + 0.1 * (step - self.seconds) };
        }
    }

    fn per_second(&self) -> f32 {
        if self.seconds > 0.0 { 1.0 / self.seconds } else { 0.0 }
    }
}
