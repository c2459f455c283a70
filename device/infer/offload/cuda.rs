//! The GPU through tract's CUDA runtime: the only file that knows it. Graphs in, nets that run on the device out.
//!
//! It opens NVIDIA's libraries while the program runs, and panics where it cannot: `probe` looks before, `guard` catches the
//! rest.

use super::judge::{Device, Running};
use super::probe::Place;
use crate::infer::{Tensor, engine};
use anyhow::{Context, Result, ensure};
use std::path::PathBuf;
use std::sync::Arc;
use tract_cuda::kernels::cubin_dir;
use tract_onnx::prelude::{Tensor as TractTensor, *};
use tract_onnx::tract_core::runtime::{Runtime, State, runtime_for_name};

#[cfg(all(feature = "cuda-12", feature = "cuda-13"))]
compile_error!("a build is for one generation of CUDA: choose the feature cuda-12 or cuda-13");

/// The generation of CUDA whose libraries this build opens.
const GENERATION: u32 = if cfg!(feature = "cuda-12") { 12 } else { 13 };

struct Cuda(&'static dyn Runtime);

/// Opens the GPU and compiles the kernels that are not in the cache.
pub(super) fn open() -> Result<Box<dyn Device>> {
    let cuda = runtime()?;
    cuda.check()?;
    // The context, the kernels, and this thread's handles of cuBLAS and cuDNN.
    tract_cuda::with_cuda_stream(|stream| Ok(stream.synchronize()?))?;
    Ok(Box::new(Cuda(cuda)))
}

fn runtime() -> Result<&'static dyn Runtime> {
    runtime_for_name("cuda")?.context("this build has lost its CUDA runtime")
}

/// This machine.
pub(super) fn place() -> Place {
    let variable = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let listed =
        |name: &str| std::env::var_os(name).map(|list| std::env::split_paths(&list).collect::<Vec<_>>()).unwrap_or_default();
    let with_nvcc =
        listed("PATH").into_iter().filter(|folder| folder.join("nvcc").exists()).filter_map(|f| Some(f.parent()?.to_path_buf()));
    let here = [variable("CUDA_HOME"), variable("CUDA_PATH"), Some("/usr/local/cuda".into())];
    let cache = variable("XDG_CACHE_HOME").filter(|folder| folder.is_absolute());
    let cache = cache.or_else(|| Some(variable("HOME")?.join(".cache")));
    Place {
        root: "/".into(),
        generation: GENERATION,
        opens: Arc::new(|| runtime().and_then(Runtime::check).map_err(|error| format!("{error:#}"))),
        is_static: cfg!(target_feature = "crt-static"),
        libraries: listed("LD_LIBRARY_PATH").into_iter().chain(loader_folders()).collect(),
        toolkits: here.into_iter().flatten().chain(with_nvcc).collect(),
        kernels: cubin_dir().to_path_buf(),
        record: cache.map(|folder| folder.join("lookalike/gpu.json")),
    }
}

/// Where the loader looks on Debian and its kin.
fn loader_folders() -> Vec<PathBuf> {
    let architecture = std::env::consts::ARCH;
    let mut folders: Vec<PathBuf> =
        ["/lib", "/usr/lib"].iter().map(|f| PathBuf::from(f).join(format!("{architecture}-linux-gnu"))).collect();
    folders.extend(["/usr/lib64", "/usr/lib", "/usr/lib/wsl/lib", "/usr/local/lib"].map(PathBuf::from));
    let files = std::fs::read_dir("/etc/ld.so.conf.d").into_iter().flatten().flatten();
    let text: String = files.filter_map(|file| std::fs::read_to_string(file.path()).ok()).collect::<Vec<_>>().join("\n");
    folders.extend(text.lines().map(str::trim).filter(|line| line.starts_with('/')).map(PathBuf::from));
    folders
}

impl Device for Cuda {
    fn prepare(&self, graph: TypedModel) -> Result<Box<dyn Running>> {
        let input = graph.input_fact(0)?.datum_type;
        let state = self.0.prepare(graph)?.spawn()?;
        Ok(Box::new(Ready { state, input }))
    }
}

/// A net on the device, with the numbers of its input: float32 or float16.
struct Ready {
    state: Box<dyn State>,
    input: DatumType,
}

impl Running for Ready {
    fn run(&mut self, shape: &[usize], input: &[f32], outputs: &mut Vec<Tensor>) -> Result<()> {
        ensure!(input.len() == shape.iter().product::<usize>(), "{} numbers are no input of {shape:?}", input.len());
        let input = TractTensor::from_shape(shape, input)?.cast_to_dt(self.input)?.into_owned();
        let results = self.state.run(tvec!(input.into_tvalue()))?;
        let floats = results.iter().map(|r| Ok(r.cast_to::<f32>()?.into_owned().into_tvalue())).collect::<Result<TVec<_>>>()?;
        engine::keep(&floats, outputs)
    }
}
