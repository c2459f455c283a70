//! What the kernel is asked where no crate asks it: framebuffers, consoles, the slots of a touchscreen. An open device in,
//! plain structs out. The only file of the program with `unsafe`; every call is one line of the kernel's interface.
#![allow(unsafe_code)]

use rustix::io::Result;
use rustix::ioctl::{Getter, IntegerSetter, Updater, ioctl, opcode};
use std::io::{Error, ErrorKind};
use std::os::fd::AsFd;
use std::path::Path;

/// Why a device cannot be opened, with what to do about it: `group` is the one that devices of its kind belong to.
pub fn refused(device: &Path, group: &str, error: Error) -> anyhow::Error {
    let advice = match error.kind() {
        ErrorKind::PermissionDenied => {
            format!(": add the user to the group {group} (sudo usermod -aG {group} USER) and log in anew")
        }
        _ => String::new(),
    };
    anyhow::anyhow!("{} cannot be opened: {error}{advice}", device.display())
}

/// Where a colour lies in a pixel (linux/fb.h, `fb_bitfield`).
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Bits {
    /// The lowest bit.
    pub offset: u32,
    /// How many.
    pub length: u32,
    /// Not 0 where the highest bit is on the right: no panel that we know.
    pub msb_right: u32,
}

/// How a framebuffer is set (linux/fb.h, `fb_var_screeninfo`).
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
#[allow(missing_docs, dead_code)]
pub struct Variable {
    pub width: u32,
    pub height: u32,
    pub virtual_width: u32,
    pub virtual_height: u32,
    /// Where the visible part begins.
    pub x_offset: u32,
    pub y_offset: u32,
    pub bits_per_pixel: u32,
    pub grayscale: u32,
    pub red: Bits,
    pub green: Bits,
    pub blue: Bits,
    pub transparency: Bits,
    /// Timings and sizes that nobody asks for.
    rest: [u32; 20],
}

/// What a framebuffer is (linux/fb.h, `fb_fix_screeninfo`).
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
#[allow(missing_docs, dead_code)]
pub struct Fixed {
    /// Its driver's name, filled up with zeros.
    pub id: [u8; 16],
    memory_start: usize,
    /// Bytes of its memory.
    pub memory_length: u32,
    kind: u32,
    auxiliary: u32,
    visual: u32,
    steps: [u16; 3],
    /// Bytes from one row to the next.
    pub line_length: u32,
    registers_start: usize,
    registers_length: u32,
    acceleration: u32,
    capabilities: u16,
    reserved: [u16; 2],
}

/// Of a framebuffer (FBIOGET_VSCREENINFO, FBIOGET_FSCREENINFO).
pub fn framebuffer(device: impl AsFd) -> Result<(Variable, Fixed)> {
    let device = device.as_fd();
    // SAFETY: both numbers ask for these structs, laid out as the kernel's header has them.
    unsafe { Ok((ioctl(device, Getter::<0x4600, Variable>::new())?, ioctl(device, Getter::<0x4602, Fixed>::new())?)) }
}

/// What a console shows (linux/kd.h).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shown {
    /// KD_TEXT: its characters.
    Text,
    /// KD_GRAPHICS: what a program draws.
    Graphics,
}

/// Sets what a console shows (KDSETMODE). Fails on anything but a console, and on one that is not ours.
pub fn set_console(console: impl AsFd, shown: Shown) -> Result<()> {
    // SAFETY: the number takes a plain number.
    unsafe { ioctl(console.as_fd(), IntegerSetter::<0x4B3A>::new_usize(shown as usize)) }
}

/// More fingers than any touchscreen follows.
const SLOTS: usize = 64;

/// linux/input.h, `input_mt_request_layout`.
#[repr(C)]
struct SlotValues {
    code: u32,
    values: [i32; SLOTS],
}

/// The value of a multi-touch axis in every slot (EVIOCGMTSLOTS); beyond the device's slots it is 0.
pub fn slots(device: impl AsFd, axis: u16) -> Result<[i32; SLOTS]> {
    let mut asked = SlotValues { code: axis.into(), values: [0; SLOTS] };
    // SAFETY: the number carries the struct's size; the kernel fills no more.
    unsafe { ioctl(device.as_fd(), Updater::<{ opcode::read::<SlotValues>(b'E', 0x0A) }, _>::new(&mut asked))? };
    Ok(asked.values)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::File;

    #[test]
    fn structs_have_the_kernels_sizes() {
        assert_eq!((size_of::<Variable>(), size_of::<Fixed>(), size_of::<SlotValues>()), (160, 80, 260));
        assert_eq!(std::mem::offset_of!(Fixed, line_length), 48);
        assert_eq!((Shown::Text as usize, Shown::Graphics as usize), (0, 1));
    }

    #[test]
    fn a_missing_permission_says_what_to_do() {
        let text = |kind: ErrorKind| refused(Path::new("/dev/fb0"), "video", kind.into()).to_string();
        assert!(text(ErrorKind::PermissionDenied).contains("usermod -aG video"));
        assert!(!text(ErrorKind::NotFound).contains("group"));
    }

    #[test]
    fn what_is_no_such_device_says_so() {
        let null = File::open("/dev/null").unwrap();
        assert!(framebuffer(&null).is_err() && slots(&null, 0x35).is_err() && set_console(&null, Shown::Text).is_err());
    }
}
