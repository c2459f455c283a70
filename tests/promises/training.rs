use lookalike_tests::{recipes, run};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

const EPOCHS: usize = 3;

/// Forty little pictures of discs on a slope, in several sizes.
fn pictures(folder: &Path) {
    for i in 0..40u32 {
        let (width, height) = (36 + i % 5, 40 - i % 7);
        let pixel = |x: u32, y: u32| {
            let inside = (x as i32 - 12 - i as i32 % 9).pow(2) + (y as i32 - 18).pow(2) < 90;
            image::Rgb(if inside { [200, (5 * i) as u8, 40] } else { [(3 * x) as u8, (4 * y) as u8, 90] })
        };
        image::RgbImage::from_fn(width, height, pixel).save(folder.join(format!("{i}.png"))).unwrap();
    }
}

/// `lookalike-models train pictures gan` for some short epochs.
fn train(data: &Path, out: &Path, more: &[&str]) -> Command {
    let mut command = recipes();
    command.args(["train", "pictures", "gan", "--batch", "8", "--epochs", &EPOCHS.to_string(), "--data"]).arg(data);
    command.arg("--out").arg(out).args(more);
    command
}

/// Starts it and lets it go on, unheard.
fn begin(mut command: Command) -> Child {
    command.stderr(Stdio::null()).stdout(Stdio::null()).spawn().unwrap()
}

fn finish(mut command: Command) {
    let ran = run(&mut command);
    assert_eq!(ran.code, 0, "{}", ran.err);
}

fn nets(out: &Path) -> [Vec<u8>; 2] {
    ["generator", "discriminator"].map(|net| std::fs::read(out.join(format!("pictures-32-gan-{net}.onnx"))).unwrap())
}

fn resumes(out: &Path) -> &'static [&'static str] {
    if out.join("checkpoint").exists() { &["--resume"] } else { &[] }
}

fn signal(child: &Child, name: &str) {
    assert!(Command::new("kill").args([name, &child.id().to_string()]).status().unwrap().success());
}

/// Waits for a file of the training; it must come before the training ends.
fn wait_for(path: &Path, child: &mut Child) {
    let began = Instant::now();
    while !path.exists() {
        assert!(child.try_wait().unwrap().is_none() && began.elapsed() < Duration::from_secs(120), "no {}", path.display());
        sleep(Duration::from_millis(5));
    }
}

fn refused(mut command: Command, wanted: &[&str]) {
    let ran = run(&mut command);
    assert!(ran.code == 2, "{}: {}", ran.code, ran.err);
    wanted.iter().for_each(|words| assert!(ran.err.contains(words), "no `{words}` in: {}", ran.err));
}

#[test]
fn a_training_that_is_killed_or_stopped_ends_in_the_same_nets() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    std::fs::create_dir(at("data")).unwrap();
    pictures(&at("data"));
    let began = Instant::now();
    finish(train(&at("data"), &at("whole"), &[]));
    let whole = began.elapsed();

    // Killed again and again, each time after a little more time, so that it ends at last.
    let (mut time, mut kills) = (whole / 16, 0);
    let ended = loop {
        let mut child = begin(train(&at("data"), &at("killed"), resumes(&at("killed"))));
        sleep(time);
        match child.try_wait().unwrap() {
            Some(status) => break status,
            None => child.kill().unwrap(),
        }
        child.wait().unwrap();
        (time, kills) = (time + whole / 16, kills + 1);
    };
    assert!(ended.success() && kills > 0, "{ended} after {kills} kills");
    assert!(nets(&at("killed")) == nets(&at("whole")), "it learned otherwise after it was killed");

    let mut child = begin(train(&at("data"), &at("stopped"), &[]));
    wait_for(&at("stopped").join("epoch-0001.png"), &mut child);
    signal(&child, "-INT");
    assert!(child.wait().unwrap().success(), "Ctrl-C is no failure");
    assert!(!at("stopped").join("pictures-32-gan-generator.onnx").exists(), "it was not stopped");
    finish(train(&at("data"), &at("stopped"), &["--resume"]));
    assert!(nets(&at("stopped")) == nets(&at("whole")), "it learned otherwise after Ctrl-C");

    // Whose checkpoint it is, and that it is one, is known before a step.
    refused(train(&at("data"), &at("whole"), &["--resume", "--seed", "7"]), &["--seed 1", "--seed 7"]);
    refused(train(&at("data"), &at("whole"), &[]), &["holds a training", "--resume"]);
    let checkpoint = at("killed").join("checkpoint");
    let bytes = std::fs::read(&checkpoint).unwrap();
    std::fs::write(&checkpoint, &bytes[..bytes.len() / 2]).unwrap();
    refused(train(&at("data"), &at("killed"), &["--resume"]), &["not a whole checkpoint"]);
}

#[test]
fn a_disk_that_is_full_at_a_checkpoint_keeps_the_one_before() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    std::fs::create_dir(at("data")).unwrap();
    pictures(&at("data"));
    // A limit on the size of files stands in for the full disk. From the beginning: no step is taken.
    let program = train(&at("data"), &at("none"), &[]);
    let mut limited = Command::new("sh");
    limited.args(["-c", "trap '' XFSZ; ulimit -f 8; exec \"$@\"", "sh"]).arg(program.get_program()).args(program.get_args());
    refused(limited, &["does not begin", "make room"]);

    // In the middle: after its first epoch.
    let program = train(&at("data"), &at("full"), &[]);
    let mut trapped = Command::new("sh");
    trapped.args(["-c", "trap '' XFSZ; exec \"$@\"", "sh"]).arg(program.get_program()).args(program.get_args());
    let mut child = trapped.stderr(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
    wait_for(&at("full").join("epoch-0001.png"), &mut child);
    let limit = Command::new("prlimit").args(["--fsize=4096:4096", "--pid", &child.id().to_string()]).status().unwrap();
    assert!(limit.success());
    let ended = child.wait_with_output().unwrap();
    let words = String::from_utf8(ended.stderr).unwrap();
    assert!(ended.status.code() == Some(2) && words.contains("make room and go on from it with --resume"), "{words}");

    finish(train(&at("data"), &at("full"), &["--resume"]));
    finish(train(&at("data"), &at("whole"), &[]));
    assert!(nets(&at("full")) == nets(&at("whole")), "it learned otherwise after the disk was full");
}

#[test]
fn what_nothing_can_be_learned_from_is_said_before_a_step() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let pictures = |data: &Path| train(data, &at("out"), &[]);
    let digits = |data: &Path| {
        let mut command = recipes();
        command.args(["train", "digits", "vae", "--data"]).arg(data).arg("--out").arg(at("out"));
        command
    };
    refused(pictures(&at("nowhere")), &["nowhere", "--data DIR"]);
    refused(digits(&at("nowhere")), &["nowhere"]);

    std::fs::create_dir(at("two")).unwrap();
    for name in ["a.png", "b.png"] {
        image::RgbImage::new(40, 40).save(at("two").join(name)).unwrap();
    }
    refused(pictures(&at("two")), &["holds 2 pictures", "at least 32"]);

    // An IDX file of 100 digits that ends in the tenth.
    std::fs::create_dir(at("cut")).unwrap();
    let header = [[0, 0, 8, 3], 100u32.to_be_bytes(), 28u32.to_be_bytes(), 28u32.to_be_bytes()].concat();
    std::fs::write(at("cut").join("train-images-idx3-ubyte"), [header, vec![7; 28 * 28 * 9 + 5]].concat()).unwrap();
    let labels = [&[0, 0, 8, 1][..], &100u32.to_be_bytes(), &[3; 100]].concat();
    std::fs::write(at("cut").join("train-labels-idx1-ubyte"), labels).unwrap();
    refused(digits(&at("cut")), &["train-images-idx3-ubyte"]);
    assert!(!at("out").join("checkpoint").exists());
}
