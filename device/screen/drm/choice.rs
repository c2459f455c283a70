//! Which card, which connector, which mode: what cards say of themselves in, the choice out. A card's number says nothing,
//! for it depends on which driver came first; what it drives does.

use anyhow::{Result, bail};
use std::path::PathBuf;

/// A way to drive a panel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Mode {
    pub width: u32,
    pub height: u32,
    pub hz: u32,
    /// The panel itself prefers it.
    pub is_preferred: bool,
    pub is_interlaced: bool,
}

/// What a connector says of its other end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Link {
    Connected,
    /// The hardware cannot tell.
    Unknown,
    Nothing,
}

/// A place where a panel can be connected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Connector {
    /// Such as `DSI-1` or `HDMI-A-1`.
    pub name: String,
    pub link: Link,
    /// Best first.
    pub modes: Vec<Mode>,
}

/// A card.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Card {
    pub path: PathBuf,
    pub driver: String,
    /// It lends plain memory to draw on (DRM_CAP_DUMB_BUFFER).
    pub has_buffers: bool,
    pub connectors: Vec<Connector>,
}

/// The mode that the board asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ModeWish {
    /// Pixels in a row.
    pub width: u32,
    /// Rows.
    pub height: u32,
    /// Pictures a second; without it, the nearest to 60.
    pub hz: Option<u32>,
}

/// Index of the card and of its connector. `device` is `auto`, the path of a card or the name of a connector.
pub(super) fn panel(cards: &[Card], device: &str) -> Result<(usize, usize)> {
    let all = cards.iter().enumerate().flat_map(|(c, card)| (0..card.connectors.len()).map(move |i| (c, i)));
    let asked = all.filter(|&(c, i)| {
        let card = &cards[c];
        device == "auto" || card.path.as_os_str() == device || card.connectors[i].name == device
    });
    let rank = |&(c, i): &(usize, usize)| {
        let connector = &cards[c].connectors[i];
        let usable = cards[c].has_buffers && connector.link != Link::Nothing && !connector.modes.is_empty();
        usable.then(|| (connector.link == Link::Unknown, !is_built_in(&connector.name)))
    };
    // Of equals the first: `min_by_key` keeps it.
    match asked.filter(|at| rank(at).is_some()).min_by_key(|at| rank(at)) {
        Some(found) => Ok(found),
        None => bail!("{}", why_none(cards, device)),
    }
}

/// A panel that is part of the board, rather than a monitor that was plugged in.
fn is_built_in(name: &str) -> bool {
    ["DSI-", "DPI-", "LVDS-", "eDP-", "SPI-", "Embedded"].iter().any(|kind| name.starts_with(kind))
}

fn why_none(cards: &[Card], device: &str) -> String {
    if cards.is_empty() {
        return "there is no graphics card in /dev/dri: choose another screen".into();
    }
    let seen: Vec<String> = cards.iter().map(describe).collect();
    let asked = if device == "auto" { String::new() } else { format!(" at {device}") };
    format!("no panel is connected{asked}: plug one in, or choose another screen ({})", seen.join("; "))
}

/// A card in one line.
pub(super) fn describe(card: &Card) -> String {
    let connectors: Vec<String> = card.connectors.iter().map(describe_connector).collect();
    let what = match (card.has_buffers, connectors.is_empty()) {
        (_, true) => "drives no panels".into(),
        (false, false) => "lends no memory to draw on".into(),
        (true, false) => connectors.join(", "),
    };
    format!("{} {}: {what}", card.path.display(), card.driver)
}

fn describe_connector(connector: &Connector) -> String {
    let best = mode(&connector.modes, None).map(|best| {
        let Mode { width, height, hz, .. } = connector.modes[best];
        format!("{width}x{height}@{hz}")
    });
    match (connector.link, best) {
        (Link::Nothing, _) => format!("{} not connected", connector.name),
        (_, Err(_)) => format!("{} connected, without a mode", connector.name),
        (Link::Connected, Ok(best)) => format!("{} connected, {best}", connector.name),
        (Link::Unknown, Ok(best)) => format!("{} perhaps connected, {best}", connector.name),
    }
}

/// Index of the mode: the panel's own wish, or the one asked for.
pub(super) fn mode(modes: &[Mode], wish: Option<ModeWish>) -> Result<usize> {
    let fits = |m: &Mode| wish.is_none_or(|w| (m.width, m.height) == (w.width, w.height) && w.hz.is_none_or(|hz| hz == m.hz));
    let rank = |m: &Mode| {
        let far = if wish.is_some() { m.hz.abs_diff(60) } else { 0 };
        (m.is_interlaced, far, !m.is_preferred)
    };
    let best = (0..modes.len()).filter(|&i| fits(&modes[i])).min_by_key(|&i| rank(&modes[i]));
    match (best, wish) {
        (Some(best), _) => Ok(best),
        (None, None) => bail!("the panel says no mode"),
        (None, Some(ModeWish { width, height, hz })) => {
            let hz = hz.map_or(String::new(), |hz| format!("@{hz}"));
            let mut all: Vec<String> = modes.iter().map(|m| format!("{}x{}@{}", m.width, m.height, m.hz)).collect();
            all.dedup();
            bail!("the panel has no mode {width}x{height}{hz}, but {}", all.join(", "))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(width: u32, height: u32, hz: u32) -> Mode {
        Mode { width, height, hz, is_preferred: false, is_interlaced: false }
    }

    fn connector(name: &str, link: Link) -> Connector {
        Connector { name: name.into(), link, modes: vec![at(800, 480, 60)] }
    }

    fn card(number: u32, driver: &str, connectors: &[(&str, Link)]) -> Card {
        let connectors = connectors.iter().map(|&(name, link)| connector(name, link)).collect();
        Card { path: format!("/dev/dri/card{number}").into(), driver: driver.into(), has_buffers: true, connectors }
    }

    /// A Raspberry Pi, whose 3D engine may be card 0.
    fn pi() -> Vec<Card> {
        let panels = [("HDMI-A-1", Link::Connected), ("HDMI-A-2", Link::Nothing), ("DSI-1", Link::Connected)];
        vec![card(0, "v3d", &[]), card(1, "vc4", &panels)]
    }

    #[test]
    fn the_card_with_a_panel_is_found_whatever_its_number() {
        assert_eq!(panel(&pi(), "auto").unwrap(), (1, 2), "a built-in panel before a monitor");
        let mut swapped = pi();
        swapped.reverse();
        assert_eq!(panel(&swapped, "auto").unwrap(), (0, 2));
    }

    #[test]
    fn a_card_or_a_connector_can_be_asked_for() {
        assert_eq!(panel(&pi(), "HDMI-A-1").unwrap(), (1, 0));
        assert_eq!(panel(&pi(), "/dev/dri/card1").unwrap(), (1, 2));
        let text = panel(&pi(), "HDMI-A-2").unwrap_err().to_string();
        assert!(text.contains("at HDMI-A-2") && text.contains("HDMI-A-2 not connected"), "{text}");
        let text = panel(&pi(), "/dev/dri/card0").unwrap_err().to_string();
        assert!(text.contains("card0 v3d: drives no panels"), "{text}");
    }

    #[test]
    fn what_cannot_tell_comes_after_what_can() {
        let cards = [card(0, "tilcdc", &[("LVDS-1", Link::Unknown)]), card(1, "udl", &[("DVI-I-1", Link::Connected)])];
        assert_eq!(panel(&cards, "auto").unwrap(), (1, 0));
        assert_eq!(panel(&cards[..1], "auto").unwrap(), (0, 0));
    }

    #[test]
    fn a_card_that_cannot_be_drawn_on_is_left_alone() {
        let mut cards = [card(0, "odd", &[("DSI-1", Link::Connected)]), card(1, "bochs", &[("Virtual-1", Link::Connected)])];
        cards[0].has_buffers = false;
        assert_eq!(panel(&cards, "auto").unwrap(), (1, 0));
        cards[1].connectors[0].modes.clear();
        assert!(panel(&cards, "auto").is_err());
        assert!(panel(&[], "auto").unwrap_err().to_string().contains("/dev/dri"));
    }

    #[test]
    fn the_panels_own_mode_unless_one_is_asked_for() {
        let modes = [at(1024, 768, 75), Mode { is_preferred: true, ..at(800, 480, 60) }, at(640, 480, 60)];
        assert_eq!(mode(&modes, None).unwrap(), 1);
        assert_eq!(mode(&modes[2..], None).unwrap(), 0);
        assert_eq!(mode(&modes, Some(ModeWish { width: 640, height: 480, hz: None })).unwrap(), 2);
        assert!(mode(&[], None).is_err());
    }

    #[test]
    fn a_rate_can_be_asked_for_else_the_nearest_to_60() {
        let interlaced = Mode { is_interlaced: true, ..at(1920, 1080, 60) };
        let modes = [at(1920, 1080, 24), interlaced, at(1920, 1080, 50), at(1920, 1080, 120)];
        let wish = |hz| mode(&modes, Some(ModeWish { width: 1920, height: 1080, hz }));
        assert_eq!(wish(None).unwrap(), 2);
        assert_eq!(wish(Some(24)).unwrap(), 0);
        let text = wish(Some(30)).unwrap_err().to_string();
        assert!(text.contains("no mode 1920x1080@30, but 1920x1080@24, "), "{text}");
    }
}
