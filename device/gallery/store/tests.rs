//! The gallery file through the gallery's own doors: what is on the disk, whatever happens to it.

use super::*;
use crate::gallery::enrolled::Enrolled;
use crate::gallery::{Calibration, Gallery, Person};
use crate::types::{Chip, Embedding, Metric};
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

fn embedder() -> EmbedderId {
    EmbedderId { name: "net".into(), sha256: "ab".repeat(32), length: 4, metric: Metric::L2 }
}

fn open(path: &Path) -> Result<Gallery> {
    Gallery::open_or_new(path, &embedder(), Calibration::of_distance(0.6))
}

/// A chip whose JPEG is larger the larger the chip.
fn chip(side: u32) -> Chip {
    let pixels = (0..side * side * 3).map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    Chip { width: side, height: side, pixels }
}

fn add(path: &Path, name: &str, side: u32) -> Result<()> {
    let mut gallery = open(path)?;
    gallery.enroll(name, "a.jpg", &Embedding(vec![0.25, -1.0, 0.5, 1e-9]), &chip(side))?;
    gallery.save()
}

fn remove(path: &Path, name: &str) {
    let mut gallery = open(path).unwrap();
    assert_eq!(gallery.remove(name), 1);
    gallery.save().unwrap();
}

fn names(path: &Path) -> Vec<String> {
    let read = read(path).unwrap();
    read.roster.in_order().into_iter().map(|person| read.person(person).unwrap().name).collect()
}

/// Two people who are there and one who left, in a file of its own.
fn lived_in() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("gallery");
    ["Ada", "Zoe", "José"].into_iter().for_each(|name| add(&path, name, 4).unwrap());
    remove(&path, "Zoe");
    (folder, path)
}

/// Without learning from them.
fn read(path: &Path) -> Result<Enrolled> {
    Enrolled::read(path, &embedder())
}

fn complaint(path: &Path, embedder: &EmbedderId) -> String {
    format!("{:#}", Enrolled::read(path, embedder).err().unwrap())
}

#[test]
fn only_the_owner_may_read_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("gallery");
    assert_eq!(open(&path).unwrap().count(), 0);
    add(&path, "Ada", 4).unwrap();
    assert_eq!(names(&path), ["Ada"]);
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(fs::read_dir(&folder).unwrap().count(), 1, "nothing else is left in the folder");
}

#[test]
fn a_gallery_that_root_writes_belongs_to_the_owner_of_its_folder() {
    let folder = tempfile::tempdir().unwrap();
    if std::os::unix::fs::chown(folder.path(), Some(1234), Some(1234)).is_err() {
        eprintln!("SKIPPED: only root can give a folder away");
        return;
    }
    let path = folder.path().join("gallery");
    // Also when others were added to it.
    for name in ["Ada", "Bob"] {
        add(&path, name, 4).unwrap();
        let metadata = fs::metadata(&path).unwrap();
        assert_eq!((metadata.uid(), metadata.gid(), metadata.permissions().mode() & 0o777), (1234, 1234, 0o600));
    }
}

#[test]
fn what_a_killed_writer_left_behind_is_removed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("gallery");
    fs::write(temporary(&path).unwrap(), b"half a gallery").unwrap();
    add(&path, "Ada", 4).unwrap();
    assert_eq!(names(&path), ["Ada"]);
    assert_eq!(fs::read_dir(&folder).unwrap().count(), 1);
}

#[test]
fn an_unreadable_file_is_named_and_kept() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("gallery");
    fs::write(&path, b"shopping list").unwrap();
    let complaint = format!("{:#}", add(&path, "Ada", 4).unwrap_err());
    assert!(complaint.contains(path.to_str().unwrap()) && complaint.contains("not a gallery"), "{complaint}");
    assert_eq!(fs::read(&path).unwrap(), b"shopping list");
    assert!(format!("{:#}", open(folder.path()).err().unwrap()).contains("is not a file"));
}

#[test]
fn writers_at_the_same_time_lose_nobody() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("gallery");
    std::thread::scope(|scope| {
        for writer in 0..8 {
            let path = &path;
            scope.spawn(move || (0..5).for_each(|i| add(path, &format!("{writer}-{i}"), 4).unwrap()));
        }
    });
    assert_eq!(names(&path).len(), 40);
}

#[test]
fn a_link_stays_a_link() {
    let folder = tempfile::tempdir().unwrap();
    let (path, link) = (folder.path().join("gallery"), folder.path().join("link"));
    add(&path, "Ada", 4).unwrap();
    std::os::unix::fs::symlink(&path, &link).unwrap();
    add(&link, "Bob", 4).unwrap();
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    assert_eq!(names(&path), ["Ada", "Bob"]);
}

#[test]
fn a_folder_that_takes_no_files_is_named() {
    // Nobody may create files here, root neither.
    let path = Path::new("/proc/lookalike-gallery");
    let complaint = format!("{:#}", add(path, "Ada", 4).unwrap_err());
    assert!(complaint.contains("/proc/lookalike-gallery"), "{complaint}");
}

/// Runs this test again in a process that may not write files above 8 KiB: as a full disk, the write breaks off.
#[test]
fn a_full_disk_keeps_the_old_gallery() {
    const PATH: &str = "LOOKALIKE_TEST_GALLERY";
    if let Some(path) = std::env::var_os(PATH) {
        let complaint = format!("{:#}", add(Path::new(&path), "Bob", 96).unwrap_err());
        assert!(complaint.contains(path.to_str().unwrap()) && complaint.contains("as it was before"), "{complaint}");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("gallery");
    add(&path, "Ada", 4).unwrap();
    let before = fs::read(&path).unwrap();
    // Blocks of 512 or 1024 bytes, by the shell; the signal is ignored so that write() fails instead.
    let limited = "trap '' XFSZ; ulimit -f 8; exec \"$0\" --exact gallery::store::tests::a_full_disk_keeps_the_old_gallery";
    let mut shell = Command::new("sh");
    let child = shell.args(["-c", limited]).arg(std::env::current_exe().unwrap()).env(PATH, &path).output().unwrap();
    assert!(child.status.success(), "{}", String::from_utf8_lossy(&child.stdout));
    assert!(String::from_utf8_lossy(&child.stdout).contains("1 passed"));
    assert_eq!(fs::read(&path).unwrap(), before);
    assert_eq!(fs::read_dir(&folder).unwrap().count(), 1);
}

#[test]
fn cut_short_anywhere_is_an_error() {
    let (_folder, path) = lived_in();
    let bytes = fs::read(&path).unwrap();
    for length in 0..bytes.len() {
        fs::write(&path, &bytes[..length]).unwrap();
        let complaint = complaint(&path, &embedder());
        assert!(complaint.contains(if length == 0 { "not a gallery" } else { "cut short" }), "{length}: {complaint}");
    }
}

/// Who is there is the same, or it is an error: the zeros of who left are nobody's.
#[test]
fn any_flipped_bit_is_an_error_or_nobodys() {
    let (_folder, path) = lived_in();
    let bytes = fs::read(&path).unwrap();
    let mut nobodys = 0;
    for bit in 0..bytes.len() * 8 {
        let mut damaged = bytes.clone();
        damaged[bit / 8] ^= 1 << (bit % 8);
        fs::write(&path, &damaged).unwrap();
        if let Ok(read) = read(&path) {
            assert_eq!(bytes[bit / 8], 0, "bit {bit}");
            let names: Vec<&str> = read.roster.in_order().into_iter().map(|person| read.roster.name(person)).collect();
            assert_eq!(names, ["Ada", "José"]);
            nobodys += 1;
        }
    }
    assert!(nobodys < bytes.len() * 8 / 3);
}

/// As after a pulled plug: the end of the file is anything at all, the head may or may not tell of the last batch.
#[test]
fn an_addition_that_was_cut_off_costs_only_itself() {
    let (_folder, path) = lived_in();
    let before = fs::read(&path).unwrap();
    add(&path, "Bob", 4).unwrap();
    let after = fs::read(&path).unwrap();
    for length in before.len()..after.len() {
        for filler in [0, 255] {
            let mut torn = before.clone();
            torn.extend(&after[before.len()..length]);
            torn.resize(after.len(), filler);
            fs::write(&path, &torn).unwrap();
            assert_eq!(names(&path), ["Ada", "José"], "{length}");
        }
    }
    add(&path, "Eve", 4).unwrap();
    assert_eq!(names(&path), ["Ada", "Eve", "José"]);
    // On the disk, but for the head.
    let mut whole = before.clone();
    whole.extend(&after[before.len()..]);
    fs::write(&path, &whole).unwrap();
    assert_eq!(names(&path), ["Ada", "Bob", "José"]);
    add(&path, "Eve", 4).unwrap();
    assert_eq!(names(&path), ["Ada", "Bob", "Eve", "José"]);
}

/// The removal is on the disk, what it wipes is not, or in part.
#[test]
fn a_removal_that_was_cut_off_is_finished_by_the_next_change() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("gallery");
    ["Ada", "Zoe"].into_iter().for_each(|name| add(&path, name, 4).unwrap());
    let before = fs::read(&path).unwrap();
    remove(&path, "Zoe");
    let after = fs::read(&path).unwrap();
    let changed: Vec<usize> = (28..before.len()).filter(|&i| before[i] != after[i]).collect();
    for wiped in [0, changed.len() / 3, changed.len()] {
        let mut torn = after.clone();
        changed[wiped..].iter().for_each(|&i| torn[i] = before[i]);
        fs::write(&path, &torn).unwrap();
        assert_eq!(names(&path), ["Ada"], "{wiped}");
        add(&path, "Bob", 4).unwrap();
        assert!(!fs::read(&path).unwrap().windows(3).any(|w| w == b"Zoe"), "{wiped}");
        assert_eq!(names(&path), ["Ada", "Bob"]);
    }
}

#[test]
fn a_newer_format_asks_for_an_update() {
    let (_folder, path) = lived_in();
    let mut bytes = fs::read(&path).unwrap();
    bytes[8..12].copy_from_slice(&(record::VERSION + 1).to_le_bytes());
    fs::write(&path, bytes).unwrap();
    assert!(complaint(&path, &embedder()).contains("newer Lookalike"));
}

#[test]
fn vectors_of_another_network_are_refused() {
    let (_folder, path) = lived_in();
    let complain = |other: EmbedderId| complaint(&path, &other);
    assert!(complain(EmbedderId { name: "other".into(), ..embedder() }).contains("`net`"));
    assert!(complain(EmbedderId { sha256: "cd".repeat(32), ..embedder() }).contains("abababababab"));
    assert!(complain(EmbedderId { length: 5, ..embedder() }).contains("4 numbers"));
    assert!(complain(EmbedderId { metric: Metric::Cosine, ..embedder() }).contains("metric L2"));
}

#[test]
fn a_file_of_the_first_format_is_read_and_becomes_one_of_this() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("gallery");
    let people = first::tests::people();
    fs::write(&path, first::tests::encode(&people, &embedder())).unwrap();
    let read: Vec<Person> = open(&path).unwrap().people().collect::<Result<_>>().unwrap();
    assert_eq!(read, people);
    assert_eq!(fs::read(&path).unwrap()[8], 1, "reading changes nothing");
    add(&path, "Bob", 4).unwrap();
    let read: Vec<Person> = open(&path).unwrap().people().collect::<Result<_>>().unwrap();
    assert_eq!((&read[0], &read[2]), (&people[0], &people[1]));
    assert_eq!((read[1].name.as_str(), fs::read(&path).unwrap()[8]), ("Bob", 2));
}

#[test]
fn a_file_that_is_mostly_void_is_written_anew() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("gallery");
    let mut gallery = open(&path).unwrap();
    for i in 0..400 {
        gallery.enroll(&format!("{i:03}"), "a.jpg", &Embedding(vec![i as f32; 4]), &chip(96)).unwrap();
    }
    gallery.save().unwrap();
    let full = fs::metadata(&path).unwrap().len();
    for i in 0..380 {
        gallery.remove(&format!("{i:03}"));
        if i % 40 == 39 {
            gallery.save().unwrap();
        }
    }
    gallery.save().unwrap();
    assert!(fs::metadata(&path).unwrap().len() < full / 2);
    assert_eq!(names(&path).len(), 20);
    gallery.enroll("Ada", "a.jpg", &Embedding(vec![0.5; 4]), &chip(4)).unwrap();
    gallery.save().unwrap();
    assert_eq!(names(&path).len(), 21);
    assert_eq!(gallery.people().last().unwrap().unwrap(), open(&path).unwrap().people().last().unwrap().unwrap());
}

fn vector(i: usize) -> Embedding {
    Embedding((1..5).map(|k| ((i * k) as f32 * 0.37).sin()).collect())
}

fn many(path: &Path) -> Gallery {
    let mut gallery = open(path).unwrap();
    for i in 0..5000 {
        gallery.enroll(&format!("person {i:04}"), "a.jpg", &vector(i), &chip(2)).unwrap();
    }
    gallery.save().unwrap();
    gallery
}

#[test]
fn a_large_gallery_keeps_an_index_that_follows_every_change() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("gallery");
    let mut gallery = many(&path);
    assert!(kept::path_of(&path).exists());
    assert_eq!(gallery.remove("person 0007"), 1);
    gallery.enroll("person 0008", "b.jpg", &vector(9000), &chip(2)).unwrap();
    gallery.enroll("Ada", "a.jpg", &vector(9001), &chip(2)).unwrap();
    gallery.save().unwrap();
    let again = open(&path).unwrap();
    assert!(again.index_fault().is_none() && again.count() == 5000 && again.pictures() == 5001);
    assert!(again.person("person 0007").unwrap().is_none());
    assert_eq!(again.person("person 0008").unwrap().unwrap().pictures.len(), 2);
    for i in [9001, 4321, 7] {
        assert_eq!(again.answer(&vector(i), 3), gallery.answer(&vector(i), 3), "{i}");
    }
    assert_eq!(again.answer(&vector(9001), 1).matches[0].name, "Ada");
    let index = fs::read(kept::path_of(&path)).unwrap();
    assert!(!index.windows(11).any(|w| w == b"person 0007"), "who left has left the index too");
}

#[test]
fn an_index_that_is_damaged_or_of_another_gallery_costs_nobody() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("gallery");
    many(&path);
    let index = kept::path_of(&path);
    let whole = fs::read(&index).unwrap();
    let mut flipped = whole.clone();
    flipped[100_000] ^= 1;
    let other = folder.path().join("other");
    let mut stranger = open(&other).unwrap();
    (0..4500).for_each(|i| stranger.enroll(&format!("{i}"), "a.jpg", &vector(i), &chip(2)).unwrap());
    stranger.save().unwrap();
    let foreign = fs::read(kept::path_of(&other)).unwrap();
    // Whole in themselves, but of another format or of an embedder of another name.
    let patched = |at: u64| {
        fs::write(&index, &whole).unwrap();
        let file = OpenOptions::new().read(true).write(true).open(&index).unwrap();
        pages::patch(&file, at, &77u32.to_le_bytes()).unwrap();
        fs::read(&index).unwrap()
    };
    for (bytes, word) in [
        (flipped, "a page is damaged"),
        (whole[..whole.len() / 2].to_vec(), "it is cut short"),
        (foreign, "it is of another gallery"),
        (b"shopping list".to_vec(), "a page is cut short"),
        (Vec::new(), "a page is cut short"),
        (patched(8), "it is of format 77, this program's is 1"),
        (patched(12), "it is of another embedder"),
    ] {
        fs::write(&index, &bytes).unwrap();
        let read = read(&path).unwrap();
        assert_eq!(read.roster.people(), 5000);
        let fault = read.index_fault.unwrap();
        assert!(fault.contains(".index is not used") && fault.contains(word) && !fault.contains('\n'), "{fault}");
    }
    add(&path, "Ada", 2).unwrap();
    let healed = read(&path).unwrap();
    assert!(healed.index_fault.is_none() && healed.roster.people() == 5001);
}

#[test]
fn an_index_that_cannot_be_written_costs_nobody() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("gallery");
    // What is written first, and renamed.
    let blocked = temporary(&kept::path_of(&path)).unwrap();
    fs::create_dir(&blocked).unwrap();
    many(&path);
    assert!(!kept::path_of(&path).exists());
    let unhelped = read(&path).unwrap();
    assert!(unhelped.index_fault.is_none() && unhelped.roster.people() == 5000);
    fs::remove_dir(&blocked).unwrap();
    add(&path, "Ada", 2).unwrap();
    assert!(kept::path_of(&path).exists() && read(&path).unwrap().roster.people() == 5001);
}

/// As [`a_full_disk_keeps_the_old_gallery`]: the file may not become longer than it is.
#[test]
fn a_full_disk_keeps_a_large_gallery_and_its_index() {
    const PATH: &str = "LOOKALIKE_TEST_LARGE_GALLERY";
    if let Some(path) = std::env::var_os(PATH) {
        let complaint = format!("{:#}", add(Path::new(&path), "Bob", 96).unwrap_err());
        assert!(complaint.contains("as it was before") && complaint.contains("make room on the disk"), "{complaint}");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("gallery");
    many(&path);
    let before = [path.clone(), kept::path_of(&path)].map(|file| fs::read(file).unwrap());
    let limit = before[0].len() / 1024;
    let test = "gallery::store::tests::a_full_disk_keeps_a_large_gallery_and_its_index";
    // Blocks of 512 or 1024 bytes, by the shell: below the file's length in any case.
    let limited = format!("trap '' XFSZ; ulimit -f {limit}; exec \"$0\" --exact {test}");
    let mut shell = Command::new("sh");
    let child = shell.args(["-c", &limited]).arg(std::env::current_exe().unwrap()).env(PATH, &path).output().unwrap();
    assert!(String::from_utf8_lossy(&child.stdout).contains("1 passed"), "{}", String::from_utf8_lossy(&child.stdout));
    assert_eq!([path.clone(), kept::path_of(&path)].map(|file| fs::read(file).unwrap()), before);
    assert!(names(&path).len() == 5000 && fs::read_dir(&folder).unwrap().count() == 2);
}
