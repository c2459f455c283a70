//! A page of plain words: why the booth cannot start, and what to do.

use super::theme::{ALARM, BACK, CARD, QUIET, Sizes, TEXT, left};
use crate::screen::{Area, Canvas};

/// Draws a title and a text on all of the canvas. Lines wrap; type shrinks until all of it fits, as far as it can be read.
pub fn draw(canvas: &mut Canvas, title: &str, text: &str) {
    canvas.wipe(BACK);
    let all = canvas.area();
    if canvas.has_cells() {
        let inner = all.inset(2, 2);
        let rest = write(canvas, inner, &[title.to_string()], 1, true);
        let lines = canvas.wrap(text, 1, inner.w);
        write(canvas, rest.cut_top(2).1, &lines, 1, false);
        return;
    }
    let sizes = Sizes::of(canvas);
    let card = all.inset(sizes.gap * 2, sizes.gap * 2);
    canvas.round(card, sizes.radius, CARD, 255);
    let stripe = (sizes.body / 3).max(3);
    canvas.clipped(Area { w: stripe, ..card }, |canvas| canvas.round(card, sizes.radius, ALARM, 255));
    let inner = card.cut_left(stripe).1.inset(sizes.gap * 2, sizes.gap * 2);
    let fits = |&px: &i32| {
        let titles = canvas.wrap(title, px * 2, inner.w).len() as i32;
        let lines = canvas.wrap(text, px, inner.w).len() as i32;
        titles * canvas.line_height(px * 2) + px + lines * canvas.line_height(px) <= inner.h
    };
    let px = (10..=sizes.body * 5 / 4).rev().find(fits).unwrap_or(10);
    let (titles, lines) = (canvas.wrap(title, px * 2, inner.w), canvas.wrap(text, px, inner.w));
    let rest = write(canvas, inner, &titles, px * 2, true);
    write(canvas, rest.cut_top(px).1, &lines, px, false);
}

/// Writes the lines that fit. Returns what is left.
fn write(canvas: &mut Canvas, area: Area, lines: &[String], px: i32, is_title: bool) -> Area {
    let mut rest = area;
    for line in lines {
        let height = canvas.line_height(px);
        if rest.h < height {
            break;
        }
        let (row, below) = rest.cut_top(height);
        let color = if is_title { TEXT } else { QUIET };
        canvas.write(row, line, left(px, color));
        rest = below;
    }
    rest
}
