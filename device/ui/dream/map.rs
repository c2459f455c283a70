//! A map of vectors, flat or in space, with a newcomer as a live point and lines to the nearest three.

use super::{ACCENT, Dims, draw_words};
use crate::generate::map::seen;
use crate::screen::{Area, Canvas, Pixel};
use crate::types::Chip;
use crate::ui::theme::{CARD, QUIET, TEXT, centre, left, right};
use embedded_graphics::pixelcolor::Rgb888;

/// One point of the map.
pub struct Point<'a> {
    /// -1 to 1 in each direction.
    pub place: [f32; 3],
    /// Its group's.
    pub color: Rgb888,
    /// Its name.
    pub label: &'a str,
    /// Its picture.
    pub thumbnail: Option<&'a Chip>,
}

/// What is shown.
pub struct View<'a> {
    /// All points.
    pub points: &'a [Point<'a>],
    /// Whether it is seen from a side that turns, and not from the front.
    pub turned: Option<[f32; 2]>,
    /// Whoever is in front of the camera.
    pub newcomer: Option<[f32; 3]>,
    /// The newcomer's picture.
    pub face: Option<&'a Chip>,
    /// The points nearest to the chosen one, or else to the newcomer, with their distances.
    pub nearest: &'a [(usize, f32)],
    /// The point that a finger chose.
    pub chosen: Option<usize>,
    /// Said in the list while there is nobody.
    pub empty: &'a str,
}

/// Where the points lie.
pub fn plot(stage: Area, dims: Dims) -> Area {
    halves(stage, dims).0
}

fn halves(stage: Area, dims: Dims) -> (Area, Area) {
    if stage.w >= stage.h {
        let (list, plot) = stage.cut_right((stage.w * 3 / 10).max(stage.w.min(dims.body * 10)));
        (plot, list.cut_left(dims.gap).1)
    } else {
        let (list, plot) = stage.cut_bottom(dims.even(stage.h / 3));
        (plot, list.cut_top(dims.even(dims.gap)).1)
    }
}

/// Where a place is drawn, and how far behind it lies (low is near).
fn at(plot: Area, place: [f32; 3], view: &View, dims: Dims) -> [f32; 3] {
    let [yaw, pitch] = view.turned.unwrap_or_default();
    let [x, y, depth] = seen(place, yaw, pitch);
    let margin = if view.points.len() <= FEW { dims.touch } else { dims.body } as f32;
    let [wide, high] = [plot.w, plot.h].map(|side| side as f32 / 2.0 - margin);
    // In space all directions are alike.
    let [wide, high] = if view.turned.is_some() { [wide.min(high); 2] } else { [wide, high] };
    [plot.x as f32 + plot.w as f32 / 2.0 + x * wide, plot.y as f32 + plot.h as f32 / 2.0 + y * high, depth]
}

/// The point nearest to a finger, if one is near enough.
pub fn hit(view: &View, stage: Area, dims: Dims, finger: Pixel) -> Option<usize> {
    let plot = plot(stage, dims);
    let far = |point: &Point| {
        let [x, y, _] = at(plot, point.place, view, dims);
        (x - finger.x as f32).hypot(y - finger.y as f32)
    };
    let nearest = view.points.iter().map(far).enumerate().min_by(|a, b| a.1.total_cmp(&b.1))?;
    (nearest.1 <= dims.touch as f32).then_some(nearest.0)
}

/// Draws it.
pub fn draw(canvas: &mut Canvas, view: &View, stage: Area, dims: Dims) {
    let (plot, list) = halves(stage, dims);
    draw_plot(canvas, view, plot, dims);
    draw_list(canvas, view, list, dims);
}

/// The points alone.
pub fn draw_plot(canvas: &mut Canvas, view: &View, plot: Area, dims: Dims) {
    canvas.round(plot, dims.radius, CARD, 255);
    let few = view.points.len() <= FEW && !dims.cells;
    canvas.clipped(plot, |canvas| {
        let mut order: Vec<(usize, [f32; 3])> =
            view.points.iter().map(|point| at(plot, point.place, view, dims)).enumerate().collect();
        // What lies behind is drawn first.
        order.sort_by(|a, b| b.1[2].total_cmp(&a.1[2]));
        for &(index, place) in &order {
            draw_point(canvas, view, index, place, few, dims);
        }
        let chosen = view.chosen.and_then(|index| view.points.get(index)).map(|point| at(plot, point.place, view, dims));
        let newcomer = view.newcomer.map(|place| at(plot, place, view, dims));
        if let Some([x, y, _]) = chosen.or(newcomer) {
            for point in view.nearest.iter().filter_map(|(index, _)| view.points.get(*index)) {
                let [to_x, to_y, _] = at(plot, point.place, view, dims);
                canvas.line([x, y], [to_x, to_y], (dims.body as f32 / 8.0).max(1.0), ACCENT, 220);
            }
        }
        let around = |[x, y, _]: [f32; 3], side: i32| Area::new(x as i32 - side / 2, y as i32 - side / 2, side, side);
        if let Some(place) = chosen.map(|place| around(place, dims.body.max(2))) {
            canvas.round(place.inset(-3, -3), place.w, ACCENT, 255);
        }
        let side = if dims.cells { dims.body.max(2) } else { dims.touch };
        if let Some(place) = newcomer.map(|place| around(place, side)) {
            canvas.round(place.inset(-3, -3), if view.face.is_some() { dims.radius } else { side }, ACCENT, 255);
            if let Some(face) = view.face {
                canvas.picture(face, place, false);
            }
        }
    });
}

/// Up to so many points are drawn as pictures with names.
const FEW: usize = 40;

fn draw_point(canvas: &mut Canvas, view: &View, index: usize, [x, y, depth]: [f32; 3], few: bool, dims: Dims) {
    let point = &view.points[index];
    let near = view.nearest.iter().any(|(i, _)| *i == index) || view.chosen == Some(index);
    // Far points are paler.
    let alpha = if view.turned.is_some() { (200.0 - 90.0 * depth).clamp(60.0, 255.0) as u8 } else { 230 };
    if let Some(chip) = point.thumbnail.filter(|_| few || near && !dims.cells) {
        let side = if few { dims.touch } else { dims.body * 3 / 2 };
        let place = Area::new(x as i32 - side / 2, y as i32 - side / 2, side, side);
        canvas.round(place.inset(-2, -2), 3, point.color, alpha);
        canvas.picture(chip, place, false);
        if few {
            let wide = side * 3;
            let name = Area::new(x as i32 - wide / 2, place.bottom() + 2, wide, dims.small_line);
            canvas.write(name, point.label, centre(dims.small * 4 / 5, QUIET));
        }
        return;
    }
    let side = if dims.cells { 1 } else { (dims.body / 2).max(3) };
    canvas.round(Area::new(x as i32 - side / 2, y as i32 - side / 2, side, side), side, point.color, alpha);
}

/// The nearest ones with their pictures and distances.
fn draw_list(canvas: &mut Canvas, view: &View, area: Area, dims: Dims) {
    let title = match (view.chosen.and_then(|i| view.points.get(i)), view.newcomer) {
        (Some(point), _) => format!("nearest to {}", point.label),
        (None, Some(_)) => "nearest to you".to_string(),
        (None, None) => return draw_words(canvas, view.empty, area, dims),
    };
    let (row, mut rest) = area.cut_top(dims.line);
    canvas.write(row, &title, left(dims.body, TEXT));
    let each = dims.even((rest.h / view.nearest.len().max(1) as i32).min(dims.touch * 2));
    for (index, distance) in view.nearest {
        let Some(point) = view.points.get(*index) else { continue };
        let (row, below) = rest.cut_top(each);
        rest = below;
        let row = if dims.cells { row } else { row.inset(0, dims.gap / 4) };
        let (picture, words) = row.cut_left(row.h.min(row.w / 3));
        if let Some(chip) = point.thumbnail {
            canvas.picture(chip, picture.fit(1, 1), false);
        }
        let words = words.cut_left(dims.gap).1;
        let used = canvas.write(words, &format!("{distance:.2}"), right(dims.small, QUIET));
        canvas.write(words.cut_right(used + dims.gap).1, point.label, left(dims.body, TEXT));
    }
}
