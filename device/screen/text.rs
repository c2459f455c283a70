//! Anti-aliased text on a canvas: measured, aligned, shortened with an ellipsis. On a canvas of cells it stays text.

use super::{
    Area,
    canvas::{Canvas, Glyph, blend, pack},
};
use ab_glyph::{Font, FontRef, GlyphId, PxScale, ScaleFont, point};
use embedded_graphics::pixelcolor::Rgb888;
use std::{borrow::Cow, collections::HashMap};

/// Where text stands in its rectangle. It is always centred between above and below.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Align {
    Left,
    Centre,
    Right,
}

/// How text looks.
#[derive(Clone, Copy, Debug)]
pub struct Style {
    /// Size of the em square in pixels. Without meaning on a canvas of cells.
    pub px: i32,
    /// Colour of the letters.
    pub color: Rgb888,
    /// Where the text stands.
    pub align: Align,
}

/// Height of a capital letter over the em square.
const CAPITAL: f32 = 0.69;

/// A letter is drawn at quarters of a pixel, so that small text keeps its rhythm.
const PLACES: f32 = 4.0;

/// The fonts and every glyph drawn so far.
pub(super) struct Lettering {
    fonts: Vec<FontRef<'static>>,
    drawn: HashMap<(char, i32, u8), Bitmap>,
}

/// A glyph's coverage, placed relative to the pen on the base line.
#[derive(Default)]
struct Bitmap {
    left: i32,
    top: i32,
    width: i32,
    coverage: Vec<u8>,
}

impl Lettering {
    pub(super) fn new() -> Self {
        let files = [epaint_default_fonts::UBUNTU_LIGHT, epaint_default_fonts::HACK_REGULAR];
        let fonts = files.into_iter().filter_map(|file| FontRef::try_from_slice(file).ok()).collect();
        Self { fonts, drawn: HashMap::new() }
    }

    /// The first font that has the letter, or has what is left of it without its tone mark.
    fn find(&self, letter: char) -> Option<(&FontRef<'static>, GlyphId)> {
        if is_silent(letter) {
            return None;
        }
        let of = |letter| self.fonts.iter().map(move |font| (font, font.glyph_id(letter))).find(|(_, id)| id.0 != 0);
        of(letter).or_else(|| of(without_tone(letter)?))
    }

    /// Pen movement behind `letter`, with the kerning to the `next` one.
    fn advance(&self, letter: char, next: Option<char>, px: i32) -> f32 {
        let Some((font, id)) = self.find(letter) else { return if is_silent(letter) { 0.0 } else { 0.6 * px as f32 } };
        let scaled = font.as_scaled(em(font, px));
        let kern = next.map_or(0.0, |next| scaled.kern(id, font.glyph_id(next)));
        scaled.h_advance(id) + kern
    }

    fn width(&self, text: &str, px: i32) -> f32 {
        pairs(text).map(|(letter, next)| self.advance(letter, next, px)).sum()
    }

    fn bitmap(&mut self, letter: char, px: i32, place: u8) -> &Bitmap {
        let key = (letter, px, place);
        if !self.drawn.contains_key(&key) {
            // A name per visitor must not fill the memory of a booth that runs for months.
            if self.drawn.len() > 4096 {
                self.drawn.clear();
            }
            let bitmap = match self.find(letter) {
                Some((font, id)) => outline(font, id, px, f32::from(place) / PLACES),
                None => missing(letter, px),
            };
            self.drawn.insert(key, bitmap);
        }
        &self.drawn[&key]
    }
}

/// The scale at which the font's em square has `px` pixels; ab_glyph measures from descender to ascender.
fn em(font: &FontRef, px: i32) -> PxScale {
    let units = font.units_per_em().unwrap_or(1000.0);
    PxScale::from(px as f32 * font.height_unscaled() / units)
}

fn outline(font: &FontRef, id: GlyphId, px: i32, shift: f32) -> Bitmap {
    let glyph = id.with_scale_and_position(em(font, px), point(shift, 0.0));
    let Some(outline) = font.outline_glyph(glyph) else { return Bitmap::default() };
    let bounds = outline.px_bounds();
    let (width, height) = (bounds.width() as i32, bounds.height() as i32);
    let mut coverage = vec![0; (width * height) as usize];
    outline.draw(|x, y, c| {
        let c = (c.clamp(0.0, 1.0) * 255.0) as u32;
        // A light font on a dark ground loses its thin strokes: half-covered pixels get a little more.
        coverage[(y as i32 * width + x as i32) as usize] = (c + c * (255 - c) / 640) as u8;
    });
    Bitmap { left: bounds.min.x as i32, top: bounds.min.y as i32, width, coverage }
}

/// A box in place of a letter that no font has; nothing for a letter that is not seen.
fn missing(letter: char, px: i32) -> Bitmap {
    if is_silent(letter) {
        return Bitmap::default();
    }
    let (width, height) = ((px / 2).max(3), ((px as f32 * CAPITAL) as i32).max(4));
    let edge = |i: i32| i % width == 0 || i % width == width - 1 || i < width || i >= width * (height - 1);
    let coverage = (0..width * height).map(|i| if edge(i) { 160 } else { 0 }).collect();
    Bitmap { left: 0, top: -height, width, coverage }
}

/// The letter under a Vietnamese tone mark, which the fonts lack: U+1EA0 to U+1EF9 in order.
fn without_tone(letter: char) -> Option<char> {
    const UNDER: &str = "AaAaÂâÂâÂâÂâÂâĂăĂăĂăĂăĂăEeEeEeÊêÊêÊêÊêÊêIiIiOoOoÔôÔôÔôÔôÔôƠơƠơƠơƠơƠơUuUuƯưƯưƯưƯưƯưYyYyYyYy";
    UNDER.chars().nth((letter as usize).checked_sub(0x1EA0)?)
}

/// Letters that are not shown: combining marks, which the fonts cannot place, and control and format characters,
/// which could also turn a terminal upside down.
fn is_silent(letter: char) -> bool {
    letter.is_control()
        || matches!(letter, '\u{300}'..='\u{36F}')
        || matches!(letter, '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2060}'..='\u{206F}' | '\u{FE00}'..='\u{FE0F}' | '\u{FEFF}')
}

/// Cells that a letter takes in a terminal.
fn cells(letter: char) -> i32 {
    match letter {
        c if is_silent(c) => 0,
        '\u{1100}'..='\u{115F}'
        | '\u{2E80}'..='\u{A4CF}'
        | '\u{AC00}'..='\u{D7A3}'
        | '\u{F900}'..='\u{FAFF}'
        | '\u{FE30}'..='\u{FE6F}'
        | '\u{FF00}'..='\u{FF60}'
        | '\u{1F300}'..='\u{1FAFF}'
        | '\u{20000}'..='\u{3FFFF}' => 2,
        _ => 1,
    }
}

/// Each letter with its successor.
fn pairs(text: &str) -> impl Iterator<Item = (char, Option<char>)> + '_ {
    text.chars().zip(text.chars().skip(1).map(Some).chain([None]))
}

impl Canvas {
    /// Pixels that the text takes from left to right.
    pub fn text_width(&self, text: &str, px: i32) -> i32 {
        match self.has_cells() {
            true => text.chars().map(cells).sum(),
            false => self.lettering.width(text, px).ceil() as i32,
        }
    }

    /// Pixels from one line of text to the next.
    pub fn line_height(&self, px: i32) -> i32 {
        if self.has_cells() { 2 } else { (px * 27 + 10) / 20 }
    }

    /// The text, or as much of its beginning as fits into `width` pixels together with an ellipsis.
    pub fn shorten<'t>(&self, text: &'t str, px: i32, width: i32) -> Cow<'t, str> {
        if self.text_width(text, px) <= width {
            return text.into();
        }
        let mut end = text.len();
        while let Some((at, _)) = text[..end].char_indices().next_back() {
            end = at;
            let short = format!("{}…", text[..end].trim_end());
            if self.text_width(&short, px) <= width {
                return short.into();
            }
        }
        "".into()
    }

    /// The text in lines of at most `width` pixels, broken at spaces and line ends.
    pub fn wrap(&self, text: &str, px: i32, width: i32) -> Vec<String> {
        let mut lines = Vec::new();
        for paragraph in text.lines() {
            let mut line = String::new();
            for word in paragraph.split_whitespace() {
                let longer = if line.is_empty() { word.to_string() } else { format!("{line} {word}") };
                if self.text_width(&longer, px) <= width || line.is_empty() {
                    line = longer;
                } else {
                    lines.push(std::mem::replace(&mut line, word.to_string()));
                }
            }
            lines.push(line);
        }
        lines
    }

    /// Writes one line of text into the rectangle, shortened where it does not fit, not at all where it is too low.
    /// Returns the columns that it takes.
    pub fn write(&mut self, area: Area, text: &str, style: Style) -> i32 {
        if self.seen(area).is_empty() || area.h < if self.has_cells() { 2 } else { style.px } {
            return 0;
        }
        let text = self.shorten(text, style.px, area.w);
        let width = self.text_width(&text, style.px);
        let left = match style.align {
            Align::Left => area.x,
            Align::Centre => area.x + (area.w - width) / 2,
            Align::Right => area.right() - width,
        };
        if self.has_cells() {
            self.set_letters(left, (area.y + area.h / 2).div_euclid(2), &text, pack(style.color));
        } else {
            let capital = (style.px as f32 * CAPITAL).round() as i32;
            // Accents and tails may leave the rectangle a little.
            let room = area.inset(-style.px / 2, -style.px / 3);
            self.clipped(room, |canvas| canvas.draw_letters(left, area.y + (area.h + capital) / 2, &text, style));
        }
        width
    }

    fn draw_letters(&mut self, left: i32, base: i32, text: &str, style: Style) {
        let color = pack(style.color);
        let mut lettering = std::mem::replace(&mut self.lettering, Lettering { fonts: Vec::new(), drawn: HashMap::new() });
        let mut pen = left as f32;
        for (letter, next) in pairs(text) {
            let place = ((pen - pen.floor()) * PLACES) as u8;
            let bitmap = lettering.bitmap(letter, style.px, place);
            if bitmap.width > 0 {
                let height = bitmap.coverage.len() as i32 / bitmap.width;
                let area = Area::new(pen.floor() as i32 + bitmap.left, base + bitmap.top, bitmap.width, height);
                let seen = self.seen(area);
                for y in seen.y..seen.bottom() {
                    let from = ((y - area.y) * area.w + seen.x - area.x) as usize;
                    for (pixel, &c) in self.row(y, seen.x, seen.right()).iter_mut().zip(&bitmap.coverage[from..]) {
                        *pixel = blend(*pixel, color, u32::from(c));
                    }
                }
            }
            pen += lettering.advance(letter, next, style.px);
        }
        self.lettering = lettering;
    }

    fn set_letters(&mut self, left: i32, row: i32, text: &str, color: u32) {
        let mut column = left;
        for letter in text.chars() {
            let wide = cells(letter);
            let seen = self.seen(Area::new(column, row * 2, wide, 1));
            if wide > 0 && seen.w == wide {
                let at = row as usize * self.width() as usize + column as usize;
                self.letters[at] = Some(Glyph { letter, color });
                if wide == 2 {
                    self.letters[at + 1] = Some(Glyph { letter: '\0', color });
                }
            }
            column += wide;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::screen::canvas::Surface;

    fn canvas(cells: bool) -> Canvas {
        Canvas::strict(Surface { width: 200, height: 40, cells })
    }

    fn style(align: Align) -> Style {
        Style { px: 20, color: Rgb888::new(255, 255, 255), align }
    }

    /// The first and last columns with ink.
    fn ink(c: &Canvas) -> Option<(usize, usize)> {
        let columns = || (0..200).filter(|x| (0..40).any(|y| c.pixels()[y * 200 + x] != 0));
        Some((columns().next()?, columns().next_back()?))
    }

    #[test]
    fn every_european_alphabet_has_its_letters() {
        let lettering = Lettering::new();
        let text = "AZaz09 éñüåøčřżőțğşß ΑΩαωάή ЯяЁёЇїҐґЎў … · – — “” %\u{a0}";
        let absent: Vec<char> = text.chars().filter(|&c| lettering.find(c).is_none()).collect();
        assert_eq!(absent, []);
    }

    #[test]
    fn text_stands_where_it_is_told() {
        let area = Area::new(50, 0, 100, 40);
        let mut places = Vec::new();
        for align in [Align::Left, Align::Centre, Align::Right] {
            let mut c = canvas(false);
            c.write(area, "Hello", style(align));
            places.push(ink(&c).unwrap());
        }
        let [left, centre, right] = places[..] else { panic!() };
        assert!((50..54).contains(&left.0), "{left:?}");
        assert!((145..150).contains(&right.1), "{right:?}");
        assert!(centre.0.abs_diff(50).abs_diff(149 - centre.1) <= 3, "{centre:?}");
    }

    #[test]
    fn a_long_name_ends_in_an_ellipsis_within_its_width() {
        let c = canvas(false);
        let name = "Hubert Blaine Wolfeschlegelsteinhausenbergerdorff Sr.";
        let short = c.shorten(name, 20, 120);
        assert!(short.ends_with('…') && name.starts_with(short.trim_end_matches('…')), "{short}");
        assert!(c.text_width(&short, 20) <= 120);
        assert_eq!(c.shorten("Al", 20, 120), "Al");
        assert_eq!(c.shorten("Al", 20, 2), "");
    }

    #[test]
    fn an_unknown_letter_is_shown_as_a_box_and_a_control_letter_not_at_all() {
        let mut c = canvas(false);
        c.write(c.area(), "\u{7}\u{202E}", style(Align::Left));
        assert_eq!(ink(&c), None);
        c.write(c.area(), "李", style(Align::Left));
        assert_eq!(ink(&c), Some((0, 9)));
    }

    #[test]
    fn a_name_with_tone_marks_can_be_read() {
        assert_eq!("ẠữỹỴ".chars().map(without_tone).collect::<Option<String>>().unwrap(), "AưyY");
        assert_eq!(['a', '\u{1EFA}'].map(without_tone), [None, None]);
        let c = canvas(false);
        assert_eq!(c.text_width("Zoe\u{308}", 20), c.text_width("Zoe", 20));
    }

    #[test]
    fn text_on_cells_stays_text() {
        let mut c = canvas(true);
        c.write(Area::new(10, 4, 12, 2), "Zoë 李 64 %", style(Align::Right));
        let row: String = c.letters()[2 * 200..3 * 200].iter().map(|g| g.map_or(' ', |g| g.letter)).collect();
        assert_eq!(row.trim_end(), "           Zoë 李\0 64 %");
        assert_eq!(c.letters().iter().flatten().count(), 11);
    }

    #[test]
    fn words_wrap_at_spaces() {
        let c = canvas(true);
        assert_eq!(c.wrap("one two three\n\nfour", 1, 8), ["one two", "three", "", "four"]);
        assert_eq!(c.wrap("unbreakable", 1, 4), ["unbreakable"]);
    }
}
