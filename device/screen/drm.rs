//! A panel driven by the kernel's mode setting (DRM/KMS), without a desktop: two buffers of plain memory, one shown, one drawn.

use super::panel::Display;
use crate::ioctl;
use crate::turn::Turned;
use anyhow::{Context, Result, bail};
use drm::{
    Device as _, DriverCapability,
    buffer::{Buffer as _, DrmFourcc},
    control::{Device as _, Mode, PageFlipFlags, ResourceHandles, connector, crtc, dumbbuffer::DumbMapping, framebuffer},
};
use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    io::Errno,
};
use std::{
    fs::{self, File},
    io,
    os::fd::{AsFd, BorrowedFd},
    path::{Path, PathBuf},
};

mod choice;

pub use choice::ModeWish;

/// A flip that takes longer will not come: the panel sleeps.
const FLIP_NS: i64 = 200_000_000;

/// An open card.
struct Card(File);

impl AsFd for Card {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

impl drm::Device for Card {}
impl drm::control::Device for Card {}

/// Memory that is drawn on and shown.
struct Buffer {
    framebuffer: framebuffer::Handle,
    pitch: usize,
    map: DumbMapping<'static>,
}

/// A panel at a connector of a card. Dropping it shows again what was there before.
pub(super) struct Drm {
    card: Card,
    connector: connector::Handle,
    crtc: crtc::Handle,
    before: crtc::Info,
    mode: Mode,
    buffers: [Buffer; 2],
    /// The buffer that is not shown.
    back: usize,
    is_flipping: bool,
    name: String,
}

impl Drm {
    /// Takes the panel that `device` names and shows black. `device` is `auto`, the path of a card or the name of a connector.
    pub(super) fn open(device: &str, wish: Option<ModeWish>) -> Result<Self> {
        let (mut cards, mut refused) = (Vec::new(), None);
        for path in paths() {
            match look(&path) {
                Ok(card) => cards.push(card),
                Err(error) => refused = Some(error),
            }
        }
        let said: Vec<choice::Card> = cards.iter().map(|(_, card, _)| card.clone()).collect();
        let (at, connector) = match (choice::panel(&said, device), refused) {
            (Ok(found), _) => found,
            // What may not be looked at may have the panel.
            (Err(_), Some(refused)) => return Err(refused),
            (Err(error), None) => return Err(error),
        };
        let (card, said, infos) = cards.swap_remove(at);
        let (said_connector, info) = (&said.connectors[connector], &infos[connector]);
        let name = format!("{} of {} ({})", said_connector.name, said.path.display(), said.driver);
        let mode = choice::mode(&said_connector.modes, wish).context("see screen.mode in the board file")?;
        Self::take(card, info, info.modes()[mode], name.clone()).with_context(|| format!("the panel at {name} cannot be used"))
    }

    fn take(card: Card, connector: &connector::Info, mode: Mode, name: String) -> Result<Self> {
        card.acquire_master_lock().context("another program shows its picture there (a desktop, another booth): end it first")?;
        let crtc = free_crtc(&card, &card.resource_handles()?, connector)?;
        let before = card.get_crtc(crtc)?;
        let (width, height) = mode.size();
        let buffer = || Buffer::new(&card, [width.into(), height.into()]).context("no memory to draw on");
        let buffers = [buffer()?, buffer()?];
        let connector = connector.handle();
        let panel = Self { card, connector, crtc, before, mode, buffers, back: 1, is_flipping: false, name };
        panel.set(0).context("its mode cannot be set")?;
        Ok(panel)
    }

    /// Shows a buffer the slow way, setting the mode anew.
    fn set(&self, buffer: usize) -> io::Result<()> {
        let framebuffer = Some(self.buffers[buffer].framebuffer);
        self.card.set_crtc(self.crtc, framebuffer, (0, 0), &[self.connector], Some(self.mode))
    }

    /// Waits until the last flip is done: only then nobody looks at the back buffer.
    fn finish_flip(&mut self) -> Result<()> {
        let patience = Timespec { tv_sec: 0, tv_nsec: FLIP_NS };
        while self.is_flipping {
            let mut waiting = [PollFd::new(&self.card, PollFlags::IN)];
            match poll(&mut waiting, Some(&patience)) {
                Ok(0) => self.is_flipping = false,
                Ok(_) => {
                    let events = self.card.receive_events().context("the panel is gone")?;
                    self.is_flipping &= !events.into_iter().any(|event| matches!(event, drm::control::Event::PageFlip(_)));
                }
                // A signal: the caller looks after it when the picture is shown.
                Err(Errno::INTR) => {}
                Err(error) => return Err(error).context("the panel is gone"),
            }
        }
        Ok(())
    }
}

impl Display for Drm {
    fn size(&self) -> [u32; 2] {
        let (width, height) = self.mode.size();
        [width.into(), height.into()]
    }

    fn show(&mut self, picture: Turned) -> Result<()> {
        self.finish_flip()?;
        let Buffer { framebuffer, pitch, map } = &mut self.buffers[self.back];
        let mut rows = map.chunks_exact_mut(*pitch);
        picture.each_row(|_, pixels| {
            if let Some(row) = rows.next() {
                // XRGB8888 in memory is blue, green, red, nothing.
                row.chunks_exact_mut(4).zip(pixels).for_each(|(to, pixel)| to.copy_from_slice(&pixel.to_le_bytes()));
            }
        });
        match self.card.page_flip(self.crtc, *framebuffer, PageFlipFlags::EVENT, None) {
            Ok(()) => self.is_flipping = true,
            // The flip before it is still to come: this picture is not shown.
            Err(error) if error.raw_os_error() == Some(Errno::BUSY.raw_os_error()) => return Ok(()),
            // Drivers that cannot flip, panels that were switched off meanwhile.
            Err(_) => self.set(self.back).with_context(|| format!("{} cannot be drawn on any more", self.name))?,
        }
        self.back = 1 - self.back;
        Ok(())
    }

    fn describe(&self) -> String {
        let (width, height) = self.mode.size();
        format!("panel {}, {width} x {height} pixels, {} Hz", self.name, self.mode.vrefresh())
    }
}

impl Drop for Drm {
    fn drop(&mut self) {
        // Nobody is left to be told where this fails; closing the card gives the panel back to the console, too.
        let _ = self.finish_flip();
        if let Some(framebuffer) = self.before.framebuffer() {
            let (at, mode) = (self.before.position(), self.before.mode());
            let _ = self.card.set_crtc(self.crtc, Some(framebuffer), at, &[self.connector], mode);
        }
    }
}

impl Buffer {
    fn new(card: &Card, [width, height]: [u32; 2]) -> io::Result<Self> {
        let buffer = card.create_dumb_buffer((width, height), DrmFourcc::Xrgb8888, 32)?;
        let framebuffer = card.add_framebuffer(&buffer, 24, 32)?;
        // The crate's mapping borrows the handle. Two handles of 40 bytes a run; the kernel frees the memory with the card.
        let map = card.map_dumb_buffer(Box::leak(Box::new(buffer)))?;
        Ok(Self { framebuffer, pitch: buffer.pitch() as usize, map })
    }
}

/// The picture source that drives the connector already, else one that can and drives no other.
fn free_crtc(card: &Card, resources: &ResourceHandles, connector: &connector::Info) -> Result<crtc::Handle> {
    let source = |encoder| card.get_encoder(encoder).ok().and_then(|e| e.crtc());
    if let Some(crtc) = connector.current_encoder().and_then(source) {
        return Ok(crtc);
    }
    let busy: Vec<crtc::Handle> = resources.encoders().iter().filter_map(|&e| source(e)).collect();
    let able = connector.encoders().iter().filter_map(|&e| card.get_encoder(e).ok());
    let able: Vec<crtc::Handle> = able.flat_map(|e| resources.filter_crtcs(e.possible_crtcs())).collect();
    match able.iter().find(|crtc| !busy.contains(crtc)).or(able.first()) {
        Some(&crtc) => Ok(crtc),
        None => bail!("nothing on the card can drive it"),
    }
}

/// The cards, in the order of their names.
fn paths() -> Vec<PathBuf> {
    let is_card = |path: &PathBuf| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("card"));
    let entries = fs::read_dir("/dev/dri").into_iter().flatten().flatten();
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.path()).filter(is_card).collect();
    paths.sort();
    paths
}

/// Whether there is one.
pub(super) fn is_there() -> bool {
    !paths().is_empty()
}

/// Opens a card and asks what it drives.
fn look(path: &Path) -> Result<(Card, choice::Card, Vec<connector::Info>)> {
    let file = File::options().read(true).write(true).open(path);
    let card = Card(file.map_err(|error| ioctl::refused(path, "video", error))?);
    let driver = card.get_driver().map_or("?".into(), |driver| driver.name().to_string_lossy().into_owned());
    let has_buffers = card.get_driver_capability(DriverCapability::DumbBuffer).is_ok_and(|has| has > 0);
    // A card that only computes has no resources to speak of.
    let handles = card.resource_handles().map_or_else(|_| Vec::new(), |resources| resources.connectors().to_vec());
    let infos: Vec<connector::Info> = handles.into_iter().filter_map(|handle| card.get_connector(handle, true).ok()).collect();
    let connectors = infos.iter().map(connector_of).collect();
    Ok((card, choice::Card { path: path.to_path_buf(), driver, has_buffers, connectors }, infos))
}

fn connector_of(info: &connector::Info) -> choice::Connector {
    let link = match info.state() {
        connector::State::Connected => choice::Link::Connected,
        connector::State::Disconnected => choice::Link::Nothing,
        connector::State::Unknown => choice::Link::Unknown,
    };
    choice::Connector { name: info.to_string(), link, modes: info.modes().iter().map(mode_of).collect() }
}

fn mode_of(mode: &Mode) -> choice::Mode {
    let (width, height) = mode.size();
    choice::Mode {
        width: width.into(),
        height: height.into(),
        hz: mode.vrefresh(),
        is_preferred: mode.mode_type().contains(drm::control::ModeTypeFlags::PREFERRED),
        is_interlaced: mode.flags().contains(drm::control::ModeFlags::INTERLACE),
    }
}

/// Every card in one line, or why it cannot be used.
pub(super) fn list() -> Vec<Result<String>> {
    paths().iter().map(|path| look(path).map(|(_, card, _)| choice::describe(&card))).collect()
}
