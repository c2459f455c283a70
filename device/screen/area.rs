//! Rectangles of whole pixels on a canvas, with the cuts that a layout is made of.

use embedded_graphics::{
    geometry::{Point, Size},
    primitives::Rectangle,
};

/// A rectangle in canvas pixels: x to the right, y down. A width or height below 1 means that it is empty.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Area {
    /// Left column.
    pub x: i32,
    /// Upper row.
    pub y: i32,
    /// Columns.
    pub w: i32,
    /// Rows.
    pub h: i32,
}

impl Area {
    /// The rectangle of that corner and size.
    pub const fn new(x: i32, y: i32, w: i32, h: i32) -> Self {
        Self { x, y, w, h }
    }

    /// The first column to the right of it.
    pub const fn right(&self) -> i32 {
        self.x + self.w
    }

    /// The first row below it.
    pub const fn bottom(&self) -> i32 {
        self.y + self.h
    }

    /// Whether there is no pixel in it.
    pub const fn is_empty(&self) -> bool {
        self.w < 1 || self.h < 1
    }

    /// What both have in common; empty where they do not touch.
    pub fn common(&self, other: &Area) -> Area {
        let (x, y) = (self.x.max(other.x), self.y.max(other.y));
        let w = self.right().min(other.right()) - x;
        let h = self.bottom().min(other.bottom()) - y;
        Area { x, y, w: w.max(0), h: h.max(0) }
    }

    /// Whether `other` lies completely in it. An empty rectangle lies everywhere.
    pub fn holds(&self, other: &Area) -> bool {
        other.is_empty() || self.common(other) == *other
    }

    /// Smaller by `dx` at the left and right and by `dy` above and below.
    pub const fn inset(&self, dx: i32, dy: i32) -> Area {
        Area { x: self.x + dx, y: self.y + dy, w: self.w - 2 * dx, h: self.h - 2 * dy }
    }

    /// The leftmost `w` columns, and the rest.
    pub fn cut_left(&self, w: i32) -> (Area, Area) {
        let w = w.clamp(0, self.w.max(0));
        (Area { w, ..*self }, Area { x: self.x + w, w: self.w - w, ..*self })
    }

    /// The rightmost `w` columns, and the rest.
    pub fn cut_right(&self, w: i32) -> (Area, Area) {
        let (rest, cut) = self.cut_left(self.w - w.clamp(0, self.w.max(0)));
        (cut, rest)
    }

    /// The upper `h` rows, and the rest.
    pub fn cut_top(&self, h: i32) -> (Area, Area) {
        let h = h.clamp(0, self.h.max(0));
        (Area { h, ..*self }, Area { y: self.y + h, h: self.h - h, ..*self })
    }

    /// The lower `h` rows, and the rest.
    pub fn cut_bottom(&self, h: i32) -> (Area, Area) {
        let (rest, cut) = self.cut_top(self.h - h.clamp(0, self.h.max(0)));
        (cut, rest)
    }

    /// The largest rectangle of the proportions `w : h` that fits, centred.
    pub fn fit(&self, w: i32, h: i32) -> Area {
        if self.is_empty() || w < 1 || h < 1 {
            return Area { w: 0, h: 0, ..*self };
        }
        let (aw, ah) = (i64::from(self.w), i64::from(self.h));
        let (w, h) = (i64::from(w), i64::from(h));
        let (fw, fh) = if aw * h <= ah * w { (aw, (aw * h + w / 2) / w) } else { ((ah * w + h / 2) / h, ah) };
        let (fw, fh) = (fw.max(1) as i32, fh.max(1) as i32);
        Area { x: self.x + (self.w - fw) / 2, y: self.y + (self.h - fh) / 2, w: fw, h: fh }
    }
}

impl From<Area> for Rectangle {
    fn from(a: Area) -> Self {
        Rectangle::new(Point::new(a.x, a.y), Size::new(a.w.max(0) as u32, a.h.max(0) as u32))
    }
}

impl From<Rectangle> for Area {
    fn from(r: Rectangle) -> Self {
        let (w, h) = (i32::try_from(r.size.width), i32::try_from(r.size.height));
        Area { x: r.top_left.x, y: r.top_left.y, w: w.unwrap_or(i32::MAX / 4), h: h.unwrap_or(i32::MAX / 4) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cuts_share_the_rectangle_without_gap_or_overlap() {
        let a = Area::new(10, 20, 100, 50);
        assert_eq!(a.cut_left(30), (Area::new(10, 20, 30, 50), Area::new(40, 20, 70, 50)));
        assert_eq!(a.cut_right(30), (Area::new(80, 20, 30, 50), Area::new(10, 20, 70, 50)));
        assert_eq!(a.cut_top(60), (a, Area::new(10, 70, 100, 0)));
        assert_eq!(a.cut_bottom(5), (Area::new(10, 65, 100, 5), Area::new(10, 20, 100, 45)));
    }

    #[test]
    fn a_camera_picture_fits_with_its_proportions() {
        assert_eq!(Area::new(0, 0, 800, 600).fit(640, 480), Area::new(0, 0, 800, 600));
        assert_eq!(Area::new(0, 0, 800, 700).fit(640, 480), Area::new(0, 50, 800, 600));
        assert_eq!(Area::new(0, 0, 900, 600).fit(640, 480), Area::new(50, 0, 800, 600));
        assert!(Area::new(0, 0, 0, 600).fit(640, 480).is_empty());
    }

    #[test]
    fn rectangles_apart_have_nothing_in_common() {
        let a = Area::new(0, 0, 10, 10);
        assert!(a.common(&Area::new(10, 0, 5, 5)).is_empty());
        assert!(!a.holds(&Area::new(8, 8, 3, 3)));
        assert!(a.holds(&Area::new(8, 8, 2, 2)));
    }
}
