use super::*;

fn read(text: &str) -> Result<Board> {
    let file = tempfile::NamedTempFile::new()?;
    std::fs::write(file.path(), text)?;
    Board::read(file.path())
}

fn complaint(from: &str, to: &str) -> String {
    assert!(DESKTOP.contains(from), "the desktop board has no `{from}`");
    format!("{:#}", read(&DESKTOP.replacen(from, to, 1)).unwrap_err())
}

#[test]
fn the_desktop_board_is_valid_and_its_paths_start_at_its_folder() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("board-config/desktop.toml");
    std::fs::create_dir(folder.path().join("board-config")).unwrap();
    std::fs::write(&file, DESKTOP).unwrap();
    assert_eq!(Board::read(&file).unwrap().models, folder.path().join("models/out"));
}

#[test]
fn paths_are_made_plain() {
    assert_eq!(below(Path::new("board-config"), Path::new("../models/out")), Path::new("models/out"));
    assert_eq!(below(Path::new("../a"), Path::new("../../b")), Path::new("../../b"));
    assert_eq!(below(Path::new("/etc/x"), Path::new("/var/y")), Path::new("/var/y"));
}

#[test]
fn an_unknown_key_is_named() {
    let text = complaint("fps =", "fsp =");
    assert!(text.contains("fsp"), "{text}");
}

#[test]
fn a_wrong_type_is_named() {
    let text = complaint("width = 640", "width = \"wide\"");
    assert!(text.contains("width") && text.contains("string"), "{text}");
}

#[test]
fn a_negative_size_is_refused() {
    let text = complaint("width = 640", "width = -640");
    assert!(text.contains("-640") || text.contains("integer"), "{text}");
}

#[test]
fn a_value_out_of_range_says_the_range() {
    let text = complaint("min_face_px = 40", "min_face_px = 3");
    assert!(text.contains("detect.min_face_px = 3 is out of range: 12 to 4096"), "{text}");
    let text = complaint("search_every = 8", "search_every = 0");
    assert!(text.contains("detect.search_every = 0 is out of range: 1 to 1000"), "{text}");
    let text = complaint("refresh_every = 15", "refresh_every = 0");
    assert!(text.contains("recognise.refresh_every = 0 is out of range"), "{text}");
    let text = complaint("\nfactor = 0.709", "\nfactor = nan");
    assert!(text.contains("detect.factor"), "{text}");
    for (value, told) in [("1.0", "1"), ("nan", "NaN"), ("-1.1", "-1.1")] {
        let text = complaint("cascade_factor = 1.1", &format!("cascade_factor = {value}"));
        assert!(text.contains(&format!("detect.cascade_factor = {told} is out of range: 1.01 to 4")), "{text}");
    }
}

#[test]
fn a_detector_that_nobody_knows_is_named_with_those_that_are() {
    let text = complaint("detector = \"mtcnn\"", "detector = \"yolo\"");
    assert!(text.contains("yolo") && text.contains("mtcnn") && text.contains("haar"), "{text}");
    assert_eq!(read(&DESKTOP.replace("\"mtcnn\"", "\"haar\"")).unwrap().detect.detector, Finder::Haar);
}

#[test]
fn weights_are_stock_or_tuned() {
    let text = complaint("weights = \"stock\"", "weights = \"best\"");
    assert!(text.contains("best") && text.contains("stock") && text.contains("tuned"), "{text}");
    for (name, weights) in [("stock", Weights::Stock), ("tuned", Weights::Tuned)] {
        let board = read(&DESKTOP.replace("weights = \"stock\"", &format!("weights = \"{name}\""))).unwrap();
        assert_eq!((board.detect.weights, weights.to_string().as_str()), (weights, name));
    }
}

#[test]
fn a_family_of_nets_has_a_plain_name() {
    let text = complaint("nets = \"digits\"", "nets = \"../digits\"");
    assert!(text.contains("dream.nets = \"../digits\" is no name"), "{text}");
}

#[test]
fn a_panel_turns_by_quarters() {
    let text = complaint("rotate = 0", "rotate = 45");
    assert!(text.contains("screen.rotate = 45 is no quarter turn"), "{text}");
    assert_eq!(read(&DESKTOP.replace("rotate = 0", "rotate = 270")).unwrap().screen.rotate, 270);
}

#[test]
fn a_mode_is_a_size_with_or_without_a_rate() {
    let mode = |text: &str| PanelMode::try_from(text.to_string());
    assert_eq!(mode("auto"), Ok(PanelMode::Auto));
    assert_eq!(mode("800x480"), Ok(PanelMode::Size { width: 800, height: 480, hz: None }));
    assert_eq!(mode("1920x1080@50"), Ok(PanelMode::Size { width: 1920, height: 1080, hz: Some(50) }));
    for wrong in ["", "800", "800x", "800x480@", "0x480", "800x-1", "800x480@0", "800 x 480", "99999x1", "Auto"] {
        assert!(mode(wrong).is_err(), "{wrong}");
    }
    let text = complaint("mode = \"auto\"", "mode = \"wide\"");
    assert!(text.contains("`wide` is none: auto, 800x480 or 800x480@60"), "{text}");
}

#[test]
fn what_is_listened_to_is_all_or_none() {
    let text = complaint("touch = \"auto\"", "touch = \"some\"");
    assert!(text.contains("some") && text.contains("none"), "{text}");
    assert_eq!(read(&DESKTOP.replace("touch = \"auto\"", "touch = \"none\"")).unwrap().input.touch, Listen::None);
}

fn salvaged(text: &str) -> Board {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), text).unwrap();
    assert!(Board::read(file.path()).is_err());
    Board::salvage(file.path()).unwrap()
}

#[test]
fn of_a_board_file_with_mistakes_the_right_keys_are_kept() {
    let panel = DESKTOP.replace("rotate = 0", "rotate = 90").replace("device = \"auto\"", "device = \"DSI-1\"");
    for mistake in ["rotate = 90\nno_such_key = 1", "rotate = 90\nexplain_s = -1"] {
        let text = panel.replace("rotate = 90", mistake);
        let text = if mistake.contains("explain") { text.replace("\nexplain_s = 30", "") } else { text };
        let Screen { rotate, device, explain_s, .. } = salvaged(&text).screen;
        assert_eq!((rotate, device.as_str(), explain_s), (90, "DSI-1", 30), "{mistake}");
    }
    assert_eq!(salvaged(&panel.replace("fps = 30", "fps = 0")).camera.fps, 30);
}

#[test]
fn of_a_file_that_is_no_board_nothing_is_kept() {
    for text in ["", "[screen\nrotate = 90", "screen = 3", "[nonsense]\nscreen = 1"] {
        assert_eq!(salvaged(text).screen.rotate, 0, "{text}");
    }
    assert_eq!(Board::salvage(Path::new("/nowhere/board.toml")).unwrap().screen.rotate, 0);
}

#[test]
fn a_missing_file_is_named() {
    let text = format!("{:#}", Board::read(Path::new("/nowhere/board.toml")).unwrap_err());
    assert!(text.contains("/nowhere/board.toml") && text.contains("--board"), "{text}");
}
