use lookalike_tests::{lookalike, models, run, sample};
use serde_json::Value;
use tempfile::tempdir;

fn keys(value: &Value) -> Vec<&str> {
    value.as_object().unwrap().keys().map(String::as_str).collect()
}

#[test]
fn detect_gives_boxes_scores_and_five_landmarks_best_first() {
    let photo = sample("gallery/Eileen Collins/astronaut.png");
    let ran = run(lookalike().args(["detect", "--json", "--min-face", "20"]).arg(&photo).arg(sample("camera/2-coffee.png")));
    assert_eq!(ran.code, 0, "{}", ran.err);
    let lines = ran.json();
    assert_eq!(lines.len(), 2);
    assert_eq!(keys(&lines[0]), ["faces", "height", "image", "width"]);
    assert_eq!(lines[0]["image"], photo.display().to_string());
    let face = &lines[0]["faces"][0];
    assert_eq!(keys(face), ["box", "landmarks", "score"]);
    let number = |v: &Value| v.as_f64().unwrap();
    let [x, y, w, h] = [0, 1, 2, 3].map(|i| number(&face["box"][i]));
    let points: Vec<[f64; 2]> = face["landmarks"].as_array().unwrap().iter().map(|p| [number(&p[0]), number(&p[1])]).collect();
    assert_eq!(points.len(), 5);
    assert!(points.iter().all(|p| p[0] > x && p[0] < x + w && p[1] > y && p[1] < y + h), "{face}");
    assert!(points[0][0] < points[1][0] && points[3][0] < points[4][0] && points[0][1] < points[3][1], "{face}");
    assert_eq!(lines[1]["faces"], Value::Array(Vec::new()));
}

#[test]
fn embed_gives_raw_vectors_for_the_l2_network() {
    let ran = run(lookalike().args(["embed", "--json"]).arg(sample("gallery/Eileen Collins/astronaut.png")));
    let vector: Vec<f64> =
        ran.json()[0]["faces"][0]["embedding"].as_array().unwrap().iter().map(|v| v.as_f64().unwrap()).collect();
    assert_eq!(vector.len(), 128);
    let norm = vector.iter().map(|v| v * v).sum::<f64>().sqrt();
    assert!((norm - 1.0).abs() > 0.05, "unit length would be a loss here: {norm}");
}

#[test]
fn enroll_match_and_gallery_speak_the_contract() {
    let folder = tempdir().unwrap();
    let gallery = folder.path().join("g.gallery");
    let (photo, coffee) = (sample("gallery/Eileen Collins/astronaut.png"), sample("camera/2-coffee.png"));
    let ran = run(lookalike().args(["enroll", "--json", "--name", "Eileen", "--gallery"]).arg(&gallery).arg(&photo).arg(&coffee));
    assert_eq!(ran.code, 1, "a picture without a face is a failed input: {}", ran.err);
    let lines = ran.json();
    assert_eq!(keys(&lines[0]), ["enrolled", "image", "name", "reason"]);
    assert_eq!((&lines[0]["enrolled"], &lines[0]["reason"]), (&Value::Bool(true), &Value::Null));
    assert_eq!(lines[1]["enrolled"], false);
    assert!(lines[1]["reason"].as_str().unwrap().contains("no face"), "{}", lines[1]);
    let ran = run(lookalike().args(["match", "--json", "--top", "1", "--gallery"]).arg(&gallery).arg(&photo));
    let face = &ran.json()[0]["faces"][0];
    assert_eq!(keys(face), ["box", "landmarks", "matches", "nobody_percent", "score"]);
    assert_eq!(keys(&face["matches"][0]), ["distance", "name", "percent"]);
    let ran = run(lookalike().args(["gallery", "list", "--json", "--gallery"]).arg(&gallery));
    assert_eq!(ran.json()[0], serde_json::json!({"name": "Eileen", "pictures": ["astronaut.png"]}));
    let ran = run(lookalike().args(["gallery", "remove", "Nobody", "--gallery"]).arg(&gallery));
    assert_eq!(ran.code, 1);
}

#[test]
fn every_command_has_help_with_an_example_and_usage_errors_end_with_2() {
    for command in ["run", "detect", "embed", "enroll", "match", "gallery", "dream", "bench", "doctor"] {
        let ran = run(lookalike().args([command, "--help"]));
        assert_eq!(ran.code, 0);
        assert!(ran.out.contains("Example"), "{command} --help shows no example");
    }
    assert_eq!(run(lookalike().args(["detect"])).code, 2);
    assert_eq!(run(lookalike().args(["detect", "--min-face", "3", "x.jpg"])).code, 2);
    assert_eq!(run(lookalike().args(["fly"])).code, 2);
}

#[test]
fn bench_prints_the_names_that_peers_are_compared_by() {
    let ran = run(lookalike()
        .args(["bench", "--json", "--repeat", "1", "--photo"])
        .arg(sample("gallery/Eileen Collins/astronaut.png")));
    assert_eq!(ran.code, 0, "{}", ran.err);
    let lines = ran.json();
    let nets: Vec<&str> = lines.iter().filter_map(|l| l["net"].as_str()).collect();
    let single = ["pnet-240x320", "pnet-pyramid", "rnet-16-crops", "onet-1-crop", "embedder"];
    let walks = ["walk-640x480", "walk-video-every-frame", "walk-video-tracked", "walk-video-arrival"];
    assert_eq!(nets, [&single[..], &walks].concat());
    for line in &lines[..9] {
        assert_eq!(keys(line), ["median_ms", "min_ms", "net", "precision", "threads"]);
        assert!(line["min_ms"].as_f64() > Some(0.0) && line["precision"] == "float32");
    }
    assert_eq!(keys(&lines[9]), ["binary_mb", "first_name_ms", "gallery_people", "peak_memory_mb", "program"]);
}

#[test]
fn bench_times_the_program_with_the_arithmetic_asked_for() {
    let photo = sample("gallery/Eileen Collins/astronaut.png");
    let ran = run(lookalike().args(["bench", "--json", "--repeat", "1", "--precision", "int8", "--photo"]).arg(photo));
    assert_eq!(ran.code, 0, "{}", ran.err);
    let lines = ran.json();
    assert!(lines[..9].iter().all(|line| line["precision"] == "int8"), "{}", ran.out);
    assert_eq!(lines[9]["program"], "run");
}

#[test]
fn doctor_names_models_gallery_camera_and_screen() {
    let ran = run(lookalike().args(["doctor", "--models"]).arg(models()));
    for word in ["models:", "gallery:", "dreams:", "camera:", "screen:", "kernels:", "mtcnn-pnet", "dlib-resnet"] {
        assert!(ran.out.contains(word), "no {word} in {}", ran.out);
    }
}
