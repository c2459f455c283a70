//! What a net is shown while it is quantized, and while two of its files are compared.

use super::crops::Crops;
use super::net::Scaling;
use super::ranges::Bytes;
use super::run::BATCH;

/// Inputs of a net that takes floats.
#[derive(Clone, Debug)]
pub struct Floats {
    /// Of one input, without the batch axis: [channels, height, width] or [length].
    pub shape: Vec<usize>,
    /// Input after input, row-major.
    pub values: Vec<f32>,
}

/// Inputs of a net, or some of them, spread over all.
#[derive(Clone, Copy)]
pub struct Inputs<'c> {
    source: Source<'c>,
    count: usize,
}

#[derive(Clone, Copy)]
enum Source<'c> {
    Pictures(&'c Crops, Scaling),
    Floats(&'c Floats),
}

impl<'c> Inputs<'c> {
    /// Pictures of bytes, made numbers as `scaling` says.
    pub fn pictures(crops: &'c Crops, scaling: Scaling) -> Self {
        Self { source: Source::Pictures(crops, scaling), count: crops.pictures.len() }
    }

    /// Numbers as they are.
    pub fn floats(floats: &'c Floats) -> Self {
        let length = floats.shape.iter().product::<usize>().max(1);
        Self { source: Source::Floats(floats), count: floats.values.len() / length }
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.count
    }

    /// Of one input, without the batch axis.
    pub fn shape(&self) -> Vec<usize> {
        match self.source {
            Source::Pictures(crops, _) => vec![3, crops.height, crops.width],
            Source::Floats(floats) => floats.shape.clone(),
        }
    }

    /// Pixels of one input; of a vector, 1.
    pub fn area(&self) -> usize {
        self.shape()[1..].iter().product()
    }

    /// At most so many; whole batches, for each size of batch costs a plan.
    pub fn thinned(self, most: usize) -> Self {
        let count = most.min(self.count);
        Self { count: if count > BATCH { count - count % BATCH } else { count }, ..self }
    }

    /// Appends the numbers of one input.
    pub fn append(&self, index: usize, to: &mut Vec<f32>) {
        match self.source {
            Source::Pictures(crops, Scaling { mean, scale }) => {
                let picture = &crops.pictures[index * crops.pictures.len() / self.count];
                let plane = |c: usize| picture.iter().skip(c).step_by(3).map(move |&b| (f32::from(b) - mean[c]) * scale);
                to.extend((0..3).flat_map(plane));
            }
            Source::Floats(floats) => {
                let length: usize = floats.shape.iter().product();
                let at = index * (floats.values.len() / length) / self.count;
                to.extend(&floats.values[at * length..][..length]);
            }
        }
    }

    /// How bytes stand for the input's numbers, where that is given: the bytes of a picture are taken as they are.
    pub(super) fn given(&self) -> Option<Bytes> {
        match self.source {
            Source::Pictures(_, Scaling { mean, scale }) => Some(Bytes { scale, zero_point: mean[0] as u8 }),
            Source::Floats(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(inputs: Inputs) -> Vec<f32> {
        let mut all = Vec::new();
        (0..inputs.count()).for_each(|index| inputs.append(index, &mut all));
        all
    }

    #[test]
    fn pictures_become_planes_and_floats_stay() {
        let crops = Crops { height: 1, width: 2, pictures: vec![vec![10, 20, 30, 11, 21, 31]] };
        let inputs = Inputs::pictures(&crops, Scaling { mean: [10.0, 20.0, 30.0], scale: 0.5 });
        assert_eq!((numbers(inputs), inputs.shape(), inputs.area()), (vec![0.0, 0.5, 0.0, 0.5, 0.0, 0.5], vec![3, 1, 2], 2));
        let floats = Floats { shape: vec![2], values: vec![1.0, 2.0, 3.0, 4.0] };
        assert_eq!((numbers(Inputs::floats(&floats)), Inputs::floats(&floats).area()), (floats.values.clone(), 1));
    }

    #[test]
    fn fewer_are_spread_over_all_and_fill_batches() {
        let floats = Floats { shape: vec![1], values: (0..100).map(|i| i as f32).collect() };
        assert_eq!(numbers(Inputs::floats(&floats).thinned(4)), [0.0, 25.0, 50.0, 75.0]);
        assert_eq!(Inputs::floats(&floats).thinned(40).count(), 32);
        assert_eq!(Inputs::floats(&floats).thinned(1000).count(), 96);
    }
}
