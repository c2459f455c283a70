//! Where nets learn: on the processor by our own gradients, or on a GPU by burn's. A net and a batch in, answers and gradients out,
//! the same within rounding.

use crate::layer::Layer;
use crate::net::Net;
use crate::pass::{Pass, Statistics};
use std::sync::OnceLock;

#[cfg(feature = "cuda")]
type Gpu = burn_autodiff::Autodiff<burn_cuda::Cuda>;

/// What multiplies.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Device {
    /// The processor.
    #[default]
    Cpu,
    /// The first NVIDIA GPU.
    Cuda,
}

static CHOSEN: OnceLock<Device> = OnceLock::new();

/// Decides where learners learn from now on; the first call counts, without one it is the processor. Multiplies once there.
///
/// # Errors
/// Where this build knows no GPU.
///
/// # Panics
/// Where the GPU or a part of what it needs is missing: burn does.
pub fn learn_on(device: Device) -> Result<(), String> {
    if device == Device::Cuda {
        multiply_once()?;
    }
    CHOSEN.get_or_init(|| device);
    Ok(())
}

#[cfg(feature = "cuda")]
fn multiply_once() -> Result<(), String> {
    let net = Net::new(&[2], vec![crate::layer::dense(2, 2)], &mut crate::random::Dice::new(1));
    let answer = crate::burns::Pass::<Gpu>::new(&net, 1, &[1.0, 2.0], &Default::default()).output();
    let near = answer.iter().zip(net.run(&[1.0, 2.0])).all(|(a, b)| (a - b).abs() < 1e-3);
    if near { Ok(()) } else { Err("the GPU multiplies wrongly".into()) }
}

#[cfg(not(feature = "cuda"))]
fn multiply_once() -> Result<(), String> {
    Err("this build learns on the processor alone: build it with --features lookalike-models/cuda, as docs/gpu.md says".into())
}

/// One way of a batch through a net that learns, where it learns.
pub(crate) enum Way<'n> {
    Own(Pass<'n>),
    #[cfg(feature = "cuda")]
    Burns(Box<crate::burns::Pass<Gpu>>),
}

impl<'n> Way<'n> {
    /// The whole net, with the batch's own statistics. `inputs`: [batch, ...], row-major.
    pub(crate) fn new(net: &'n Net, inputs: &[f32]) -> Self {
        Self::on_gpu(net, net.layers.len(), inputs).unwrap_or_else(|| Way::Own(Pass::new(net, inputs)))
    }

    /// Up to the last sigmoid, for losses that take it together with its logarithm.
    pub(crate) fn to_logits(net: &'n Net, inputs: &[f32]) -> Self {
        let layers = net.layers.len() - usize::from(net.layers.last() == Some(&Layer::Sigmoid));
        Self::on_gpu(net, layers, inputs).unwrap_or_else(|| Way::Own(Pass::to_logits(net, inputs)))
    }

    /// Forward only; less memory.
    pub(crate) fn forward(net: &'n Net, inputs: &[f32]) -> Self {
        let own = || Way::Own(Pass::forward(net, inputs, Statistics::Batch));
        Self::on_gpu(net, net.layers.len(), inputs).unwrap_or_else(own)
    }

    #[cfg(feature = "cuda")]
    fn on_gpu(net: &Net, layers: usize, inputs: &[f32]) -> Option<Self> {
        let pass = || crate::burns::Pass::new(net, layers, inputs, &Default::default());
        (CHOSEN.get() == Some(&Device::Cuda)).then(|| Way::Burns(Box::new(pass())))
    }

    #[cfg(not(feature = "cuda"))]
    fn on_gpu(_: &Net, _: usize, _: &[f32]) -> Option<Self> {
        None
    }

    /// As [`Pass::output`].
    pub(crate) fn output(&self) -> Vec<f32> {
        match self {
            Way::Own(pass) => pass.output(),
            #[cfg(feature = "cuda")]
            Way::Burns(pass) => pass.output(),
        }
    }

    /// As [`Pass::back`].
    pub(crate) fn back(&self, gradient: &[f32], input_wanted: bool) -> (Vec<Vec<f32>>, Vec<f32>) {
        match self {
            Way::Own(pass) => pass.back(gradient, input_wanted),
            #[cfg(feature = "cuda")]
            Way::Burns(pass) => pass.back(gradient),
        }
    }

    /// As [`Pass::back_to_input`].
    pub(crate) fn back_to_input(&self, gradient: &[f32]) -> Vec<f32> {
        match self {
            Way::Own(pass) => pass.back_to_input(gradient),
            #[cfg(feature = "cuda")]
            Way::Burns(pass) => pass.back(gradient).1,
        }
    }

    /// As [`Pass::seen`].
    pub(crate) fn seen(self) -> Vec<[Vec<f32>; 2]> {
        match self {
            Way::Own(pass) => pass.seen(),
            #[cfg(feature = "cuda")]
            Way::Burns(pass) => pass.seen(),
        }
    }
}
