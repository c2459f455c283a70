//! The one line that a visitor reads from afar.

use super::{
    live::{Found, Seen, View},
    theme::{ALARM, QUIET, Sizes, TEXT, centre, percent},
};
use crate::screen::{Align, Area, Canvas, Style};
use embedded_graphics::pixelcolor::Rgb888;

/// Said of a face that resembles nobody in the gallery.
pub const NOBODY_NEAR: &str = "no strong resemblance";

/// Said where a Haar cascade finds the faces: why nobody has a name, and what there is instead.
pub const NO_NAMES: [&str; 2] = ["a Haar cascade gives no landmarks, so no names", "boxes, but nobody's name"];

/// A large line made of two parts, with a small one above it.
struct Words {
    above: String,
    large: String,
    number: Option<(String, Rgb888)>,
    color: Rgb888,
}

/// Draws what fits the moment.
pub fn draw(canvas: &mut Canvas, view: &View, seen: &[Seen], area: Area, sizes: Sizes) {
    if area.h < sizes.body || area.w < sizes.body * 4 {
        return;
    }
    match seen {
        [_, _, ..] if view.gallery_people > 0 => draw_several(canvas, seen, area, sizes),
        _ => draw_words(canvas, &words(view, seen.first()), area, sizes),
    }
}

fn words(view: &View, face: Option<&Seen>) -> Words {
    let plain = |above: &str, large: &str| Words { above: above.into(), large: large.into(), number: None, color: TEXT };
    if let (Found::Outlines(outlines), None) = (view.found, view.notice) {
        let [above, large] = NO_NAMES;
        return plain(above, if outlines.is_empty() { "no face in view" } else { large });
    }
    if view.gallery_people == 0 {
        return plain("nobody is enrolled yet", view.how_to_enroll);
    }
    if view.notice.is_some() {
        return Words { color: ALARM, ..plain("one moment, please", "no picture") };
    }
    let Some(face) = face else { return plain("look into the camera", "Who do you look like?") };
    let Some(answer) = &face.sighting.answer else { return plain("hold still", "looking …") };
    match (face.likeness(), answer.matches.first()) {
        (Some(best), _) => Words {
            above: "you look like".into(),
            large: best.name.clone(),
            number: Some((percent(best.percent), face.color)),
            color: TEXT,
        },
        (None, Some(nearest)) => {
            let above = format!("nearest is {}, {}", nearest.name, percent(nearest.percent));
            Words { above, large: NOBODY_NEAR.into(), number: None, color: TEXT }
        }
        (None, None) => plain("", NOBODY_NEAR),
    }
}

fn draw_words(canvas: &mut Canvas, words: &Words, area: Area, sizes: Sizes) {
    let number = words.number.as_ref().map_or(String::new(), |(text, _)| format!("   {text}"));
    let most = (area.h * 9 / 20).min(sizes.body * 7 / 2);
    let fits = |px: &i32| canvas.text_width(&words.large, *px) + canvas.text_width(&number, *px) <= area.w;
    let px = (sizes.body..=most).rev().find(fits).unwrap_or(sizes.body);
    let (line, small) = (canvas.line_height(px), canvas.line_height(sizes.body));
    let top = (area.h - line - small).max(0) / 2;
    let (above, below) = area.cut_top(top).1.cut_top(small);
    canvas.write(above, &words.above, centre(sizes.body, QUIET));
    let row = below.cut_top(line).0;
    let number_width = canvas.text_width(&number, px);
    let name = canvas.shorten(&words.large, px, row.w - number_width).into_owned();
    let width = canvas.text_width(&name, px);
    let row = row.inset((row.w - width - number_width) / 2, 0);
    let (name_place, number_place) = row.cut_left(width);
    canvas.write(name_place, &name, Style { px, color: words.color, align: Align::Left });
    if let Some((_, color)) = words.number {
        canvas.write(number_place, number.trim_start(), Style { px, color, align: Align::Right });
    }
}

/// A column for each face: its percentage over its name.
fn draw_several(canvas: &mut Canvas, seen: &[Seen], area: Area, sizes: Sizes) {
    let width = area.w / seen.len() as i32;
    let px = (area.h * 2 / 5).min(sizes.body * 5 / 2).min(width / 4);
    let (line, small) = (canvas.line_height(px), canvas.line_height(sizes.body));
    let mut rest = area.cut_top((area.h - line - small).max(0) / 2).1;
    for face in seen {
        let (column, after) = rest.cut_left(width);
        let (above, below) = column.inset(sizes.gap / 3, 0).cut_top(line);
        let (number, name) = match (face.likeness(), &face.sighting.answer) {
            (Some(best), _) => (percent(best.percent), best.name.as_str()),
            (None, Some(_)) if canvas.text_width(NOBODY_NEAR, sizes.body) <= above.w => ("–".into(), NOBODY_NEAR),
            (None, Some(_)) => ("–".into(), "nobody"),
            (None, None) => ("…".into(), "looking"),
        };
        canvas.write(above, &number, centre(px, face.color));
        canvas.write(below.cut_top(small).0, name, centre(sizes.body, TEXT));
        rest = after;
    }
}
