//! The mode that sets a Haar cascade beside MT-CNN: the boxes of both on one frame, their milliseconds, hits and misses.

use super::{
    engineer::rates,
    live::{self, Footer, Found, Places, View},
    overlay::{self, Mapping},
    theme::{BACK, CARD, FACES, FAINT, QUIET, Sizes, TEXT, centre, left, right},
};
use crate::{
    screen::{Area, Canvas},
    types::{Duel, Rect, Tally},
};
use embedded_graphics::pixelcolor::Rgb888;

/// Of MT-CNN's boxes.
pub(super) const MTCNN: Rgb888 = FACES[1];
/// Of the cascade's boxes.
pub(super) const HAAR: Rgb888 = FACES[0];
/// What is shown.
pub(super) const TITLE: &str = "MT-CNN and a Haar cascade, the same frame";

/// What the figures mean.
const MEANING: &str = "A box of both is a hit of both. A box of one only counts as a miss of the other, though it may be a false \
                       alarm: nobody here knows. The cascade gives no landmarks, so no names come of it.";

/// Draws the view on a canvas of pixels.
pub(super) fn draw(canvas: &mut Canvas, view: &View) {
    let sizes = Sizes::of(canvas);
    let frame = view.frame.filter(|f| f.width > 0 && f.height > 0);
    let footer_height = canvas.line_height(sizes.small) + sizes.gap;
    let places = Places::of(canvas.area(), footer_height, sizes, frame.map_or((4, 3), |f| (f.width as i32, f.height as i32)));
    overlay::draw_with(canvas, view, frame, places.picture, sizes, |canvas, mapping| {
        if let Found::Duel(duel, _) = view.found {
            draw_boxes(canvas, duel, mapping, sizes);
        }
    });
    draw_title(canvas, places.headline, sizes);
    draw_table(canvas, view, places.panel, sizes);
    live::draw_footer(canvas, &Footer { first: view.footer(rates(view)), last: view.hint() }, places.footer, sizes);
}

/// What is shown, in which colours.
fn draw_title(canvas: &mut Canvas, area: Area, sizes: Sizes) {
    let line = canvas.line_height(sizes.body);
    if area.h < 2 * line {
        return;
    }
    let (title, below) = area.cut_top((area.h - 2 * line) / 2).1.cut_top(line);
    canvas.write(title, TITLE, centre(sizes.body, TEXT));
    let (one, other) = below.cut_top(line).0.cut_left(area.w / 2);
    canvas.write(one, "MT-CNN's boxes", centre(sizes.body, MTCNN));
    canvas.write(other, "the cascade's boxes", centre(sizes.body, HAAR));
}

/// The boxes of both, a word at each that only one has.
fn draw_boxes(canvas: &mut Canvas, duel: &Duel, mapping: Mapping, sizes: Sizes) {
    for (index, face) in duel.faces.iter().enumerate() {
        let is_alone = duel.pairs.iter().all(|pair| pair.0 != index);
        draw_box(canvas, face.rect, MTCNN, is_alone.then_some("MT-CNN only"), mapping, sizes);
    }
    for (index, outline) in duel.outlines.iter().enumerate() {
        let is_alone = duel.pairs.iter().all(|pair| pair.1 != index);
        draw_box(canvas, outline.rect, HAAR, is_alone.then_some("Haar only"), mapping, sizes);
    }
}

fn draw_box(canvas: &mut Canvas, rect: Rect, color: Rgb888, word: Option<&str>, mapping: Mapping, sizes: Sizes) {
    let area = mapping.place(rect);
    overlay::draw_brackets(canvas, area, color, sizes);
    let picture = mapping.picture();
    let Some(word) = word.filter(|_| !area.common(&picture).is_empty()) else { return };
    let line = canvas.line_height(sizes.small);
    let width = canvas.text_width(word, sizes.small) + sizes.small;
    // At the lower edge, and in the picture.
    let x = (area.x + (area.w - width) / 2).min(picture.right() - width).max(picture.x);
    let y = (area.bottom() - line / 2).min(picture.bottom() - line).max(picture.y);
    let tag = Area::new(x, y, width, line);
    if picture.holds(&tag) {
        canvas.round(tag, line / 2, color, 255);
        canvas.write(tag, word, centre(sizes.small, BACK));
    }
}

/// A row of the table: what it says, of MT-CNN and of the cascade.
type Row = (&'static str, String, String);

fn rows(duel: &Duel, tally: &Tally) -> [Row; 5] {
    let ms = |of_one: f64| format!("{:.1}", of_one);
    let mean = |of_all: f64| ms(of_all / tally.frames.max(1) as f64);
    [
        ("boxes now", duel.faces.len().to_string(), duel.outlines.len().to_string()),
        ("ms now", ms(duel.mtcnn_ms.into()), ms(duel.haar_ms.into())),
        ("ms, mean", mean(tally.mtcnn_ms), mean(tally.haar_ms)),
        ("hits", tally.hits.to_string(), tally.hits.to_string()),
        ("misses", tally.mtcnn_misses.to_string(), tally.haar_misses.to_string()),
    ]
}

/// Milliseconds, hits and misses, and what they mean.
fn draw_table(canvas: &mut Canvas, view: &View, area: Area, sizes: Sizes) {
    if area.w < 40 || area.h < 40 {
        return;
    }
    canvas.round(area, sizes.radius, CARD, 255);
    let inner = area.inset(sizes.gap, sizes.gap);
    let Found::Duel(duel, tally) = view.found else {
        canvas.write(inner, "the cascade gets ready …", centre(sizes.body, QUIET));
        return;
    };
    let line = canvas.line_height(sizes.body) * 5 / 4;
    let mut rest = inner;
    let mut draw = |canvas: &mut Canvas, words: &str, one: &str, other: &str, colors: [Rgb888; 2]| {
        let (row, below) = rest.cut_top(line);
        if row.h == line {
            let (label, numbers) = row.cut_left(row.w * 2 / 5);
            let (first, second) = numbers.cut_left(numbers.w / 2);
            canvas.write(label, words, left(sizes.small, QUIET));
            canvas.write(first, one, right(sizes.body, colors[0]));
            canvas.write(second, other, right(sizes.body, colors[1]));
        }
        rest = below;
    };
    draw(canvas, "", "MT-CNN", "Haar", [MTCNN, HAAR]);
    for (words, one, other) in rows(duel, tally) {
        draw(canvas, words, &one, &other, [TEXT; 2]);
    }
    draw(canvas, "frames", &tally.frames.to_string(), "", [TEXT; 2]);
    let line = canvas.line_height(sizes.small);
    let mut rest = rest.cut_top(sizes.gap).1;
    for text in canvas.wrap(MEANING, sizes.small, rest.w) {
        let (row, below) = rest.cut_top(line);
        if row.h == line {
            canvas.write(row, &text, left(sizes.small, FAINT));
        }
        rest = below;
    }
}

/// All of it as lines of characters.
pub(super) fn draw_lines(canvas: &mut Canvas, view: &View, area: Area) {
    let Found::Duel(duel, tally) = view.found else { return };
    let head = ("", "MT-CNN".to_string(), "Haar".to_string());
    let frames = ("frames", tally.frames.to_string(), String::new());
    let mut rest = area;
    for (index, (words, one, other)) in [head].into_iter().chain(rows(duel, tally)).chain([frames]).enumerate() {
        let (row, below) = rest.cut_top(2);
        if row.h < 2 {
            return;
        }
        let colors = if index == 0 { [MTCNN, HAAR] } else { [TEXT; 2] };
        let (label, numbers) = row.cut_left(11);
        let (first, second) = numbers.cut_left(9);
        canvas.write(label, words, left(1, QUIET));
        canvas.write(first, &one, right(1, colors[0]));
        canvas.write(second.cut_left(8).0, &other, right(1, colors[1]));
        rest = below;
    }
    for text in canvas.wrap(MEANING, 1, rest.w) {
        let (row, below) = rest.cut_top(2);
        if row.h == 2 {
            canvas.write(row, &text, left(1, FAINT));
        }
        rest = below;
    }
}
