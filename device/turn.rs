//! A picture in, the same turned by quarter turns out, row by row; and points of the panel back to points of the picture.
//! Panels are often mounted upright: what is drawn is turned once, here, and so are fingers. A head that lies stands in a frame as a
//! picture on such a panel.

/// How the picture stands on the panel, clockwise.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Turn {
    /// As it is.
    #[default]
    None,
    /// By 90 degrees: the picture's upper edge is the panel's right one.
    Quarter,
    /// By 180 degrees.
    Half,
    /// By 270 degrees: the picture's upper edge is the panel's left one.
    ThreeQuarters,
}

impl Turn {
    /// From 0, 90, 180 or 270 degrees.
    pub fn of_degrees(degrees: u32) -> Option<Self> {
        match degrees {
            0 => Some(Turn::None),
            90 => Some(Turn::Quarter),
            180 => Some(Turn::Half),
            270 => Some(Turn::ThreeQuarters),
            _ => None,
        }
    }

    /// Width and height of the picture that fills a panel of that width and height. The same way back.
    pub fn size(self, [width, height]: [u32; 2]) -> [u32; 2] {
        match self {
            Turn::None | Turn::Half => [width, height],
            Turn::Quarter | Turn::ThreeQuarters => [height, width],
        }
    }

    /// Where the picture's pixel lies on a panel of that size. Both must lie within.
    pub fn to_panel(self, [x, y]: [u32; 2], panel: [u32; 2]) -> [u32; 2] {
        let [right, bottom] = panel.map(|side| side - 1);
        match self {
            Turn::None => [x, y],
            Turn::Quarter => [right - y, x],
            Turn::Half => [right - x, bottom - y],
            Turn::ThreeQuarters => [y, bottom - x],
        }
    }

    /// Which pixel of the picture is seen at a place of a panel of that size.
    pub fn to_picture(self, at: [u32; 2], panel: [u32; 2]) -> [u32; 2] {
        self.back().to_panel(at, self.size(panel))
    }

    /// The turn that undoes this one.
    fn back(self) -> Self {
        match self {
            Turn::Quarter => Turn::ThreeQuarters,
            Turn::ThreeQuarters => Turn::Quarter,
            same => same,
        }
    }
}

/// A picture on its way to a panel.
pub struct Turned<'a> {
    /// Pixels of the picture, rows from the top.
    pub pixels: &'a [u32],
    /// Its width and height: `pixels` holds as many.
    pub size: [u32; 2],
    /// How it is turned.
    pub turn: Turn,
    /// Holds a turned row: kept by the caller, so that nothing is allocated for a picture.
    pub line: &'a mut Vec<u32>,
}

impl Turned<'_> {
    /// Hands every row of the panel to `put`, from the top.
    pub fn each_row(self, mut put: impl FnMut(usize, &[u32])) {
        let Self { pixels, size, turn, line } = self;
        let width = size[0] as usize;
        if turn == Turn::None {
            pixels.chunks_exact(width.max(1)).enumerate().for_each(|(y, row)| put(y, row));
            return;
        }
        let panel = turn.size(size);
        // From one pixel of the panel's row to the next, this many pixels of the picture.
        let step = match turn {
            Turn::None | Turn::Half => -1,
            Turn::Quarter => -(width as isize),
            Turn::ThreeQuarters => width as isize,
        };
        for y in 0..panel[1] {
            let [first_x, first_y] = turn.to_picture([0, y], panel).map(|v| v as usize);
            let first = (first_y * width + first_x) as isize;
            line.clear();
            line.extend((0..panel[0] as isize).map(|x| pixels[(first + x * step) as usize]));
            put(y as usize, line);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [Turn; 4] = [Turn::None, Turn::Quarter, Turn::Half, Turn::ThreeQuarters];

    /// Three by two letters as the panel shows them.
    fn turned(turn: Turn) -> Vec<String> {
        let pixels: Vec<u32> = "abcdef".bytes().map(u32::from).collect();
        let mut rows = Vec::new();
        Turned { pixels: &pixels, size: [3, 2], turn, line: &mut Vec::new() }
            .each_row(|y, row| rows.push((y, row.iter().map(|&p| p as u8 as char).collect::<String>())));
        assert!(rows.iter().enumerate().all(|(i, (y, _))| i == *y));
        rows.into_iter().map(|(_, row)| row).collect()
    }

    #[test]
    fn quarter_turns_go_clockwise() {
        assert_eq!(turned(Turn::None), ["abc", "def"]);
        assert_eq!(turned(Turn::Quarter), ["da", "eb", "fc"]);
        assert_eq!(turned(Turn::Half), ["fed", "cba"]);
        assert_eq!(turned(Turn::ThreeQuarters), ["cf", "be", "ad"]);
    }

    #[test]
    fn every_pixel_comes_back_from_where_it_went() {
        for turn in ALL {
            let panel = [5, 3];
            let [width, height] = turn.size(panel);
            for (x, y) in (0..width).flat_map(|x| (0..height).map(move |y| (x, y))) {
                let there = turn.to_panel([x, y], panel);
                assert!(there[0] < panel[0] && there[1] < panel[1], "{turn:?}: {there:?}");
                assert_eq!(turn.to_picture(there, panel), [x, y], "{turn:?}");
            }
        }
    }

    #[test]
    fn a_finger_meets_the_pixel_that_is_drawn_there() {
        for turn in ALL {
            let (panel, size) = ([4, 3], turn.size([4, 3]));
            let pixels: Vec<u32> = (0..12).collect();
            Turned { pixels: &pixels, size, turn, line: &mut Vec::new() }.each_row(|y, row| {
                for (x, &pixel) in row.iter().enumerate() {
                    let [px, py] = turn.to_picture([x as u32, y as u32], panel);
                    assert_eq!(pixel, py * size[0] + px, "{turn:?} at {x}, {y}");
                }
            });
        }
    }

    #[test]
    fn only_quarter_turns_are_turns() {
        assert_eq!([0, 90, 180, 270].map(Turn::of_degrees), ALL.map(Some));
        assert_eq!([45, 360, 1].map(Turn::of_degrees), [None; 3]);
    }
}
