//! Smooth lines on a canvas.

use super::{
    Area,
    canvas::{Canvas, blend, pack},
};
use embedded_graphics::pixelcolor::Rgb888;

impl Canvas {
    /// Draws a line with round ends from the middle of one point to the other, `width` pixels thick, in canvas pixels. What lies
    /// outside is cut off; ends that are no numbers draw nothing.
    pub fn line(&mut self, from: [f32; 2], to: [f32; 2], width: f32, color: Rgb888, alpha: u8) {
        /// Nothing is drawn from so far away.
        const FAR: f32 = 30_000.0;
        if ![from, to].as_flattened().iter().all(|v| v.abs() < FAR) {
            return;
        }
        // Along the longer side, so that each step looks at a few pixels only.
        let along = usize::from((to[1] - from[1]).abs() > (to[0] - from[0]).abs());
        let (a, b) = if from[along] <= to[along] { (from, to) } else { (to, from) };
        let line = [b[0] - a[0], b[1] - a[1]];
        let square = (line[0] * line[0] + line[1] * line[1]).max(f32::MIN_POSITIVE);
        let (clip, packed, half) = (self.clip(), pack(color), width.clamp(0.5, 200.0) / 2.0);
        let reach = half * 1.5 + 1.5;
        let bounds = |start: i32, size: i32, low: f32, high: f32| {
            start.max(low.floor() as i32)..(start + size).min(high.ceil() as i32 + 1)
        };
        let spans = [(clip.x, clip.w), (clip.y, clip.h)];
        for step in bounds(spans[along].0, spans[along].1, a[along] - reach, b[along] + reach) {
            let share = ((step as f32 + 0.5 - a[along]) / line[along].max(f32::MIN_POSITIVE)).clamp(0.0, 1.0);
            let across = 1 - along;
            let middle = a[across] + share * line[across];
            for other in bounds(spans[across].0, spans[across].1, middle - reach, middle + reach) {
                let (x, y) = if along == 0 { (step, other) } else { (other, step) };
                let at = [x as f32 + 0.5 - a[0], y as f32 + 0.5 - a[1]];
                let near = ((at[0] * line[0] + at[1] * line[1]) / square).clamp(0.0, 1.0);
                let far = (at[0] - near * line[0]).hypot(at[1] - near * line[1]);
                let cover = ((half + 0.5 - far).clamp(0.0, 1.0) * f32::from(alpha)) as u32;
                if cover > 0 {
                    let pixel = &mut self.row(y, x, x + 1)[0];
                    *pixel = blend(*pixel, packed, cover);
                }
            }
        }
    }

    /// Draws the outline of a rectangle, `width` pixels thick, inside of it.
    pub fn outline(&mut self, area: Area, width: i32, color: Rgb888) {
        let (top, rest) = area.cut_top(width);
        let (bottom, rest) = rest.cut_bottom(width);
        for side in [top, bottom, rest.cut_left(width).0, rest.cut_right(width).0] {
            self.fill(side, color);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::screen::Surface;

    const RED: Rgb888 = Rgb888::new(255, 0, 0);

    fn art(canvas: &Canvas) -> Vec<String> {
        let letter = |&p: &u32| if p >> 16 > 127 { '#' } else { '.' };
        canvas.pixels().chunks(canvas.width() as usize).map(|row| row.iter().map(letter).collect()).collect()
    }

    fn drawn(from: [f32; 2], to: [f32; 2]) -> Vec<String> {
        let mut canvas = Canvas::strict(Surface { width: 6, height: 5, cells: false });
        canvas.line(from, to, 1.0, RED, 255);
        art(&canvas)
    }

    #[test]
    fn a_line_is_the_same_from_either_end_and_cut_off_at_the_border() {
        let level = drawn([1.0, 2.5], [5.0, 2.5]);
        assert_eq!(level, ["......", "......", ".####.", "......", "......"]);
        assert_eq!(drawn([5.0, 2.5], [1.0, 2.5]), level);
        assert_eq!(drawn([0.5, 0.5], [4.5, 4.5]), ["#.....", ".#....", "..#...", "...#..", "....#."]);
        assert_eq!(drawn([2.5, -90.0], [2.5, 90.0]), ["..#..."; 5]);
    }

    #[test]
    fn ends_that_are_no_places_draw_nothing() {
        for wild in [f32::NAN, f32::INFINITY, 1e9] {
            assert_eq!(drawn([wild, 1.0], [2.0, 2.0]), ["......"; 5]);
        }
    }
}
