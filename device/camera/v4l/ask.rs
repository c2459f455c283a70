//! A video device's path in, what it is and offers out, or the sentence that says why it is of no use. Nothing is switched on.

use super::guarded;
use crate::camera::Listing;
use crate::camera::choice::{Mode, Steps};
use crate::camera::pixels::{Colours, Packing};
use ::v4l::capability::{Capabilities, Flags};
use ::v4l::format::{Colorspace, Quantization};
use ::v4l::frameinterval::FrameIntervalEnum;
use ::v4l::framesize::FrameSizeEnum;
use ::v4l::video::Capture;
use ::v4l::{Device, Format, FourCC, Fraction};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

const BY_CODE: [(&[u8; 4], Packing); 5] = [
    (b"YUYV", Packing::Yuyv),
    (b"NV12", Packing::Nv12),
    (b"YU12", Packing::Yuv420),
    (b"MJPG", Packing::Mjpeg),
    (b"JPEG", Packing::Mjpeg),
];

/// Drivers whose nodes are stages of a camera chip's pipeline. Some list formats that nothing feeds.
const PIPELINES: [&str; 8] = ["unicam", "rp1-cfe", "pispbe", "bcm2835-isp", "bcm2835-codec", "rpivid", "tegra-video", "rkisp1"];

/// The code of a packing, as V4L2 writes it.
pub fn fourcc(packing: Packing) -> FourCC {
    let code = BY_CODE.iter().find(|(_, p)| *p == packing).map_or(b"YUYV", |(code, _)| code);
    FourCC::new(code)
}

/// The packing of a code, if this program reads it.
pub fn packing(code: FourCC) -> Option<Packing> {
    BY_CODE.iter().find(|(c, _)| **c == code.repr).map(|(_, packing)| *packing)
}

/// Pictures a second of an interval between two.
pub fn rate(interval: Fraction) -> Option<f32> {
    let both = interval.numerator > 0 && interval.denominator > 0;
    both.then(|| interval.denominator as f32 / interval.numerator as f32)
}

/// What the driver says of Y, U and V; where it says nothing, V4L2's defaults: BT.601 in video range.
pub fn colours(format: &Format) -> Colours {
    let full_range = match format.quantization {
        Quantization::FullRange => true,
        Quantization::LimitedRange => false,
        Quantization::Default => matches!(format.colorspace, Colorspace::JPEG),
    };
    Colours { full_range, bt709: matches!(format.colorspace, Colorspace::Rec709) }
}

/// `/dev/video*`, by number.
pub fn video_devices() -> Vec<PathBuf> {
    let names = std::fs::read_dir("/dev").into_iter().flatten().flatten().filter_map(|e| e.file_name().into_string().ok());
    by_number(names).into_iter().map(|name| Path::new("/dev").join(name)).collect()
}

fn by_number(names: impl Iterator<Item = String>) -> Vec<String> {
    let number = |name: &String| name.strip_prefix("video").and_then(|n| n.parse::<u32>().ok());
    let mut names: Vec<String> = names.filter(|name| number(name).is_some()).collect();
    names.sort_by_key(number);
    names
}

/// What a device said of itself.
pub struct Asked {
    pub device: Device,
    pub name: String,
    /// Every mode that this program reads; of a range of sizes or rates the nearest to the wanted one.
    pub modes: Vec<Mode>,
    /// Codes of formats that it does not read.
    pub others: Vec<FourCC>,
}

impl Asked {
    /// The error is one sentence that names the device and says what to do.
    pub fn open(path: &Path, width: u32, height: u32, fps: u32) -> Result<Self, String> {
        let device = Device::with_path(path).map_err(|e| explain(path, &e))?;
        let facts = device.query_caps().map_err(|e| explain(path, &e))?;
        if let Some(why) = no_camera(&facts) {
            return Err(format!("{} ({}) {why}", path.display(), facts.card));
        }
        // The driver of USB cameras says many a name twice: `C270: C270`.
        let name = match facts.card.split_once(": ") {
            Some((first, second)) if first.starts_with(second) => first.to_string(),
            _ => facts.card,
        };
        let (mut modes, mut others) = (Vec::new(), Vec::new());
        for format in device.enum_formats().map_err(|e| explain(path, &e))? {
            let Some(packing) = packing(format.fourcc) else {
                others.push(format.fourcc);
                continue;
            };
            for (width, height) in sizes(&device, format.fourcc, width, height) {
                let rates = rates(&device, format.fourcc, width, height, fps);
                modes.extend(rates.into_iter().map(|fps| Mode { packing, width, height, fps }));
            }
        }
        Ok(Self { device, name, modes, others })
    }
}

fn sizes(device: &Device, code: FourCC, width: u32, height: u32) -> Vec<(u32, u32)> {
    let sizes = device.enum_framesizes(code).unwrap_or_default();
    if sizes.is_empty() {
        // It has no list; the driver then answers `set_format` with the nearest that it can.
        return vec![(width, height)];
    }
    let nearest = |size| match size {
        FrameSizeEnum::Discrete(size) => (size.width, size.height),
        FrameSizeEnum::Stepwise(s) => (
            Steps { from: s.min_width, to: s.max_width, step: s.step_width }.nearest(width),
            Steps { from: s.min_height, to: s.max_height, step: s.step_height }.nearest(height),
        ),
    };
    sizes.into_iter().map(|s| nearest(s.size)).collect()
}

fn rates(device: &Device, code: FourCC, width: u32, height: u32, fps: u32) -> Vec<Option<f32>> {
    let nearest = |interval| match interval {
        FrameIntervalEnum::Discrete(interval) => rate(interval),
        FrameIntervalEnum::Stepwise(s) => match (rate(s.max), rate(s.min)) {
            (Some(slowest), Some(fastest)) if slowest <= fastest => Some((fps as f32).clamp(slowest, fastest)),
            _ => None,
        },
    };
    let intervals = device.enum_frameintervals(code, width, height).unwrap_or_default();
    if intervals.is_empty() { vec![None] } else { intervals.into_iter().map(|i| nearest(i.interval)).collect() }
}

/// Why a node is no camera, as the end of a sentence that begins with its name.
fn no_camera(facts: &Capabilities) -> Option<String> {
    let has = |flag| facts.capabilities.contains(flag);
    let why = if PIPELINES.contains(&facts.driver.as_str()) {
        return Some(format!("is a stage of a camera chip's pipeline ({}): {CHIP_CAMERA}", facts.driver));
    } else if has(Flags::VIDEO_M2M) || has(Flags::VIDEO_M2M_MPLANE) {
        "is a codec, not a camera: name another device"
    } else if has(Flags::VIDEO_CAPTURE) && has(Flags::STREAMING) {
        return None;
    } else if has(Flags::VIDEO_CAPTURE) {
        "cannot stream: name another device"
    } else if has(Flags::VIDEO_CAPTURE_MPLANE) {
        "gives pictures in several planes, as camera chips do and USB cameras do not: name another device"
    } else if has(Flags::META_CAPTURE) {
        "gives facts about another device's pictures, and no pictures: name the device with the number before it"
    } else {
        "is not a camera: name another device"
    };
    Some(why.into())
}

const CHIP_CAMERA: &str =
    "it gives the sensor's raw pixels, which this program does not develop; use a USB camera, or feed a v4l2loopback device";

/// The sentence for a camera without a mode that this program reads.
pub fn offers_nothing(path: &Path, others: &[FourCC]) -> String {
    let path = path.display();
    let names: Vec<String> = others.iter().map(|code| String::from_utf8_lossy(&code.repr).trim().to_string()).collect();
    match names.join(", ") {
        none if none.is_empty() => format!("{path} offers no picture format: name another device"),
        _ if others.iter().all(|code| is_bayer(&code.repr)) => format!("{path} is a sensor: {CHIP_CAMERA}"),
        names => format!("{path} offers {names}; this program reads YUYV, MJPEG and NV12: name another device"),
    }
}

/// Codes of raw sensor pixels (linux/videodev2.h): RGGB, BA81, BG10, pBAA, pgCC, BYR2 and their like.
fn is_bayer(code: &[u8; 4]) -> bool {
    let deep = |c: &[u8]| matches!(c, b"10" | b"12" | b"14" | b"16");
    match code {
        b"RGGB" | b"GRBG" | b"GBRG" | b"BA81" | b"BYR2" => true,
        [b'B' | b'G' | b'R', b'A' | b'B' | b'G' | b'R', depth @ ..] if deep(depth) => true,
        [b'p', b'B' | b'G' | b'g' | b'R', b'A' | b'C' | b'E', b'A' | b'C' | b'E'] => true,
        _ => false,
    }
}

/// An operating system's error about a device as one sentence that says what to do.
pub fn explain(path: &Path, error: &io::Error) -> String {
    let path = path.display();
    match (error.kind(), error.raw_os_error()) {
        (ErrorKind::PermissionDenied, _) => {
            format!("{path} may not be opened: add yourself to group video (sudo usermod -aG video $USER) and log in again")
        }
        (ErrorKind::NotFound, _) | (_, Some(libc::ENODEV | libc::ENXIO)) => {
            format!("there is no camera at {path}: plug it in, or name another (`lookalike doctor` lists them)")
        }
        (_, Some(libc::EBUSY)) => format!("another program is using {path}: close it"),
        (_, Some(libc::ENOTTY)) => format!("{path} is not a video device: name another (`lookalike doctor` lists them)"),
        (_, Some(libc::ENOSPC)) => {
            format!("the USB port of {path} is too slow for this size and rate: use another port, or a smaller size")
        }
        _ => format!("{path} fails ({error}): unplug the camera and plug it in again"),
    }
}

/// A device as `doctor` shows it. Of each size only the fastest rate.
pub fn listing(path: &Path) -> Listing {
    let asked = guarded(|| Ok(Asked::open(path, 640, 480, 30))).unwrap_or_else(|e| Err(explain(path, &e)));
    match asked {
        Err(why) => Listing { path: path.into(), name: String::new(), formats: Err(why) },
        Ok(Asked { modes, others, name, .. }) if modes.is_empty() => {
            Listing { path: path.into(), name, formats: Err(offers_nothing(path, &others)) }
        }
        Ok(Asked { modes, name, .. }) => Listing { path: path.into(), name, formats: Ok(fastest(&modes)) },
    }
}

fn fastest(modes: &[Mode]) -> Vec<String> {
    let mut kept: Vec<Mode> = Vec::new();
    for mode in modes {
        match kept.iter_mut().find(|k| (k.packing, k.width, k.height) == (mode.packing, mode.width, mode.height)) {
            Some(k) => k.fps = if mode.fps > k.fps { mode.fps } else { k.fps },
            None => kept.push(*mode),
        }
    }
    kept.iter().map(Mode::to_string).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(driver: &str, flags: Flags) -> Capabilities {
        let (card, bus) = ("Camera".into(), "usb".into());
        Capabilities { driver: driver.into(), card, bus, version: (6, 1, 0), capabilities: flags }
    }

    #[test]
    fn usb_cameras_are_cameras_and_their_metadata_nodes_are_not() {
        assert_eq!(no_camera(&node("uvcvideo", Flags::VIDEO_CAPTURE | Flags::STREAMING)), None);
        let why = no_camera(&node("uvcvideo", Flags::META_CAPTURE | Flags::STREAMING)).unwrap();
        assert!(why.contains("facts about"), "{why}");
    }

    #[test]
    fn stages_of_a_pipeline_codecs_and_outputs_are_refused() {
        let capture = Flags::VIDEO_CAPTURE | Flags::STREAMING;
        assert!(no_camera(&node("unicam", capture)).unwrap().contains("unicam"));
        assert!(no_camera(&node("some", capture | Flags::VIDEO_M2M)).unwrap().contains("codec"));
        assert!(no_camera(&node("some", Flags::VIDEO_CAPTURE_MPLANE | Flags::STREAMING)).unwrap().contains("planes"));
        assert!(no_camera(&node("some", Flags::VIDEO_OUTPUT | Flags::STREAMING)).unwrap().contains("not a camera"));
        assert!(no_camera(&node("some", Flags::VIDEO_CAPTURE)).unwrap().contains("stream"));
    }

    #[test]
    fn sensors_and_unknown_formats_are_told_apart() {
        let path = Path::new("/dev/video9");
        let codes = |names: &[&[u8; 4]]| names.iter().map(|n| FourCC::new(n)).collect::<Vec<_>>();
        assert!(offers_nothing(path, &codes(&[b"RGGB", b"BA10", b"pBAA", b"pgCC", b"BG16"])).contains("sensor"));
        assert!(offers_nothing(path, &codes(&[b"H264", b"RGGB"])).contains("offers H264, RGGB"));
        assert!(offers_nothing(path, &codes(&[b"BGR3", b"RGBP", b"GREY", b"Y10 "])).contains("this program reads"));
        assert!(offers_nothing(path, &[]).contains("no picture format"));
    }

    #[test]
    fn devices_are_in_the_order_of_their_numbers() {
        let names = ["video10", "video2", "videology", "video", "vcs", "video0"].map(String::from);
        assert_eq!(by_number(names.into_iter()), ["video0", "video2", "video10"]);
    }

    #[test]
    fn every_packing_has_its_code() {
        for expected in [Packing::Yuyv, Packing::Nv12, Packing::Yuv420, Packing::Mjpeg] {
            assert_eq!(packing(fourcc(expected)), Some(expected));
        }
        assert_eq!(packing(FourCC::new(b"H264")), None);
    }

    #[test]
    fn refusals_say_what_to_do() {
        let say = |code| explain(Path::new("/dev/video0"), &io::Error::from_raw_os_error(code));
        assert!(say(libc::EACCES).contains("group video"));
        assert!(say(libc::EBUSY).contains("close it"));
        assert!(say(libc::ENOENT).contains("plug it in"));
        assert!(say(libc::EIO).contains("plug it in again"));
    }

    #[test]
    fn rates_without_sense_are_none() {
        assert_eq!(rate(Fraction::new(1, 30)), Some(30.0));
        assert_eq!(rate(Fraction::new(0, 30)), None);
        assert_eq!(rate(Fraction::new(1, 0)), None);
    }

    #[test]
    fn doctor_sees_the_fastest_rate_of_each_size() {
        let mode = |fps| Mode { packing: Packing::Mjpeg, width: 640, height: 480, fps };
        assert_eq!(fastest(&[mode(Some(15.0)), mode(Some(30.0)), mode(Some(20.0))]), ["MJPEG 640x480 30 fps"]);
    }
}
