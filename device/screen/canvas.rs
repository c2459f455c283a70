//! The picture in memory that everything draws on. Drawing cannot fail; what lies outside is cut off.

use super::{Area, picture::Scaler, text::Lettering};
use embedded_graphics::{Pixel, pixelcolor::Rgb888, prelude::*, primitives::Rectangle};
use std::convert::Infallible;

/// What a screen wants to be drawn on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Surface {
    /// Pixels in a row.
    pub width: u32,
    /// Rows.
    pub height: u32,
    /// The screen shows character cells of 1 x 2 pixels (a terminal): text stays text, one character a cell.
    pub cells: bool,
}

/// A character of a canvas of cells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Glyph {
    /// The character; `'\0'` where its left neighbour takes two cells.
    pub letter: char,
    /// Its colour, 0x00RRGGBB. What is behind it are the cell's pixels.
    pub color: u32,
}

/// A picture of 0x00RRGGBB pixels, rows from the top. It is drawn anew for every frame.
pub struct Canvas {
    surface: Surface,
    pixels: Vec<u32>,
    clip: Area,
    strict: bool,
    pub(super) letters: Vec<Option<Glyph>>,
    pub(super) scaler: Scaler,
    pub(super) lettering: Lettering,
}

impl Canvas {
    /// A black canvas.
    pub fn new(surface: Surface) -> Self {
        let mut canvas = Self {
            surface,
            pixels: Vec::new(),
            clip: Area::default(),
            strict: false,
            letters: Vec::new(),
            scaler: Scaler::default(),
            lettering: Lettering::new(),
        };
        canvas.resize(surface);
        canvas
    }

    /// A canvas for tests: drawing beyond its border panics, unless within [`Canvas::clipped`].
    pub fn strict(surface: Surface) -> Self {
        Self { strict: true, ..Self::new(surface) }
    }

    /// Takes another size and turns black. Does nothing where the surface is the same.
    pub fn fit(&mut self, surface: Surface) {
        if surface != self.surface {
            self.resize(surface);
        }
    }

    fn resize(&mut self, surface: Surface) {
        // 16384 a side keeps every product within 32 bits and a mistyped size from taking the memory.
        let (width, height) = (surface.width.clamp(1, 16384), surface.height.clamp(1, 16384));
        self.surface = Surface { width, height, ..surface };
        self.pixels.clear();
        self.pixels.resize(width as usize * height as usize, 0);
        self.letters.clear();
        if surface.cells {
            self.letters.resize(width as usize * height.div_ceil(2) as usize, None);
        }
        self.clip = self.area();
    }

    /// Pixels in a row.
    pub fn width(&self) -> u32 {
        self.surface.width
    }

    /// Rows.
    pub fn height(&self) -> u32 {
        self.surface.height
    }

    /// All of it.
    pub fn area(&self) -> Area {
        Area::new(0, 0, self.surface.width as i32, self.surface.height as i32)
    }

    /// Whether text is kept as characters, one in each cell of 1 x 2 pixels.
    pub fn has_cells(&self) -> bool {
        self.surface.cells
    }

    /// `width * height` pixels, rows from the top.
    pub fn pixels(&self) -> &[u32] {
        &self.pixels
    }

    /// The characters of a canvas of cells: `width * height / 2`, rows from the top. Empty otherwise.
    pub fn letters(&self) -> &[Option<Glyph>] {
        &self.letters
    }

    /// Lets `draw` draw within `area` only.
    pub fn clipped(&mut self, area: Area, draw: impl FnOnce(&mut Self)) {
        let before = self.clip;
        self.clip = before.common(&area);
        draw(self);
        self.clip = before;
    }

    /// Where drawing leaves a mark now.
    pub(super) fn clip(&self) -> Area {
        self.clip
    }

    /// One colour everywhere, no characters.
    pub fn wipe(&mut self, color: Rgb888) {
        self.pixels.fill(pack(color));
        self.letters.fill(None);
    }

    /// Fills a rectangle.
    pub fn fill(&mut self, area: Area, color: Rgb888) {
        let Ok(()) = self.fill_solid(&area.into(), color);
    }

    /// Lays a veil over a rectangle: `alpha` of 255 covers what is there.
    pub fn shade(&mut self, area: Area, color: Rgb888, alpha: u8) {
        self.shade_seen(self.seen(area), pack(color), alpha);
    }

    /// Fills a rectangle with smooth round corners. A radius of half its size makes a disc or a pill.
    pub fn round(&mut self, area: Area, radius: i32, color: Rgb888, alpha: u8) {
        let radius = radius.clamp(0, area.w.min(area.h).max(0) / 2);
        let (seen, packed) = (self.seen(area), pack(color));
        self.shade_seen(area.inset(0, radius).common(&seen), packed, alpha);
        for row in [area.cut_top(radius).0, area.cut_bottom(radius).0] {
            self.shade_seen(row.inset(radius, 0).common(&seen), packed, alpha);
            for corner in [row.cut_left(radius).0, row.cut_right(radius).0] {
                self.each_in(corner, |x, y, pixel| {
                    *pixel = blend(*pixel, packed, corner_cover(area, radius, x, y) * u32::from(alpha) / 255);
                });
            }
        }
    }

    /// Paints what lies outside of a rectangle's round corners, for pictures with round corners.
    pub fn round_off(&mut self, area: Area, radius: i32, outside: Rgb888) {
        let radius = radius.clamp(0, area.w.min(area.h).max(0) / 2);
        let packed = pack(outside);
        for corner in corners(area, radius) {
            self.each_in(corner, |x, y, pixel| *pixel = blend(*pixel, packed, 255 - corner_cover(area, radius, x, y)));
        }
    }

    /// Draws the four corners of a rounded frame, `line` pixels thick, each arm `arm` pixels long.
    pub fn brackets(&mut self, area: Area, radius: i32, line: i32, arm: i32, color: Rgb888, alpha: u8) {
        let arm = arm.clamp(0, area.w.min(area.h).max(0) / 2);
        let radius = radius.clamp(0, arm);
        let inner = area.inset(line, line);
        let (packed, alpha) = (pack(color), u32::from(alpha));
        for corner in corners(area, arm) {
            self.each_in(corner, |x, y, pixel| {
                let cover = corner_cover(area, radius, x, y) - corner_cover(inner, (radius - line).max(0), x, y);
                *pixel = blend(*pixel, packed, cover * alpha / 255);
            });
        }
    }

    fn each_in(&mut self, area: Area, mut draw: impl FnMut(i32, i32, &mut u32)) {
        let seen = self.seen(area);
        for y in seen.y..seen.bottom() {
            for (x, pixel) in (seen.x..).zip(self.row(y, seen.x, seen.right())) {
                draw(x, y, pixel);
            }
        }
    }

    fn shade_seen(&mut self, seen: Area, color: u32, alpha: u8) {
        for y in seen.y..seen.bottom() {
            let row = self.row(y, seen.x, seen.right());
            match alpha {
                255 => row.fill(color),
                _ => row.iter_mut().for_each(|pixel| *pixel = blend(*pixel, color, u32::from(alpha))),
            }
        }
    }

    /// The part of `area` that may be drawn on.
    pub(super) fn seen(&self, area: Area) -> Area {
        let all = self.area();
        assert!(!self.strict || self.clip != all || all.holds(&area), "{area:?} reaches beyond a canvas of {all:?}");
        self.clip.common(&area)
    }

    /// Pixels `left..right` of row `y`, all within the canvas.
    pub(super) fn row(&mut self, y: i32, left: i32, right: i32) -> &mut [u32] {
        let start = y as usize * self.surface.width as usize;
        &mut self.pixels[start + left as usize..start + right as usize]
    }
}

impl OriginDimensions for Canvas {
    fn size(&self) -> Size {
        Size::new(self.surface.width, self.surface.height)
    }
}

impl DrawTarget for Canvas {
    type Color = Rgb888;
    type Error = Infallible;

    fn draw_iter<I: IntoIterator<Item = Pixel<Rgb888>>>(&mut self, pixels: I) -> Result<(), Infallible> {
        for Pixel(at, color) in pixels {
            let seen = self.seen(Area::new(at.x, at.y, 1, 1));
            if !seen.is_empty() {
                self.row(at.y, at.x, at.x + 1)[0] = pack(color);
            }
        }
        Ok(())
    }

    fn fill_contiguous<I: IntoIterator<Item = Rgb888>>(&mut self, area: &Rectangle, colors: I) -> Result<(), Infallible> {
        let area = Area::from(*area);
        let seen = self.seen(area);
        let mut colors = colors.into_iter();
        if seen.is_empty() {
            return Ok(());
        }
        for y in area.y..seen.bottom() {
            if y < seen.y {
                colors.by_ref().take(area.w as usize).for_each(drop);
                continue;
            }
            colors.by_ref().take((seen.x - area.x) as usize).for_each(drop);
            for (pixel, color) in self.row(y, seen.x, seen.right()).iter_mut().zip(colors.by_ref()) {
                *pixel = pack(color);
            }
            colors.by_ref().take((area.right() - seen.right()) as usize).for_each(drop);
        }
        Ok(())
    }

    fn fill_solid(&mut self, area: &Rectangle, color: Rgb888) -> Result<(), Infallible> {
        let (seen, color) = (self.seen(Area::from(*area)), pack(color));
        for y in seen.y..seen.bottom() {
            self.row(y, seen.x, seen.right()).fill(color);
        }
        Ok(())
    }

    fn clear(&mut self, color: Rgb888) -> Result<(), Infallible> {
        self.wipe(color);
        Ok(())
    }
}

/// A colour as the canvas stores it.
pub fn pack(color: Rgb888) -> u32 {
    u32::from(color.r()) << 16 | u32::from(color.g()) << 8 | u32::from(color.b())
}

/// `over` laid on `under` with `alpha` of 0 to 255.
pub(super) fn blend(under: u32, over: u32, alpha: u32) -> u32 {
    // Two channels at a time; 0 to 255 is stretched to 0 to 256 so that both ends are exact.
    let alpha = alpha + (alpha >> 7);
    let mix = |mask: u32| ((under & mask) * (256 - alpha) + (over & mask) * alpha) >> 8 & mask;
    mix(0x00FF_00FF) | mix(0x0000_FF00)
}

/// The squares of that side in the corners of a rectangle.
fn corners(area: Area, side: i32) -> [Area; 4] {
    let (upper, lower) = (area.cut_top(side).0, area.cut_bottom(side).0);
    [upper.cut_left(side).0, upper.cut_right(side).0, lower.cut_left(side).0, lower.cut_right(side).0]
}

/// How much of pixel (x, y) lies in the rounded rectangle, 0 to 255.
fn corner_cover(area: Area, radius: i32, x: i32, y: i32) -> u32 {
    let (dx, dy) = (edge_distance(x, area.x, area.right(), radius), edge_distance(y, area.y, area.bottom(), radius));
    if radius == 0 || (dx <= 0.0 || dy <= 0.0) {
        let outside = dx > radius as f32 || dy > radius as f32;
        return if outside { 0 } else { 255 };
    }
    let inside = radius as f32 + 0.5 - (dx * dx + dy * dy).sqrt();
    (inside.clamp(0.0, 1.0) * 255.0) as u32
}

/// How far the middle of pixel `at` lies beyond the straight part `low + radius .. high - radius`.
fn edge_distance(at: i32, low: i32, high: i32, radius: i32) -> f32 {
    let middle = at as f32 + 0.5;
    ((low + radius) as f32 - middle).max(middle - (high - radius) as f32)
}

#[cfg(test)]
mod tests {
    use super::*;
    use embedded_graphics::primitives::{Circle, PrimitiveStyle};

    const RED: Rgb888 = Rgb888::new(255, 0, 0);

    fn canvas(width: u32, height: u32) -> Canvas {
        Canvas::new(Surface { width, height, cells: false })
    }

    /// One character a pixel: `.` black, `#` full red, `+` between.
    fn art(canvas: &Canvas) -> Vec<String> {
        let letter = |&p: &u32| match p {
            0 => '.',
            0xFF0000 => '#',
            _ => '+',
        };
        canvas.pixels().chunks(canvas.width() as usize).map(|row| row.iter().map(letter).collect()).collect()
    }

    #[test]
    fn drawing_over_the_border_is_cut_off() {
        let mut c = canvas(5, 3);
        c.fill(Area::new(3, -2, 10, 4), RED);
        c.shade(Area::new(-9, 2, 10, 10), RED, 255);
        assert_eq!(art(&c), ["...##", "...##", "#...."]);
    }

    #[test]
    fn contiguous_colours_keep_their_places_when_cut_off() {
        let mut c = canvas(3, 2);
        let colors = (0..12).map(|i| Rgb888::new(0, 0, i));
        let Ok(()) = c.fill_contiguous(&Area::new(-1, -1, 4, 3).into(), colors);
        assert_eq!(c.pixels(), [5, 6, 7, 9, 10, 11]);
    }

    #[test]
    fn embedded_graphics_shapes_arrive() {
        let mut c = canvas(5, 5);
        let Ok(()) = Circle::new(Point::zero(), 5).into_styled(PrimitiveStyle::with_fill(RED)).draw(&mut c);
        assert_eq!(art(&c), [".###.", "#####", "#####", "#####", ".###."]);
    }

    #[test]
    fn round_corners_are_smooth_and_even() {
        let mut c = canvas(8, 7);
        c.round(Area::new(0, 0, 8, 7), 3, RED, 255);
        let drawn = art(&c);
        assert_eq!(drawn[3], "########");
        assert_eq!(&drawn[0][3..5], "##");
        for y in 0..7 {
            for x in 0..8 {
                assert_eq!(c.pixels()[y * 8 + x], c.pixels()[y * 8 + 7 - x], "left and right differ at {x}, {y}");
                assert_eq!(c.pixels()[y * 8 + x], c.pixels()[(6 - y) * 8 + x], "above and below differ at {x}, {y}");
            }
        }
    }

    #[test]
    fn brackets_draw_corners_only() {
        let mut c = canvas(9, 7);
        c.brackets(Area::new(0, 0, 9, 7), 0, 1, 2, RED, 255);
        assert_eq!(art(&c), ["##.....##", "#.......#", ".........", ".........", ".........", "#.......#", "##.....##"]);
    }

    #[test]
    fn a_full_veil_covers_and_an_empty_one_changes_nothing() {
        for under in [0, 0x123456, 0xFFFFFF] {
            assert_eq!(blend(under, 0xABCDEF, 255), 0xABCDEF);
            assert_eq!(blend(under, 0xABCDEF, 0), under);
        }
        assert_eq!(blend(0, 0xFFFFFF, 128), 0x808080);
    }

    #[test]
    #[should_panic(expected = "reaches beyond")]
    fn the_test_canvas_rejects_drawing_out_of_bounds() {
        Canvas::strict(Surface { width: 4, height: 4, cells: false }).fill(Area::new(2, 2, 3, 1), RED);
    }

    #[test]
    fn the_test_canvas_lets_clipped_drawing_pass() {
        let mut c = Canvas::strict(Surface { width: 4, height: 2, cells: false });
        c.clipped(Area::new(0, 0, 3, 2), |c| c.fill(Area::new(2, 0, 9, 1), RED));
        assert_eq!(art(&c), ["..#.", "...."]);
    }

    #[test]
    fn a_foolish_size_is_bounded() {
        assert_eq!(canvas(0, 0).size(), Size::new(1, 1));
    }
}
