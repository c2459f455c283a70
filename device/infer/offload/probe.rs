//! A machine in; what of NVIDIA's it has and what is missing, in sentences that say how to get it, out.
//!
//! Looked at before the GPU is touched: the crates behind it panic where something is missing. Nothing here opens a library;
//! whether they open is asked of the back end.

use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What is looked at, so that tests can look elsewhere.
#[derive(Clone)]
pub(super) struct Place {
    /// The root of the file system.
    pub root: PathBuf,
    /// The generation of CUDA that this build is for: 12 or 13.
    pub generation: u32,
    /// Whether the driver and all libraries open, else why not, as the back end says it.
    pub opens: Arc<dyn Fn() -> Result<(), String> + Send + Sync>,
    /// This program is linked whole, and can open no library.
    pub is_static: bool,
    /// Folders in which the loader looks for libraries; for the report only.
    pub libraries: Vec<PathBuf>,
    /// Where CUDA's own folder may be, the likeliest first.
    pub toolkits: Vec<PathBuf>,
    /// Where compiled kernels are kept.
    pub kernels: PathBuf,
    /// The file of findings; none where no folder for it is known.
    pub record: Option<PathBuf>,
}

/// Why the GPU cannot be used.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Lack {
    /// There is none here, as far as can be seen.
    Gpu(String),
    /// A part of what it needs is missing or broken.
    Part(String),
}

/// Libraries by the name that the back end calls them, their files and their packages.
const LIBRARIES: [(&str, &str, &str); 4] = [
    ("cudart", "libcudart.so", "cuda-cudart"),
    ("nvrtc", "libnvrtc.so", "cuda-nvrtc"),
    ("cublas", "libcublas.so", "libcublas"),
    ("cudnn", "libcudnn.so", "libcudnn9-cuda"),
];

/// Kernels that are compiled at the first start.
const KERNELS: usize = 10;

impl Place {
    /// The driver's version; "none" where there is none to be seen.
    pub(super) fn driver(&self) -> String {
        let read = |file: &str| std::fs::read_to_string(self.root.join(file)).unwrap_or_default();
        // "NVRM version: NVIDIA UNIX x86_64 Kernel Module  560.35.03  Fri Aug ..."
        let module = read("proc/driver/nvidia/version");
        let number = |word: &&str| word.contains('.') && word.chars().all(|c| c.is_ascii_digit() || c == '.');
        if let Some(version) = module.split_whitespace().find(number) {
            return version.into();
        }
        // Jetson: "# R36 (release), REVISION: 4.3, ..."
        let tegra = read("etc/nv_tegra_release");
        let part =
            |of: &str| tegra.split([' ', ',']).skip_while(|w| *w != of).find(|w| !w.is_empty() && *w != of).map(str::to_string);
        match (part("#"), part("REVISION:")) {
            (Some(release), Some(revision)) => format!("L4T {release}.{revision}"),
            _ => "none".into(),
        }
    }

    fn has_gpu(&self) -> bool {
        let nodes = ["nvidia0", "nvidiactl", "nvhost-gpu", "nvgpu", "nvmap", "dxg"];
        nodes.iter().any(|node| self.root.join("dev").join(node).exists())
    }

    /// `cuda-cudart-12-6` of Debian's kind of name; cuDNN's ends in the generation alone.
    fn package(&self, stem: &str) -> String {
        if stem.ends_with("cuda") { format!("{stem}-{}", self.generation) } else { format!("{stem}-{}-x", self.generation) }
    }

    fn library(&self, file: &str) -> Option<PathBuf> {
        let names = [String::new(), format!(".{}", self.generation), ".9".into(), ".1".into()];
        let files = || self.libraries.iter().flat_map(|folder| names.iter().map(move |end| folder.join(format!("{file}{end}"))));
        files().find(|path| path.exists())
    }

    fn headers(&self) -> Result<PathBuf, String> {
        let suffix = format!("{}-x", self.generation);
        let root = self.toolkits.iter().find(|root| root.exists());
        let root = root.ok_or(format!(
            "CUDA's headers are missing: install cuda-cudart-dev-{suffix} and cuda-cccl-{suffix}, or let CUDA_HOME name their folder"
        ))?;
        let targets = std::fs::read_dir(root.join("targets")).into_iter().flatten().flatten().map(|e| e.path().join("include"));
        let found = std::iter::once(root.join("include")).chain(targets).find(|folder| folder.join("cuda_fp16.h").exists());
        let include =
            found.ok_or(format!("cuda_fp16.h is missing below {}: install cuda-cudart-dev-{suffix}", root.display()))?;
        if !include.join("math_constants.h").exists() {
            return Err(format!("math_constants.h is missing in {}: install cuda-cudart-dev-{suffix}", include.display()));
        }
        let places = [include.join("cccl"), include.join("libcudacxx/include"), include.clone()];
        if !places.iter().any(|folder| folder.join("cuda/std/cstdint").exists()) {
            return Err(format!("the headers of CCCL are missing below {}: install cuda-cccl-{suffix}", include.display()));
        }
        Ok(include)
    }

    fn kernels_kept(&self) -> usize {
        fn count(folder: &Path, depth: usize) -> usize {
            let entries = std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
            entries
                .map(|p| {
                    if p.is_dir() && depth > 0 {
                        count(&p, depth - 1)
                    } else {
                        usize::from(p.extension().is_some_and(|e| e == "cubin"))
                    }
                })
                .sum()
        }
        count(&self.kernels, 2)
    }

    fn writable(&self) -> Result<(), String> {
        let tried = std::fs::create_dir_all(&self.kernels).and_then(|()| tempfile::tempfile_in(&self.kernels));
        tried.map(drop).map_err(|error| {
            format!(
                "the GPU's kernels cannot be kept in {} ({error}): let XDG_CACHE_HOME name a folder that this user may write",
                self.kernels.display()
            )
        })
    }
}

/// What is missing first.
pub(super) fn missing(place: &Place) -> Option<Lack> {
    if place.is_static {
        return Some(Lack::Part(
            "this program is linked whole and can open no library of NVIDIA's: make cross GPU=12 or GPU=13 builds one that can"
                .into(),
        ));
    }
    if let Err(message) = (place.opens)() {
        return Some(explain(place, &message));
    }
    // Kernels that were compiled before need neither headers nor a folder to write.
    if has_kernels(place) {
        return None;
    }
    place.headers().and_then(|_| place.writable()).err().map(Lack::Part)
}

/// Whether the kernels were compiled before, as far as can be seen.
pub(super) fn has_kernels(place: &Place) -> bool {
    place.kernels_kept() >= KERNELS
}

/// The back end's words, which name its own build and no package, in ours.
fn explain(place: &Place, message: &str) -> Lack {
    let Place { generation, .. } = place;
    if message.contains("driver library not found") {
        let text = "there is no NVIDIA driver (libcuda.so.1): install it (Debian: nvidia-driver; Jetson: it comes with \
                    JetPack), or start the container with the GPU passed in";
        return if place.has_gpu() { Lack::Part(text.into()) } else { Lack::Gpu(text.into()) };
    }
    if let Some((_, code)) = message.split_once("cuInit returned ") {
        let code: String = code.chars().take_while(char::is_ascii_digit).collect();
        let text = format!(
            "the NVIDIA driver {} finds no GPU (cuInit says {code}): look at nvidia-smi, at the rights of /dev/nvidia* (group \
             video or render), and whether the container has the GPU passed in",
            place.driver()
        );
        // 100: no device.
        return if code == "100" && !place.has_gpu() { Lack::Gpu(text) } else { Lack::Part(text) };
    }
    if message.contains("driver too old") {
        return Lack::Part(format!(
            "the NVIDIA driver {} is too old for this build, which is for CUDA {generation}: install a newer driver, or build \
             with the feature cuda-12",
            place.driver()
        ));
    }
    for (name, file, package) in LIBRARIES {
        if message.contains(&format!("\"{name}")) {
            let package = place.package(package);
            return Lack::Part(format!(
                "{file}.{} is missing: install {package}, or let LD_LIBRARY_PATH name its folder",
                if name == "cudnn" { "9".into() } else { generation.to_string() }
            ));
        }
    }
    Lack::Part(format!("the GPU cannot be used: {}", one_line(message)))
}

/// Many lines in one.
pub(super) fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Everything that the GPU needs, a line each, and what is missing.
pub(super) fn report(place: &Place) -> Vec<String> {
    let or_missing = |found: Option<String>, how: String| found.unwrap_or(format!("MISSING: install {how}"));
    let real = |path: PathBuf| std::fs::canonicalize(&path).unwrap_or(path).display().to_string();
    let mut lines = vec![format!(
        "this build is for CUDA {}, the driver is {}, {}",
        place.generation,
        place.driver(),
        or_missing(place.library("libcuda.so").map(real), "the driver, for libcuda.so.1".into())
    )];
    for (name, file, package) in LIBRARIES {
        lines.push(format!("{name}: {}", or_missing(place.library(file).map(real), place.package(package))));
    }
    lines.push(match place.headers() {
        Ok(folder) => format!("headers: {}", folder.display()),
        Err(lack) => format!("headers: MISSING: {lack}"),
    });
    lines.push(format!("kernels: {} compiled in {}", place.kernels_kept(), place.kernels.display()));
    lines.push(
        place.record.as_ref().map_or("measured: nowhere to keep it".into(), |file| format!("measured: {}", file.display())),
    );
    lines.push(match missing(place) {
        None => "can be used".into(),
        Some(Lack::Gpu(lack) | Lack::Part(lack)) => format!("cannot be used: {lack}"),
    });
    lines
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A machine in a folder that has everything.
    pub fn whole(folder: &Path) -> Place {
        let root = folder.join("root");
        let touch = |file: &str| {
            std::fs::create_dir_all(root.join(file).parent().unwrap()).unwrap();
            std::fs::write(root.join(file), "").unwrap();
        };
        let headers = ["cuda_fp16.h", "math_constants.h", "cccl/cuda/std/cstdint"];
        headers.iter().for_each(|header| touch(&format!("cuda/targets/sbsa-linux/include/{header}")));
        touch("dev/nvidia0");
        let version = root.join("proc/driver/nvidia/version");
        std::fs::create_dir_all(version.parent().unwrap()).unwrap();
        std::fs::write(version, "NVRM version: NVIDIA UNIX x86_64 Kernel Module  560.35.03  Fri Aug 16\nGCC 12.2\n").unwrap();
        Place {
            generation: 12,
            opens: Arc::new(|| Ok(())),
            is_static: false,
            libraries: vec![root.join("lib")],
            toolkits: vec![root.join("nowhere"), root.join("cuda")],
            kernels: root.join("cache/tract"),
            record: Some(root.join("cache/gpu.json")),
            root,
        }
    }

    fn lack(place: &Place) -> String {
        match missing(place) {
            Some(Lack::Part(text)) => text,
            other => panic!("{other:?}"),
        }
    }

    fn says(place: &Place, message: &'static str) -> Place {
        Place { opens: Arc::new(move || Err(message.into())), ..place.clone() }
    }

    #[test]
    fn a_whole_machine_lacks_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let place = whole(folder.path());
        assert_eq!(missing(&place), None);
        assert_eq!(place.driver(), "560.35.03");
    }

    #[test]
    fn each_library_that_is_missing_is_named_with_its_package() {
        let folder = tempfile::tempdir().unwrap();
        let place = whole(folder.path());
        for (label, file, package) in [
            ("\"cudart (runtime)\" could not be dlopen'd", "libcudart.so.12", "cuda-cudart-12-x"),
            ("\"nvrtc\" could not be dlopen'd", "libnvrtc.so.12", "cuda-nvrtc-12-x"),
            ("\"cublas\" could not be dlopen'd", "libcublas.so.12", "libcublas-12-x"),
            ("\"cudnn\" could not be dlopen'd", "libcudnn.so.9", "libcudnn9-cuda-12"),
        ] {
            let text = lack(&says(&place, label));
            assert!(text.contains(file) && text.contains(package) && !text.contains('\n'), "{text}");
        }
    }

    #[test]
    fn no_driver_an_old_one_and_one_without_a_gpu_are_told_apart() {
        let folder = tempfile::tempdir().unwrap();
        let place = whole(folder.path());
        let none = says(&place, "CUDA driver library not found. Tried: [..]");
        assert!(lack(&none).contains("libcuda.so.1") && lack(&none).contains("nvidia-driver"), "{}", lack(&none));
        let text = lack(&says(&place, "CUDA driver too old.\nDriver library: libcuda.so.1\nFound"));
        assert!(text.contains("560.35.03") && text.contains("cuda-12") && !text.contains('\n'), "{text}");
        let text = lack(&says(&place, "CUDA driver initialization failed (cuInit returned 100, via libcuda.so.1)."));
        assert!(text.contains("cuInit says 100") && text.contains("nvidia-smi"), "{text}");
        // Where there is no GPU at all, nothing is missing that anybody counted on.
        std::fs::remove_file(place.root.join("dev/nvidia0")).unwrap();
        assert!(matches!(missing(&none), Some(Lack::Gpu(_))));
        assert!(lack(&says(&place, "something\nelse")).contains("something else"));
    }

    #[test]
    fn each_header_that_is_missing_is_named_with_its_package() {
        let folder = tempfile::tempdir().unwrap();
        let place = whole(folder.path());
        let include = place.root.join("cuda/targets/sbsa-linux/include");
        std::fs::remove_dir_all(include.join("cccl")).unwrap();
        assert!(lack(&place).contains("cuda-cccl-12-x"), "{}", lack(&place));
        std::fs::remove_file(include.join("math_constants.h")).unwrap();
        assert!(lack(&place).contains("math_constants.h"), "{}", lack(&place));
        std::fs::remove_file(include.join("cuda_fp16.h")).unwrap();
        let text = lack(&place);
        assert!(text.contains("cuda_fp16.h") && text.contains("cuda-cudart-dev-12-x"), "{text}");
        std::fs::remove_dir_all(place.root.join("cuda")).unwrap();
        assert!(lack(&place).contains("CUDA_HOME"), "{}", lack(&place));
    }

    #[test]
    fn a_folder_for_kernels_that_cannot_be_written_is_named_until_they_are_there() {
        let folder = tempfile::tempdir().unwrap();
        let place = whole(folder.path());
        std::fs::create_dir_all(place.root.join("cache")).unwrap();
        std::fs::write(&place.kernels, "a file").unwrap();
        let text = lack(&place);
        assert!(text.contains("cache/tract") && text.contains("XDG_CACHE_HOME"), "{text}");
        std::fs::remove_file(&place.kernels).unwrap();
        let compiled = place.kernels.join("sm_87/nvrtc-12.6");
        std::fs::create_dir_all(&compiled).unwrap();
        (0..KERNELS).for_each(|i| std::fs::write(compiled.join(format!("{i}.cubin")), "").unwrap());
        std::fs::remove_dir_all(place.root.join("cuda")).unwrap();
        assert!(has_kernels(&place) && missing(&place).is_none());
    }

    #[test]
    fn a_program_that_is_linked_whole_says_how_to_build_another() {
        let folder = tempfile::tempdir().unwrap();
        assert!(lack(&Place { is_static: true, ..whole(folder.path()) }).contains("GPU=12"));
    }

    #[test]
    fn a_jetsons_driver_is_its_release() {
        let folder = tempfile::tempdir().unwrap();
        let place = whole(folder.path());
        std::fs::remove_file(place.root.join("proc/driver/nvidia/version")).unwrap();
        assert_eq!(place.driver(), "none");
        std::fs::create_dir_all(place.root.join("etc")).unwrap();
        let text = "# R36 (release), REVISION: 4.3, GCID: 38968081, BOARD: generic, EABI: aarch64";
        std::fs::write(place.root.join("etc/nv_tegra_release"), text).unwrap();
        assert_eq!(place.driver(), "L4T R36.4.3");
    }

    #[test]
    fn the_report_names_what_is_there_and_what_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let place = says(&whole(folder.path()), "\"nvrtc\"");
        std::fs::create_dir_all(place.root.join("lib")).unwrap();
        std::fs::write(place.root.join("lib/libcudnn.so.9"), "").unwrap();
        let report = report(&place);
        let line = |part: &str| report.iter().find(|line| line.contains(part)).unwrap_or_else(|| panic!("{report:?}"));
        assert!(line("560.35.03").contains("CUDA 12"));
        assert!(line("cudnn:").contains("libcudnn.so.9") && line("cudart:").contains("MISSING: install cuda-cudart-12-x"));
        assert!(line("headers:").contains("sbsa-linux") && line("kernels:").contains("0 compiled"));
        assert!(report.last().unwrap().contains("cannot be used: libnvrtc.so.12 is missing"));
    }
}
