//! Pictures of every mode, compared pixel by pixel with those in `tests/golden/screens`.
//! With `LOOKALIKE_BLESS=1` they are written anew: look at them before committing.

use super::{Mode, live, message};
use crate::{
    screen::{Area, Canvas, Surface},
    types::{Answer, Chip, Duel, Face, Frame, Match, Outline, Rect, Sighting, Tally},
};
use embedded_graphics::pixelcolor::Rgb888;
use image::{
    ExtendedColorType, ImageEncoder, RgbImage,
    codecs::png::{CompressionType, FilterType, PngEncoder},
};
use std::{collections::BTreeMap, env, fs, path::PathBuf, time::Instant};

const SKINS: [Rgb888; 4] =
    [Rgb888::new(240, 200, 170), Rgb888::new(196, 144, 108), Rgb888::new(136, 92, 66), Rgb888::new(255, 220, 196)];
const HAIR: [Rgb888; 4] = [Rgb888::new(60, 40, 30), Rgb888::new(20, 20, 24), Rgb888::new(36, 28, 26), Rgb888::new(210, 160, 80)];
const DARK: Rgb888 = Rgb888::new(40, 30, 34);

/// A drawn face in a rectangle: no photograph of anybody is kept in the repository.
fn paint_face(canvas: &mut Canvas, who: usize, a: Area) {
    let part = |x: i32, y: i32, w: i32, h: i32| {
        Area::new(a.x + a.w * x / 100, a.y + a.h * y / 100, (a.w * w / 100).max(1), (a.h * h / 100).max(1))
    };
    canvas.round(part(0, 0, 100, 70), a.w / 2, HAIR[who % 4], 255);
    canvas.round(part(8, 14, 84, 86), a.w / 2, SKINS[who % 4], 255);
    for x in [24, 62] {
        canvas.round(part(x, 36, 14, 10), a.w / 8, Rgb888::new(255, 255, 255), 255);
        canvas.round(part(x + 4, 37, 6, 8), a.w / 16, DARK, 255);
    }
    canvas.round(part(46, 46, 8, 18), a.w / 20, DARK, 60);
    canvas.round(part(30, 74, 40, 8), a.w / 16, Rgb888::new(190, 70, 80), 255);
}

fn bytes(canvas: &Canvas) -> Vec<u8> {
    canvas.pixels().iter().flat_map(|p| [(p >> 16) as u8, (p >> 8) as u8, *p as u8]).collect()
}

fn chip(who: usize) -> Chip {
    let mut canvas = Canvas::new(Surface { width: 150, height: 150, cells: false });
    canvas.wipe(Rgb888::new(120, 150, 160));
    paint_face(&mut canvas, who, Area::new(20, 5, 110, 140));
    Chip { width: 150, height: 150, pixels: bytes(&canvas) }
}

/// Faces of the given places in a 640 x 480 picture.
fn frame(faces: &[Face]) -> Frame {
    let mut canvas = Canvas::new(Surface { width: 640, height: 480, cells: false });
    canvas.wipe(Rgb888::new(120, 150, 160));
    canvas.fill(Area::new(0, 330, 640, 150), Rgb888::new(96, 110, 104));
    for (who, face) in faces.iter().enumerate() {
        let r = face.rect;
        paint_face(&mut canvas, who, Area::new(r.x as i32, r.y as i32, r.w as i32, r.h as i32));
    }
    Frame { width: 640, height: 480, pixels: bytes(&canvas), taken: Instant::now() }
}

fn face(x: f32, y: f32, w: f32) -> Face {
    let h = w * 1.25;
    let p = |fx: f32, fy: f32| [x + w * fx, y + h * fy];
    let landmarks = [p(0.31, 0.41), p(0.69, 0.41), p(0.5, 0.6), p(0.32, 0.78), p(0.68, 0.78)];
    Face { rect: Rect { x, y, w, h }, score: 0.99, landmarks }
}

fn answer(names: &[(&str, f32)], nobody_percent: f32) -> Option<Answer> {
    let matches = names.iter().map(|&(name, percent)| Match { name: name.into(), percent, distance: 0.4 });
    Some(Answer { matches: matches.collect(), nobody_percent })
}

fn known() -> Option<Answer> {
    answer(&[("Ada Lovelace", 63.7), ("Émilie du Châtelet", 12.2), ("Софья Ковалевская", 4.4)], 19.7)
}

fn stranger() -> Option<Answer> {
    answer(&[("Ada Lovelace", 9.0), ("Hypatía", 5.1), ("Émilie du Châtelet", 0.3)], 85.6)
}

fn long() -> Option<Answer> {
    answer(
        &[("Hubert Blaine Wolfeschlegelsteinhausenbergerdorff", 41.0), ("Αλέξανδρος Παπαδόπουλος", 22.0), ("李 Nguyễn", 9.0)],
        28.0,
    )
}

/// A view's parts, owned.
struct Scene {
    frame: Option<Frame>,
    sightings: Vec<Sighting>,
    thumbnails: BTreeMap<String, Chip>,
    notice: Option<&'static str>,
    progress: Option<&'static str>,
    outlines: Option<Vec<Outline>>,
    duel: Option<(Duel, Tally)>,
}

impl Scene {
    fn of(faces: &[(Face, Option<Answer>)]) -> Self {
        let places: Vec<Face> = faces.iter().map(|(face, _)| *face).collect();
        let sighting = |(i, (face, answer)): (usize, &(Face, Option<Answer>))| Sighting {
            track: i as u64,
            face: *face,
            chip: answer.as_ref().map(|_| chip(i)),
            answer: answer.clone(),
        };
        let names = ["Ada Lovelace", "Hypatía", "Émilie du Châtelet", "Софья Ковалевская", "Ørsted"];
        let thumbnails = names.iter().enumerate().map(|(i, name)| (name.to_string(), chip(i + 1))).collect();
        Self {
            frame: Some(frame(&places)),
            sightings: faces.iter().enumerate().map(sighting).collect(),
            thumbnails,
            notice: None,
            progress: None,
            outlines: None,
            duel: None,
        }
    }

    fn draw(&self, width: u32, height: u32, cells: bool) -> Canvas {
        self.draw_as(Mode::Visitor, width, height, cells)
    }

    fn draw_as(&self, mode: Mode, width: u32, height: u32, cells: bool) -> Canvas {
        let mut canvas = Canvas::strict(Surface { width, height, cells });
        let stages = [("capture", 3.1), ("detect", 12.4), ("align", 0.2), ("embed", 8.0), ("match", 0.1), ("draw", 2.2)];
        let view = live::View {
            mode,
            frame: self.frame.as_ref(),
            mirror: true,
            sightings: &self.sightings,
            found: match (&self.duel, &self.outlines) {
                (Some((duel, tally)), _) => live::Found::Duel(duel, tally),
                (None, Some(outlines)) => live::Found::Outlines(outlines),
                (None, None) => live::Found::Faces,
            },
            thumbnails: &self.thumbnails,
            gallery_people: self.thumbnails.len(),
            how_to_enroll: "lookalike enroll --name NAME PHOTO.jpg",
            stages: &stages,
            fps: 21.3,
            recognised_fps: 7.4,
            next_mode_by: "tap or space",
            next_mode: mode.next(false, false).title(),
            progress: self.progress,
            notice: self.notice,
        };
        live::draw(&mut canvas, &view);
        canvas
    }
}

fn one(answer: Option<Answer>) -> Scene {
    Scene::of(&[(face(220.0, 90.0, 200.0), answer)])
}

fn five() -> Scene {
    let mut scene = Scene::of(&[
        (face(-30.0, 60.0, 110.0), known()),
        (face(120.0, 230.0, 100.0), stranger()),
        (face(270.0, 60.0, 120.0), long()),
        (face(430.0, 280.0, 90.0), None),
        (face(560.0, 330.0, 140.0), answer(&[("Hypatía", 99.7)], 0.3)),
    ]);
    scene.sightings[1].chip = None;
    scene.sightings[4].chip = None;
    scene
}

/// Two faces, of which the cascade finds one, and a hand.
fn duel() -> Scene {
    let faces = [face(90.0, 110.0, 170.0), face(380.0, 130.0, 160.0)];
    let outlines = [(88.0, 130.0, 180.0, 31), (300.0, 360.0, 90.0, 4)];
    let outlines = outlines.map(|(x, y, side, neighbours)| Outline { rect: Rect { x, y, w: side, h: side }, neighbours });
    let duel = Duel { faces: faces.to_vec(), outlines: outlines.to_vec(), pairs: vec![(0, 0)], mtcnn_ms: 11.84, haar_ms: 6.02 };
    let tally = Tally { frames: 412, hits: 398, mtcnn_misses: 17, haar_misses: 401, mtcnn_ms: 5021.7, haar_ms: 2550.3 };
    let places = faces.map(|face| (face, None));
    Scene { sightings: Vec::new(), duel: Some((duel, tally)), ..Scene::of(&places) }
}

/// The same where the cascade is the booth's detector.
fn outlined() -> Scene {
    let outlines = duel().duel.map(|(duel, _)| duel.outlines);
    Scene { outlines, duel: None, ..duel() }
}

fn path(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../tests/golden/screens").join(name)
}

fn is_blessing() -> bool {
    env::var_os("LOOKALIKE_BLESS").is_some_and(|v| v == "1")
}

/// Compares a canvas with the picture of that name.
pub(crate) fn check(canvas: &Canvas, name: &str) {
    let (path, rgb) = (path(&format!("{name}.png")), bytes(canvas));
    if is_blessing() {
        let file = fs::File::create(&path).unwrap();
        let encoder = PngEncoder::new_with_quality(file, CompressionType::Best, FilterType::NoFilter);
        encoder.write_image(&rgb, canvas.width(), canvas.height(), ExtendedColorType::Rgb8).unwrap();
    }
    let golden = image::open(&path).unwrap_or_else(|e| panic!("{}: {e}: run with LOOKALIKE_BLESS=1", path.display())).into_rgb8();
    assert_eq!(golden.dimensions(), (canvas.width(), canvas.height()), "{name}");
    let off = golden.as_raw().chunks(3).zip(rgb.chunks(3)).filter(|(a, b)| a != b).count();
    if off > 0 {
        let seen = env::temp_dir().join(format!("lookalike-{name}.png"));
        RgbImage::from_raw(canvas.width(), canvas.height(), rgb).unwrap().save(&seen).unwrap();
        panic!("{name}: {off} pixels differ; what was drawn is in {}", seen.display());
    }
}

#[test]
fn one_face_on_a_desktop() {
    check(&one(known()).draw(1024, 600, false), "one-1024x600");
}

#[test]
fn two_faces_on_a_seven_inch_panel() {
    let scene = Scene::of(&[(face(90.0, 110.0, 170.0), known()), (face(380.0, 130.0, 160.0), stranger())]);
    check(&scene.draw(800, 480, false), "two-800x480");
}

#[test]
fn five_faces_on_an_upright_panel() {
    check(&five().draw(480, 800, false), "five-480x800");
}

#[test]
fn a_stranger_on_a_small_screen() {
    check(&one(stranger()).draw(640, 480, false), "stranger-640x480");
}

#[test]
fn a_long_name_on_a_tiny_screen() {
    check(&one(long()).draw(320, 240, false), "long-320x240");
}

#[test]
fn nobody_there() {
    check(&Scene::of(&[]).draw(800, 480, false), "wall-800x480");
}

#[test]
fn nobody_enrolled() {
    check(&Scene { thumbnails: BTreeMap::new(), ..one(None) }.draw(800, 480, false), "empty-800x480");
}

#[test]
fn a_gpu_that_gets_ready_behind_the_picture() {
    let progress = Some("the GPU gets ready: its kernels are compiled, once on this machine");
    check(&Scene { progress, ..one(known()) }.draw(800, 480, false), "progress-800x480");
    check(&Scene { progress, ..one(known()) }.draw(80, 24, true), "progress-80x24");
}

#[test]
fn a_camera_that_is_gone() {
    let notice = Some("The camera /dev/video0 is gone. Plug it in again: the booth goes on by itself.");
    check(&Scene { notice, ..Scene::of(&[]) }.draw(640, 480, false), "notice-640x480");
}

#[test]
fn a_start_that_failed() {
    let mut canvas = Canvas::strict(Surface { width: 800, height: 480, cells: false });
    let text = "No models in ./models: run `make models`, or name their folder with --models DIR.\n\nThe booth tries again when it is started anew.";
    message::draw(&mut canvas, "Lookalike cannot start", text);
    check(&canvas, "message-800x480");
}

#[test]
fn an_engineer_sees_landmarks_and_milliseconds() {
    let scene = Scene::of(&[(face(90.0, 110.0, 170.0), known()), (face(380.0, 130.0, 160.0), stranger())]);
    check(&scene.draw_as(Mode::Engineer, 800, 480, false), "engineer-800x480");
    check(&five().draw_as(Mode::Engineer, 480, 800, false), "engineer-480x800");
}

#[test]
fn an_engineer_at_a_terminal_reads_the_same() {
    check_text(&one(known()).draw_as(Mode::Engineer, 80, 48, true), "engineer-80x24");
}

#[test]
fn a_terminal_shows_names_and_percentages_as_text() {
    check_text(&one(known()).draw(80, 48, true), "terminal-80x24");
}

#[test]
fn a_cascade_is_set_beside_the_nets() {
    check(&duel().draw_as(Mode::Compare, 800, 480, false), "compare-800x480");
    check(&duel().draw_as(Mode::Compare, 480, 800, false), "compare-480x800");
    check_text(&duel().draw_as(Mode::Compare, 80, 48, true), "compare-80x24");
}

#[test]
fn a_cascade_instead_of_the_nets_shows_boxes_and_says_why_nobody_has_a_name() {
    check(&outlined().draw(800, 480, false), "outlines-800x480");
    check(&outlined().draw_as(Mode::Engineer, 800, 480, false), "outlines-engineer-800x480");
    check_text(&outlined().draw(80, 48, true), "outlines-80x24");
}

/// Compares picture and characters.
fn check_text(canvas: &Canvas, name: &str) {
    check(canvas, name);
    let letter = |i: usize| match canvas.letters()[i] {
        Some(glyph) => glyph.letter,
        None => '.',
    };
    let columns = canvas.width() as usize;
    let rows = canvas.letters().len() / columns;
    let text: String = (0..rows).flat_map(|row| (0..columns).map(move |x| letter(row * columns + x)).chain(['\n'])).collect();
    let path = path(&format!("{name}.txt"));
    if is_blessing() {
        fs::write(&path, &text).unwrap();
    }
    assert_eq!(text, fs::read_to_string(path).unwrap());
}

#[test]
fn no_size_draws_out_of_bounds() {
    let notice = Some("The camera is gone.");
    let mut wild = five();
    wild.sightings[0].face.rect.x = f32::NAN;
    wild.sightings[1].face.rect = Rect { x: -1e9, y: -1e9, w: 2e9, h: 2e9 };
    wild.sightings[2].answer = answer(&[("", f32::NAN)], f32::NAN);
    let mut far = duel();
    far.duel.as_mut().unwrap().0.outlines[0].rect = Rect { x: -1e9, y: f32::NAN, w: 2e9, h: 2e9 };
    let scenes =
        [five(), wild, one(long()), far, outlined(), Scene { notice, ..Scene::of(&[]) }, Scene { frame: None, ..Scene::of(&[]) }];
    let sizes = [1, 2, 3, 7, 24, 61, 130, 333, 900];
    for scene in &scenes {
        for (width, height) in sizes.into_iter().flat_map(|w| sizes.map(|h| (w, h))) {
            for cells in [false, true] {
                for mode in [Mode::Visitor, Mode::Engineer, Mode::Compare] {
                    scene.draw_as(mode, width, height, cells);
                }
                let mut canvas = Canvas::strict(Surface { width, height, cells });
                message::draw(&mut canvas, "Lookalike cannot start", "No models in ./models: run `make models`.");
            }
        }
    }
}
