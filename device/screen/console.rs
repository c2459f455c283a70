//! The board's text console, silenced while a panel is drawn on: no cursor, no messages, no blanking.

use super::found;
use crate::ioctl::{Shown, set_console};
use std::{fs::File, io, os::unix::fs::OpenOptionsExt};

/// The console that the program was started on, else the one that is in front.
const PLACES: [&str; 2] = ["/dev/tty", "/dev/tty0"];

/// Switches the console to graphics and remembers to switch it back. Where there is none, or it is not ours, it stays: then
/// its cursor may be seen through.
pub(super) fn silence() {
    let Some(console) = PLACES.iter().find_map(|place| take(place).ok()) else { return };
    found::remember(move || {
        // Always text, whatever was found: graphics without us are left from a program that was killed.
        let _ = set_console(&console, Shown::Text);
    });
}

fn take(place: &str) -> io::Result<File> {
    let console = File::options().read(true).write(true).custom_flags(libc::O_NOCTTY | libc::O_CLOEXEC).open(place)?;
    set_console(&console, Shown::Graphics)?;
    Ok(console)
}
