use lookalike_tests::{Ran, board, lookalike, models, run, sample};
use std::path::{Path, PathBuf};
use tempfile::tempdir;

/// A models folder whose manifest has the stock entries of the detector's nets once for each of `all`, under the names
/// `mtcnn-{of}pnet` and so on. Of files there are only the last's.
fn install(folder: &Path, all: &[&str]) -> PathBuf {
    let out = folder.join("models");
    let manifest = std::fs::read_to_string(models().join("manifest.toml")).unwrap();
    let (head, entries) = manifest.split_once("[[model]]").unwrap();
    let (nets, others): (Vec<&str>, Vec<&str>) = entries.split("[[model]]").partition(|entry| entry.contains("name = \"mtcnn-"));
    let mut written = [vec![head], others].concat().join("[[model]]");
    for of in all {
        std::fs::create_dir_all(out.join(format!("{of}mtcnn"))).unwrap();
        for net in nets.iter().filter(|entry| !entry.contains("\"mtcnn-tuned-")) {
            let named = net.replace("\"mtcnn-", &format!("\"mtcnn-{of}")).replace("\"mtcnn/", &format!("\"{of}mtcnn/"));
            written += &format!("[[model]]{named}");
        }
    }
    let last = all.last().unwrap();
    for precision in ["float32", "int8"] {
        for net in ["pnet", "rnet", "onet"] {
            let file = format!("mtcnn/{net}.{precision}.onnx");
            std::fs::copy(models().join(&file), out.join(format!("{last}{file}"))).unwrap();
        }
    }
    std::fs::write(out.join("manifest.toml"), written).unwrap();
    out
}

fn told(what: &str, ran: &Ran) {
    assert_eq!(ran.code, 2, "{what}: {}{}", ran.out, ran.err);
    for words in ["no tuned weights of the detector", "`lookalike-models train mtcnn`", "--detector-weights stock"] {
        assert!(ran.err.contains(words), "{what}: no `{words}` in {}", ran.err);
    }
}

#[test]
fn tuned_weights_that_nobody_made_are_refused_in_words_by_every_command_that_finds_faces() {
    let folder = tempdir().unwrap();
    let out = install(folder.path(), &[""]);
    let photo = sample("gallery/Eileen Collins/astronaut.png");
    let gallery = folder.path().join("new.gallery").display().to_string();
    let (replay, shots) = (models().join("samples/camera").display().to_string(), folder.path().display().to_string());
    let tuned = |words: &[&str]| {
        let mut command = lookalike();
        command.args(words).args(["--detector-weights", "tuned", "--models"]).arg(&out);
        command
    };
    told("detect", &run(tuned(&["detect"]).arg(&photo)));
    told("embed", &run(tuned(&["embed"]).arg(&photo)));
    told("enroll", &run(tuned(&["enroll", "--name", "Eileen", "--gallery", &gallery]).arg(&photo)));
    told("bench", &run(&mut tuned(&["bench", "--repeat", "1"])));
    told("run", &run(&mut tuned(&["run", "--frames", "1", "--replay", &replay, "--snapshots", &shots])));
}

#[test]
fn tuned_weights_find_faces_where_board_or_command_line_ask_for_them_and_nothing_else_is_read() {
    let photo = sample("gallery/Eileen Collins/astronaut.png");
    let [stock, tuned] = [("stock", "tuned", ["tuned-", ""]), ("tuned", "stock", ["", "tuned-"])].map(|(wanted, other, all)| {
        let folder = tempdir().unwrap();
        let out = install(folder.path(), &all);
        let with = |says: &str, words: &[&str]| {
            let file = board(folder.path(), &[("weights = \"stock\"", &format!("weights = \"{says}\""))]);
            let mut command = lookalike();
            command.args(words).arg("--board").arg(file).arg("--models").arg(&out);
            command
        };
        let by_board = run(with(wanted, &["detect", "--json"]).arg(&photo));
        // The command line has the last word.
        let overruled = run(with(other, &["detect", "--json", "--detector-weights", wanted]).arg(&photo));
        assert_eq!((by_board.code, &by_board.out), (0, &overruled.out), "{wanted}: {}{}", by_board.err, overruled.err);
        let doctor = run(&mut with(wanted, &["doctor"]));
        assert!(doctor.out.contains(&format!("models:  the detector has its {wanted} weights, in float32")), "{}", doctor.out);
        let int8 = run(with(wanted, &["detect", "--json", "--precision", "int8"]).arg(&photo));
        [by_board, int8].map(|ran| ran.json()[0]["faces"].clone())
    });
    for (stock, tuned) in stock.iter().zip(&tuned) {
        assert_eq!([stock, tuned].map(|faces| faces.as_array().unwrap().len()), [1, 1], "{stock} {tuned}");
        let (stock, tuned) = (&stock[0], &tuned[0]);
        assert_eq!(stock["box"], tuned["box"]);
        // The same nets, but where tuned ones see a face in many squares they are surer, and tell the landmarks at a second look.
        let [doubt, less] = [stock, tuned].map(|face| 1.0 - face["score"].as_f64().unwrap());
        assert!((0.0..doubt).contains(&less), "{stock} {tuned}");
        let of = |face: &serde_json::Value| {
            face["landmarks"].as_array().unwrap().iter().flat_map(|p| [0, 1].map(|i| p[i].as_f64().unwrap())).collect::<Vec<_>>()
        };
        let farthest = of(stock).iter().zip(of(tuned)).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
        assert!(farthest > 0.0 && farthest < 2.0, "{stock} {tuned}");
    }
}
