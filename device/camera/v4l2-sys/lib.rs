//! Linux's `linux/videodev2.h` in, the Rust declarations that crate `v4l` 0.14 uses out.
//!
//! This takes the place of the package `v4l2-sys-mit` 0.3 (`[patch.crates-io]` in the workspace's Cargo.toml). That package runs
//! bindgen whenever it is built and so asks for libclang on every machine and for every cross build. Here the result is
//! checked in. It holds on 64-bit Linux, x86-64 and AArch64 alike: the sizes below are part of the ioctl numbers, so a wrong one
//! does not compile here or is refused by the kernel.
//!
//! To make `bindings.rs` again (bindgen 0.65, Debian's `linux-libc-dev` 6.1), in this folder:
//!
//! ```text
//! bindgen /usr/include/linux/videodev2.h -o bindings.rs --no-layout-tests --no-doc-comments \
//!   --allowlist-var 'V4L2_CTRL_FLAG_NEXT_.*' --allowlist-type time_t --allowlist-type 'v4l2_(capability|format|fmtdesc|
//!   frmsizeenum|frmsizetypes|frmivalenum|frmivaltypes|requestbuffers|buffer|streamparm|queryctrl|query_ext_ctrl|querymenu|control|
//!   ext_controls?|ctrl_type|audio|audioout|crop|cropcap|edid|enc_idx|encoder_cmd|exportbuffer|framebuffer|frequency|input|
//!   jpegcompression|modulator|output|sliced_vbi_cap|standard|std_id|tuner)'      (one line, without the breaks)
//! ```
//!
//! Licence: `videodev2.h` is (GPL-2.0-or-later WITH Linux-syscall-note) OR BSD-3-Clause, copyright Bill Dirks and others; its
//! declarations are used under BSD-3-Clause, whose text is in `LICENSE-BSD-3-Clause`. The package that this replaces is MIT.

#![allow(non_camel_case_types, non_snake_case, non_upper_case_globals, unsafe_code, clippy::all)]

#[cfg(not(all(target_os = "linux", target_pointer_width = "64")))]
compile_error!("these bindings are for 64-bit Linux: generate them again, see lib.rs");

include!("bindings.rs");

const _: () = {
    assert!(std::mem::size_of::<v4l2_capability>() == 104);
    assert!(std::mem::size_of::<v4l2_fmtdesc>() == 64);
    assert!(std::mem::size_of::<v4l2_format>() == 208);
    assert!(std::mem::size_of::<v4l2_frmsizeenum>() == 44);
    assert!(std::mem::size_of::<v4l2_frmivalenum>() == 52);
    assert!(std::mem::size_of::<v4l2_streamparm>() == 204);
    assert!(std::mem::size_of::<v4l2_requestbuffers>() == 20);
    assert!(std::mem::size_of::<v4l2_buffer>() == 88);
};

/// Seconds and nanoseconds of the clock that V4L2 stamps frames with (`CLOCK_MONOTONIC`, since boot).
/// Rust's `Instant` runs on the same clock and does not tell its reading.
pub fn monotonic_now() -> std::time::Duration {
    #[repr(C)]
    struct timespec {
        sec: std::os::raw::c_long,
        nsec: std::os::raw::c_long,
    }
    extern "C" {
        fn clock_gettime(clock: std::os::raw::c_int, time: *mut timespec) -> std::os::raw::c_int;
    }
    const CLOCK_MONOTONIC: std::os::raw::c_int = 1;
    let mut time = timespec { sec: 0, nsec: 0 };
    // SAFETY: the C library only writes the two numbers. This clock exists on every Linux, so the call cannot fail.
    unsafe { clock_gettime(CLOCK_MONOTONIC, &mut time) };
    std::time::Duration::new(time.sec as u64, time.nsec as u32)
}
