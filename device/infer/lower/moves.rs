//! What tract's chains of moved axes come to: a dense layer's numbers folded to a picture, the pixel shuffle.

use super::find::{Found, Graph, Weights};
use super::layer::Shape;
use tract_onnx::tract_core::internal::*;

impl Graph<'_> {
    /// A dense layer whose numbers become a picture: its outputs in the order of a picture with channels innermost.
    pub fn folded(&self, outlet: OutletId) -> TractResult<Option<Found>> {
        let mut flat = outlet;
        while self.op::<AxisOp>(flat).is_some_and(|op| !matches!(op, AxisOp::Move(..))) {
            flat = self.node(flat).inputs[0];
        }
        let Some(output @ [n, height, width, channels]) = self.picture(outlet)?.filter(|_| flat != outlet) else {
            return Ok(None);
        };
        let Some(found) = self.dense(flat)? else { return Ok(None) };
        let area = height * width;
        if found.output != [n, 1, 1, area * channels] {
            return Ok(None);
        }
        let order: Vec<usize> = (0..area * channels).map(|i| i % channels * area + i / channels).collect();
        let weights = match &found.weights {
            Weights::Floats(rows) => Weights::Floats(in_order(rows, &order)),
            Weights::Bytes(rows, scales) => Weights::Bytes(in_order(rows, &order), in_order(scales, &order)),
        };
        Ok(Some(Found { weights, order: Some(order), output, ..found }))
    }

    /// What is shuffled, where four channels beside each other become 2 x 2 pixels, row by row; and its shape.
    pub fn shuffled(&self, outlet: OutletId) -> TractResult<Option<(OutletId, Shape)>> {
        let Some([n, height, width, channels]) = self.picture(outlet)? else { return Ok(None) };
        let wanted = [n, height / 2, width / 2, channels * 4];
        let (mut from, mut moves) = (outlet, Vec::new());
        while let Some(op) = self.op::<AxisOp>(from) {
            moves.push(op);
            from = self.node(from).inputs[0];
            if self.picture(from)? == Some(wanted) {
                return Ok(shuffles(&moves, wanted).then_some((from, wanted)));
            }
        }
        Ok(None)
    }
}

/// Rows of one length in another order.
fn in_order<T: Copy>(rows: &[T], order: &[usize]) -> Vec<T> {
    let length = rows.len() / order.len();
    order.iter().flat_map(|&i| &rows[i * length..][..length]).copied().collect()
}

/// Whether the moves, the last one first, shuffle a picture of that shape: seen by what they do to counted numbers.
fn shuffles(moves: &[&AxisOp], [_, height, width, channels]: Shape) -> bool {
    let shape = [1, channels, height, width];
    let numbers: Vec<i64> = (0..(channels * height * width) as i64).collect();
    let Ok(mut picture) = Tensor::from_shape(&shape, &numbers) else { return false };
    let moved = moves.iter().rev().all(|op| op.change_tensor(&mut picture, false).is_ok());
    let Ok(found) = picture.to_plain_array_view::<i64>() else { return false };
    let number = |channel: usize, y: usize, x: usize| {
        let from = channel * 4 + y % 2 * 2 + x % 2;
        ((from * height + y / 2) * width + x / 2) as i64
    };
    let same = || found.indexed_iter().all(|(at, &value)| value == number(at[1], at[2], at[3]));
    moved && found.shape() == [1, channels / 4, height * 2, width * 2] && same()
}
