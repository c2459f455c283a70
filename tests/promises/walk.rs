use lookalike_tests::{board, lookalike, models, run, sample};
use std::path::Path;
use tempfile::tempdir;

fn enroll_samples(gallery: &Path) {
    let ran = run(lookalike().args(["enroll", "--gallery"]).arg(gallery).arg(models().join("samples/gallery")));
    assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
}

#[test]
fn another_photo_of_an_enrolled_person_is_named_and_others_are_not() {
    let folder = tempdir().unwrap();
    let gallery = folder.path().join("test.gallery");
    enroll_samples(&gallery);
    let ran = run(lookalike().args(["match", "--json", "--gallery"]).arg(&gallery).arg(sample("camera/1-obama.jpg")));
    let answer = &ran.json()[0]["faces"][0];
    assert_eq!(answer["matches"][0]["name"], "Barack Obama", "{answer}");
    assert!(answer["matches"][0]["percent"].as_f64() > answer["nobody_percent"].as_f64(), "{answer}");
    let total: f64 = answer["matches"].as_array().unwrap().iter().map(|m| m["percent"].as_f64().unwrap()).sum();
    assert!((total + answer["nobody_percent"].as_f64().unwrap() - 100.0).abs() < 0.05, "{answer}");
    let ran = run(lookalike().args(["gallery", "remove", "Barack Obama", "--gallery"]).arg(&gallery));
    assert_eq!(ran.code, 0, "{}", ran.err);
    let ran = run(lookalike().args(["match", "--json", "--gallery"]).arg(&gallery).arg(sample("camera/1-obama.jpg")));
    let answer = &ran.json()[0]["faces"][0];
    assert!(answer["nobody_percent"].as_f64() > Some(50.0), "a stranger is named: {answer}");
}

#[test]
fn a_gallery_of_one_photo_of_one_person_works() {
    let folder = tempdir().unwrap();
    let gallery = folder.path().join("one.gallery");
    let photo = sample("gallery/Eileen Collins/astronaut.png");
    let ran = run(lookalike().args(["enroll", "--name", "Eileen Collins", "--gallery"]).arg(&gallery).arg(&photo));
    assert_eq!(ran.code, 0, "{}", ran.err);
    let ran = run(lookalike().args(["match", "--json", "--gallery"]).arg(&gallery).arg(&photo));
    let answer = &ran.json()[0]["faces"][0];
    assert_eq!(answer["matches"][0]["name"], "Eileen Collins");
    assert!(answer["matches"][0]["percent"].as_f64() > Some(90.0), "{answer}");
    let ran = run(lookalike().args(["match", "--json", "--gallery"]).arg(&gallery).arg(sample("camera/1-obama.jpg")));
    let answer = &ran.json()[0]["faces"][0];
    assert!(answer["nobody_percent"].as_f64() > Some(90.0), "{answer}");
}

#[test]
fn the_booth_names_a_replayed_face_and_writes_pictures() {
    let folder = tempdir().unwrap();
    let gallery = folder.path().join("test.gallery");
    enroll_samples(&gallery);
    let replay = folder.path().join("replay");
    std::fs::create_dir(&replay).unwrap();
    std::fs::copy(sample("camera/1-obama.jpg"), replay.join("obama.jpg")).unwrap();
    let shots = folder.path().join("shots");
    let ran = run(lookalike()
        .args(["run", "--json", "--frames", "60", "--gallery"])
        .arg(&gallery)
        .arg("--replay")
        .arg(&replay)
        .arg("--snapshots")
        .arg(&shots));
    assert_eq!(ran.code, 0, "{}", ran.err);
    let lines = ran.json();
    let summary = lines.last().unwrap();
    assert_eq!(summary["frames"], 60);
    assert!(summary["names"]["Barack Obama"].as_u64() > Some(0), "{summary}");
    assert!(summary["first_name_ms"].as_f64().is_some(), "{summary}");
    assert_eq!(lines.len() as u64, 1 + summary["recognised_frames"].as_u64().unwrap());
    let picture = std::fs::read_dir(&shots).unwrap().find_map(|e| Some(e.ok()?.path())).expect("a snapshot");
    let picture = image::open(&picture).unwrap();
    assert_eq!((picture.width(), picture.height()), (1280, 720));
}

#[test]
fn an_empty_gallery_says_how_to_enrol_and_the_booth_runs() {
    let folder = tempdir().unwrap();
    let board = board(
        folder.path(),
        &[
            ("kind = \"auto\"            # auto: w", "kind = \"png\" # w"),
            ("kind = \"auto\"            # auto: a", "kind = \"replay\" # a"),
        ],
    );
    let ran = run(lookalike().args(["run", "--frames", "5", "--board"]).arg(board));
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert!(ran.out.contains("5 frames shown"), "{}", ran.out);
}

#[test]
fn ctrl_c_ends_the_booth_cleanly_with_a_summary() {
    let folder = tempdir().unwrap();
    let mut child = lookalike()
        .args(["run", "--json", "--replay"])
        .arg(models().join("samples/camera"))
        .arg("--snapshots")
        .arg(folder.path())
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    // The first snapshot shows that it is up.
    for _ in 0..600 {
        if std::fs::read_dir(folder.path()).unwrap().next().is_some() {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    let killed = std::process::Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(killed.success());
    assert_eq!(child.wait().unwrap().code(), Some(0));
    let out = std::io::read_to_string(child.stdout.take().unwrap()).unwrap();
    assert!(out.lines().last().unwrap_or_default().contains("\"summary\":true"), "{out}");
}
