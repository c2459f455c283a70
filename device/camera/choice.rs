//! What a camera offers and what is wanted in, the mode to run it in out.

use super::pixels::Packing;

/// One way to run a camera.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Mode {
    /// How the pixels come.
    pub packing: Packing,
    /// Pixels in a row.
    pub width: u32,
    /// Rows.
    pub height: u32,
    /// Pictures a second; `None` where the camera does not say, and then it is asked for what is wanted.
    pub fps: Option<f32>,
}

impl std::fmt::Display for Mode {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        let packing = match self.packing {
            Packing::Yuyv => "YUYV",
            Packing::Nv12 => "NV12",
            Packing::Yuv420 => "YU12",
            Packing::Mjpeg => "MJPEG",
        };
        write!(f, "{packing} {}x{}", self.width, self.height)?;
        match self.fps {
            Some(fps) => write!(f, " {} fps", (fps * 10.0).round() / 10.0),
            None => Ok(()),
        }
    }
}

/// A range of sizes or of rates that a camera accepts: from, to, in steps of.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Steps {
    /// Smallest.
    pub from: u32,
    /// Largest.
    pub to: u32,
    /// 0 counts as 1.
    pub step: u32,
}

impl Steps {
    /// The value of the range nearest to the wanted one.
    pub fn nearest(&self, wanted: u32) -> u32 {
        let step = self.step.max(1);
        let to = self.to.max(self.from);
        let over = wanted.clamp(self.from, to) - self.from;
        let rounded = self.from + over.saturating_add(step / 2) / step * step;
        if rounded > to { rounded - step } else { rounded }
    }
}

/// More raw bytes a second than this do not fit a USB 2 port beside anything else.
const RAW_BYTES_A_SECOND: f32 = 20e6;

/// The mode nearest to `width` x `height` by size, then by rate. Between equals, raw pixels where they are few enough
/// ([`RAW_BYTES_A_SECOND`]): they need no decoding and carry no JPEG noise; else MJPEG. `None` for no modes.
pub fn choose(modes: &[Mode], width: u32, height: u32, fps: u32) -> Option<Mode> {
    let fps = fps as f32;
    let cost = |mode: &Mode| {
        let size = mode.width.abs_diff(width) + mode.height.abs_diff(height);
        let rate = mode.fps.map_or(0.0, |f| (f - fps).abs());
        let raw_bytes = mode.width as f32 * mode.height as f32 * 2.0 * mode.fps.unwrap_or(fps);
        let packing = match (mode.packing, raw_bytes <= RAW_BYTES_A_SECOND) {
            (Packing::Yuyv, true) | (Packing::Mjpeg, false) => 0,
            (Packing::Nv12 | Packing::Yuv420, _) => 1,
            (Packing::Mjpeg, true) | (Packing::Yuyv, false) => 2,
        };
        // 29.97 and 30 are the same rate; of sizes equally far off, the larger.
        (size, rate.round() as u32, packing, u32::MAX - mode.width)
    };
    modes.iter().copied().min_by_key(cost)
}

#[cfg(test)]
mod tests {
    use super::*;
    use Packing::*;

    fn mode(packing: Packing, width: u32, height: u32, fps: f32) -> Mode {
        Mode { packing, width, height, fps: Some(fps) }
    }

    /// What an ordinary USB 2 webcam says.
    fn webcam() -> Vec<Mode> {
        let mut modes = Vec::new();
        for (width, height, raw_fps) in
            [(320, 240, 30.0), (640, 480, 30.0), (800, 600, 20.0), (1280, 720, 10.0), (1920, 1080, 5.0)]
        {
            modes.push(mode(Yuyv, width, height, raw_fps));
            modes.push(mode(Mjpeg, width, height, 30.0));
            modes.push(mode(Mjpeg, width, height, 15.0));
        }
        modes
    }

    #[test]
    fn small_pictures_come_raw() {
        assert_eq!(choose(&webcam(), 640, 480, 30), Some(mode(Yuyv, 640, 480, 30.0)));
    }

    #[test]
    fn large_pictures_come_as_jpegs() {
        assert_eq!(choose(&webcam(), 1280, 720, 30), Some(mode(Mjpeg, 1280, 720, 30.0)));
        let both_fast = [mode(Yuyv, 1280, 720, 30.0), mode(Nv12, 1280, 720, 30.0), mode(Mjpeg, 1280, 720, 30.0)];
        assert_eq!(choose(&both_fast, 1280, 720, 30), Some(both_fast[2]));
        assert_eq!(choose(&both_fast[..2], 1280, 720, 30), Some(both_fast[1]));
    }

    #[test]
    fn size_comes_before_rate() {
        let modes = [mode(Yuyv, 640, 480, 5.0), mode(Yuyv, 640, 360, 30.0)];
        assert_eq!(choose(&modes, 640, 480, 30), Some(modes[0]));
    }

    #[test]
    fn the_nearest_rate_is_taken() {
        let modes = [mode(Yuyv, 640, 480, 60.0), mode(Yuyv, 640, 480, 25.0), mode(Yuyv, 640, 480, 5.0)];
        assert_eq!(choose(&modes, 640, 480, 30), Some(modes[1]));
        assert_eq!(choose(&modes, 640, 480, 100), Some(modes[0]));
    }

    #[test]
    fn nearly_thirty_is_thirty() {
        let modes = [mode(Mjpeg, 640, 480, 30.0), mode(Yuyv, 640, 480, 29.97)];
        assert_eq!(choose(&modes, 640, 480, 30), Some(modes[1]));
    }

    #[test]
    fn of_two_sizes_equally_far_off_the_larger() {
        let modes = [mode(Yuyv, 600, 480, 30.0), mode(Yuyv, 680, 480, 30.0)];
        assert_eq!(choose(&modes, 640, 480, 30), Some(modes[1]));
    }

    #[test]
    fn a_camera_that_does_not_tell_its_rates_is_believed() {
        let modes = [mode(Yuyv, 640, 480, 5.0), Mode { packing: Yuyv, width: 640, height: 480, fps: None }];
        assert_eq!(choose(&modes, 640, 480, 30), Some(modes[1]));
    }

    #[test]
    fn nothing_to_choose_from_is_none() {
        assert_eq!(choose(&[], 640, 480, 30), None);
    }

    #[test]
    fn ranges_give_their_nearest_value() {
        let range = Steps { from: 32, to: 1000, step: 16 };
        assert_eq!(range.nearest(640), 640);
        assert_eq!(range.nearest(641), 640);
        assert_eq!(range.nearest(655), 656);
        assert_eq!(range.nearest(1), 32);
        assert_eq!(range.nearest(5000), 992);
        assert_eq!(Steps { from: 7, to: 7, step: 0 }.nearest(640), 7);
        assert_eq!(Steps { from: 9, to: 2, step: 3 }.nearest(640), 9);
        assert_eq!(Steps { from: 0, to: u32::MAX, step: u32::MAX }.nearest(u32::MAX), u32::MAX);
    }
}
