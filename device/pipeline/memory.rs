//! What the walk remembers of faces while they are in view: the last chip and vector, and what the gallery said of them.
//! Followed faces in, whether it is time to look at one again and what to show of it, out.

use crate::detect::Followed;
use crate::embed::Pose;
use crate::gallery::calibration::Smoothed;
use crate::types::{Answer, Chip, Embedding, Face, Sighting};

/// Answers that a face's answer is averaged over; so many are asked for, one a frame, until it is settled.
const SMOOTHED: u32 = 8;

/// One face in view.
pub(super) struct Known {
    /// Which.
    pub track: u64,
    /// Whether it is looked at in this frame.
    pub is_due: bool,
    /// What was embedded last.
    pub chip: Chip,
    /// Its vector.
    pub embedding: Embedding,
    smoothed: Smoothed,
    /// As it is seen in this frame.
    pose: Pose,
    /// As it was embedded last.
    embedded: Option<Pose>,
    frames_since: u32,
    unsettled: u32,
}

/// What is known of a face; a face that nobody looked at yet is entered, with a chip of the given width and height.
pub(super) fn of(track: u64, all: &mut Vec<Known>, [width, height]: [u32; 2]) -> &mut Known {
    let index = all.iter().position(|known| known.track == track).unwrap_or_else(|| {
        all.push(Known {
            track,
            is_due: false,
            chip: Chip { width, height, pixels: Vec::new() },
            embedding: Embedding(Vec::new()),
            smoothed: Smoothed::over(SMOOTHED),
            embedded: None,
            pose: Pose::default(),
            frames_since: 0,
            unsettled: SMOOTHED,
        });
        all.len() - 1
    });
    &mut all[index]
}

impl Known {
    /// Decides whether this frame's view of it is worth a look: while its answer is unsettled, when it shows itself in
    /// another way than it was last embedded, and every `refresh_every` frames.
    pub fn plan(&mut self, seen: Face, refresh_every: u32) {
        self.frames_since += 1;
        self.pose = Pose::of(&seen);
        let is_other = self.embedded.is_none_or(|before| self.pose.differs(&before));
        self.is_due = is_other || self.unsettled > 0 || self.frames_since >= refresh_every;
    }

    /// Takes in what the gallery says of the vector made from this view. A settled answer that is contradicted is
    /// unsettled again.
    pub fn answered(&mut self, answer: &Answer) {
        let name = |answer: &Answer| answer.likeness().map(|best| best.name.clone());
        let doubts = self.unsettled == 0 && self.smoothed.mean().is_some_and(|mean| name(mean) != name(answer));
        self.unsettled = if doubts { SMOOTHED } else { self.unsettled.saturating_sub(1) };
        self.smoothed.add(answer);
        self.embedded = Some(self.pose);
        self.frames_since = 0;
    }

    fn show(&self, top: usize, sighting: &mut Sighting) {
        let chip = sighting.chip.get_or_insert_with(|| Chip { width: 0, height: 0, pixels: Vec::new() });
        (chip.width, chip.height) = (self.chip.width, self.chip.height);
        chip.pixels.clone_from(&self.chip.pixels);
        let Some(mean) = self.smoothed.mean().filter(|_| top > 0) else {
            sighting.answer = None;
            return;
        };
        let answer = sighting.answer.get_or_insert_with(|| Answer { matches: Vec::new(), nobody_percent: 0.0 });
        answer.nobody_percent = mean.nobody_percent;
        answer.matches.truncate(top.min(mean.matches.len()));
        for (place, newest) in mean.matches.iter().take(top).enumerate() {
            match answer.matches.get_mut(place) {
                Some(old) => {
                    old.name.clone_from(&newest.name);
                    (old.percent, old.distance) = (newest.percent, newest.distance);
                }
                None => answer.matches.push(newest.clone()),
            }
        }
    }
}

/// Writes what is known of the faces into sightings, with at most `top` names each (0: no answers), reusing their buffers.
pub(super) fn show(faces: &[Followed], known: &[Known], top: usize, sightings: &mut Vec<Sighting>) {
    sightings.truncate(faces.len());
    for (place, &Followed { track, face }) in faces.iter().enumerate() {
        if place == sightings.len() {
            sightings.push(Sighting { track, face, chip: None, answer: None });
        }
        let sighting = &mut sightings[place];
        (sighting.track, sighting.face) = (track, face);
        match known.iter().find(|known| known.track == track) {
            Some(known) => known.show(top, sighting),
            None => (sighting.chip, sighting.answer) = (None, None),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::{Match, Rect};

    const FRONT: [[f32; 2]; 5] = [[38.0, 52.0], [74.0, 52.0], [56.0, 72.0], [42.0, 92.0], [71.0, 92.0]];

    fn face(nose: f32) -> Face {
        let mut landmarks = FRONT;
        landmarks[2][0] += nose;
        Face { rect: Rect { x: 0.0, y: 0.0, w: 100.0, h: 120.0 }, score: 0.99, landmarks }
    }

    fn answer(name: &str) -> Answer {
        Answer { matches: vec![Match { name: name.into(), percent: 90.0, distance: 0.3 }], nobody_percent: 10.0 }
    }

    /// Frames, counted from 0, in which the face was looked at.
    fn looks(frames: usize, nose: impl Fn(usize) -> f32, says: impl Fn(usize) -> &'static str) -> Vec<usize> {
        let mut all = Vec::new();
        let look = |i: &usize| {
            let known = of(1, &mut all, [2, 2]);
            known.plan(face(nose(*i)), 15);
            if known.is_due {
                known.answered(&answer(says(*i)));
            }
            known.is_due
        };
        (0..frames).filter(look).collect()
    }

    #[test]
    fn a_settled_face_is_looked_at_now_and_then() {
        assert_eq!(looks(60, |_| 0.0, |_| "Ada"), [0, 1, 2, 3, 4, 5, 6, 7, 22, 37, 52]);
    }

    #[test]
    fn a_face_that_turns_is_looked_at_again() {
        assert_eq!(looks(20, |i| if i < 12 { 0.0 } else { 10.0 }, |_| "Ada"), [0, 1, 2, 3, 4, 5, 6, 7, 12]);
    }

    #[test]
    fn a_contradicted_answer_is_settled_anew() {
        let says = |i| if i < 20 { "Ada" } else { "Bob" };
        assert_eq!(looks(50, |_| 0.0, says), [0, 1, 2, 3, 4, 5, 6, 7, 22, 23, 24, 25, 26, 27, 28, 29, 30, 45]);
    }

    #[test]
    fn sightings_show_what_is_known_and_nothing_of_others() {
        let mut known = Vec::new();
        for (track, name) in [(1, "Ada"), (2, "Bob")] {
            of(track, &mut known, [2, 2]).plan(face(0.0), 15);
            of(track, &mut known, [2, 2]).answered(&answer(name));
        }
        let seen = |track| Followed { track, face: face(0.0) };
        let mut sightings = Vec::new();
        let names = |sightings: &[Sighting]| -> Vec<Option<String>> {
            sightings.iter().map(|s| Some(s.answer.as_ref()?.matches[0].name.clone())).collect()
        };
        show(&[seen(1), seen(2), seen(3)], &known, 3, &mut sightings);
        assert_eq!(names(&sightings), [Some("Ada".into()), Some("Bob".into()), None]);
        show(&[seen(3), seen(2)], &known, 3, &mut sightings);
        assert_eq!(names(&sightings), [None, Some("Bob".into())]);
        show(&[seen(1)], &known, 0, &mut sightings);
        assert_eq!(names(&sightings), [None]);
    }
}
