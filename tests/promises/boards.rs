//! Every board file is whole, and none takes a key that nobody knows.

use lookalike::board::Board;
use lookalike_tests::root;
use std::path::PathBuf;

fn boards() -> Vec<PathBuf> {
    let listing = std::fs::read_dir(root().join("board-config")).unwrap();
    let mut files: Vec<PathBuf> =
        listing.map(|e| e.unwrap().path()).filter(|p| p.extension().is_some_and(|e| e == "toml")).collect();
    files.sort();
    files
}

#[test]
fn every_board_file_is_read() {
    let names: Vec<String> = boards().iter().map(|p| p.file_stem().unwrap().to_string_lossy().into_owned()).collect();
    assert_eq!(names, ["desktop", "jetson-orin-nano", "qemu", "rpi4", "rpi5"]);
    for file in boards() {
        Board::read(&file).unwrap_or_else(|e| panic!("{}: {e:#}", file.display()));
    }
}

#[test]
fn every_board_file_has_the_same_keys() {
    let keys = |text: &str| -> Vec<String> {
        let table: toml::Table = text.parse().unwrap();
        let inner = |(section, value): (&String, &toml::Value)| match value {
            toml::Value::Table(table) => table.keys().map(|key| format!("{section}.{key}")).collect(),
            _ => vec![section.clone()],
        };
        table.iter().flat_map(inner).collect()
    };
    let desktop = keys(&std::fs::read_to_string(root().join("board-config/desktop.toml")).unwrap());
    for file in boards() {
        assert_eq!(keys(&std::fs::read_to_string(&file).unwrap()), desktop, "{}", file.display());
    }
}

#[test]
fn every_value_has_its_reason() {
    for file in boards() {
        let text = std::fs::read_to_string(&file).unwrap();
        let mut before = "";
        for line in text.lines() {
            let is_value = line.starts_with(|c: char| c.is_ascii_lowercase());
            assert!(!is_value || line.contains(" # ") || before.starts_with('#'), "{}: {line}", file.display());
            before = line;
        }
    }
}

#[test]
fn an_unknown_key_is_refused_in_every_board_file_and_section() {
    let folder = tempfile::tempdir().unwrap();
    let changed = folder.path().join("board.toml");
    for file in boards() {
        let text = std::fs::read_to_string(&file).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        let sections: Vec<usize> = (0..lines.len()).filter(|&i| lines[i].starts_with('[')).collect();
        assert_eq!(sections.len(), 7, "{}", file.display());
        for section in sections {
            let mut lines = lines.clone();
            lines.insert(section + 1, "no_such_key = 1");
            std::fs::write(&changed, lines.join("\n")).unwrap();
            let complaint = format!("{:#}", Board::read(&changed).unwrap_err());
            assert!(complaint.contains("no_such_key"), "{}: {complaint}", file.display());
        }
    }
}
