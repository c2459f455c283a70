//! One turn of the kiosk's loop: a frame and what people do in, a picture out.

use super::portraits::Portraits;
use super::rate::Rate;
use super::{Job, Kiosk, Report, Summary, Walked, haar};
use crate::camera::Fault;
use crate::gallery::Gallery;
use crate::play::{Visitor, Wish};
use crate::screen::{Canvas, Event, Surface};
use crate::stopwatch::{Stage, Stages};
use crate::types::{Frame, Tally};
use crate::ui::{Mode, live};
use anyhow::{Result, bail};
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError};
use std::time::Instant;

/// What the kiosk knows between two pictures.
pub(super) struct Scene {
    pub mode: Mode,
    pub summary: Summary,
    canvas: Canvas,
    portraits: Portraits,
    /// Names in the gallery.
    people: usize,
    /// The frame that is shown, and buffers for others.
    shown: Option<Arc<Frame>>,
    buffers: Vec<Arc<Frame>>,
    /// What came of the last frame that went the whole way, and buffers for others.
    seen: Walked,
    spares: Vec<Walked>,
    stages: Stages,
    /// What is wrong with the camera, in words.
    notice: String,
    rate: Rate,
    walk_rate: Rate,
    started: Instant,
    /// When somebody did something, and when somebody was there.
    touched: Instant,
    met: Instant,
    /// Nobody is there, and the visitors' mode walks through the latent space.
    attracts: bool,
    /// The last frame before the last gap, and whether the worker has yet to hear of that gap.
    gap: u64,
    is_afresh: bool,
    tally: Tally,
}

impl Scene {
    pub fn new(mode: Mode, surface: Surface, gallery: &Gallery) -> Self {
        let now = Instant::now();
        Self {
            mode,
            summary: Summary::default(),
            canvas: Canvas::new(surface),
            portraits: Portraits::of(gallery),
            people: gallery.count(),
            shown: None,
            buffers: Vec::new(),
            seen: Walked::default(),
            spares: Vec::new(),
            stages: Stages::default(),
            notice: String::new(),
            rate: Rate::default(),
            walk_rate: Rate::default(),
            started: now,
            touched: now,
            met: now,
            attracts: false,
            gap: 0,
            is_afresh: false,
            tally: Tally::default(),
        }
    }

    /// Who is there now may be somebody else than before.
    fn begin_anew(&mut self) {
        self.seen.clear();
        (self.gap, self.is_afresh) = (self.summary.frames, true);
    }

    /// Hands a frame to the worker, should that be idle.
    fn hand(&mut self, frame: &Arc<Frame>, to_worker: &SyncSender<Job>) -> Result<()> {
        let (number, is_afresh, is_duel) = (self.summary.frames, self.is_afresh, self.mode == Mode::Compare);
        let walked = self.spares.pop().unwrap_or_default();
        match to_worker.try_send(Job { number, frame: frame.clone(), is_afresh, is_duel, walked }) {
            Ok(()) => self.is_afresh = false,
            // A busy worker is no fault: this frame is shown and not walked.
            Err(TrySendError::Full(job)) => self.spares.push(job.walked),
            Err(TrySendError::Disconnected(_)) => bail!("recognition has ended inside"),
        }
        Ok(())
    }
}

impl Kiosk<'_> {
    /// Reads a frame, and has it walked. Breaks where the camera has no more.
    pub(super) fn capture(&mut self, scene: &mut Scene, to_worker: &SyncSender<Job>) -> Result<ControlFlow<()>> {
        let mut buffer = spare(&mut scene.buffers);
        let read = Arc::get_mut(&mut buffer).map_or(Err(Fault::End), |frame| self.camera.read(frame));
        let notice = match read {
            Ok(()) => {
                scene.stages.set(Stage::Capture, buffer.taken.elapsed());
                scene.summary.stages.add(Stage::Capture, &scene.stages);
                scene.summary.frames += 1;
                scene.rate.tick();
                if scene.mode.needs_faces() {
                    scene.hand(&buffer, to_worker)?;
                } else {
                    scene.begin_anew();
                }
                scene.buffers.extend(scene.shown.replace(buffer));
                String::new()
            }
            Err(Fault::End) => return Ok(ControlFlow::Break(())),
            Err(fault) => {
                scene.buffers.push(buffer);
                if !matches!(fault, Fault::BadFrame(_)) {
                    scene.begin_anew();
                }
                fault.to_string()
            }
        };
        if notice != scene.notice {
            (self.on_notice)(&notice);
            scene.notice = notice;
        }
        Ok(ControlFlow::Continue(()))
    }

    /// Takes what the worker has found since.
    pub(super) fn hear(&mut self, scene: &mut Scene, reports: &Receiver<Report>) -> Result<()> {
        for (number, walked, lent) in reports.try_iter() {
            scene.portraits.take(lent);
            let walked = match walked {
                Ok(walked) => walked,
                Err(error) => {
                    (self.on_notice)(&format!("a frame was not recognised: {error:#}"));
                    continue;
                }
            };
            scene.walk_rate.tick();
            scene.stages.merge(&walked.stages);
            (self.on_walked)(number, &walked)?;
            scene.summary.take(&walked);
            // Who was there before a gap is not shown after it.
            if number <= scene.gap {
                scene.spares.push(walked);
                continue;
            }
            if let Some(duel) = &walked.duel {
                scene.tally.add(duel);
            }
            scene.spares.push(std::mem::replace(&mut scene.seen, walked));
        }
        Ok(())
    }

    /// Draws the picture, and shows it.
    pub(super) fn draw(&mut self, scene: &mut Scene) -> Result<()> {
        let news = (self.news)();
        news.sentences.iter().for_each(|text| (self.on_notice)(text));
        let drawing = Instant::now();
        scene.canvas.fit(self.screen.surface());
        let Scene { mode, ref seen, ref notice, .. } = *scene;
        if seen.has_anybody() || !notice.is_empty() {
            scene.met = Instant::now();
        }
        scene.attracts = mode == Mode::Visitor && self.play.has_nets() && is_over(scene.met.max(scene.touched), self.attract_s);
        if mode.is_generative() || scene.attracts {
            let (shown, hint) = if scene.attracts {
                (Mode::Walk, "look into the camera".into())
            } else {
                (mode, hint(self.screen.next_mode_by(), self.after(mode)))
            };
            let largest = seen.sightings.first().map(|s| Visitor { embedding: &seen.embedding.0, chip: s.chip.as_ref() });
            self.play.draw(shown, &mut scene.canvas, scene.started.elapsed().as_secs_f64(), largest, &hint);
        } else {
            let view = live::View {
                mode,
                frame: scene.shown.as_deref(),
                mirror: self.mirror,
                sightings: &seen.sightings,
                found: haar::found(seen, &scene.tally),
                thumbnails: scene.portraits.all(),
                gallery_people: scene.people,
                how_to_enroll: &self.how_to_enroll,
                stages: &scene.stages.list(),
                fps: scene.rate.per_second(),
                recognised_fps: scene.walk_rate.per_second(),
                next_mode_by: self.screen.next_mode_by(),
                next_mode: self.after(mode).title(),
                progress: news.progress.as_deref(),
                notice: Some(notice.as_str()).filter(|notice| !notice.is_empty()),
            };
            live::draw(&mut scene.canvas, &view);
        }
        self.screen.show(&scene.canvas)?;
        (self.on_shown)();
        scene.stages.set(Stage::Draw, drawing.elapsed());
        scene.summary.stages.add(Stage::Draw, &scene.stages);
        if scene.summary.first_name.is_none() && seen.names().next().is_some() {
            scene.summary.first_name = Some(Instant::now());
        }
        Ok(())
    }

    /// Does what somebody wants who touched the screen. Breaks where that is to quit.
    pub(super) fn obey(&mut self, scene: &mut Scene) -> Result<ControlFlow<()>> {
        let before = scene.mode;
        for event in self.screen.events() {
            scene.touched = Instant::now();
            let wish = match event {
                Event::Quit => return Ok(ControlFlow::Break(())),
                // Whoever wakes the booth up wants the visitors' mode.
                _ if scene.attracts => None,
                _ if scene.mode.is_generative() => self.play.event(scene.mode, event, &scene.canvas),
                // These modes are for looking at: wherever the finger is, it asks for the next.
                Event::Next | Event::Tap(_) => Some(Wish::Next),
                Event::Press(_) | Event::Drag(_) | Event::Release(_) => None,
            };
            if wish == Some(Wish::Next) {
                self.play.leave(scene.mode);
                scene.mode = self.after(scene.mode);
            }
        }
        if scene.mode.is_generative() && scene.mode != self.home && is_over(scene.touched, self.return_s) {
            self.play.leave(scene.mode);
            scene.mode = self.home;
        }
        if scene.mode != before {
            (self.on_mode)(scene.mode)?;
            if [scene.mode, before].contains(&Mode::Compare) {
                // What one of them finds is not what the other shows.
                scene.begin_anew();
                scene.tally = Tally::default();
            }
        }
        Ok(ControlFlow::Continue(()))
    }

    fn after(&self, mode: Mode) -> Mode {
        mode.next(self.play.has_nets(), self.has_cascade)
    }
}

/// Whether so many seconds have gone since; never where they are 0.
fn is_over(since: Instant, seconds: u32) -> bool {
    seconds > 0 && since.elapsed().as_secs() >= u64::from(seconds)
}

/// "tap here or space: blending": in a generative mode only the bar below leads on. Empty where nothing can be done.
fn hint(by: &str, next: Mode) -> String {
    match by.split_once(' ') {
        Some((first, rest)) => format!("{first} here {rest}: {}", next.title()),
        None if by.is_empty() => String::new(),
        None => format!("{by}: {}", next.title()),
    }
}

/// A frame buffer that nobody looks at any more.
fn spare(buffers: &mut Vec<Arc<Frame>>) -> Arc<Frame> {
    let free = buffers.iter_mut().position(|b| Arc::get_mut(b).is_some());
    free.map_or_else(|| Arc::new(Frame::empty()), |index| buffers.swap_remove(index))
}
