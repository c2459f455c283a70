use lookalike_tests::{board, lookalike, models, run, sample};
use serde_json::{Value, json};
use std::path::Path;
use tempfile::tempdir;

const NOTE: &str = "a Haar cascade gives no landmarks, so no names come of its boxes";

/// The desktop board with the replayed camera and PNG files, and more changes.
fn booth(folder: &Path, changes: &[(&str, &str)]) -> std::path::PathBuf {
    let mut all = vec![
        ("kind = \"auto\"            # auto: w", "kind = \"png\" # w"),
        ("kind = \"auto\"            # auto: a", "kind = \"replay\" # a"),
    ];
    all.extend(changes);
    board(folder, &all)
}

#[test]
fn detect_by_haar_gives_opencvs_boxes_and_says_that_there_are_no_landmarks() {
    let (photo, coffee) = (sample("gallery/Eileen Collins/astronaut.png"), sample("camera/2-coffee.png"));
    let detect = |more: &[&str]| {
        run(lookalike().args(["detect", "--detector", "haar", "--min-face", "20"]).args(more).args([&photo, &coffee]))
    };
    let ran = detect(&["--json"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    let lines = ran.json();
    // What OpenCV 4.14 finds: cv2.CascadeClassifier(file).detectMultiScale(photo, 1.1, 3, minSize=(20, 20)).
    let face = &lines[0]["faces"][0];
    assert_eq!((&face["box"], &face["landmarks"]), (&json!([177.0, 66.0, 95.0, 95.0]), &Value::Null));
    assert!(face["neighbours"].as_u64() > Some(3), "{face}");
    assert_eq!(lines[0]["faces"].as_array().unwrap().len(), 1);
    assert_eq!((&lines[0]["detector"], &lines[0]["note"]), (&json!("haar"), &json!(NOTE)));
    assert_eq!((&lines[1]["faces"], &lines[1]["note"]), (&json!([]), &json!(NOTE)));
    let ran = detect(&[]);
    assert!(ran.out.contains("95x95 at (177, 66)") && ran.err.contains(NOTE), "{}{}", ran.out, ran.err);
    assert_eq!(run(lookalike().args(["detect", "--detector", "yolo"]).arg(&photo)).code, 2);
}

#[test]
fn a_booth_with_haar_shows_boxes_and_says_why_nobody_has_a_name() {
    let folder = tempdir().unwrap();
    let board = booth(folder.path(), &[("detector = \"mtcnn\"", "detector = \"haar\"")]);
    let ran = run(lookalike().args(["run", "--json", "--frames", "20", "--board"]).arg(&board));
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert!(ran.err.contains(NOTE), "{}", ran.err);
    let lines = ran.json();
    let (summary, frames) = lines.split_last().unwrap();
    assert!(!frames.is_empty());
    for frame in frames {
        assert_eq!((&frame["detector"], &frame["note"]), (&json!("haar"), &json!(NOTE)));
        assert!(
            frame["faces"].as_array().unwrap().iter().all(|face| face["landmarks"].is_null() && face.get("matches").is_none())
        );
        assert!(frame["ms"]["detect"].as_f64() > Some(0.0) && frame["ms"].get("embed").is_none(), "{frame}");
    }
    assert!(summary["faces"].as_u64() > Some(0) && summary["names"] == json!({}), "{summary}");
    // The command line has the last word.
    let ran = run(lookalike().args(["run", "--json", "--frames", "5", "--detector", "mtcnn", "--board"]).arg(&board));
    assert!(ran.code == 0 && !ran.err.contains(NOTE) && ran.json()[0].get("note").is_none(), "{}{}", ran.out, ran.err);
    // Faces are described by another command: MT-CNN finds them then, and that is said.
    let photo = sample("gallery/Eileen Collins/astronaut.png");
    let ran = run(lookalike().args(["embed", "--json", "--board"]).arg(&board).arg(&photo));
    assert!(ran.err.contains("haar, which gives no landmarks"), "{}", ran.err);
    assert_eq!(ran.json()[0]["faces"][0]["landmarks"].as_array().unwrap().len(), 5);
}

#[test]
fn a_mode_sets_both_beside_each_other_on_the_same_frame() {
    let folder = tempdir().unwrap();
    let replay = folder.path().join("replay");
    std::fs::create_dir(&replay).unwrap();
    std::fs::copy(sample("gallery/Eileen Collins/astronaut.png"), replay.join("a.png")).unwrap();
    let mut command = lookalike();
    command.args(["run", "--json", "--mode", "compare", "--frames", "12", "--replay"]).arg(&replay);
    let ran = run(command.arg("--snapshots").arg(folder.path().join("shots")).arg("--gallery").arg(folder.path().join("none")));
    assert_eq!(ran.code, 0, "{}", ran.err);
    let lines = ran.json();
    let frame = &lines[0];
    assert_eq!((&frame["pairs"], &frame["note"]), (&json!([[0, 0]]), &json!(NOTE)), "{frame}");
    assert_eq!(frame["mtcnn"][0]["landmarks"].as_array().unwrap().len(), 5);
    assert!(frame["haar"][0]["neighbours"].as_u64() > Some(3), "{frame}");
    assert!(frame["ms"]["detect"].as_f64() > Some(0.0) && frame["ms"]["haar"].as_f64() > Some(0.0), "{frame}");
}

#[test]
fn models_without_the_cascade_or_with_half_of_it_end_with_a_sentence() {
    let folder = tempdir().unwrap();
    let photo = sample("gallery/Eileen Collins/astronaut.png");
    let manifest = std::fs::read_to_string(models().join("manifest.toml")).unwrap();
    let xml = std::fs::read(models().join("haar/frontalface_default.xml")).unwrap();
    let detect = |detector: &str| {
        let mut command = lookalike();
        command.args(["detect", "--detector", detector, "--models"]).arg(folder.path());
        run(command.arg(&photo).env_remove("LOOKALIKE_MODELS"))
    };
    std::fs::write(folder.path().join("manifest.toml"), &manifest).unwrap();
    let ran = detect("haar");
    assert!(ran.code == 2 && ran.err.contains("frontalface_default.xml") && ran.err.contains("make models"), "{}", ran.err);
    std::fs::create_dir(folder.path().join("haar")).unwrap();
    std::fs::write(folder.path().join("haar/frontalface_default.xml"), &xml[..xml.len() / 2]).unwrap();
    let ran = detect("haar");
    assert!(ran.code == 2 && ran.err.contains("is not the file that the manifest describes"), "{}", ran.err);
    std::fs::write(folder.path().join("manifest.toml"), manifest.replace("haar-frontalface", "haar-profile")).unwrap();
    let ran = detect("haar");
    assert!(
        ran.code == 2 && ran.err.contains("no Cascade model `haar-frontalface`") && ran.err.contains("haar-profile"),
        "{}",
        ran.err
    );
}
