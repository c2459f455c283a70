use lookalike_models::files::sha256;
use lookalike_models::onnx::{Axis, Graph, Tensor};
use lookalike_tests::{board, lookalike, models, run, sample};
use std::path::Path;
use tempfile::tempdir;

/// An owner's network, nothing like the one that we ship: 64x64 pixels, 24 numbers, compared by cosine.
fn network() -> Vec<u8> {
    let noise = |count: usize, seed: u32| -> Vec<f32> {
        let mix = |i: u32| (i.wrapping_add(seed).wrapping_mul(2_654_435_761) >> 8) as f32 / (1 << 23) as f32 - 1.0;
        (0..count as u32).map(|i| 0.3 * mix(i)).collect()
    };
    let tensor = |shape: &[usize], seed| Tensor::new(shape, noise(shape.iter().product(), seed)).unwrap();
    let mut g = Graph::new("own", "");
    let x = g.input("image", &[Axis::Named("n"), Axis::Fixed(3), Axis::Fixed(64), Axis::Fixed(64)]);
    let x = g.conv("first", &x, &tensor(&[16, 3, 8, 8], 1), &tensor(&[16], 2), 8);
    let x = g.relu("relu", &x);
    let x = g.flatten("flat", &x);
    let x = g.matmul("embedding", &x, &tensor(&[1024, 24], 3));
    g.output(&x, &[Axis::Named("n"), Axis::Fixed(24)]);
    g.encode()
}

/// A models folder with the detector and the owner's network, and a board that names it.
fn install(folder: &Path, length: usize) -> std::path::PathBuf {
    let out = folder.join("models");
    std::fs::create_dir_all(out.join("mtcnn")).unwrap();
    for net in ["pnet", "rnet", "onet"] {
        let file = format!("mtcnn/{net}.float32.onnx");
        std::fs::copy(models().join(&file), out.join(&file)).unwrap();
    }
    let bytes = network();
    std::fs::write(out.join("own.onnx"), &bytes).unwrap();
    let ours = std::fs::read_to_string(models().join("manifest.toml")).unwrap();
    let detector = ours.split("[[model]]").filter(|m| !m.contains("role = \"embedder\"")).collect::<Vec<_>>().join("[[model]]");
    let entry = format!(
        "\n[[model]]\nname = \"own\"\nrole = \"embedder\"\nprecision = \"float32\"\nfile = \"own.onnx\"\nsha256 = \"{}\"\n\
         input = [3, 64, 64]\nmean = [127.5, 127.5, 127.5]\nscale = 0.0078125\nlicence = \"ours\"\nsource = \"this test\"\n\
         [model.embedding]\ntemplate = [[22.0, 24.0], [42.0, 24.0], [32.0, 36.0], [24.0, 46.0], [40.0, 46.0]]\n\
         length = {length}\nmetric = \"cosine\"\nsame_person_distance = 0.2\n",
        sha256(&bytes)
    );
    std::fs::write(out.join("manifest.toml"), detector + &entry).unwrap();
    out
}

#[test]
fn an_onnx_file_and_a_manifest_entry_are_enough() {
    let folder = tempdir().unwrap();
    let out = install(folder.path(), 24);
    let board = board(folder.path(), &[("embedder = \"dlib-resnet\"", "embedder = \"own\"")]);
    let gallery = folder.path().join("own.gallery");
    let own = |command: &str| {
        let mut c = lookalike();
        c.arg(command).arg("--models").arg(&out).arg("--board").arg(&board);
        c
    };
    let photo = sample("gallery/Eileen Collins/astronaut.png");
    let ran = run(own("embed").arg("--json").arg(&photo));
    assert_eq!(ran.code, 0, "{}", ran.err);
    let vector: Vec<f64> =
        ran.json()[0]["faces"][0]["embedding"].as_array().unwrap().iter().map(|v| v.as_f64().unwrap()).collect();
    assert_eq!(vector.len(), 24);
    assert!((vector.iter().map(|v| v * v).sum::<f64>() - 1.0).abs() < 1e-4, "cosine asks for unit length");
    let ran = run(own("enroll").args(["--name", "Eileen", "--gallery"]).arg(&gallery).arg(&photo));
    assert_eq!(ran.code, 0, "{}", ran.err);
    let ran = run(own("match").args(["--json", "--gallery"]).arg(&gallery).arg(&photo));
    assert_eq!(ran.json()[0]["faces"][0]["matches"][0]["name"], "Eileen", "{}", ran.out);
    // A gallery belongs to its network.
    let ran = run(lookalike().args(["match", "--gallery"]).arg(&gallery).arg(&photo));
    assert_eq!(ran.code, 2);
    assert!(ran.err.contains("own.gallery"), "{}", ran.err);
}

#[test]
fn a_length_that_the_network_does_not_have_is_refused() {
    let folder = tempdir().unwrap();
    let out = install(folder.path(), 128);
    let board = board(folder.path(), &[("embedder = \"dlib-resnet\"", "embedder = \"own\"")]);
    let photo = sample("gallery/Eileen Collins/astronaut.png");
    let ran = run(lookalike().args(["embed", "--models"]).arg(&out).arg("--board").arg(&board).arg(&photo));
    assert_eq!(ran.code, 2);
    assert!(ran.err.contains("own") && ran.err.contains("24") && ran.err.contains("128"), "{}", ran.err);
}
