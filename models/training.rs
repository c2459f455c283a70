//! Promises about training, kept from outside: what is killed goes on exactly; what cannot be learned is refused in words.

use lookalike::board::Board;
use lookalike::manifest::{Manifest, Precision, Role};
use lookalike::{picture, setup};
use lookalike_learn::Dice;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::{Duration, Instant};

fn program() -> Command {
    Command::new(env!("CARGO_BIN_EXE_lookalike-models"))
}

/// A folder with so many digits of noise in MNIST's files.
fn digits(count: usize) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let dice = &mut Dice::new(1);
    let n = (count as u32).to_be_bytes();
    let side = 28u32.to_be_bytes();
    let pixels: Vec<u8> = (0..count * 784).map(|_| dice.below(256) as u8).collect();
    let labels: Vec<u8> = (0..count).map(|i| (i % 10) as u8).collect();
    std::fs::write(folder.path().join("train-images-idx3-ubyte"), [&[0, 0, 8, 3], &n[..], &side, &side, &pixels].concat())
        .unwrap();
    std::fs::write(folder.path().join("train-labels-idx1-ubyte"), [&[0, 0, 8, 1], &n[..], &labels].concat()).unwrap();
    folder
}

fn train(kind: &str, data: &Path, out: &Path, more: &[&str]) -> Command {
    let mut command = program();
    command.args(["train", "digits", kind, "--batch", "8", "--data"]).arg(data).arg("--out").arg(out).args(more);
    command
}

fn words(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn done(mut command: Command) -> Output {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", words(&output));
    output
}

#[test]
fn a_training_that_is_killed_again_and_again_ends_with_the_same_nets_as_one_that_is_not() {
    let data = digits(32);
    let (whole, broken) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    done(train("gan", data.path(), whole.path(), &["--epochs", "12"]));
    let checkpoint = broken.path().join("checkpoint");
    for kill_ms in [600, 250, 400] {
        let more: &[&str] = if checkpoint.exists() { &["--epochs", "12", "--resume"] } else { &["--epochs", "12"] };
        let mut child = train("gan", data.path(), broken.path(), more).stderr(std::process::Stdio::null()).spawn().unwrap();
        let began = Instant::now();
        while began.elapsed() < Duration::from_millis(kill_ms) && child.try_wait().unwrap().is_none() {
            std::thread::sleep(Duration::from_millis(5));
        }
        let _ = child.kill();
        child.wait().unwrap();
    }
    let more: &[&str] = if checkpoint.exists() { &["--epochs", "12", "--resume"] } else { &["--epochs", "12"] };
    done(train("gan", data.path(), broken.path(), more));
    for file in ["checkpoint", "digits-gan-generator.onnx", "digits-gan-discriminator.onnx", "epoch-0012.png"] {
        let read = |folder: &Path| std::fs::read(folder.join(file)).unwrap();
        assert!(read(whole.path()) == read(broken.path()), "{file} differs");
    }
}

#[test]
fn a_checkpoint_of_another_net_and_a_finished_folder_are_left_alone() {
    let (data, out) = (digits(16), tempfile::tempdir().unwrap());
    done(train("ae", data.path(), out.path(), &["--epochs", "1"]));
    let before = std::fs::read(out.path().join("checkpoint")).unwrap();
    let other = train("vae", data.path(), out.path(), &["--epochs", "2", "--resume"]).output().unwrap();
    assert_eq!(other.status.code(), Some(2));
    assert!(words(&other).contains("a checkpoint of `digits ae`, not of `digits vae`"), "{}", words(&other));
    let again = train("ae", data.path(), out.path(), &["--epochs", "2"]).output().unwrap();
    assert!(again.status.code() == Some(2) && words(&again).contains("go on with --resume"), "{}", words(&again));
    let seeded = train("ae", data.path(), out.path(), &["--epochs", "2", "--resume", "--seed", "7"]).output().unwrap();
    assert!(words(&seeded).contains("--seed 1`, not with `"), "{}", words(&seeded));
    assert_eq!(std::fs::read(out.path().join("checkpoint")).unwrap(), before);
}

#[test]
fn where_no_checkpoint_can_be_written_the_one_before_stays_whole() {
    let (data, out) = (digits(16), tempfile::tempdir().unwrap());
    done(train("ae", data.path(), out.path(), &["--epochs", "1"]));
    let before = std::fs::read(out.path().join("checkpoint")).unwrap();
    // A limit of 256 kB a file stands for the full disk: the write fails half way through.
    let mut full = Command::new("sh");
    full.args(["-c", "ulimit -f 512; trap '' XFSZ; exec \"$@\"", "sh", env!("CARGO_BIN_EXE_lookalike-models")]);
    full.args(["train", "digits", "ae", "--batch", "8", "--epochs", "3", "--resume", "--data"]).arg(data.path());
    let full = full.arg("--out").arg(out.path()).output().unwrap();
    assert_eq!(full.status.code(), Some(2));
    assert!(words(&full).contains("its last checkpoint is whole"), "{}", words(&full));
    assert_eq!(std::fs::read(out.path().join("checkpoint")).unwrap(), before);
    done(train("ae", data.path(), out.path(), &["--epochs", "3", "--resume"]));
}

#[test]
fn ctrl_c_leaves_a_checkpoint_and_ends_with_0() {
    let (data, out) = (digits(800), tempfile::tempdir().unwrap());
    let child =
        train("gan", data.path(), out.path(), &["--epochs", "1000"]).stderr(std::process::Stdio::piped()).spawn().unwrap();
    let checkpoint = out.path().join("checkpoint");
    let began = Instant::now();
    while !checkpoint.exists() && began.elapsed() < Duration::from_secs(300) {
        std::thread::sleep(Duration::from_millis(20));
    }
    assert!(checkpoint.exists(), "no epoch has ended");
    assert!(Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success());
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success() && words(&output).contains("go on with --resume"), "{}", words(&output));
}

#[test]
fn too_few_pictures_and_no_folder_are_refused_before_anything_is_written() {
    let out = tempfile::tempdir().unwrap();
    let below = out.path().join("training");
    let few = digits(3);
    let output = train("vae", few.path(), &below, &[]).output().unwrap();
    assert!(
        output.status.code() == Some(2) && words(&output).contains("3 pictures do not fill a batch of 8"),
        "{}",
        words(&output)
    );
    let output = train("vae", Path::new("/nowhere"), &below, &[]).output().unwrap();
    assert!(output.status.code() == Some(2) && words(&output).contains("there is no folder /nowhere"), "{}", words(&output));
    let mut pictures = program();
    pictures.args(["train", "pictures", "gan", "--data"]).arg(few.path()).arg("--out").arg(&below);
    let output = pictures.output().unwrap();
    assert!(output.status.code() == Some(2) && words(&output).contains("holds 0 pictures"), "{}", words(&output));
    assert!(!below.join("checkpoint").exists());
}

/// A folder of models with the stock detector alone, and a list of sample photos with what it sees in them, and one without a face.
fn detector_and_faces(folder: &Path) -> (PathBuf, PathBuf) {
    let (from, models, list) = (Path::new("out"), folder.join("models"), folder.join("faces.csv"));
    std::fs::create_dir_all(models.join("mtcnn")).unwrap();
    std::fs::copy(from.join("manifest.toml"), models.join("manifest.toml")).expect("`make models` writes it");
    for file in std::fs::read_dir(from.join("mtcnn")).unwrap().map(Result::unwrap).filter(|file| file.path().is_file()) {
        std::fs::copy(file.path(), models.join("mtcnn").join(file.file_name())).unwrap();
    }
    let mut board = Board::desktop().unwrap();
    board.detect.min_face_px = 60.0;
    let mut detector = setup::detector(&Manifest::read(from).unwrap(), &board.detect).unwrap();
    let mut text = "image,x,y,w,h,lex,ley,rex,rey,nx,ny,lmx,lmy,rmx,rmy\n".to_string();
    for person in std::fs::read_dir(from.join("samples/gallery")).unwrap().map(Result::unwrap) {
        for path in picture::list_pictures(&person.path()).unwrap() {
            for face in detector.detect(&picture::read(&path).unwrap()).unwrap() {
                let points: Vec<String> = face.landmarks.iter().flatten().map(f32::to_string).collect();
                let lookalike::types::Rect { x, y, w, h } = face.rect;
                text += &format!("\"{}\",{x},{y},{w},{h},{}\n", path.canonicalize().unwrap().display(), points.join(","));
            }
        }
    }
    image::RgbImage::from_fn(200, 150, |x, y| image::Rgb([(x * y) as u8, x as u8, y as u8]))
        .save(folder.join("none.png"))
        .unwrap();
    std::fs::write(&list, text + "none.png,,,,,,,,,,,,,,\n").unwrap();
    (models, list)
}

fn tune(models: &Path, data: &Path, out: &Path, more: &[&str]) -> Command {
    let mut command = program();
    command.args(["train", "mtcnn", "--stages", "rnet,onet", "--epochs", "1", "--batch", "8", "--data"]).arg(data);
    command.arg("--models").arg(models).arg("--out").arg(out).args(more);
    command
}

#[test]
fn tuned_nets_lie_beside_the_stock_ones_and_a_tuning_that_was_killed_ends_with_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let (models, list) = detector_and_faces(folder.path());
    let before = Manifest::read(&models).unwrap().models.iter().filter(|e| !e.name.starts_with("mtcnn-tuned-")).count();
    let (whole, broken) = (folder.path().join("whole"), folder.path().join("broken"));
    let output = done(tune(&models, &list, &whole, &[]));
    let after = Manifest::read(&models).unwrap();
    let tuned = after.models.iter().filter(|entry| entry.name.starts_with("mtcnn-tuned-")).count();
    assert_eq!((tuned, after.models.len()), (6, before + 6), "{}", words(&output));
    for (role, name) in [(Role::Pnet, "pnet"), (Role::Rnet, "rnet"), (Role::Onet, "onet")] {
        for precision in [Precision::Float32, Precision::Int8] {
            let entry = after.find(role, &format!("mtcnn-tuned-{name}"), precision).unwrap();
            let file = models.join(&entry.file);
            assert_eq!(lookalike_models::files::sha256_of(&file).unwrap().as_ref(), Some(&entry.sha256), "{}", file.display());
        }
    }
    // The stage that was left out is the stock one, but for its name.
    let mut board = Board::desktop().unwrap();
    board.detect.weights = lookalike::board::Weights::Tuned;
    setup::detector(&after, &board.detect).unwrap();

    let mut child = tune(&models, &list, &broken, &[]).stderr(std::process::Stdio::null()).spawn().unwrap();
    let began = Instant::now();
    while !broken.join("onet/checkpoint").exists() && child.try_wait().unwrap().is_none() && began.elapsed().as_secs() < 300 {
        std::thread::sleep(Duration::from_millis(5));
    }
    let _ = child.kill();
    child.wait().unwrap();
    done(tune(&models, &list, &broken, &["--resume"]));
    assert!(words(&output).contains("landmarks: of a second look, fitted to"), "{}", words(&output));
    for file in ["rnet.float32.onnx", "onet.float32.onnx", "onet/checkpoint", "onet.second-look.float32.onnx"] {
        assert!(std::fs::read(whole.join(file)).unwrap() == std::fs::read(broken.join(file)).unwrap(), "{file} differs");
    }
}

#[test]
fn lists_of_faces_that_teach_nothing_are_refused_in_words_and_the_manifest_stays() {
    let folder = tempfile::tempdir().unwrap();
    let (models, list) = detector_and_faces(folder.path());
    let manifest = std::fs::read(models.join("manifest.toml")).unwrap();
    let refused = |text: &str, more: &[&str]| {
        std::fs::write(&list, text).unwrap();
        let output = tune(&models, &list, &folder.path().join("out"), more).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{}", words(&output));
        words(&output)
    };
    let head = "image,x,y,w,h\n";
    let few = refused(&format!("{head}none.png,,,,\n"), &[]);
    assert!(few.contains("fewer than two photos with a face"), "{few}");
    let column = refused("picture,x,y\n", &[]);
    assert!(column.contains("faces.csv"), "{column}");
    let box_of = |x: i32| format!("none.png,{x},10,50,50\nother.png,{x},10,50,50\n");
    let outside = refused(&format!("{head}{}", box_of(900)), &[]);
    assert!(outside.contains("left out: ") && outside.contains("its box lies outside of the photo"), "{outside}");
    assert!(outside.contains("other.png") && outside.contains("none of the 2 photos has a face to learn from"), "{outside}");
    let frozen = refused(&format!("{head}{}", box_of(10)), &["--freeze", "99"]);
    assert!(frozen.contains("--freeze 99 leaves nothing of rnet to learn: it has 9 layers"), "{frozen}");
    assert_eq!(std::fs::read(models.join("manifest.toml")).unwrap(), manifest);
}
