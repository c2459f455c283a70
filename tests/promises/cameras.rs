use lookalike_tests::{board, lookalike, run, sample};
use tempfile::tempdir;

const AS_PNG: (&str, &str) = ("kind = \"auto\"            # auto: window", "kind = \"png\" # window");
const AS_REPLAY: (&str, &str) = ("kind = \"auto\"            # auto: a V4L2", "kind = \"replay\" # a V4L2");

#[test]
fn no_camera_is_one_sentence_in_the_log_and_on_the_screen() {
    let folder = tempdir().unwrap();
    let file = board(folder.path(), &[AS_PNG, ("device = \"auto\"", "device = \"/dev/video-none\"")]);
    let ran = run(lookalike().args(["run", "--camera", "v4l", "--frames", "3", "--board"]).arg(file));
    assert_eq!(ran.code, 2, "{}", ran.err);
    assert!(ran.err.contains("/dev/video-none"), "{}", ran.err);
    assert!(std::fs::read_dir(folder.path().join("snapshots")).unwrap().next().is_some(), "nothing was shown");
}

#[test]
fn a_device_that_is_no_camera_is_named() {
    let folder = tempdir().unwrap();
    let file = board(folder.path(), &[AS_PNG, ("device = \"auto\"", "device = \"/dev/null\"")]);
    let ran = run(lookalike().args(["run", "--camera", "v4l", "--frames", "3", "--board"]).arg(file));
    assert_eq!(ran.code, 2, "{}", ran.err);
    assert!(ran.err.contains("/dev/null"), "{}", ran.err);
}

#[test]
fn a_folder_without_pictures_to_replay_is_named() {
    let folder = tempdir().unwrap();
    let file = board(folder.path(), &[AS_PNG]);
    let ran =
        run(lookalike().args(["run", "--frames", "3", "--replay"]).arg(folder.path().join("nothing")).arg("--board").arg(file));
    assert_eq!(ran.code, 2, "{}", ran.err);
    assert!(ran.err.contains("nothing"), "{}", ran.err);
}

#[test]
fn a_camera_that_falls_silent_or_vanishes_is_reported_and_comes_back() {
    for fault in ["silent_after = 5", "vanish_after = 5"] {
        let folder = tempdir().unwrap();
        let faults = format!("timeout_ms = 100\n{fault}\nreturn_after = 3");
        let file = board(folder.path(), &[AS_PNG, AS_REPLAY, ("timeout_ms = 600", &faults)]);
        let ran = run(lookalike().args(["run", "--json", "--frames", "20", "--board"]).arg(file));
        assert_eq!(ran.code, 0, "{}", ran.err);
        assert_eq!(ran.json().last().unwrap()["frames"], 20, "{fault}");
        assert!(ran.err.contains("the camera is well again"), "{fault}: {}", ran.err);
    }
}

#[test]
fn whoever_stands_there_after_a_fault_is_somebody_new() {
    let folder = tempdir().unwrap();
    let replay = folder.path().join("replay");
    std::fs::create_dir(&replay).unwrap();
    std::fs::copy(sample("camera/7-obama3.jpg"), replay.join("obama.jpg")).unwrap();
    let file =
        board(folder.path(), &[AS_PNG, AS_REPLAY, ("timeout_ms = 600", "timeout_ms = 100\nvanish_after = 5\nreturn_after = 3")]);
    let ran = run(lookalike().args(["run", "--json", "--frames", "20", "--replay"]).arg(&replay).arg("--board").arg(file));
    assert_eq!(ran.code, 0, "{}", ran.err);
    let lines = ran.json();
    let tracks = |is_before: bool| -> Vec<u64> {
        let frames = lines.iter().filter(|l| l["frame"].as_u64().is_some_and(|n| (n <= 5) == is_before));
        frames.flat_map(|l| l["faces"].as_array().unwrap()).map(|f| f["track"].as_u64().unwrap()).collect()
    };
    let (before, after) = (tracks(true), tracks(false));
    assert!(!before.is_empty() && before.iter().all(|&t| t == 1), "{before:?}");
    assert!(!after.is_empty() && after.iter().all(|&t| t == 2), "{after:?}");
}
