//! A GAN while it learns: samples of noise that stays the same, both losses over time, and what the discriminator thinks of real
//! and fake pictures.

use super::{Dims, tiles};
use crate::generate::Tiles;
use crate::screen::{Area, Canvas};
use crate::ui::theme::{CARD, FACES, QUIET, TEXT, TRACK, left, percent, right};
use embedded_graphics::pixelcolor::Rgb888;

/// What is shown.
pub struct View<'a> {
    /// What the generator makes of the fixed noise.
    pub samples: Option<&'a Tiles>,
    /// Losses of the discriminator and of the generator, oldest first.
    pub losses: [&'a [f32]; 2],
    /// How real the discriminator takes real and fake pictures for, 0 to 1.
    pub opinions: [f32; 2],
    /// Steps of both so far.
    pub steps: [u64; 2],
}

const DISCRIMINATOR: Rgb888 = FACES[0];
const GENERATOR: Rgb888 = FACES[1];

/// Draws it.
pub fn draw(canvas: &mut Canvas, view: &View, stage: Area, dims: Dims) {
    let (first, second) =
        if stage.w >= stage.h { stage.cut_left(stage.h.min(stage.w * 3 / 5)) } else { stage.cut_top(dims.even(stage.h * 3 / 5)) };
    let second = if stage.w >= stage.h { second.cut_left(2 * dims.gap).1 } else { second.cut_top(dims.even(dims.gap)).1 };
    if let Some(samples) = view.samples {
        tiles::draw_grid(canvas, samples, first, dims);
    }
    let words = [(DISCRIMINATOR, "discriminator"), (GENERATOR, "generator")];
    let mut rest = second;
    for (i, (color, name)) in words.into_iter().enumerate() {
        let (row, below) = rest.cut_top(dims.line);
        let loss = view.losses[i].last().map_or("–".into(), |loss| format!("{loss:.2}"));
        canvas.write(row, &format!("{name}, step {}", view.steps[i]), left(dims.body, color));
        canvas.write(row, &format!("loss {loss}"), right(dims.body, color));
        rest = below;
    }
    let opinions = 2 * dims.line + dims.gap;
    let (below, plot) = rest.cut_bottom(opinions);
    draw_losses(canvas, view.losses, plot.cut_top(dims.even(dims.gap / 2)).1, dims);
    let mut rest = below.cut_top(dims.even(dims.gap)).1;
    for (name, share) in [("real pictures look real", view.opinions[0]), ("fakes look real", view.opinions[1])] {
        let (row, after) = rest.cut_top(dims.line);
        draw_opinion(canvas, name, share, row, dims);
        rest = after;
    }
}

fn draw_opinion(canvas: &mut Canvas, name: &str, share: f32, row: Area, dims: Dims) {
    let (number, rest) = row.cut_right(canvas.text_width("100\u{a0}%", dims.body));
    let bar = if dims.cells { rest } else { rest.inset(0, dims.line / 8) };
    canvas.round(bar, dims.radius.min(bar.h / 2), TRACK, 255);
    let share = if share.is_finite() { share.clamp(0.0, 1.0) } else { 0.0 };
    let filled = Area { w: (bar.w as f32 * share) as i32, ..bar };
    canvas.clipped(filled, |canvas| canvas.round(bar, dims.radius.min(bar.h / 2), DISCRIMINATOR, 120));
    canvas.write(bar.inset(dims.gap / 2, 0), name, left(dims.small, TEXT));
    canvas.write(number, &percent(share * 100.0), right(dims.body, TEXT));
}

/// Both curves in one plot, over the steps that are kept; its top is the largest loss of them.
fn draw_losses(canvas: &mut Canvas, losses: [&[f32]; 2], plot: Area, dims: Dims) {
    if plot.h < 8 || plot.w < 8 {
        return;
    }
    canvas.round(plot, dims.radius, CARD, 255);
    let inner = if dims.cells { plot } else { plot.inset(dims.gap / 2, dims.gap / 2) };
    let most = losses.iter().flat_map(|l| l.iter()).copied().filter(|l| l.is_finite()).fold(1.0, f32::max).min(20.0);
    for (curve, color) in losses.into_iter().zip([DISCRIMINATOR, GENERATOR]) {
        // Never more points than columns: a curve of thousands costs no more than what is seen of it.
        let columns = curve.len().min(inner.w.max(2) as usize);
        let point = |column: usize| {
            let [from, to] = [column, column + 1].map(|c| c * curve.len() / columns);
            let part = &curve[from..to.max(from + 1)];
            let mean = part.iter().sum::<f32>() / part.len() as f32;
            let across = column as f32 / (columns.max(2) - 1) as f32 * (inner.w - 1) as f32;
            [inner.x as f32 + across + 0.5, inner.bottom() as f32 - 1.0 - (mean / most).clamp(0.0, 1.0) * (inner.h - 2) as f32]
        };
        for column in 1..columns {
            canvas.line(point(column - 1), point(column), if dims.cells { 0.8 } else { 1.6 }, color, 255);
        }
    }
    if !dims.cells {
        let words = inner.cut_top(dims.small_line).0;
        canvas.write(words, &format!("{most:.1}"), right(dims.small * 4 / 5, QUIET));
    }
}
