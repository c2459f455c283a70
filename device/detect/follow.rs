//! Frames in, followed faces out, with less work than a search of every frame.
//!
//! Where a face is known from the last frame, O-Net alone looks at its box, moved as the face moves: it confirms the face,
//! corrects the box and gives the landmarks. A face that O-Net does not confirm is not shown; tracking invents nothing.
//!
//! A known head that leans is looked at in a crop that is turned back. Heads that lie are sought, one quarter of a turn at each search,
//! while nobody is known.
//!
//! The whole cascade searches a frame
//! - every `search_every` frames, so that nobody waits longer to be seen,
//! - when a face was lost,
//! - when something moves that is no known face (see [`super::motion`]). Where such searches find nobody new, as before a
//!   crowd or a fan, ever more frames pass before motion is believed again, until all was still between two searches.

use super::boxes::{Candidate, Overlap, Suppressor};
use super::motion::Motion;
use super::roll::TURNED;
use super::track::Tracks;
use super::{Detector, Heads, scored};
use crate::types::{Face, Frame, Rect};
use anyhow::Result;

/// Where O-Net's correction leaves less than this of the square it looked at, it looks again at the corrected one.
const LOOK_AGAIN_IOU: f32 = 0.6;
/// A face that O-Net confirms ends when so many searches in a row do not find it.
const UNFOUND_MOST: u32 = 2;
/// A search finds heads that are turned by less, in radians.
const FOUND_ROLL: f32 = std::f32::consts::FRAC_PI_6;
/// Two boxes of one face.
const SAME_FACE_IOU: f32 = 0.3;
/// Two boxes of one face, one inside the other.
const SAME_FACE_INSIDE: f32 = 0.7;

/// A face of a frame and its track.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Followed {
    /// Stays the same while the face stays in view.
    pub track: u64,
    /// The newest look at it.
    pub face: Face,
}

/// Finds faces and follows them. Lists are kept from frame to frame.
pub struct Follower {
    detector: Detector,
    tracks: Tracks,
    motion: Motion,
    search_every: u32,
    /// Frames since the last search; none before the first.
    since_search: Option<u32>,
    /// Frames that pass after a search before motion is believed.
    doubt: u32,
    suppressor: Suppressor,
    squares: Vec<Candidate>,
    /// Which quarters are probed next.
    next_probe: usize,
    confirmed: Vec<Option<Face>>,
    asked: Vec<usize>,
    looked: Vec<Option<Face>>,
    found: Vec<Face>,
    faces: Vec<Face>,
    followed: Vec<Followed>,
}

impl Follower {
    /// Searches at least every `search_every` frames (1: every frame, and nothing is done beside). `patience`: for how many
    /// frames a face may be missed before it counts as gone.
    pub fn new(detector: Detector, search_every: u32, patience: u32) -> Self {
        Self {
            detector,
            tracks: Tracks::new(patience),
            motion: Motion::default(),
            search_every,
            since_search: None,
            doubt: 0,
            suppressor: Suppressor::default(),
            squares: Vec::new(),
            next_probe: 0,
            confirmed: Vec::new(),
            asked: Vec::new(),
            looked: Vec::new(),
            found: Vec::new(),
            faces: Vec::new(),
            followed: Vec::new(),
        }
    }

    /// The faces of the next frame, largest first.
    pub fn follow(&mut self, frame: &Frame) -> Result<&[Followed]> {
        let is_lost = self.confirm(frame)?;
        let is_searched = self.is_due(frame, is_lost);
        if is_searched {
            self.search(frame)?;
        }
        self.gather(is_searched);
        let tracks = self.tracks.follow(&self.faces);
        self.followed.clear();
        self.followed.extend(self.faces.iter().zip(tracks).map(|(&face, &track)| Followed { track, face }));
        Ok(&self.followed)
    }

    /// All faces of a frame, best first, as if nobody were known. Whoever is followed is left as he was.
    pub fn search_only(&mut self, frame: &Frame) -> Result<Vec<Face>> {
        self.detector.detect(frame)
    }

    /// Whether a track is still followed, seen or missed for a short while.
    pub fn is_live(&self, track: u64) -> bool {
        self.tracks.is_live(track)
    }

    /// Forgets everybody, and searches the next frame.
    pub fn forget(&mut self) {
        self.tracks.forget();
        self.motion.forget();
        (self.since_search, self.doubt) = (None, 0);
    }

    /// Lets O-Net look where faces should be. Whether one is lost that was there in the last frame.
    fn confirm(&mut self, frame: &Frame) -> Result<bool> {
        let Self { detector, tracks, asked, squares, looked, confirmed, .. } = self;
        confirmed.clear();
        confirmed.resize(tracks.live().len(), None);
        if self.search_every == 1 {
            return Ok(false);
        }
        asked.clear();
        squares.clear();
        let any = detector.settings.heads == Heads::Any;
        for (index, live) in tracks.live().iter().enumerate() {
            let square = square(live.expected());
            if is_sane(&square, frame) {
                asked.push(index);
                squares.push(Candidate { roll: if any { live.roll } else { 0.0 }, ..Candidate::at(square) });
            }
        }
        detector.confirm(frame, squares, looked)?;
        let mut is_far = false;
        for (seen, at) in looked.iter().zip(&mut *squares) {
            let corrected = seen.map_or(at.rect, |face| square(face.rect));
            if corrected.iou(&at.rect) < LOOK_AGAIN_IOU && is_sane(&corrected, frame) {
                (at.rect, is_far) = (corrected, true);
            }
        }
        if is_far {
            detector.confirm(frame, squares, looked)?;
        }
        asked.iter().zip(looked).for_each(|(&index, seen)| confirmed[index] = *seen);
        let mut is_lost = false;
        for (seen, live) in confirmed.iter().zip(tracks.live()) {
            is_lost |= seen.is_none() && live.missed == 0;
            live.near = seen.map_or(live.near, |face| face.rect);
        }
        Ok(is_lost)
    }

    /// Whether this frame is searched.
    fn is_due(&mut self, frame: &Frame, is_lost: bool) -> bool {
        let since = self.since_search.map_or(u32::MAX, |since| since.saturating_add(1));
        self.since_search = Some(since);
        if self.search_every == 1 {
            return true;
        }
        let known = self.confirmed.iter().flatten().map(|face| face.rect);
        let is_moving = self.motion.look(frame, known, self.detector.settings.min_face_px);
        let by_rate = since >= self.search_every;
        let is_due = by_rate || is_lost || (is_moving && since > self.doubt);
        if is_due && is_moving {
            // Too little, should the search find somebody new.
            self.doubt = (2 * self.doubt + 1).min(self.search_every);
        } else if by_rate {
            self.doubt = 0;
        }
        is_due
    }

    /// The whole cascade.
    fn search(&mut self, frame: &Frame) -> Result<()> {
        self.detector.search(frame, &mut self.found)?;
        match self.detector.settings.heads {
            Heads::Upright => {}
            // Nobody is known but by searches.
            Heads::Any if self.search_every == 1 => self.detector.turn_heads(frame, &mut self.found)?,
            Heads::Any => self.turn_heads(frame)?,
        }
        self.since_search = Some(0);
        self.motion.searched();
        let live = self.tracks.live();
        if self.found.iter().any(|face| !live.iter().any(|known| is_same(&face.rect, &known.near))) {
            self.doubt = 0;
        }
        Ok(())
    }

    /// Sets what a search found upright, and looks for one kind of turned heads where nobody is sure to be there.
    fn turn_heads(&mut self, frame: &Frame) -> Result<()> {
        let Self { detector, tracks, confirmed, found, next_probe, .. } = self;
        let live = tracks.live();
        let mut is_sure = confirmed.iter().any(Option::is_some);
        for face in found.iter_mut().filter(|face| !live.iter().any(|known| is_same(&face.rect, &known.near))) {
            let upright = detector.set_upright(frame, *face)?;
            is_sure |= upright.is_sure;
            *face = upright.face;
        }
        // What O-Net said of a known head at the crop turned back is better than what the cascade says of it.
        for (known, face) in live.iter().zip(&*confirmed).filter(|(known, _)| known.roll != 0.0) {
            let Some(face) = face else { continue };
            let count = found.len();
            found.retain(|found| !is_same(&found.rect, &face.rect));
            let is_found =
                if known.roll.abs() < FOUND_ROLL { found.len() < count } else { detector.set_upright(frame, *face)?.is_sure };
            found.extend(is_found.then_some(*face));
        }
        if !is_sure {
            *next_probe = (*next_probe + 1) % TURNED.len();
            detector.probe(frame, TURNED[*next_probe], found)?;
        }
        Ok(())
    }

    /// All faces of this frame, each once, largest first: those that a search found, and those that O-Net confirmed.
    fn gather(&mut self, is_searched: bool) {
        self.faces.clear();
        if is_searched {
            self.faces.append(&mut self.found);
        }
        let searched = self.faces.len();
        for (live, seen) in self.tracks.live().iter_mut().zip(&self.confirmed) {
            let Some(face) = seen else { continue };
            if is_searched {
                let is_found = self.faces[..searched].iter().any(|found| is_same(&found.rect, &face.rect));
                live.unfound = if is_found { 0 } else { live.unfound + 1 };
                if is_found || live.unfound >= UNFOUND_MOST {
                    continue;
                }
            }
            self.faces.push(*face);
        }
        self.suppressor.thin(&mut self.faces, scored, SAME_FACE_INSIDE, Overlap::Smaller);
        self.faces.sort_unstable_by(|a, b| (b.rect.w * b.rect.h).total_cmp(&(a.rect.w * a.rect.h)));
    }
}

/// The square around a box, which is what O-Net was trained to look at. Widened by a tenth its landmarks are a quarter
/// worse, by three tenths twice as bad (`tests/promises/following.rs`).
fn square(rect: Rect) -> Rect {
    Candidate::at(rect).squared().rect
}

/// Whether a box can be a face's: its middle in the frame, and no larger than twice the frame.
fn is_sane(rect: &Rect, frame: &Frame) -> bool {
    let (x, y) = (rect.x + rect.w / 2.0, rect.y + rect.h / 2.0);
    let (width, height) = (frame.width as f32, frame.height as f32);
    rect.w <= 2.0 * width.max(height) && (0.0..=width).contains(&x) && (0.0..=height).contains(&y)
}

fn is_same(a: &Rect, b: &Rect) -> bool {
    a.iou(b) >= SAME_FACE_IOU || Overlap::Smaller.of(a, b) > SAME_FACE_INSIDE
}

#[cfg(test)]
mod tests;
