//! A shell stands in for the cameras' programs: it writes, dies, falls silent and ignores signals as they do.

use super::*;

/// A camera of 16 x 16 pixels whose program is a script for `sh`.
fn settings(script: &str) -> Settings {
    let command = ["sh", "-c", script].map(String::from).to_vec();
    Settings { command, width: 16, height: 16, fps: 30, timeout_ms: 300, ..Settings::default() }
}

/// So many grey pictures of that camera, of 384 bytes each.
fn pictures(grey: u8, count: usize) -> String {
    format!("head -c {} /dev/zero | tr '\\0' '\\{grey:o}'", 384 * count)
}

#[test]
fn pictures_come_in_the_size_that_was_asked_for() {
    let mut camera = Pipe::open(&settings(&format!("{}; sleep 9", pictures(128, 1)))).unwrap();
    let mut frame = Frame::empty();
    camera.read(&mut frame).unwrap();
    assert_eq!((frame.width, frame.height, frame.pixels.len()), (16, 16, 768));
    // Y of 128 is a grey of (128 - 16) / 219 * 255; no colour.
    assert!(frame.pixels.iter().all(|p| p.abs_diff(130) <= 2), "{:?}", &frame.pixels[..6]);
    assert!(frame.taken.elapsed() < Duration::from_secs(5));
}

#[test]
fn the_newest_picture_of_those_that_wait_is_taken() {
    let mut camera = Pipe::open(&settings(&format!("{}; {}; sleep 9", pictures(50, 3), pictures(200, 1)))).unwrap();
    std::thread::sleep(Duration::from_millis(300));
    let mut frame = Frame::empty();
    camera.read(&mut frame).unwrap();
    assert!(frame.pixels[0] > 190, "{}", frame.pixels[0]);
}

#[test]
fn the_program_is_told_size_and_rate() {
    let script = "[ \"$1 $2 $3\" = '16 16 30' ] && head -c 384 /dev/zero; sleep 9";
    let mut asked = settings(script);
    asked.command.extend(["sh", "{width}", "{height}", "{fps}"].map(String::from));
    assert_eq!(Pipe::open(&asked).unwrap().read(&mut Frame::empty()), Ok(()));
}

#[test]
fn a_program_that_dies_is_started_again_and_its_last_words_are_told() {
    let mut camera = Pipe::open(&settings(&format!("{}; echo 'no sensor found' >&2; exit 3", pictures(99, 1)))).unwrap();
    let mut frame = Frame::empty();
    for _ in 0..2 {
        assert_eq!(camera.read(&mut frame), Ok(()));
        let Err(Fault::Gone(text)) = camera.read(&mut frame) else { panic!("still there") };
        assert!(text.contains("sh has ended") && text.contains("no sensor found"), "{text}");
        assert!(frame.pixels.is_empty(), "a picture after a fault");
    }
}

#[test]
fn a_program_that_freezes_is_noticed_in_time_and_started_again() {
    let mut camera = Pipe::open(&settings(&format!("{}; exec sleep 99", pictures(99, 1)))).unwrap();
    let mut frame = Frame::empty();
    assert_eq!(camera.read(&mut frame), Ok(()));
    let whole = camera.running.as_ref().unwrap().last;
    // Showing a picture takes a while; the wait for the next one is shorter by it.
    std::thread::sleep(Duration::from_millis(150));
    assert!(matches!(camera.read(&mut frame), Err(Fault::Silent(text)) if text.contains("300 ms")));
    assert!(whole.elapsed() >= Duration::from_millis(300));
    assert_eq!(camera.read(&mut frame), Ok(()));
}

#[test]
fn a_program_that_will_not_end_is_killed() {
    let marks = tempfile::tempdir().unwrap();
    let mark = marks.path().join("pid");
    let script = format!("trap '' TERM; echo $$ >'{}'; {}; while :; do sleep .1; done", mark.display(), pictures(9, 1));
    let mut camera = Pipe::open(&settings(&script)).unwrap();
    assert_eq!(camera.read(&mut Frame::empty()), Ok(()));
    let pid = std::fs::read_to_string(mark).unwrap();
    drop(camera);
    assert!(!std::path::Path::new(&format!("/proc/{}", pid.trim())).exists());
}

#[test]
fn jpegs_are_cut_apart() {
    let jpegs = tempfile::tempdir().unwrap();
    let file = jpegs.path().join("one.jpg");
    image::RgbImage::from_pixel(32, 24, image::Rgb([200, 30, 30])).save(&file).unwrap();
    let script = format!("while cat '{}'; do sleep .02; done", file.display());
    let mut camera = Pipe::open(&Settings { pipe_format: PipeFormat::Mjpeg, ..settings(&script) }).unwrap();
    let mut frame = Frame::empty();
    for _ in 0..3 {
        camera.read(&mut frame).unwrap();
        assert_eq!((frame.width, frame.height), (32, 24));
        assert!(frame.pixels[0].abs_diff(200) < 8, "{:?}", &frame.pixels[..3]);
    }
}

#[test]
fn bytes_that_are_no_jpegs_are_silence_and_not_a_hang() {
    let script = "yes | head -c 300000; sleep 9";
    let opened = Pipe::open(&Settings { pipe_format: PipeFormat::Mjpeg, ..settings(script) });
    assert!(opened.err().unwrap().to_string().contains("has delivered nothing for 900 ms"));
}

#[test]
fn what_is_not_installed_is_named_with_what_to_do() {
    let asked = Settings { command: vec!["no-such-camera-program".into()], ..Settings::default() };
    let text = Pipe::open(&asked).err().unwrap().to_string();
    assert!(text.contains("no-such-camera-program is not installed") && text.contains("camera.command"), "{text}");
    assert!(Pipe::open(&Settings::default()).is_err());
}
