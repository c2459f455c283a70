use lookalike_tests::root;
use std::path::{Path, PathBuf};

fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|e| e == "rs") {
            found.push(path);
        }
    }
    found
}

/// A file's code: without its tests and comments. Files that are all tests have none.
fn code_of(path: &Path) -> String {
    if path.ends_with("tests.rs") || path.ends_with("golden.rs") || path.components().any(|c| c.as_os_str() == "tests") {
        return String::new();
    }
    let text = std::fs::read_to_string(path).unwrap();
    let code = text.split("#[cfg(test)]\nmod ").next().unwrap_or_default();
    code.lines().filter(|l| !l.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n")
}

/// Whether it stands there, and not within a longer word.
fn begins_a_word(line: &str, word: &str) -> bool {
    let goes_on =
        |before: &str| word.starts_with(char::is_alphanumeric) && before.ends_with(|c: char| c.is_alphanumeric() || c == '_');
    line.match_indices(word).any(|(at, _)| !goes_on(&line[..at]))
}

/// Files of `device/` whose code (not comments) has one of the words, but for those below `allowed`.
fn offenders(words: &[&str], allowed: &[&str]) -> Vec<String> {
    let device = root().join("device");
    let mut found = Vec::new();
    for path in sources(&device) {
        let name = path.strip_prefix(&device).unwrap().display().to_string();
        if allowed.iter().any(|a| name.starts_with(a)) {
            continue;
        }
        for line in code_of(&path).lines().filter(|l| words.iter().any(|w| begins_a_word(l, w))) {
            found.push(format!("{name}: {}", line.trim()));
        }
    }
    found
}

#[test]
fn only_infer_names_tract() {
    assert_eq!(offenders(&["tract_"], &["infer/"]), [""; 0]);
}

#[test]
fn only_one_file_names_tracts_cuda() {
    assert_eq!(offenders(&["tract_cuda", "cudarc"], &["infer/offload/cuda.rs"]), [""; 0]);
}

#[test]
fn only_burns_way_and_oracle_of_the_learners_name_burn() {
    assert_eq!(offenders(&["burn_", "burn::"], &["learn/burns.rs", "learn/oracle.rs", "learn/way.rs"]), [""; 0]);
}

#[test]
fn only_the_v4l_camera_names_v4l() {
    assert_eq!(offenders(&["::v4l::", "use v4l", "v4l2_"], &["camera/v4l", "camera/v4l2-sys"]), [""; 0]);
}

#[test]
fn only_the_drm_screen_names_drm() {
    let names = ["drm::{", "use drm", "DrmFourcc", "dumb_buffer", "page_flip"];
    assert_eq!(offenders(&names, &["screen/drm"]), [""; 0]);
}

#[test]
fn only_input_names_evdev() {
    assert_eq!(offenders(&["evdev::", "use evdev"], &["input/"]), [""; 0]);
}

#[test]
fn only_ioctl_asks_the_kernel_by_number() {
    assert_eq!(
        offenders(&["rustix::ioctl", "libc::ioctl", "Getter", "Updater"], &["ioctl.rs", "screen/console.rs", "camera/v4l"]),
        [""; 0]
    );
}

#[test]
fn panels_and_fingers_know_no_model_camera_or_gallery() {
    let device = root().join("device");
    let rooms = ["input/", "screen/", "turn.rs", "ioctl.rs"];
    let words = ["crate::camera", "crate::infer", "crate::gallery", "crate::detect", "crate::embed", "crate::board", "crate::ui"];
    for path in sources(&device) {
        let name = path.strip_prefix(&device).unwrap().display().to_string();
        if rooms.iter().any(|room| name.starts_with(room)) {
            let code = code_of(&path);
            assert!(!words.iter().any(|word| code.contains(word)), "{name}");
        }
    }
}

#[test]
fn what_a_terminal_or_console_was_is_undone_in_one_place() {
    assert_eq!(offenders(&["panic::set_hook", "take_hook"], &["screen/found.rs", "guard.rs"]), [""; 0]);
}

#[test]
fn only_board_and_manifest_know_toml() {
    assert_eq!(offenders(&["toml::"], &["board.rs", "manifest.rs"]), [""; 0]);
}

#[test]
fn only_the_pipeline_knows_the_order_of_the_walk() {
    let outside = ["commands/", "setup.rs", "setup/", "pipeline.rs", "pipeline/", "main.rs", "lib.rs"];
    assert_eq!(
        offenders(
            &["crate::detect", "crate::embed::", "crate::gallery"],
            &[&outside[..], &["detect/", "gallery/", "embed"]].concat()
        ),
        [""; 0]
    );
    assert_eq!(
        offenders(&["crate::camera", "crate::screen"], &[&outside[..], &["camera/", "screen/", "ui/", "play/"]].concat()),
        [""; 0]
    );
}

#[test]
fn rooms_between_the_doors_read_no_clock_file_or_environment() {
    let rooms = [
        "camera/",
        "input/",
        "screen/",
        "ui/",
        "commands/",
        "gallery/",
        "infer/",
        "board.rs",
        "manifest.rs",
        "picture.rs",
        "setup.rs",
        "setup/",
        "main.rs",
    ];
    let clocks = ["pipeline/rate.rs", "pipeline/scene.rs", "stopwatch.rs", "types.rs"];
    assert_eq!(offenders(&["Instant::now", "SystemTime"], &[&rooms[..], &clocks].concat()), [""; 0]);
    assert_eq!(offenders(&["std::env", "std::fs", "File::"], &rooms), [""; 0]);
}

#[test]
fn unsafe_stays_with_generated_bindings_kernels_and_ioctls() {
    assert_eq!(offenders(&["unsafe "], &["camera/v4l2-sys/", "infer/kernels/", "ioctl.rs"]), [""; 0]);
}

#[test]
fn every_file_opens_with_what_comes_in_and_goes_out() {
    for path in sources(&root().join("device")).into_iter().chain(sources(&root().join("models"))) {
        let text = std::fs::read_to_string(&path).unwrap();
        let is_test = path.ends_with("tests.rs") || path.display().to_string().contains("/tests/");
        let is_generated = path.ends_with("bindings.rs");
        assert!(is_test || is_generated || text.starts_with("//!"), "{} does not open with //!", path.display());
    }
}
