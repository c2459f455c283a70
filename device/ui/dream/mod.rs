//! The generative modes on a canvas: what all of them have in common, and one file for the stage of each.
//!
//! From above: what the mode is, its stage, its buttons and sliders, and a bar that leads to the next mode. Fingers are asked for by
//! the same layout that is drawn.

use super::theme::{BACK, CARD, FACES, FAINT, QUIET, Sizes, TEXT, TRACK, centre, left, right};
use crate::generate::Tiles;
use crate::screen::{Area, Canvas, Pixel};
use embedded_graphics::pixelcolor::Rgb888;

pub mod blend;
pub mod map;
pub mod reconstruct;
pub mod sheet;
pub mod tiles;
pub mod train;

/// What can be pressed.
#[derive(Clone, Debug, PartialEq)]
pub enum Control {
    /// Does something when it is tapped.
    Button {
        /// What stands on it.
        label: String,
        /// It is switched on.
        is_lit: bool,
    },
    /// Follows a finger.
    Slider {
        /// What stands in it.
        label: String,
        /// 0 to 1.
        share: f32,
    },
}

impl Control {
    /// A button.
    pub fn button(label: impl Into<String>, is_lit: bool) -> Self {
        Control::Button { label: label.into(), is_lit }
    }
}

/// Sizes of a generative mode, in canvas pixels.
#[derive(Clone, Copy, Debug)]
pub struct Dims {
    /// Text.
    pub body: i32,
    /// Smaller text.
    pub small: i32,
    /// A line of text.
    pub line: i32,
    /// A line of smaller text.
    pub small_line: i32,
    /// Between things.
    pub gap: i32,
    /// Height of what a finger shall hit.
    pub touch: i32,
    /// Of round corners.
    pub radius: i32,
    /// A canvas of character cells.
    pub cells: bool,
}

impl Dims {
    /// What fits the canvas.
    pub fn of(canvas: &Canvas) -> Self {
        if canvas.has_cells() {
            return Self { body: 1, small: 1, line: 2, small_line: 2, gap: 1, touch: 2, radius: 0, cells: true };
        }
        let Sizes { body, small, gap, radius } = Sizes::of(canvas);
        let (line, small_line) = (canvas.line_height(body), canvas.line_height(small));
        Self { body, small, line, small_line, gap, touch: body * 5 / 2, radius, cells: false }
    }

    /// The next smaller number of whole rows of text.
    pub fn even(&self, pixels: i32) -> i32 {
        if self.cells { pixels / 2 * 2 } else { pixels }
    }
}

/// What stands around the stage.
pub struct Frame<'a> {
    /// What the mode is.
    pub title: &'a str,
    /// What can be pressed.
    pub controls: &'a [Control],
    /// Below, at the left: what is going on.
    pub state: &'a str,
    /// Below, at the right: how to come to the next mode.
    pub hint: &'a str,
}

/// Where things are.
#[derive(Clone, Debug)]
pub struct Layout {
    /// Lines of the title.
    pub title: Area,
    /// The mode's own.
    pub stage: Area,
    /// One place per control.
    pub controls: Vec<Area>,
    /// Leads to the next mode.
    pub footer: Area,
}

/// What a finger is on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hit {
    /// The bar that leads to the next mode.
    Footer,
    /// A button or slider.
    Control(usize),
    /// The mode's own.
    Stage,
    /// None of them.
    Nothing,
}

impl Layout {
    /// For a canvas and so many controls.
    pub fn of(canvas: &Canvas, controls: &[Control]) -> Self {
        let dims = Dims::of(canvas);
        let all = canvas.area();
        let all = all.cut_top(dims.even(all.h)).0;
        let (footer, rest) = all.cut_bottom(if dims.cells { 2 } else { dims.small_line + 2 * dims.gap });
        let rest = if dims.cells { rest } else { rest.inset(dims.gap, dims.gap / 2) };
        let (title, rest) = rest.cut_top(dims.line);
        let rest = if dims.cells { rest } else { rest.cut_top(dims.gap / 2).1 };
        let (controls, stage) = place(canvas, controls, rest, dims);
        let stage = if dims.cells { stage } else { stage.cut_bottom(if controls.is_empty() { 0 } else { dims.gap }).1 };
        Self { title, stage, controls, footer }
    }

    /// What lies under a finger. Buttons reach to the middle of the gap between them.
    pub fn hit(&self, at: Pixel) -> Hit {
        let inside = |area: &Area| area.holds(&Area::new(at.x as i32, at.y as i32, 1, 1));
        if inside(&self.footer) {
            Hit::Footer
        } else if let Some(index) = self.controls.iter().position(inside) {
            Hit::Control(index)
        } else if inside(&self.stage) {
            Hit::Stage
        } else {
            Hit::Nothing
        }
    }
}

/// Where in an area a pixel lies, 0 to 1 from left to right and from above to below; beyond that outside.
pub fn share_of(area: Area, at: Pixel) -> [f32; 2] {
    let share = |at: u32, start: i32, size: i32| (at as f32 + 0.5 - start as f32) / size.max(1) as f32;
    [share(at.x, area.x, area.w), share(at.y, area.y, area.h)]
}

/// The controls in rows at the bottom, as wide as their words ask, stretched to the full width; and what is left above.
fn place(canvas: &Canvas, controls: &[Control], area: Area, dims: Dims) -> (Vec<Area>, Area) {
    let gap = if dims.cells { 1 } else { dims.gap / 2 };
    let wish = |control: &Control| match control {
        Control::Button { label, .. } => canvas.text_width(label, dims.body) + 2 * dims.gap.max(1),
        Control::Slider { label, .. } => (canvas.text_width(label, dims.body) + 2 * dims.gap).max(dims.body * 8),
    };
    let mut rows: Vec<Vec<i32>> = Vec::new();
    for wish in controls.iter().map(wish).map(|w| w.min(area.w)) {
        match rows.last_mut() {
            Some(row) if row.iter().sum::<i32>() + gap * row.len() as i32 + wish <= area.w => row.push(wish),
            _ => rows.push(vec![wish]),
        }
    }
    let pitch = dims.touch + if dims.cells { 0 } else { gap };
    let (mut below, rest) = area.cut_bottom((pitch * rows.len() as i32 - if dims.cells { 0 } else { gap }).max(0));
    let mut places = Vec::new();
    for row in rows {
        let (mut line, next) = below.cut_top(dims.touch);
        let spare = (line.w - row.iter().sum::<i32>() - gap * (row.len() as i32 - 1)).max(0);
        let each = if dims.cells { 0 } else { spare / row.len() as i32 };
        for wish in row {
            let (place, after) = line.cut_left(wish + each);
            places.push(place);
            line = after.cut_left(gap).1;
        }
        below = next.cut_top(pitch - dims.touch).1;
    }
    (places, rest)
}

/// Draws everything but the stage, and lets `stage` draw that.
pub fn draw(canvas: &mut Canvas, frame: &Frame, stage: impl FnOnce(&mut Canvas, Area, Dims)) {
    canvas.wipe(BACK);
    let (dims, layout) = (Dims::of(canvas), Layout::of(canvas, frame.controls));
    // On an upright panel in smaller letters rather than cut short.
    let px = (dims.small..=dims.body).rev().find(|&px| canvas.text_width(frame.title, px) <= layout.title.w);
    canvas.write(layout.title, frame.title, left(px.unwrap_or(dims.small), TEXT));
    for (control, &area) in frame.controls.iter().zip(&layout.controls) {
        draw_control(canvas, control, area, dims);
    }
    if !dims.cells {
        canvas.fill(layout.footer, CARD);
    }
    let words = layout.footer.inset(dims.gap, 0);
    let used = canvas.write(words, frame.hint, right(dims.small, QUIET));
    canvas.write(words.cut_right(used + dims.gap).1, frame.state, left(dims.small, FAINT));
    if !layout.stage.is_empty() {
        canvas.clipped(layout.stage, |canvas| stage(canvas, layout.stage, dims));
    }
}

fn draw_control(canvas: &mut Canvas, control: &Control, area: Area, dims: Dims) {
    let radius = dims.radius.min(area.h / 2);
    match control {
        Control::Button { label, is_lit } => {
            let (ground, color) = if *is_lit { (ACCENT, BACK) } else { (TRACK, TEXT) };
            canvas.round(area, radius, ground, 255);
            canvas.write(area, label, centre(dims.body, color));
        }
        Control::Slider { label, share } => {
            canvas.round(area, radius, TRACK, 255);
            let filled = Area { w: (area.w as f32 * share.clamp(0.0, 1.0)) as i32, ..area };
            canvas.clipped(filled, |canvas| canvas.round(area, radius, ACCENT, 110));
            canvas.write(area, label, centre(dims.body, TEXT));
        }
    }
}

/// What is switched on, and where a finger is.
pub const ACCENT: Rgb888 = FACES[1];

/// One colour for each class of digits.
pub const CLASSES: [Rgb888; 10] = [
    Rgb888::new(255, 110, 110),
    Rgb888::new(255, 170, 80),
    Rgb888::new(245, 222, 100),
    Rgb888::new(160, 226, 110),
    Rgb888::new(80, 214, 160),
    Rgb888::new(80, 206, 236),
    Rgb888::new(110, 156, 255),
    Rgb888::new(176, 132, 255),
    Rgb888::new(236, 120, 232),
    Rgb888::new(210, 214, 222),
];

/// Draws one of `tiles` in the largest square of `area`, and returns where.
pub(super) fn draw_tile(canvas: &mut Canvas, tiles: &Tiles, index: usize, area: Area) -> Area {
    let (w, h) = (tiles.shape.width as i32, tiles.shape.height as i32);
    let place = area.fit(w, h);
    if index < tiles.count() && !place.is_empty() {
        canvas.picture(&tiles.chip(index), place, false);
    }
    place
}

/// A page that says what is missing, in the stage's place.
pub fn draw_words(canvas: &mut Canvas, words: &str, stage: Area, dims: Dims) {
    let lines = canvas.wrap(words, dims.body, stage.w - 4 * dims.gap);
    let height = dims.line * lines.len() as i32;
    let mut rest = stage.cut_top(dims.even((stage.h - height).max(0) / 2)).1;
    for text in lines {
        let (row, below) = rest.cut_top(dims.line);
        canvas.write(row, &text, centre(dims.body, QUIET));
        rest = below;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::screen::Surface;

    fn layout(width: u32, height: u32, cells: bool) -> Layout {
        let controls: Vec<Control> =
            ["step D", "step G", "alternate", "slower", "faster", "pause", "reset"].map(|l| Control::button(l, false)).to_vec();
        Layout::of(&Canvas::new(Surface { width, height, cells }), &controls)
    }

    #[test]
    fn controls_lie_on_the_canvas_apart_from_each_other_and_the_stage() {
        for (width, height, cells) in [(800, 480, false), (480, 800, false), (640, 480, false), (320, 240, false), (80, 48, true)]
        {
            let Layout { stage, controls, footer, title } = layout(width, height, cells);
            let all = Area::new(0, 0, width as i32, height as i32);
            let places: Vec<Area> = controls.into_iter().chain([stage, footer, title]).collect();
            for (i, a) in places.iter().enumerate() {
                assert!(all.holds(a), "{width}x{height}: {a:?}");
                assert!(places[..i].iter().all(|b| a.common(b).is_empty()), "{width}x{height}: {a:?} {places:?}");
            }
            assert!(stage.h * 2 > height as i32, "{width}x{height}: a stage of {stage:?}");
        }
    }

    #[test]
    fn a_finger_finds_what_is_drawn_under_it() {
        let layout = layout(800, 480, false);
        let middle = |area: Area| Pixel { x: (area.x + area.w / 2) as u32, y: (area.y + area.h / 2) as u32 };
        assert_eq!(layout.hit(middle(layout.controls[3])), Hit::Control(3));
        assert_eq!(layout.hit(middle(layout.footer)), Hit::Footer);
        assert_eq!(layout.hit(middle(layout.stage)), Hit::Stage);
        assert_eq!(layout.hit(middle(layout.title)), Hit::Nothing);
        assert_eq!(share_of(Area::new(10, 0, 4, 4), Pixel { x: 11, y: 3 }), [0.375, 0.875]);
    }
}
