//! The camera picture with what is drawn onto it: boxes, landmarks, names, a notice.

use super::{
    compare::HAAR,
    live::{Found, Seen, View},
    theme::{ALARM, BACK, CARD, QUIET, Sizes, TEXT, TRACK, centre, percent},
};
use crate::{
    screen::{Area, Canvas},
    types::{Face, Frame, Rect},
};
use embedded_graphics::pixelcolor::Rgb888;

const BLACK: Rgb888 = Rgb888::new(0, 0, 0);

/// What is drawn onto a face.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Detail {
    /// Whom it resembles.
    Names,
    /// Its landmarks, and how sure the detector is.
    Measures,
}

/// From frame pixels to canvas pixels.
#[derive(Clone, Copy)]
pub struct Mapping {
    picture: Area,
    scale: [f32; 2],
    mirror: bool,
}

impl Mapping {
    pub fn new(frame: &Frame, picture: Area, mirror: bool) -> Self {
        let scale = [picture.w as f32 / frame.width.max(1) as f32, picture.h as f32 / frame.height.max(1) as f32];
        Self { picture, scale, mirror }
    }

    /// Where the picture is on the canvas.
    pub fn picture(&self) -> Area {
        self.picture
    }

    fn point(&self, [x, y]: [f32; 2]) -> [f32; 2] {
        let across = x * self.scale[0];
        let across = if self.mirror { self.picture.w as f32 - across } else { across };
        [self.picture.x as f32 + across, self.picture.y as f32 + y * self.scale[1]]
    }

    /// The box of a face in canvas pixels.
    pub fn area(&self, face: &Face) -> Area {
        self.place(face.rect)
    }

    /// The same of any box. It may reach beyond the picture, but not beyond all bounds.
    pub fn place(&self, r: Rect) -> Area {
        let [[x0, y0], [x1, y1]] = [self.point([r.x, r.y]), self.point([r.x + r.w, r.y + r.h])];
        let [left, top, right, bottom] =
            [x0.min(x1), y0.min(y1), x0.max(x1), y0.max(y1)].map(|v| v.round().clamp(-30_000.0, 30_000.0) as i32);
        Area::new(left, top, right - left, bottom - top)
    }

    /// A square of `side` pixels around a point of the frame.
    pub fn dot(&self, at: [f32; 2], side: i32) -> Area {
        let [x, y] = self.point(at).map(|v| (v - side as f32 / 2.0).round().clamp(-30_000.0, 30_000.0) as i32);
        Area::new(x, y, side, side)
    }
}

/// Draws the picture and all that belongs on it.
pub fn draw(canvas: &mut Canvas, view: &View, frame: Option<&Frame>, seen: &[Seen], area: Area, sizes: Sizes, detail: Detail) {
    draw_with(canvas, view, frame, area, sizes, |canvas, mapping| draw_faces(canvas, view, mapping, seen, sizes, detail));
}

/// Draws the picture, and what `faces` draws on it, unless there is a notice to read.
pub fn draw_with(
    canvas: &mut Canvas,
    view: &View,
    frame: Option<&Frame>,
    area: Area,
    sizes: Sizes,
    faces: impl FnOnce(&mut Canvas, Mapping),
) {
    match frame {
        Some(frame) => {
            canvas.picture(frame, area, view.mirror);
            if view.notice.is_none() {
                canvas.clipped(area, |canvas| faces(canvas, Mapping::new(frame, area, view.mirror)));
            }
        }
        None => canvas.fill(area, CARD),
    }
    if let Some(notice) = view.notice {
        canvas.shade(area, BLACK, 150);
        draw_notice(canvas, notice, area, sizes);
    } else if frame.is_none() {
        canvas.write(area, "waiting for the camera …", centre(sizes.body, QUIET));
    }
    canvas.round_off(area, sizes.radius, BACK);
}

fn draw_faces(canvas: &mut Canvas, view: &View, mapping: Mapping, seen: &[Seen], sizes: Sizes, detail: Detail) {
    if let Found::Outlines(outlines) = view.found {
        outlines.iter().for_each(|outline| draw_brackets(canvas, mapping.place(outline.rect), HAAR, sizes));
    }
    for sighting in view.sightings {
        let color = seen.iter().find(|s| std::ptr::eq(s.sighting, sighting)).map_or(QUIET, |s| s.color);
        draw_box(canvas, &sighting.face, color, mapping, sizes, detail);
    }
    let mut tags: Vec<Area> = Vec::new();
    for face in seen {
        let place = draw_tag(canvas, face, mapping, &tags, sizes, detail);
        tags.extend(place);
    }
}

fn draw_box(canvas: &mut Canvas, face: &Face, color: Rgb888, mapping: Mapping, sizes: Sizes, detail: Detail) {
    let area = mapping.area(face);
    draw_brackets(canvas, area, color, sizes);
    if detail == Detail::Names {
        return;
    }
    let side = (area.w / 26).clamp(3, sizes.body / 2);
    for point in face.landmarks {
        canvas.round(mapping.dot(point, side + 2), side, BLACK, 110);
        canvas.round(mapping.dot(point, side), side, color, 255);
    }
}

/// The corners of a box, dark below bright: seen on any background.
pub fn draw_brackets(canvas: &mut Canvas, area: Area, color: Rgb888, sizes: Sizes) {
    let line = (sizes.body / 6).max(2);
    let arm = (area.w.min(area.h) / 4).max(line * 3);
    canvas.brackets(area.inset(-1, -1), line * 3 + 1, line + 2, arm + 1, BLACK, 90);
    canvas.brackets(area, line * 3, line, arm, color, 255);
}

/// Name and percentage at the box: above it, else below, else in it; where no other tag is. Returns where.
fn draw_tag(canvas: &mut Canvas, face: &Seen, at: Mapping, others: &[Area], sizes: Sizes, detail: Detail) -> Option<Area> {
    let (area, picture) = (at.area(&face.sighting.face), at.picture);
    let px = sizes.small;
    let (pad, height) = (px / 2, canvas.line_height(px));
    let text = match face.likeness() {
        _ if detail == Detail::Measures => format!("{}  {:.3}", face.sighting.track, face.sighting.face.score),
        Some(best) => {
            let number = format!("  {}", percent(best.percent));
            let most = (picture.w / 3).max(area.w.min(picture.w - 4 * pad));
            canvas.shorten(&best.name, px, most - canvas.text_width(&number, px)).into_owned() + &number
        }
        None if face.sighting.answer.is_some() => "?".into(),
        None => return None,
    };
    let width = canvas.text_width(&text, px) + 2 * pad;
    let x = (area.x + (area.w - width) / 2).min(picture.right() - width - 4).max(picture.x + 4);
    let gap = sizes.body / 3;
    let inner = area.common(&picture);
    let rows = [area.y - height - gap, area.bottom() + gap, inner.y + gap, inner.bottom() - height - gap];
    let fits = |place: &Area| picture.holds(place) && others.iter().all(|o| o.common(place).is_empty());
    let place = rows.map(|y| Area::new(x, y, width, height)).into_iter().find(fits)?;
    canvas.round(place.inset(-1, -1), height / 2, BLACK, 90);
    canvas.round(place, height / 2, face.color, 255);
    canvas.write(place, &text, centre(px, BACK));
    Some(place)
}

fn draw_notice(canvas: &mut Canvas, notice: &str, area: Area, sizes: Sizes) {
    let width = (area.w * 4 / 5).min(sizes.body * 26);
    let pad = sizes.gap;
    let line = canvas.line_height(sizes.body);
    let mut lines = canvas.wrap(notice, sizes.body, width - 4 * pad);
    lines.truncate(((area.h - 2 * pad) / line).max(1) as usize);
    let height = lines.len() as i32 * line + 2 * pad;
    let place = Area::new(area.x + (area.w - width) / 2, area.y + (area.h - height) / 2, width, height).common(&area);
    canvas.round(place, sizes.radius, TRACK, 240);
    canvas.clipped(Area { w: (sizes.body / 4).max(3), ..place }, |canvas| canvas.round(place, sizes.radius, ALARM, 255));
    let mut rest = place.inset(2 * pad, pad);
    for text in lines {
        let (row, below) = rest.cut_top(line);
        canvas.write(row, &text, centre(sizes.body, TEXT));
        rest = below;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::Rect;
    use std::time::Instant;

    fn face(x: f32, y: f32, w: f32, h: f32) -> Face {
        Face { rect: Rect { x, y, w, h }, score: 1.0, landmarks: [[x, y]; 5] }
    }

    #[test]
    fn a_mirrored_face_lies_on_the_other_side() {
        let frame = Frame { width: 100, height: 50, pixels: Vec::new(), taken: Instant::now() };
        let picture = Area::new(10, 20, 200, 100);
        let face = face(5.0, 10.0, 20.0, 20.0);
        assert_eq!(Mapping::new(&frame, picture, false).area(&face), Area::new(20, 40, 40, 40));
        assert_eq!(Mapping::new(&frame, picture, true).area(&face), Area::new(160, 40, 40, 40));
        assert_eq!(Mapping::new(&frame, picture, true).dot([5.0, 10.0], 4), Area::new(198, 38, 4, 4));
    }

    #[test]
    fn a_senseless_box_stays_within_bounds() {
        let frame = Frame { width: 100, height: 50, pixels: Vec::new(), taken: Instant::now() };
        let mapping = Mapping::new(&frame, Area::new(0, 0, 200, 100), true);
        for wild in [f32::NAN, f32::INFINITY, -1e30, 1e30] {
            let area = mapping.area(&face(wild, wild, wild, wild));
            assert!(area.x.abs() <= 30_000 && area.w.abs() <= 60_000, "{wild}: {area:?}");
        }
    }
}
