//! A finger in a polygon: the nearer a corner, the more of its picture.

use super::{Area, Control, Dims, Moment, Piece, Pixel, Touch};
use crate::generate::latent::{self, Way};
use crate::generate::{Dice, Kind, Tiles, polygon};
use crate::screen::Canvas;
use crate::ui::dream::{blend, share_of};

/// Corners at least and at most.
const CORNERS: [usize; 2] = [3, 6];

pub(super) struct Blend {
    seed: u64,
    way: Way,
    places: Vec<[f32; 2]>,
    finger: [f32; 2],
    /// Somebody moved it: it does not wander any more.
    is_held: bool,
    corners: Option<Corners>,
    is_asked: bool,
    /// What the last blend was asked for.
    blended: Option<([f32; 2], Way)>,
    result: Option<Mixed>,
}

/// The pictures at the corners, and their points.
struct Corners {
    tiles: Tiles,
    points: Vec<Vec<f32>>,
}

/// What the finger makes of them.
struct Mixed {
    tiles: Tiles,
    verdict: String,
}

impl Blend {
    pub fn new(seed: u64) -> Self {
        Self {
            seed,
            way: Way::Spherical,
            places: polygon::corners(CORNERS[0]),
            finger: [0.5; 2],
            is_held: false,
            corners: None,
            is_asked: false,
            blended: None,
            result: None,
        }
    }

    /// Other pictures at the corners.
    fn renew(&mut self) {
        (self.is_asked, self.corners, self.blended) = (false, None, None);
    }

    /// Real digits of different classes where there are any, else points of the prior.
    fn ask_corners(&self, moment: &Moment) {
        let (seed, count) = (self.seed, self.places.len());
        moment.worker.ask(move |family| {
            let mut dice = Dice::new(seed);
            let Ok(known) = family.known() else {
                let net = family.generator(Kind::Variational)?;
                let points = latent::from_prior(&mut dice, net.length(), count);
                let tiles = net.draw(&points, |_| 0)?;
                let points = points.chunks_exact(net.length()).map(<[f32]>::to_vec).collect();
                return Ok(Corners { tiles, points });
            };
            let mut tiles = Tiles::empty(known.pictures.shape);
            let first = dice.below(10);
            for corner in 0..count {
                // Classes a little apart from each other, and never one twice.
                let class = (first + corner * 3) % 10;
                let nth = dice.below(known.count());
                let place = known.of_class(class as u8, nth).unwrap_or_else(|| nth % known.count().max(1));
                tiles.push(known.pictures.get(place));
            }
            let spreads = family.coder(Kind::Variational)?.encode(&tiles)?;
            Ok(Corners { tiles, points: spreads.into_iter().map(|s| s.mean).collect() })
        });
    }

    fn ask_blend(&mut self, moment: &Moment) {
        let Some(corners) = &self.corners else { return };
        let wanted = (self.finger, self.way);
        if moment.worker.is_busy() || self.blended == Some(wanted) {
            return;
        }
        self.blended = Some(wanted);
        let weights = polygon::weights(&self.places, self.finger);
        let points: Vec<&[f32]> = corners.points.iter().map(Vec::as_slice).collect();
        let point = latent::blend(&points, &weights, self.way);
        moment.worker.ask(move |family| {
            let tiles = family.generator(Kind::Variational)?.draw(&point, |_| 0)?;
            let verdict = family.verdicts(&tiles)?;
            let words = |(class, share): (usize, f32)| format!("looks like a {class}, {:.0}\u{a0}%", share * 100.0);
            Ok(Mixed { tiles, verdict: verdict.map_or(String::new(), |v| words(v[0].best())) })
        });
    }
}

impl Piece for Blend {
    fn title(&self) -> &str {
        "Move a finger between the digits: every place blends their vectors"
    }

    fn state(&self) -> String {
        Kind::Variational.title().into()
    }

    fn controls(&self) -> Vec<Control> {
        let way = |name, way| Control::button(name, self.way == way);
        let count = format!("{} corners", self.places.len());
        vec![
            Control::button("other digits", false),
            Control::button(count, false),
            way("straight", Way::Linear),
            way("on the sphere", Way::Spherical),
        ]
    }

    fn press(&mut self, control: usize) {
        match control {
            0 => {
                self.seed = self.seed.wrapping_add(1);
                self.renew();
            }
            1 => {
                let next = if self.places.len() == CORNERS[1] { CORNERS[0] } else { self.places.len() + 1 };
                self.places = polygon::corners(next);
                self.finger = polygon::inside(&self.places, self.finger);
                self.renew();
            }
            2 => self.way = Way::Linear,
            _ => self.way = Way::Spherical,
        }
    }

    fn touch(&mut self, touch: Touch, at: Pixel, stage: Area, dims: Dims) {
        if matches!(touch, Touch::Down | Touch::Move) {
            self.finger = polygon::inside(&self.places, share_of(blend::board(stage, dims), at));
            self.is_held = true;
        }
    }

    fn leave(&mut self) {
        self.is_held = false;
        self.renew();
    }

    fn tick(&mut self, moment: &Moment) {
        if let Some(corners) = moment.worker.take() {
            self.corners = Some(corners);
        }
        self.result = moment.worker.take().or(self.result.take());
        if !std::mem::replace(&mut self.is_asked, true) {
            self.ask_corners(moment);
        }
        if !self.is_held {
            // Until somebody takes it, the point shows by itself what it does.
            let (sin, cos) = [(moment.now * 0.7).sin(), (moment.now * 0.45).cos()].map(|v| v as f32).into();
            self.finger = polygon::inside(&self.places, [0.5 + 0.42 * sin, 0.5 + 0.42 * cos]);
        }
        self.ask_blend(moment);
    }

    fn draw(&self, canvas: &mut Canvas, stage: Area, dims: Dims) {
        let Some(corners) = self.corners.as_ref().filter(|c| c.tiles.count() == self.places.len()) else { return };
        let view = blend::View {
            corners: &corners.tiles,
            places: &self.places,
            weights: &polygon::weights(&self.places, self.finger),
            finger: self.finger,
            result: self.result.as_ref().map(|r| &r.tiles),
            verdict: self.result.as_ref().map_or("", |r| &r.verdict),
        };
        blend::draw(canvas, &view, stage, dims);
    }
}
