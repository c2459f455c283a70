//! Weights as a file has them in, weights as a kernel reads them out.

/// The order in which a kernel reads weights: blocks of `lanes` output channels; in each block the window's rows, pixels
/// and groups of `group` input channels; of each group `group` weights of every lane, lane by lane.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Order {
    pub lanes: usize,
    pub group: usize,
    /// Input channels with their padding.
    pub channels: usize,
    /// Output channels with their padding.
    pub outputs: usize,
}

impl Order {
    /// Numbers of a window of that shape, packed.
    pub fn room(&self, [_, _, height, width]: [usize; 4]) -> usize {
        self.outputs.div_ceil(self.lanes) * self.lanes * height * width * self.channels
    }
}

/// `weights`: [out, in, height, width]. What the padding adds is zero.
pub(crate) fn pack<T: Copy, U: Default + Clone + From<T>>(weights: &[T], shape: [usize; 4], order: Order) -> Vec<U> {
    let mut packed = vec![U::default(); order.room(shape)];
    pack_into(weights, shape, order, &mut packed);
    packed
}

/// Into zeros.
pub(crate) fn pack_into<T: Copy, U: From<T>>(weights: &[T], shape: [usize; 4], order: Order, packed: &mut [U]) {
    let [outs, ins, height, width] = shape;
    let Order { lanes, group, channels, .. } = order;
    let per_block = height * width * channels * lanes;
    for out in 0..outs {
        for channel in 0..ins {
            for y in 0..height {
                for x in 0..width {
                    let step = ((y * width + x) * channels + channel) / group;
                    let at = out / lanes * per_block + (step * lanes + out % lanes) * group + channel % group;
                    packed[at] = weights[((out * ins + channel) * height + y) * width + x].into();
                }
            }
        }
    }
}

/// `values`, then `filler` up to a multiple of `lanes`.
pub(crate) fn pad<T: Copy>(values: &[T], lanes: usize, filler: T) -> Vec<T> {
    let mut padded = values.to_vec();
    padded.resize(values.len().next_multiple_of(lanes), filler);
    padded
}
