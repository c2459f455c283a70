//! Plain loops, one number after the other: slow and plain to read, and what the other kernels must equal.

use crate::bytes::{self, MOST_STEPS, Sink};
use crate::floats;
use crate::sweep::Tile;

pub(crate) const BYTES: bytes::Kernel = bytes::Kernel { groups: &[1], most: |_| 16, run: bytes };
pub(crate) const FLOATS: floats::Kernel = floats::Kernel { groups: &[1], most: |_| 16, run: floats };

/// # Safety
/// The job's pointers have room for the tile.
unsafe fn bytes(job: &bytes::Job, tile: &Tile) {
    let steps = job.steps;
    for pixel in 0..tile.pixels {
        // SAFETY: as the caller promises.
        unsafe {
            let mut sum = *job.bias;
            for row in 0..steps.rows {
                let input = job.input.add(pixel * steps.pixel + row * steps.row);
                let weights = job.weights.cast::<i8>().add(row * steps.run);
                for k in 0..steps.run {
                    sum += i32::from(*input.add(k)) * i32::from(*weights.add(k));
                }
            }
            let value = sum as f32 * if sum < 0 { *job.down } else { *job.up };
            match job.sink {
                Sink::Bytes { out, step, zero, floor, residual, residual_zero, residual_scale } => {
                    let mut value = value;
                    if !residual.is_null() {
                        let other = i32::from(*residual.add(pixel * step)) - residual_zero;
                        value += other as f32 * residual_scale;
                    }
                    let steps = value.clamp(-MOST_STEPS, MOST_STEPS).round_ties_even() as i32;
                    *out.add(pixel * step) = (steps + zero).clamp(floor, 255) as u8;
                }
                Sink::Floats { out, step } => *out.add(pixel * step) = value,
                #[cfg(target_arch = "x86_64")]
                Sink::Sums { .. } => unreachable!("asked of AVX2 alone"),
            }
        }
    }
}

/// # Safety
/// The job's pointers have room for the tile.
unsafe fn floats(job: &floats::Job, tile: &Tile) {
    let steps = job.steps;
    for pixel in 0..tile.pixels {
        // SAFETY: as the caller promises.
        unsafe {
            let mut sum = *job.bias;
            for row in 0..steps.rows {
                let input = job.input.add(pixel * steps.pixel + row * steps.row);
                let weights = job.weights.add(row * steps.run);
                for k in 0..steps.run {
                    sum += *input.add(k) * *weights.add(k);
                }
            }
            if !job.residual.is_null() {
                sum += *job.residual.add(pixel * job.step);
            }
            *job.out.add(pixel * job.step) = if sum < 0.0 { sum * *job.slope } else { sum };
        }
    }
}
