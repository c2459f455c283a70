//! The camera picture and what is said about it: what both modes about faces have in common, and the visitors' mode, whom each face resembles.

use super::{
    Mode, card, compact, compare, engineer, headline,
    overlay::{self, Detail},
    theme::{BACK, CARD, FACES, FAINT, QUIET, Sizes, TEXT, TRACK, centre, left, right},
};
use crate::{
    screen::{Area, Canvas},
    types::{Chip, Duel, Frame, Match, Outline, Sighting, Tally},
};
use embedded_graphics::pixelcolor::Rgb888;
use std::collections::BTreeMap;

/// Everything that one picture shows.
pub struct View<'a> {
    /// How it is shown: for engineers, or for visitors.
    pub mode: Mode,
    /// The newest camera picture; the last one while there is a notice; `None` before the first.
    pub frame: Option<&'a Frame>,
    /// Left and right exchanged, as visitors know themselves.
    pub mirror: bool,
    /// The faces in view, in any order, in pixels of `frame`.
    pub sightings: &'a [Sighting],
    /// How faces are found, and what is found beside `sightings`.
    pub found: Found<'a>,
    /// Enrolled faces by name: at least of the names in `sightings`; the others fill the wall while nobody is there.
    pub thumbnails: &'a BTreeMap<String, Chip>,
    /// People in the gallery.
    pub gallery_people: usize,
    /// What to type where the gallery is empty.
    pub how_to_enroll: &'a str,
    /// What each stage took, in milliseconds, in the order of the walk.
    pub stages: &'a [(&'static str, f32)],
    /// Pictures a second.
    pub fps: f32,
    /// Of these, those whose faces were recognised.
    pub recognised_fps: f32,
    /// What a person does at this screen to see the next mode; empty where nothing can be done.
    pub next_mode_by: &'a str,
    /// What the next mode is called.
    pub next_mode: &'a str,
    /// What is being made ready behind the picture.
    pub progress: Option<&'a str>,
    /// What is wrong with the camera, in words and with advice.
    pub notice: Option<&'a str>,
}

/// How faces are found.
#[derive(Clone, Copy)]
pub enum Found<'a> {
    /// With landmarks: `sightings` is all.
    Faces,
    /// By a Haar cascade: boxes without landmarks, and nobody has a name.
    Outlines(&'a [Outline]),
    /// In both ways: this frame, and all since the mode began.
    Duel(&'a Duel, &'a Tally),
}

impl View<'_> {
    /// "tap or space: engineers' view".
    pub(super) fn hint(&self) -> String {
        if self.next_mode_by.is_empty() { String::new() } else { format!("{}: {}", self.next_mode_by, self.next_mode) }
    }

    /// What stands below at the left: `usual`, but for the time in which something is made ready.
    pub(super) fn footer(&self, usual: String) -> String {
        self.progress.map_or(usual, str::to_string)
    }
}

/// A face with its colour, which it keeps while it is in view.
#[derive(Clone, Copy)]
pub(super) struct Seen<'a> {
    pub sighting: &'a Sighting,
    pub color: Rgb888,
}

impl<'a> Seen<'a> {
    /// Whom the face resembles, if anybody: the best name, unless "nobody" has the larger share.
    pub fn likeness(&self) -> Option<&'a Match> {
        self.sighting.answer.as_ref()?.likeness()
    }
}

/// The most faces that get a card, a headline and a colour.
const MOST_FACES: usize = FACES.len();

/// The most faces on the wall.
const WALL: usize = 24;

/// Draws the view on all of the canvas.
pub fn draw(canvas: &mut Canvas, view: &View) {
    canvas.wipe(BACK);
    let seen = arrange(view.sightings, view.mirror);
    match view.mode {
        _ if canvas.has_cells() => compact::draw(canvas, view, &seen),
        Mode::Compare => compare::draw(canvas, view),
        Mode::Engineer => engineer::draw(canvas, view, &seen),
        _ => draw_visitor(canvas, view, &seen),
    }
}

fn draw_visitor(canvas: &mut Canvas, view: &View, seen: &[Seen]) {
    let sizes = Sizes::of(canvas);
    let frame = view.frame.filter(|f| f.width > 0 && f.height > 0);
    let footer_height = canvas.line_height(sizes.small) + sizes.gap;
    let places = Places::of(canvas.area(), footer_height, sizes, frame.map_or((4, 3), |f| (f.width as i32, f.height as i32)));
    overlay::draw(canvas, view, frame, seen, places.picture, sizes, Detail::Names);
    headline::draw(canvas, view, seen, places.headline, sizes);
    draw_panel(canvas, view, seen, places.panel, sizes);
    let footer = Footer { first: view.footer(people(view.gallery_people)), last: view.hint() };
    draw_footer(canvas, &footer, places.footer, sizes);
}

/// The largest faces from left to right as they are shown, each with a colour of its own.
fn arrange(sightings: &[Sighting], mirror: bool) -> Vec<Seen<'_>> {
    let mut largest: Vec<&Sighting> = sightings.iter().collect();
    largest.sort_by(|a, b| (b.face.rect.w * b.face.rect.h).total_cmp(&(a.face.rect.w * a.face.rect.h)));
    largest.truncate(MOST_FACES);
    // Colours go by age, so that a newcomer never takes the colour of somebody who is already there.
    largest.sort_by_key(|s| s.track);
    let mut taken = [false; MOST_FACES];
    let mut seen = Vec::with_capacity(largest.len());
    for sighting in largest {
        let wish = (sighting.track % MOST_FACES as u64) as usize;
        let index = (wish..wish + MOST_FACES).map(|i| i % MOST_FACES).find(|&i| !taken[i]).unwrap_or(wish);
        taken[index] = true;
        seen.push(Seen { sighting, color: FACES[index] });
    }
    let middle = |s: &Seen| s.sighting.face.rect.x + s.sighting.face.rect.w / 2.0;
    seen.sort_by(|a, b| middle(a).total_cmp(&middle(b)));
    if mirror {
        seen.reverse();
    }
    seen
}

/// Where things are.
pub(super) struct Places {
    pub picture: Area,
    pub headline: Area,
    pub panel: Area,
    pub footer: Area,
}

impl Places {
    /// `proportions` are width and height of the camera picture.
    pub fn of(all: Area, footer_height: i32, sizes: Sizes, proportions: (i32, i32)) -> Self {
        let Sizes { body, gap, .. } = sizes;
        let (footer, rest) = all.cut_bottom(footer_height);
        let footer = footer.inset(gap, 0);
        let rest = Area { h: rest.h - gap, ..rest }.inset(gap, 0);
        let rest = Area { y: rest.y + gap, ..rest };
        let (pw, ph) = proportions;
        if rest.h * 11 > rest.w * 10 {
            let (top, below) = rest.cut_top((rest.w * ph / pw.max(1)).min(rest.h / 2));
            let (headline, panel) = below.cut_top(body * 11 / 2);
            return Self { picture: top.fit(pw, ph), headline, panel, footer };
        }
        let least_headline = body * 11 / 2;
        let wanted = (rest.h - least_headline) * pw / ph.max(1);
        let least_panel = (rest.w * 3 / 10).clamp(body * 13, body * 24).min(rest.w * 9 / 20);
        let (column, panel) = rest.cut_left(wanted.clamp(rest.w * 11 / 20, (rest.w - least_panel).max(rest.w * 11 / 20)));
        let picture = column.cut_top(rest.h - least_headline).0.fit(pw, ph);
        let picture = Area { y: column.y, ..picture };
        let headline = column.cut_top(picture.h).1;
        Self { picture, headline, panel: panel.cut_left(gap).1, footer }
    }
}

/// A card for each face, or the gallery's faces while there is none.
fn draw_panel(canvas: &mut Canvas, view: &View, seen: &[Seen], area: Area, sizes: Sizes) {
    if area.w < 40 || area.h < 40 {
        return;
    }
    if seen.is_empty() {
        draw_wall(canvas, view, area, sizes);
        return;
    }
    // A card that cannot hold two lines of text and a thumbnail helps nobody.
    let least = sizes.small * 4 + sizes.gap;
    let cards = seen.len().min((area.h / least).max(1) as usize);
    let hidden = view.sightings.len() - cards;
    let (more, area) = area.cut_bottom(if hidden > 0 { canvas.line_height(sizes.small) } else { 0 });
    let gap = if cards > 3 { sizes.gap / 2 } else { sizes.gap };
    let height = (area.h + gap) / cards as i32 - gap;
    let mut rest = area;
    for face in &seen[..cards] {
        let (place, below) = rest.cut_top(height);
        card::draw(canvas, view, face, place, sizes);
        rest = below.cut_top(gap).1;
    }
    if hidden > 0 {
        let text = format!("and {hidden} more");
        canvas.write(more, &text, centre(sizes.small, QUIET));
    }
}

/// The people of the gallery, while nobody is there to be compared.
fn draw_wall(canvas: &mut Canvas, view: &View, area: Area, sizes: Sizes) {
    canvas.round(area, sizes.radius, CARD, 255);
    let inner = area.inset(sizes.gap, sizes.gap);
    let (title, inner) = inner.cut_top(canvas.line_height(sizes.body));
    canvas.write(title, &people(view.gallery_people), centre(sizes.body, QUIET));
    let inner = inner.cut_top(sizes.gap).1;
    if view.thumbnails.is_empty() || inner.is_empty() {
        return;
    }
    let (caption, gap) = (canvas.line_height(sizes.small), sizes.gap / 2);
    let (columns, side) = grid(inner, view.thumbnails.len().min(WALL) as i32, gap, caption, sizes.body * 3);
    if side < 8 {
        return;
    }
    let left_edge = inner.x + (inner.w - columns * (side + gap) + gap) / 2;
    let rows = (inner.h + gap) / (side + caption + gap);
    for (i, (name, chip)) in view.thumbnails.iter().take(WALL.min((columns * rows).max(0) as usize)).enumerate() {
        let (column, row) = (i as i32 % columns, i as i32 / columns);
        let place = Area::new(left_edge + column * (side + gap), inner.y + row * (side + caption + gap), side, side);
        canvas.picture(chip, place, false);
        canvas.round_off(place, sizes.radius / 2, CARD);
        canvas.write(Area { y: place.bottom(), h: caption, ..place }, name, centre(sizes.small, QUIET));
    }
}

/// Columns and side of the largest squares of which `count` fit, each with a caption below; at least `least` wide.
fn grid(area: Area, count: i32, gap: i32, caption: i32, least: i32) -> (i32, i32) {
    let side = |columns: i32| {
        let rows = (count + columns - 1) / columns;
        ((area.w + gap) / columns - gap).min((area.h + gap) / rows - gap - caption)
    };
    let most = ((area.w + gap) / (least + gap)).max(1);
    let columns = (1..=most).max_by_key(|&columns| (side(columns), -columns)).unwrap_or(1);
    // Too many to show them all: as many as fit at the least size.
    if side(columns) < least { (most, least.min(area.w)) } else { (columns, side(columns)) }
}

/// What stands below: at the left, and at the right.
pub(super) struct Footer {
    pub first: String,
    pub last: String,
}

/// Where there is no room for both, the first gives way: who does not know the way on is stuck.
pub(super) fn draw_footer(canvas: &mut Canvas, footer: &Footer, area: Area, sizes: Sizes) {
    let used = canvas.write(area, &footer.last, right(sizes.small, FAINT));
    canvas.write(area.cut_right(used + sizes.gap).1, &footer.first, left(sizes.small, FAINT));
}

/// "12 people in the gallery".
pub(super) fn people(count: usize) -> String {
    match count {
        0 => "the gallery is empty".into(),
        1 => "1 person in the gallery".into(),
        n => format!("{n} people in the gallery"),
    }
}

/// The place of a picture that is not there: a question mark or an initial.
pub(super) fn blank(canvas: &mut Canvas, area: Area, radius: i32, mark: &str) {
    canvas.round(area, radius, TRACK, 255);
    canvas.write(area, mark, centre(area.h * 2 / 5, if mark == "?" { QUIET } else { TEXT }));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::{Answer, Face, Rect};

    fn sighting(track: u64, x: f32, w: f32) -> Sighting {
        let face = Face { rect: Rect { x, y: 0.0, w, h: w }, score: 1.0, landmarks: [[0.0; 2]; 5] };
        Sighting { track, face, chip: None, answer: None }
    }

    fn answered(best: f32, nobody_percent: f32) -> Sighting {
        let matches = vec![Match { name: "Ada".into(), percent: best, distance: 0.4 }];
        Sighting { answer: Some(Answer { matches, nobody_percent }), ..sighting(1, 0.0, 10.0) }
    }

    #[test]
    fn cards_stand_in_the_order_of_the_faces_as_shown() {
        let faces = [sighting(1, 300.0, 20.0), sighting(2, 10.0, 20.0), sighting(3, 100.0, 20.0)];
        let tracks = |mirror| arrange(&faces, mirror).iter().map(|s| s.sighting.track).collect::<Vec<_>>();
        assert_eq!(tracks(false), [2, 3, 1]);
        assert_eq!(tracks(true), [1, 3, 2]);
    }

    #[test]
    fn a_newcomer_leaves_everybody_the_own_colour() {
        let old = [sighting(3, 300.0, 20.0), sighting(9, 10.0, 20.0)];
        let new = [old[0].clone(), sighting(15, 100.0, 90.0), old[1].clone()];
        let color = |faces: &[Sighting], track| arrange(faces, false).iter().find(|s| s.sighting.track == track).unwrap().color;
        for track in [3, 9] {
            assert_eq!(color(&old, track), color(&new, track));
        }
        let mut all = [3, 9, 15].map(|track| color(&new, track)).to_vec();
        all.dedup();
        assert_eq!(all.len(), 3);
    }

    #[test]
    fn the_largest_faces_get_the_cards() {
        let faces: Vec<Sighting> = (0..20).map(|i| sighting(i, i as f32, 10.0 + i as f32)).collect();
        let seen = arrange(&faces, false);
        assert_eq!(seen.iter().map(|s| s.sighting.track).collect::<Vec<_>>(), [14, 15, 16, 17, 18, 19]);
    }

    #[test]
    fn nobody_is_named_where_nobody_is_the_likeliest() {
        let (known, stranger) = (answered(60.0, 40.0), answered(40.0, 60.0));
        let likeness = |s| Seen { sighting: s, color: TEXT }.likeness().map(|m| m.name.as_str());
        assert_eq!(likeness(&known), Some("Ada"));
        assert_eq!(likeness(&stranger), None);
        assert_eq!(likeness(&sighting(1, 0.0, 1.0)), None);
    }

    #[test]
    fn wall_squares_fit() {
        for (w, h, count) in [(430, 600, 12), (100, 600, 1), (430, 60, 24), (300, 300, 24)] {
            let (columns, side) = grid(Area::new(0, 0, w, h), count, 6, 18, 40);
            assert!(columns * (side + 6) - 6 <= w, "{w} x {h}: {columns} of {side}");
        }
    }
}
