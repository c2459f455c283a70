//! The projector: the gallery's faces or the real digits on a map, and whoever is in front of the camera among the faces.

use super::{Area, Control, Dims, Moment, Piece, Pixel, Touch, Visitor};
use crate::generate::map::{Map as Projection, Method};
use crate::generate::{Family, Kind};
use crate::screen::Canvas;
use crate::types::Chip;
use crate::ui::dream::{CLASSES, draw_words, map};
use anyhow::Result;
use std::sync::{Arc, Mutex, PoisonError};

/// The gallery, as a map wants it.
#[derive(Clone, Default)]
pub struct Faces {
    /// Numbers in a vector.
    pub length: usize,
    /// One vector per enrolled photo, one behind the other.
    pub vectors: Vec<f32>,
    /// Whom each shows.
    pub names: Vec<String>,
    /// A picture of each.
    pub thumbnails: Vec<Chip>,
}

/// Digits on the map: more would hide each other.
const DIGITS_MOST: usize = 400;

/// Lines to so many neighbours.
const NEAREST: usize = 3;

/// A choice makes way for whoever is in view after so many seconds.
const CHOSEN_S: f64 = 20.0;

/// Turns in a second, by itself.
const SPEED: f64 = 0.06;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Source {
    Faces,
    Digits,
}

/// A map and what stands at its points.
struct Chart {
    projection: Projection,
    labels: Vec<String>,
    groups: Vec<usize>,
    thumbnails: Vec<Chip>,
}

/// What t-SNE found, for which source and whether flat; it is looked at before every picture.
type Found = Arc<Mutex<Vec<(Source, bool, Answer)>>>;

/// A map, or why there is none.
type Answer = Result<Projection, String>;

pub(super) struct Map {
    faces: Option<Faces>,
    seed: u64,
    source: Source,
    method: Method,
    is_flat: bool,
    charts: Vec<(Source, Chart)>,
    found: Found,
    /// Maps by t-SNE that were begun: source, flat, and what came of them.
    begun: Vec<(Source, bool, Option<Answer>)>,
    is_asked: Option<Source>,
    complaint: Option<String>,
    chosen: Option<usize>,
    /// When a finger chose, in seconds.
    chosen_at: f64,
    newcomer: Option<[f32; 3]>,
    face: Option<Chip>,
    nearest: Vec<(usize, f32)>,
    /// Where a finger turned it, and where time did.
    turned: [f32; 2],
    dragged: Option<Pixel>,
    /// Seconds that it has turned, and when it was looked at last.
    turning: f64,
    last: f64,
}

impl Map {
    pub fn new(faces: Faces, seed: u64) -> Self {
        let source = if faces.names.len() >= 2 { Source::Faces } else { Source::Digits };
        Self {
            faces: Some(faces),
            seed,
            source,
            method: Method::Pca,
            is_flat: true,
            charts: Vec::new(),
            found: Arc::default(),
            begun: Vec::new(),
            is_asked: None,
            complaint: None,
            chosen: None,
            chosen_at: 0.0,
            newcomer: None,
            face: None,
            nearest: Vec::new(),
            turned: [0.0; 2],
            dragged: None,
            turning: 0.0,
            last: 0.0,
        }
    }

    fn chart(&self) -> Option<&Chart> {
        self.charts.iter().find(|(source, _)| *source == self.source).map(|(_, chart)| chart)
    }

    /// The projection that is wanted, if it is there yet; PCA until then.
    fn projection(&self) -> Option<&Projection> {
        let chart = self.chart()?;
        let fits = |(source, flat, _): &&(Source, bool, Option<Answer>)| {
            self.method == Method::Tsne && (*source, *flat) == (self.source, self.is_flat)
        };
        let done = self.begun.iter().find(fits).and_then(|(.., result)| result.as_ref()?.as_ref().ok());
        Some(done.unwrap_or(&chart.projection))
    }

    fn ask_chart(&mut self, moment: &Moment) {
        if self.chart().is_some() || self.is_asked == Some(self.source) {
            return;
        }
        self.is_asked = Some(self.source);
        match self.source {
            Source::Digits => moment.worker.ask(|family| Ok((Source::Digits, digits(family)?))),
            Source::Faces => match self.faces.take().map(of_faces) {
                Some(Ok(chart)) => self.charts.push((Source::Faces, chart)),
                Some(Err(error)) => self.complaint = Some(format!("{error:#}: enroll people first")),
                None => {}
            },
        }
    }

    /// Begins t-SNE where it is wanted and not begun yet: in a thread that nobody waits for, not even the end of the program.
    fn ask_tsne(&mut self) {
        let wanted = (self.source, self.is_flat);
        if self.method != Method::Tsne || self.begun.iter().any(|(source, flat, _)| (*source, *flat) == wanted) {
            return;
        }
        let Some(chart) = self.chart() else { return };
        let (vectors, length) = (chart.projection.vectors().to_vec(), chart.projection.length());
        let (found, seed, (source, flat)) = (self.found.clone(), self.seed, wanted);
        let work = move || {
            let result = Projection::tsne(vectors, length, flat, seed).map_err(|e| format!("{e:#}"));
            found.lock().unwrap_or_else(PoisonError::into_inner).push((source, flat, result));
        };
        // Without a thread PCA stays.
        let _ = std::thread::Builder::new().name("t-sne".into()).spawn(work);
        self.begun.push((source, flat, None));
    }

    fn take_tsne(&mut self) {
        let found = std::mem::take(&mut *self.found.lock().unwrap_or_else(PoisonError::into_inner));
        for (source, flat, result) in found {
            if let Some(begun) = self.begun.iter_mut().find(|(s, f, _)| (*s, *f) == (source, flat)) {
                begun.2 = Some(result);
            }
        }
    }

    fn look(&mut self, visitor: Option<Visitor>) {
        let visitor = visitor.filter(|_| self.source == Source::Faces);
        let Some(projection) = self.projection() else { return };
        let newcomer = visitor.and_then(|v| projection.place(v.embedding));
        // At a booth somebody is always in view: a finger counts for more.
        let nearest = match (self.chosen, newcomer.and(visitor)) {
            (Some(chosen), _) => {
                let length = projection.length();
                let vector = projection.vectors().get(chosen * length..(chosen + 1) * length).unwrap_or_default().to_vec();
                let mut near = projection.nearest(&vector, NEAREST + 1);
                near.retain(|(index, _)| *index != chosen);
                near.truncate(NEAREST);
                near
            }
            (None, Some(visitor)) => projection.nearest(visitor.embedding, NEAREST),
            (None, None) => Vec::new(),
        };
        self.face = newcomer.and(visitor).and_then(|v| v.chip.cloned());
        (self.newcomer, self.nearest) = (newcomer, nearest);
    }

    fn view<'a>(&'a self, points: &'a [map::Point<'a>]) -> map::View<'a> {
        let yaw = (self.turning * SPEED).fract() as f32 * std::f32::consts::TAU;
        map::View {
            points,
            turned: (!self.is_flat).then_some([yaw + self.turned[0], 0.35 + self.turned[1]]),
            newcomer: self.newcomer,
            face: self.face.as_ref(),
            nearest: &self.nearest,
            chosen: self.chosen,
            empty: match self.source {
                Source::Faces => "Look into the camera, or tap a face",
                Source::Digits => "Tap a point to see its neighbours",
            },
        }
    }

    fn points(&self) -> Vec<map::Point<'_>> {
        let (Some(chart), Some(projection)) = (self.chart(), self.projection()) else { return Vec::new() };
        let point = |(i, &place): (usize, &[f32; 3])| map::Point {
            place: if self.is_flat { [place[0], place[1], 0.0] } else { place },
            color: CLASSES[chart.groups[i] % CLASSES.len()],
            label: &chart.labels[i],
            thumbnail: chart.thumbnails.get(i),
        };
        projection.places().iter().enumerate().map(point).collect()
    }
}

impl Piece for Map {
    fn title(&self) -> &str {
        match self.source {
            Source::Faces => "Every enrolled photo is a point; you are the live one",
            Source::Digits => "Every real digit is a point of the latent space",
        }
    }

    fn state(&self) -> String {
        let wanted = self.begun.iter().find(|(s, f, _)| (*s, *f) == (self.source, self.is_flat));
        match (self.method, wanted) {
            (Method::Tsne, Some((.., None))) => "t-SNE is being computed; PCA meanwhile".into(),
            (Method::Tsne, Some((.., Some(Err(why))))) => format!("{why}: PCA instead"),
            (method, _) => method.name().into(),
        }
    }

    fn controls(&self) -> Vec<Control> {
        let button = Control::button;
        vec![
            button("faces", self.source == Source::Faces),
            button("digits", self.source == Source::Digits),
            button("PCA", self.method == Method::Pca),
            button("t-SNE", self.method == Method::Tsne),
            button("2-D", self.is_flat),
            button("3-D", !self.is_flat),
        ]
    }

    fn press(&mut self, control: usize) {
        match control {
            0 | 1 => {
                self.source = [Source::Faces, Source::Digits][control];
                (self.chosen, self.newcomer, self.complaint, self.is_asked) = (None, None, None, None);
                self.nearest.clear();
            }
            2 | 3 => self.method = [Method::Pca, Method::Tsne][control - 2],
            _ => self.is_flat = control == 4,
        }
    }

    fn touch(&mut self, touch: Touch, at: Pixel, stage: Area, dims: Dims) {
        match touch {
            Touch::Tap => {
                let points = self.points();
                let chosen = map::hit(&self.view(&points), stage, dims, at);
                drop(points);
                (self.chosen, self.chosen_at) = (chosen, self.last);
            }
            Touch::Down => self.dragged = Some(at),
            Touch::Up => self.dragged = None,
            Touch::Move => {
                if let Some(from) = self.dragged.replace(at) {
                    let moved = [at.x as f32 - from.x as f32, at.y as f32 - from.y as f32];
                    let turn = std::f32::consts::PI / stage.w.max(1) as f32;
                    self.turned = [self.turned[0] + moved[0] * turn, (self.turned[1] + moved[1] * turn).clamp(-1.5, 1.5)];
                }
            }
        }
    }

    fn leave(&mut self) {
        // A question that was open is forgotten with the mode.
        (self.is_asked, self.chosen) = (None, None);
    }

    fn tick(&mut self, moment: &Moment) {
        // A finger that holds it stops it.
        if self.dragged.is_none() {
            self.turning += (moment.now - self.last).clamp(0.0, 1.0);
        }
        self.last = moment.now;
        if let Some((source, chart)) = moment.worker.take::<(Source, Chart)>() {
            self.charts.push((source, chart));
        }
        self.ask_chart(moment);
        self.take_tsne();
        self.ask_tsne();
        if self.newcomer.is_some() && moment.now - self.chosen_at > CHOSEN_S {
            self.chosen = None;
        }
        self.look(moment.visitor);
    }

    fn draw(&self, canvas: &mut Canvas, stage: Area, dims: Dims) {
        match (&self.complaint, self.chart()) {
            (Some(words), _) => draw_words(canvas, words, stage, dims),
            (None, Some(_)) => map::draw(canvas, &self.view(&self.points()), stage, dims),
            (None, None) => {}
        }
    }
}

fn of_faces(faces: Faces) -> Result<Chart> {
    let Faces { length, vectors, names, thumbnails } = faces;
    let projection = Projection::pca(vectors, length.max(1))?;
    let mut people: Vec<&String> = Vec::new();
    let mut groups = Vec::with_capacity(names.len());
    for name in &names {
        let known = people.iter().position(|p| *p == name);
        groups.push(known.unwrap_or(people.len()));
        if known.is_none() {
            people.push(name);
        }
    }
    Ok(Chart { projection, groups, labels: names, thumbnails })
}

fn digits(family: &mut Family) -> Result<Chart> {
    let known = family.known()?.clone();
    let length = known.pictures.shape.length();
    let some = known.pictures.values.iter().take(DIGITS_MOST * length).copied().collect();
    let some = crate::generate::Tiles::new(known.pictures.shape, some)?;
    let spreads = family.coder(Kind::Variational)?.encode(&some)?;
    let long = spreads.first().map_or(1, |s| s.mean.len());
    let projection = Projection::pca(spreads.into_iter().flat_map(|s| s.mean).collect(), long)?;
    let labels: Vec<u8> = known.labels.iter().take(some.count()).copied().collect();
    Ok(Chart {
        projection,
        groups: labels.iter().map(|&label| label.into()).collect(),
        labels: labels.iter().map(|label| format!("a {label}")).collect(),
        thumbnails: (0..some.count()).map(|i| some.chip(i)).collect(),
    })
}
