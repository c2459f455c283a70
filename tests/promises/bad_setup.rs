use lookalike_tests::{board, lookalike, models, run, sample};
use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::tempdir;

fn complaint(command: &mut Command) -> String {
    let ran = run(command);
    assert_eq!(ran.code, 2, "{}{}", ran.out, ran.err);
    assert_eq!(ran.err.lines().count(), 1, "one sentence: {}", ran.err);
    ran.err
}

/// A copy of the models that a test may spoil.
fn copy_of_models(to: &Path) -> PathBuf {
    let out = to.join("models");
    for folder in ["mtcnn", "embedder"] {
        std::fs::create_dir_all(out.join(folder)).unwrap();
        for file in std::fs::read_dir(models().join(folder)).unwrap() {
            let file = file.unwrap().path();
            std::fs::copy(&file, out.join(folder).join(file.file_name().unwrap())).unwrap();
        }
    }
    std::fs::copy(models().join("manifest.toml"), out.join("manifest.toml")).unwrap();
    out
}

fn detect(models: &Path) -> Command {
    let mut command = lookalike();
    command.arg("detect").arg("--models").arg(models).arg(sample("gallery/Eileen Collins/astronaut.png"));
    command
}

#[test]
fn a_model_file_of_another_hash_is_refused() {
    let folder = tempdir().unwrap();
    let models = copy_of_models(folder.path());
    let file = models.join("mtcnn/rnet.float32.onnx");
    let mut bytes = std::fs::read(&file).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    std::fs::write(&file, bytes).unwrap();
    let text = complaint(&mut detect(&models));
    assert!(text.contains("rnet.float32.onnx") && text.contains("make models"), "{text}");
}

#[test]
fn a_model_file_of_another_shape_is_refused() {
    let folder = tempdir().unwrap();
    let models = copy_of_models(folder.path());
    let manifest = models.join("manifest.toml");
    let text = std::fs::read_to_string(&manifest).unwrap();
    let (rnet, onet) = ("mtcnn/rnet.float32.onnx", "mtcnn/onet.float32.onnx");
    let hash = |file: &str| {
        let at = text.find(file).unwrap();
        let at = at + text[at..].find("sha256 = \"").unwrap() + 10;
        text[at..at + 64].to_string()
    };
    let swapped = text.replace(onet, rnet).replace(&hash(onet), &hash(rnet));
    std::fs::write(&manifest, swapped).unwrap();
    let text = complaint(&mut detect(&models));
    assert!(text.contains("O-Net") || text.contains("rnet.float32.onnx"), "{text}");
}

#[test]
fn missing_models_say_how_to_get_them() {
    let folder = tempdir().unwrap();
    let text = complaint(&mut detect(folder.path()));
    assert!(text.contains("make models"), "{text}");
    let models = copy_of_models(folder.path());
    std::fs::remove_file(models.join("mtcnn/pnet.float32.onnx")).unwrap();
    let text = complaint(&mut detect(&models));
    assert!(text.contains("pnet.float32.onnx") && text.contains("make models"), "{text}");
}

#[test]
fn a_manifest_that_leads_outside_its_folder_is_refused() {
    let folder = tempdir().unwrap();
    let models = copy_of_models(folder.path());
    let manifest = models.join("manifest.toml");
    let text = std::fs::read_to_string(&manifest).unwrap().replace("\"mtcnn/pnet", "\"../mtcnn/pnet");
    std::fs::write(&manifest, text).unwrap();
    assert!(complaint(&mut detect(&models)).contains("below the manifest's folder"));
}

#[test]
fn a_precision_that_is_not_there_is_named() {
    let folder = tempdir().unwrap();
    let models = copy_of_models(folder.path());
    let manifest = std::fs::read_to_string(models.join("manifest.toml")).unwrap();
    let (head, entries) = manifest.split_once("[[").unwrap();
    let float: Vec<&str> = entries.split("\n[[").filter(|entry| !entry.contains("precision = \"int8\"")).collect();
    std::fs::write(models.join("manifest.toml"), format!("{head}[[{}", float.join("\n[["))).unwrap();
    let photo = sample("gallery/Eileen Collins/astronaut.png");
    let text = complaint(lookalike().args(["detect", "--precision", "int8", "--models"]).arg(models).arg(photo));
    assert!(text.contains("int8") && text.contains("mtcnn-pnet"), "{text}");
}

#[test]
fn board_files_with_mistakes_are_refused_by_key() {
    let cases = [
        ("fps = 30", "fsp = 30", "fsp"),
        ("width = 640", "width = \"wide\"", "width"),
        ("height = 480", "height = -480", "-480"),
        ("min_face_px = 40", "min_face_px = 4", "detect.min_face_px = 4"),
        ("weights = \"stock\"", "weights = \"best\"", "best"),
        ("kind = \"auto\"", "kind = \"laser\"", "laser"),
    ];
    for (from, to, word) in cases {
        let folder = tempdir().unwrap();
        let file = board(folder.path(), &[(from, to)]);
        let ran = run(lookalike().args(["run", "--frames", "1", "--board"]).arg(&file));
        assert_eq!(ran.code, 2, "{to}");
        assert!(ran.err.contains(&file.display().to_string()) && ran.err.contains(word), "{to}: {}", ran.err);
    }
}

#[test]
fn damaged_and_foreign_galleries_are_refused_and_left_as_they_are() {
    let folder = tempdir().unwrap();
    let gallery = folder.path().join("g.gallery");
    let photo = sample("gallery/Eileen Collins/astronaut.png");
    let enroll = |file: &Path| {
        let mut command = lookalike();
        command.args(["enroll", "--name", "Eileen", "--gallery"]).arg(file).arg(&photo);
        command
    };
    assert_eq!(run(&mut enroll(&gallery)).code, 0);
    let whole = std::fs::read(&gallery).unwrap();
    let mut newer = whole.clone();
    newer[8] = 250;
    let cases =
        [("short", whole[..whole.len() / 2].to_vec()), ("newer", newer), ("empty", Vec::new()), ("text", b"hello".to_vec())];
    for (name, bytes) in cases {
        let file = folder.path().join(name);
        std::fs::write(&file, &bytes).unwrap();
        for command in [&mut enroll(&file), lookalike().args(["match", "--gallery"]).arg(&file).arg(&photo)] {
            let text = complaint(command);
            assert!(text.contains(&file.display().to_string()), "{name}: {text}");
        }
        assert_eq!(std::fs::read(&file).unwrap(), bytes, "{name} was changed");
    }
    let text = complaint(lookalike().args(["match", "--gallery", "/nowhere/g"]).arg(&photo));
    assert!(text.contains("/nowhere/g") && text.contains("enroll"), "{text}");
}

#[test]
fn a_full_disk_loses_nothing_that_was_enrolled() {
    let folder = tempdir().unwrap();
    let gallery = folder.path().join("g.gallery");
    let first = run(lookalike()
        .args(["enroll", "--name", "Eileen", "--gallery"])
        .arg(&gallery)
        .arg(sample("gallery/Eileen Collins/astronaut.png")));
    assert_eq!(first.code, 0, "{}", first.err);
    let before = std::fs::read(&gallery).unwrap();
    // A limit on the size of files stands in for the full disk: writing fails half way, as it does there.
    let program = lookalike();
    let mut limited = Command::new("sh");
    limited.args(["-c", "trap '' XFSZ; ulimit -f 1; exec \"$@\"", "sh"]).arg(program.get_program()).args(program.get_args());
    limited.env("LOOKALIKE_MODELS", models()).args(["enroll", "--name", "Barack", "--gallery"]).arg(&gallery);
    let text = complaint(limited.arg(sample("gallery/Barack Obama/obama2.jpg")));
    assert!(text.contains("g.gallery"), "{text}");
    assert_eq!(std::fs::read(&gallery).unwrap(), before);
    let left: Vec<_> = std::fs::read_dir(folder.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert!(left.iter().all(|n| !n.to_string_lossy().contains("tmp")), "{left:?}");
}
