use lookalike_tests::{board, lookalike, models, run, sample};
use serde_json::Value;
use std::path::Path;
use tempfile::tempdir;

/// The faces of a photo, with their embeddings, as a board of that precision gives them.
fn faces(folder: &Path, precision: &str, photo: &Path) -> Vec<Value> {
    let board = board(folder, &[("precision = \"float32\"", &format!("precision = \"{precision}\""))]);
    let ran = run(lookalike().arg("embed").arg("--json").arg("--board").arg(board).arg(photo));
    assert_eq!(ran.code, 0, "{}", ran.err);
    ran.json()[0]["faces"].as_array().unwrap().clone()
}

fn numbers(value: &Value) -> Vec<f64> {
    value.as_array().unwrap().iter().map(|v| v.as_f64().unwrap()).collect()
}

#[test]
fn the_int8_files_find_and_describe_the_same_people() {
    let folder = tempdir().unwrap();
    for photo in ["gallery/Barack Obama/obama2.jpg", "gallery/Eileen Collins/astronaut.png", "camera/1-obama.jpg"] {
        let [float, int8] = ["float32", "int8"].map(|precision| faces(folder.path(), precision, &sample(photo)));
        assert_eq!((float.len(), int8.len()), (1, 1), "{photo}");
        let boxes = [&float, &int8].map(|faces| numbers(&faces[0]["box"]));
        let width = boxes[0][2];
        assert!(boxes[0].iter().zip(&boxes[1]).all(|(a, b)| (a - b).abs() < 0.1 * width), "{photo}: {boxes:?}");
        let [a, b] = [&float, &int8].map(|faces| numbers(&faces[0]["embedding"]));
        let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(x, y)| x * y).sum::<f64>();
        let cosine = dot(&a, &b) / (dot(&a, &a) * dot(&b, &b)).sqrt();
        assert!(cosine > 0.98, "{photo}: {cosine}");
    }
}

#[test]
fn forced_kernels_are_used_and_change_no_answer() {
    let forced = run(lookalike().args(["doctor", "--kernels", "scalar", "--models"]).arg(models()));
    assert!(forced.out.contains("kernels: scalar"), "{}", forced.out);
    let photo = sample("gallery/Eileen Collins/astronaut.png");
    let detect = |kernels: &[&str]| {
        let ran = run(lookalike()
            .args(["detect", "--json", "--precision", "int8"])
            .args(kernels)
            .arg("--models")
            .arg(models())
            .arg(&photo));
        assert_eq!(ran.code, 0, "{}", ran.err);
        ran.json()
    };
    // Bytes are summed in whole numbers, so every kernel says the very same.
    assert_eq!(detect(&["--kernels", "scalar"]), detect(&[]));
}

#[test]
fn kernels_that_are_not_there_are_refused() {
    // The program may be of another processor than this test.
    let there = run(lookalike().args(["doctor", "--models"]).arg(models())).out;
    assert!(there.contains("kernels: "), "{there}");
    let foreign: Vec<&str> = ["neon", "avx2"].into_iter().filter(|name| !there.contains(name)).collect();
    assert!(!foreign.is_empty(), "{there}");
    for elsewhere in foreign.into_iter().chain(["mmx"]) {
        let ran = run(lookalike().args(["doctor", "--kernels", elsewhere, "--models"]).arg(models()));
        assert_eq!(ran.code, 2, "{}", ran.err);
        assert!(ran.err.contains(elsewhere) && ran.err.contains("scalar"), "{}", ran.err);
    }
}
