use lookalike_tests::{board, here, lookalike, models, run, sample};
use serde_json::Value;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

fn dream(words: &str) -> Command {
    let mut command = lookalike();
    command.arg("dream").args(words.split_whitespace());
    command
}

/// Whether the set-up holds all digits' nets and real digits; else a word on stderr that says so.
fn has_nets(test: &str) -> bool {
    let manifest = std::fs::read_to_string(models().join("manifest.toml")).unwrap();
    let nets = ["classifier", "ae-decoder", "vae-encoder", "vae-decoder", "gan-generator", "cgan-generator"];
    let lacks = nets.iter().find(|net| !manifest.contains(&format!("\"digits-{net}\"")));
    let has_digits = models().join("digits/digits-images.idx3").exists();
    if lacks.is_none() && has_digits {
        return true;
    }
    // Not eprintln!, which the test runner swallows: a skip must be seen.
    let what = lacks.map_or("real digits".into(), |net| format!("net digits-{net}"));
    let _ = writeln!(std::io::stderr(), "{test}: SKIPPED, the models have no {what}: run `make models`");
    false
}

/// The command's one line of complaint, and its exit code.
fn complaint(command: &mut Command) -> (i32, String) {
    let ran = run(command);
    assert_eq!(ran.err.lines().count(), 1, "not one sentence: {}", ran.err);
    (ran.code, ran.err)
}

fn picture(path: &Path) -> image::RgbImage {
    image::open(path).unwrap_or_else(|e| panic!("{}: {e}", path.display())).into_rgb8()
}

/// A folder of models whose manifest lost or changed something.
fn changed(folder: &Path, change: impl Fn(&str) -> Option<String>) -> PathBuf {
    let out = folder.join("models");
    let files = walk(&models());
    for file in files.iter().filter(|f| f.extension().is_some_and(|e| e != "toml")) {
        let to = out.join(file.strip_prefix(models()).unwrap());
        std::fs::create_dir_all(to.parent().unwrap()).unwrap();
        std::os::unix::fs::symlink(file, to).unwrap();
    }
    let manifest = std::fs::read_to_string(models().join("manifest.toml")).unwrap();
    let mut parts = manifest.split("[[model]]");
    let head = parts.next().unwrap().to_string();
    let rest: Vec<String> = parts.filter_map(change).map(|part| format!("[[model]]{part}")).collect();
    std::fs::write(out.join("manifest.toml"), head + &rest.concat()).unwrap();
    out
}

fn walk(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap().map(|e| e.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { walk(&path) } else { vec![path] }).collect()
}

#[test]
fn every_kind_of_dream_has_help_with_an_example() {
    for kind in ["sample", "reconstruct", "interpolate", "arithmetic", "walk", "draw", "train", "map"] {
        let ran = run(&mut dream(&format!("{kind} --help")));
        assert_eq!(ran.code, 0);
        assert!(ran.out.contains("Example: lookalike dream"), "{kind} --help shows no example");
    }
}

#[test]
fn a_seed_gives_its_samples_again_and_another_seed_others() {
    if !has_nets("a_seed_gives_its_samples_again_and_another_seed_others") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, seed: u32| {
        let path = folder.path().join(name);
        let ran = run(dream(&format!("sample --count 9 --zoom 1 --seed {seed} --json --out")).arg(&path));
        assert_eq!(ran.code, 0, "{}", ran.err);
        assert_eq!(ran.json()[0]["count"], 9);
        std::fs::read(path).unwrap()
    };
    assert_eq!(file("a.png", 3), file("b.png", 3));
    assert_ne!(file("a.png", 3), file("c.png", 4));
    // Three by three pictures of 28 pixels with a pixel between.
    assert_eq!(picture(&folder.path().join("a.png")).dimensions(), (88, 88));
}

#[test]
fn every_processor_and_tracts_own_operators_draw_the_same_pictures() {
    if !has_nets("every_processor_and_tracts_own_operators_draw_the_same_pictures") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    for net in ["ae", "vae", "gan", "cgan"] {
        let drawn = |name: &str, precision: &str, program: &mut Command| {
            let path = folder.path().join(name);
            program.args(["dream", "sample", "--of", net, "--precision", precision]);
            program.args(["--count", "20", "--zoom", "1", "--out"]).arg(&path);
            let ran = run(program);
            assert_eq!(ran.code, 0, "{}", ran.err);
            picture(&path)
        };
        let apart = |a: &image::RgbImage, b: &image::RgbImage| {
            assert_eq!(a.dimensions(), b.dimensions());
            let levels: Vec<u8> = a.iter().zip(b.iter()).map(|(a, b)| a.abs_diff(*b)).collect();
            let mean = levels.iter().map(|&v| f32::from(v)).sum::<f32>() / levels.len() as f32;
            (levels.into_iter().max().unwrap(), mean)
        };
        let [float, int8] = ["float32", "int8"].map(|precision| {
            let ours = drawn("ours.png", precision, &mut lookalike());
            let tracts = drawn("tracts.png", precision, here().args(["--kernels", "tract"]));
            let (most, _) = apart(&ours, &tracts);
            assert!(most <= 1, "{net}, {precision}: {most} levels of 255 apart");
            ours
        });
        let (_, mean) = apart(&float, &int8);
        assert!(mean > 0.0 && mean <= 1.5, "{net}: int8 lies {mean} levels of 255 from float32 in the mean");
    }
}

#[test]
fn a_conditional_gan_draws_what_it_is_asked_for() {
    if !has_nets("a_conditional_gan_draws_what_it_is_asked_for") {
        return;
    }
    for class in [3, 8] {
        let ran = run(&mut dream(&format!("sample --of cgan --class {class} --count 32 --json")));
        let counts: Vec<u64> = ran.json()[0]["classes"].as_array().unwrap().iter().map(|v| v.as_u64().unwrap()).collect();
        assert!(counts[class] >= 28, "asked for {class}: {counts:?}");
    }
    let (code, words) = complaint(&mut dream("sample --of vae --class 3"));
    assert!(code == 2 && words.contains("cannot be asked for a class"), "{words}");
}

#[test]
fn a_film_is_a_gif_that_moves() {
    if !has_nets("a_film_is_a_gif_that_moves") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("walk.gif");
    assert_eq!(run(dream("walk --frames 12 --side 2 --zoom 1 --out").arg(&path)).code, 0);
    let file = std::io::BufReader::new(std::fs::File::open(&path).unwrap());
    let frames: Vec<image::Frame> =
        image::AnimationDecoder::into_frames(image::codecs::gif::GifDecoder::new(file).unwrap()).map(Result::unwrap).collect();
    assert_eq!(frames.len(), 12);
    assert_ne!(frames[0].buffer(), frames[6].buffer());
}

#[test]
fn a_digit_comes_back_with_its_mean_and_variance() {
    if !has_nets("a_digit_comes_back_with_its_mean_and_variance") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("seen.png");
    let ran = run(dream("reconstruct 0 1 --around 4 --zoom 1 --json --out").arg(&path));
    assert_eq!(ran.code, 0, "{}", ran.err);
    for line in ran.json() {
        let [mean, variance] = ["mean", "variance"].map(|key| line[key].as_array().unwrap().len());
        assert!(mean > 1 && mean == variance, "{line}");
        assert!(line["error"].as_f64().unwrap() < 0.05, "{line}");
    }
    assert_eq!(picture(&path).dimensions(), (6 * 29 + 1, 2 * 29 + 1));
    assert_eq!(run(&mut dream("reconstruct 0 --of ae --json")).json()[0]["variance"], Value::Null);
}

#[test]
fn pictures_that_do_not_fit_are_named_and_the_others_done() {
    if !has_nets("pictures_that_do_not_fit_are_named_and_the_others_done") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let coloured = folder.path().join("red.png");
    image::RgbImage::from_pixel(28, 28, image::Rgb([200, 0, 0])).save(&coloured).unwrap();
    let ran =
        run(dream("reconstruct 0 --json").arg(sample("camera/2-coffee.png")).arg(&coloured).arg("999999").arg("nowhere.png"));
    assert_eq!((ran.code, ran.json().len()), (1, 1));
    let lines: Vec<&str> = ran.err.lines().collect();
    let wanted =
        ["the nets take 28x28 grey pictures", "red.png is in colour", "no real digit 999999", "there is no file nowhere.png"];
    assert_eq!(lines.len(), wanted.len(), "{}", ran.err);
    assert!(lines.iter().zip(wanted).all(|(line, words)| line.contains(words)), "{}", ran.err);
    let ran = run(&mut dream("reconstruct all:12"));
    assert!(ran.code == 2 && ran.err.contains("`all:12` is no class"), "{}", ran.err);
}

#[test]
fn a_way_has_its_steps_and_a_blend_its_weights() {
    if !has_nets("a_way_has_its_steps_and_a_blend_its_weights") {
        return;
    }
    let ran = run(&mut dream("interpolate 0 1 2 --steps 5 --json"));
    let shares: Vec<(u64, f64)> =
        ran.json().iter().map(|l| (l["from"].as_u64().unwrap(), l["share"].as_f64().unwrap())).collect();
    assert_eq!(shares.len(), 9, "{shares:?}");
    assert_eq!((shares[0], shares[4], shares[8]), ((0, 0.0), (1, 0.0), (1, 1.0)));
    let ends = |way: &str| {
        let ran = run(&mut dream(&format!("interpolate 0 1 --way {way} --steps 3 --json")));
        ran.json().iter().map(|l| l["latent"].clone()).collect::<Vec<Value>>()
    };
    let (line, arc) = (ends("linear"), ends("spherical"));
    assert_eq!((&line[0], &line[2]), (&arc[0], &arc[2]));
    assert_ne!(line[1], arc[1]);
    let blend = run(&mut dream("interpolate 0 1 2 --weights 0,1,0 --json")).json();
    assert_eq!(blend[0]["latent"], line[2]);
    for (words, wanted) in [
        ("interpolate 0", "two or more"),
        ("interpolate 0 1 --weights 1", "1 weights for 2 inputs"),
        ("interpolate 0 1 --weights 0,0", "one above 0"),
        ("interpolate 0 1 --of gan", "no encoder"),
    ] {
        let (code, said) = complaint(&mut dream(words));
        assert!(code == 2 && said.contains(wanted), "{words}: {said}");
    }
    assert_eq!(run(&mut dream("arithmetic 0 all:3 all:3 --json")).json()[0]["latent"], line[0]);
}

#[test]
fn a_drawing_is_read_from_strokes_and_from_a_photo() {
    if !has_nets("a_drawing_is_read_from_strokes_and_from_a_photo") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let one = "0.5,0.1 0.5,0.9";
    let photo = folder.path().join("one.png");
    let ink = |x: u32, y: u32| if (95..110).contains(&x) && (30..170).contains(&y) { 40 } else { 215 };
    image::RgbImage::from_fn(200, 200, |x, y| image::Rgb([ink(x, y); 3])).save(&photo).unwrap();
    let ran = run(dream("draw --neighbours 3 --json --stroke").arg(one).arg(&photo));
    assert_eq!(ran.code, 0, "{}", ran.err);
    for seen in ran.json() {
        assert_eq!((&seen["judged"], seen["neighbours"].as_array().unwrap().len()), (&Value::from(1), 3), "{seen}");
    }
    let alone = run(dream("draw --neighbours 0 --json").arg(&photo));
    assert_eq!((&alone.json()[0]["judged"], &alone.json()[0]["neighbours"]), (&Value::from(1), &serde_json::json!([])));
    let blank = folder.path().join("blank.png");
    image::RgbImage::from_pixel(90, 90, image::Rgb([200; 3])).save(&blank).unwrap();
    let (code, words) = complaint(dream("draw").arg(&blank));
    assert!(code == 1 && words.contains("shows no ink"), "{words}");
    let (code, words) = complaint(dream("draw --stroke").arg("0.5;1"));
    assert!(code == 2 && words.contains("no line of the pen"), "{words}");
}

#[test]
fn a_map_is_exported_for_the_projector_and_a_newcomer_moves_nobody() {
    if !has_nets("a_map_is_exported_for_the_projector_and_a_newcomer_moves_nobody") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let export = folder.path().join("projector");
    let ran = run(dream("map --count 50 --json --probe 3 --export").arg(&export));
    assert_eq!(ran.code, 0, "{}", ran.err);
    let lines = ran.json();
    assert_eq!(lines.len(), 51);
    let probe = &lines[50];
    assert_eq!((&probe["nearest"][0]["index"], &probe["nearest"][0]["distance"]), (&Value::from(3), &Value::from(0.0)));
    let off: f64 = (0..3).map(|i| (probe["place"][i].as_f64().unwrap() - lines[3]["place"][i].as_f64().unwrap()).abs()).sum();
    assert!(off < 1e-3, "a digit that is on the map lies elsewhere as a newcomer: {off}");
    let text = |name: &str| std::fs::read_to_string(export.join(name)).unwrap();
    assert_eq!((text("vectors.tsv").lines().count(), text("metadata.tsv").lines().count()), (50, 50));
    let config: Value = serde_json::from_str(&text("config.json")).unwrap();
    assert_eq!(config["embeddings"][0]["tensorShape"][0], 50);
    assert!(text("projector_config.pbtxt").contains("tensor_path: \"vectors.tsv\""));
    assert_eq!(picture(&export.join("sprite.png")).dimensions(), (8 * 28, 8 * 28));
    let twice = |_| run(&mut dream("map --method t-sne --count 60 --seed 2 --json")).out;
    let [first, second] = [0, 1].map(twice);
    assert!(first.lines().count() == 60 && first == second);
}

#[test]
fn a_gan_learns_for_some_steps() {
    if !has_nets("a_gan_learns_for_some_steps") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("learning.png");
    let ran = run(dream("train --steps 4 --every 2 --zoom 1 --json --out").arg(&path));
    assert_eq!(ran.code, 0, "{}", ran.err);
    let last = &ran.json()[1];
    assert!(last["step"] == 4 && last["d_loss"].is_f64() && last["g_loss"].is_f64(), "{last}");
    assert_eq!(picture(&path).dimensions(), (6 * 29 + 1, 6 * 29 + 1));
}

#[test]
fn where_pictures_cannot_go_is_said_before_any_work() {
    let folder = tempfile::tempdir().unwrap();
    for (out, wanted) in [("x.bmp", "must end in .png"), ("nothing", "must end in .png"), ("no/such/x.png", "cannot be written")]
    {
        let (code, words) = complaint(dream("sample --out").arg(folder.path().join(out)));
        assert!(code == 2 && words.contains(wanted), "{out}: {words}");
    }
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn what_would_be_too_large_or_is_no_number_is_refused_in_words() {
    if !has_nets("what_would_be_too_large_or_is_no_number_is_refused_in_words") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    // Enlarged it would take a gigabyte.
    let path = folder.path().join("x.png");
    let ran = run(dream("sample --count 400 --zoom 32 --out").arg(&path));
    assert!(ran.code == 2 && ran.err.contains("18592x18592 pixels: too large"), "{}", ran.err);
    assert!(!path.exists());
    for reach in ["nan", "inf", "1e9"] {
        let ran = run(&mut dream(&format!("reconstruct 0 --around 2 --reach {reach}")));
        assert!(ran.code == 2 && ran.err.contains("0 to 100"), "{reach}: {}", ran.err);
    }
}

#[test]
fn nets_that_are_missing_or_wrong_are_named() {
    if !has_nets("nets_that_are_missing_or_wrong_are_named") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let none = changed(&folder.path().join("none"), |part| (!part.contains("\"digits-")).then(|| part.to_string()));
    let (code, words) = complaint(dream("sample --models").arg(&none));
    assert!(code == 2 && words.contains("digits-vae-decoder") && words.contains("make models"), "{words}");
    let ran = run(lookalike().args(["run", "--mode", "walk", "--screen", "png", "--frames", "3", "--models"]).arg(&none));
    assert!(ran.code == 2 && ran.err.contains("--mode walk needs the nets of `digits`"), "{}", ran.err);
    let wrong = changed(&folder.path().join("wrong"), |part| {
        let is_it = part.contains("\"digits-vae-decoder\"");
        let line = |l: &str| if is_it && l.starts_with("input") { "input = [5, 1, 1]".to_string() } else { l.to_string() };
        Some(part.lines().map(line).collect::<Vec<_>>().join("\n") + "\n")
    });
    let (code, words) = complaint(dream("sample --models").arg(&wrong));
    assert!(code == 2 && words.contains("digits-vae-decoder"), "{words}");
    let (code, words) = complaint(&mut dream("sample --nets cats"));
    assert!(code == 2 && words.contains("cats-vae-decoder"), "{words}");
    let no_digits = changed(&folder.path().join("unknown"), |part| Some(part.to_string()));
    std::fs::remove_file(no_digits.join("digits/digits-images.idx3")).unwrap();
    std::fs::remove_file(no_digits.join("digits/digits-labels.idx1")).unwrap();
    let (code, words) = complaint(dream("train --models").arg(&no_digits));
    assert!(code == 2 && words.contains("no real digits"), "{words}");
}

#[test]
fn the_booth_starts_in_the_mode_that_is_asked_for() {
    if !has_nets("the_booth_starts_in_the_mode_that_is_asked_for") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let board = board(
        folder.path(),
        &[
            ("kind = \"auto\"            # auto: a V4L2", "kind = \"replay\"          # auto: a V4L2"),
            ("hold_ms = 1500", "hold_ms = 50"),
        ],
    );
    let shown = |mode: &str| {
        let pictures = folder.path().join(mode);
        let mut command = lookalike();
        command.args(["run", "--mode", mode, "--seed", "1", "--frames", "40", "--json", "--board"]).arg(&board);
        let ran = run(command.arg("--snapshots").arg(&pictures));
        assert_eq!(ran.code, 0, "{mode}: {}", ran.err);
        let mut files = walk(&pictures);
        files.sort();
        picture(files.last().unwrap())
    };
    let modes = ["visitor", "walk", "sample", "reconstruct", "blend", "draw", "train", "map"];
    let pictures = modes.map(shown);
    for (i, a) in pictures.iter().enumerate() {
        assert!(pictures[..i].iter().all(|b| a != b), "{} looks like another mode", modes[i]);
    }
    let ran = run(lookalike().args(["run", "--mode", "fly"]));
    assert!(ran.code == 2 && ran.err.contains("fly"), "{}", ran.err);
}
