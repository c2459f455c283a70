//! Where there is no GPU, or half of one: a sentence, and the processor's own answers.

use lookalike_tests::{Ran, board, lookalike, run, sample};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::tempdir;

const GOES_ON: &str = "; the processor goes on\n";

/// Describes a face, with the nets where `runtime` says.
fn embed(runtime: &str, change: impl FnOnce(&mut Command)) -> Ran {
    let mut command = lookalike();
    command.args(["embed", "--json", "--runtime", runtime]).arg(sample("gallery/Eileen Collins/astronaut.png"));
    change(&mut command);
    let ran = run(&mut command);
    assert_eq!(ran.code, 0, "{}", ran.err);
    ran
}

/// The generation of CUDA that the program is built for; none where it knows no GPU, or is not of this machine.
fn generation(test: &str) -> Option<String> {
    let doctor = run(lookalike().arg("doctor"));
    let found = doctor.out.split("this build is for CUDA ").nth(1).map(|rest| rest[..2].to_string());
    if found.is_none() || std::env::var_os("LOOKALIKE_PROGRAM").is_some() {
        let _ = writeln!(std::io::stderr(), "{test}: SKIPPED, this build knows no GPU: make check-gpu has one that does");
        return None;
    }
    found
}

fn has_gpu() -> bool {
    ["/dev/nvidia0", "/dev/nvmap", "/dev/dxg"].iter().any(|node| Path::new(node).exists())
}

#[test]
fn who_asks_for_a_gpu_that_is_not_there_gets_a_sentence_and_the_same_answers() {
    if has_gpu() {
        return;
    }
    let wanted = embed("cpu", |_| ());
    assert_eq!(wanted.err, "");
    let asked = embed("cuda", |_| ());
    assert_eq!(asked.out, wanted.out);
    assert!(asked.err.lines().count() == 1 && asked.err.ends_with(GOES_ON), "{}", asked.err);
    let silent = embed("auto", |_| ());
    assert_eq!((silent.out, silent.err), (wanted.out, String::new()));
}

#[test]
fn the_board_file_says_where_nets_run_and_nothing_else_is_taken() {
    let folder = tempdir().unwrap();
    let file = board(folder.path(), &[("runtime = \"auto\" ", "runtime = \"gpu\" ")]);
    let ran = run(lookalike().args(["doctor", "--board"]).arg(file));
    assert!(ran.code == 2 && ran.err.contains("runtime") && ran.err.contains("`auto`, `cpu`, `cuda`"), "{}", ran.err);
    let file = board(folder.path(), &[("runtime = \"auto\" ", "runtime = \"cpu\" ")]);
    let ran = run(lookalike().args(["doctor", "--board"]).arg(&file));
    assert!(ran.out.contains("runtime: every net on the processor"), "{}", ran.out);
    let ran = run(lookalike().args(["doctor", "--runtime", "cuda", "--board"]).arg(&file));
    assert!(ran.out.contains("runtime: on the GPU every net") && ran.out.contains("gpu:     "), "{}", ran.out);
}

/// A machine that has some of what a GPU needs, played by libraries that hold nothing.
struct Half {
    folder: tempfile::TempDir,
    generation: String,
}

impl Half {
    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A library of this C code.
    fn library(&self, name: &str, code: &str) {
        std::fs::create_dir_all(self.path("lib")).unwrap();
        std::fs::write(self.path("code.c"), code).unwrap();
        let mut cc = Command::new("cc");
        cc.args(["-shared", "-o"]).arg(self.path("lib").join(name)).arg(self.path("code.c"));
        assert!(cc.status().expect("a C compiler").success());
    }

    fn driver(&self, start: i32, version: i32) {
        let code = format!(
            "int cuInit(unsigned f) {{ return {start}; }} int cuDriverGetVersion(int *v) {{ *v = {version}; return 0; }}"
        );
        self.library("libcuda.so.1", &code);
    }

    fn header(&self, name: &str) {
        let file = self.path("cuda/include").join(name);
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(file, "").unwrap();
    }

    /// What the program says of it; its answers must be the processor's.
    fn says(&self, wanted: &Ran, runtime: &str) -> String {
        let ran = embed(runtime, |command| {
            command.env("LD_LIBRARY_PATH", self.path("lib")).env("CUDA_HOME", self.path("cuda")).env_remove("CUDA_PATH");
            command.env("XDG_CACHE_HOME", self.path("cache"));
        });
        assert_eq!(ran.out, wanted.out, "{}", ran.err);
        ran.err
    }

    fn lacks(&self, wanted: &Ran, words: &[&str]) {
        let said = self.says(wanted, "cuda");
        assert!(said.lines().count() == 1 && said.ends_with(GOES_ON), "{said}");
        assert!(words.iter().all(|word| said.contains(word)), "{said}");
    }
}

#[test]
fn each_part_of_a_gpu_that_is_missing_is_said_with_how_to_get_it() {
    let Some(generation) = generation("each_part_of_a_gpu_that_is_missing") else { return };
    if has_gpu() {
        return;
    }
    let half = Half { folder: tempdir().unwrap(), generation };
    let of = |stem: &str| format!("{stem}{}", half.generation);
    let wanted = embed("cpu", |_| ());
    half.lacks(&wanted, &["libcuda.so.1", "nvidia-driver", "container"]);
    half.driver(100, 13_000);
    half.lacks(&wanted, &["finds no GPU", "cuInit says 100", "nvidia-smi"]);
    // Who asks for nothing and has no GPU misses nothing.
    assert_eq!(half.says(&wanted, "auto"), "");
    half.driver(0, 11_040);
    half.lacks(&wanted, &["too old", &of("CUDA ")]);
    half.driver(0, 13_020);
    for (name, package) in [("cudart", of("cuda-cudart-")), ("nvrtc", of("cuda-nvrtc-")), ("cublas", of("libcublas-"))] {
        half.lacks(&wanted, &[&of(&format!("lib{name}.so.")), &package, "LD_LIBRARY_PATH"]);
        half.library(&of(&format!("lib{name}.so.")), "");
    }
    half.lacks(&wanted, &["libcudnn.so.9", &of("libcudnn9-cuda-")]);
    half.library("libcudnn.so.9", "");
    half.lacks(&wanted, &["headers are missing", &of("cuda-cudart-dev-"), &of("cuda-cccl-")]);
    std::fs::create_dir_all(half.path("cuda/include")).unwrap();
    half.lacks(&wanted, &["cuda_fp16.h is missing", &of("cuda-cudart-dev-")]);
    half.header("cuda_fp16.h");
    half.lacks(&wanted, &["math_constants.h is missing"]);
    half.header("math_constants.h");
    half.lacks(&wanted, &["CCCL", &of("cuda-cccl-")]);
    half.header("cuda/std/cstdint");
    std::fs::write(half.path("cache"), "a file").unwrap();
    half.lacks(&wanted, &["cannot be kept in", "XDG_CACHE_HOME"]);
    std::fs::remove_file(half.path("cache")).unwrap();
    // All is there, and the libraries hold none of what they should: the crate behind panics, and the booth does not.
    half.lacks(&wanted, &["the GPU cannot be used: "]);
}

#[test]
fn warming_without_a_gpu_says_what_is_missing_and_is_no_failure() {
    if generation("warming_without_a_gpu").is_none() || has_gpu() {
        return;
    }
    let folder = tempdir().unwrap();
    let ran = run(lookalike().args(["warm", "--runtime", "cuda"]).env("XDG_CACHE_HOME", folder.path()));
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert!(ran.err.lines().count() == 1 && ran.err.ends_with(GOES_ON), "{}", ran.err);
    assert!(ran.out.contains("libcuda.so.1") && ran.out.contains("dlib-resnet: not measured yet"), "{}", ran.out);
}
