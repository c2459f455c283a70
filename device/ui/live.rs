//! The booth's main mode: the camera picture, whom each face resembles, and how long it took.

use super::{
    card, compact, headline, overlay,
    theme::{BACK, CARD, FACES, FAINT, QUIET, Sizes, TEXT, TRACK, centre, left, right},
};
use crate::{
    screen::{Area, Canvas},
    types::{Answer, Chip, Frame, Match, Sighting},
};
use embedded_graphics::pixelcolor::Rgb888;
use std::collections::BTreeMap;

/// Everything that one picture of the live mode shows.
pub struct View<'a> {
    /// The newest camera picture; the last one while there is a notice; `None` before the first.
    pub frame: Option<&'a Frame>,
    /// Left and right exchanged, as visitors know themselves.
    pub mirror: bool,
    /// The faces in view, in any order, in pixels of `frame`.
    pub sightings: &'a [Sighting],
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
    /// What is wrong with the camera, in words and with advice.
    pub notice: Option<&'a str>,
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
        let answer: &Answer = self.sighting.answer.as_ref()?;
        answer.matches.first().filter(|best| best.percent >= answer.nobody_percent)
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
    if canvas.has_cells() {
        compact::draw(canvas, view, &seen);
        return;
    }
    let sizes = Sizes::of(canvas);
    let frame = view.frame.filter(|f| f.width > 0 && f.height > 0);
    let places = Places::of(canvas, sizes, frame.map_or((4, 3), |f| (f.width as i32, f.height as i32)));
    overlay::draw(canvas, view, frame, &seen, places.picture, sizes);
    headline::draw(canvas, view, &seen, places.headline, sizes);
    draw_panel(canvas, view, &seen, places.panel, sizes);
    draw_footer(canvas, view, places.footer, sizes);
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
struct Places {
    picture: Area,
    headline: Area,
    panel: Area,
    footer: Area,
}

impl Places {
    /// `proportions` are width and height of the camera picture.
    fn of(canvas: &Canvas, sizes: Sizes, proportions: (i32, i32)) -> Self {
        let Sizes { body, small, gap, .. } = sizes;
        let (footer, rest) = canvas.area().cut_bottom(canvas.line_height(small) + gap);
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
    let height = (area.h + sizes.gap) / cards as i32 - sizes.gap;
    let mut rest = area;
    for face in &seen[..cards] {
        let (place, below) = rest.cut_top(height);
        card::draw(canvas, view, face, place, sizes);
        rest = below.cut_top(sizes.gap).1;
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

/// Speed at the left, the gallery at the right.
fn draw_footer(canvas: &mut Canvas, view: &View, area: Area, sizes: Sizes) {
    let px = sizes.small;
    let people = people(view.gallery_people);
    let fps = format!("{:.0} frames/s", view.fps);
    // Slots of fixed width: numbers that change must not push the others about.
    let slow = view.stages.iter().any(|(_, ms)| *ms >= 99.95);
    let slot = |name: &str| canvas.text_width(name, px) + canvas.text_width(if slow { " 000.0" } else { " 00.0" }, px);
    let widths: Vec<i32> = view.stages.iter().map(|(name, _)| slot(name)).collect();
    let (fps_width, unit) = (canvas.text_width("000 frames/s", px), canvas.text_width(" ms", px));
    let timings = widths.iter().sum::<i32>() + unit + sizes.gap * widths.len() as i32;
    let mut rest = area;
    if fps_width + timings + sizes.gap * 2 + canvas.text_width(&people, px) <= area.w {
        canvas.write(area, &people, right(px, FAINT));
    } else {
        rest.w = area.w;
    }
    let (place, after) = rest.cut_left(fps_width);
    canvas.write(place, &fps, left(px, QUIET));
    rest = after;
    if timings > rest.w {
        let total: f32 = view.stages.iter().map(|(_, ms)| ms).sum();
        canvas.write(rest, &format!("{total:.0} ms a picture"), right(px, FAINT));
        return;
    }
    for ((name, ms), width) in view.stages.iter().zip(widths) {
        let (place, after) = rest.cut_left(sizes.gap + width);
        let place = place.cut_left(sizes.gap).1;
        let used = canvas.write(place, name, left(px, FAINT));
        canvas.write(place.cut_left(used).1, &format!("{ms:.1}"), right(px, QUIET));
        rest = after;
    }
    canvas.write(rest, " ms", left(px, FAINT));
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
