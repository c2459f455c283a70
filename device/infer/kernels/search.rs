//! A vector of bytes against many: the products of one with each of the others, which distances are made of.
//!
//! Both are signed, from -127 to 127; rows lie with 128 added, as pictures do, for that is what processors multiply. A row is
//! [`width`] bytes long, whatever is behind its last number being [`REST`]. Rows are read once, one after the other, so that
//! a long list of them comes as quickly as memory gives it.

#[cfg(target_arch = "aarch64")]
mod arm;
#[cfg(target_arch = "x86_64")]
mod x86;

use crate::Kernels;

/// What fills a row behind its last number: zero.
pub const REST: u8 = 128;

/// Bytes of a row in steps of which all kernels read.
const STEP: usize = 64;

/// Bytes of a row of so many numbers.
pub fn width(numbers: usize) -> usize {
    numbers.next_multiple_of(STEP)
}

/// The one vector, as the processor's kernel reads it.
#[derive(Clone, Debug)]
pub struct Probe {
    kernels: Kernels,
    bytes: Vec<i8>,
    /// The same numbers, for kernels that multiply words.
    #[cfg(target_arch = "x86_64")]
    words: Vec<i16>,
    /// What the 128 of the rows add to each product.
    #[cfg(target_arch = "x86_64")]
    excess: i32,
}

impl Probe {
    /// # Panics
    /// Where a number is -128, or where there are so many that a product might not fit in 32 bits.
    pub fn new(kernels: Kernels, numbers: &[i8]) -> Self {
        assert!(!numbers.contains(&i8::MIN), "-128 has no counterpart");
        assert!(numbers.len() <= 1 << 16, "a vector of {} numbers", numbers.len());
        let kernels = if kernels.runs_here() { kernels } else { Kernels::Scalar };
        let mut bytes = numbers.to_vec();
        bytes.resize(width(numbers.len()), 0);
        Self {
            kernels,
            #[cfg(target_arch = "x86_64")]
            words: if kernels == Kernels::Avx2 { bytes.iter().map(|&b| b.into()).collect() } else { Vec::new() },
            #[cfg(target_arch = "x86_64")]
            excess: 128 * numbers.iter().map(|&n| i32::from(n)).sum::<i32>(),
            bytes,
        }
    }

    /// The product with each of the rows, which follow each other without a gap.
    ///
    /// # Panics
    /// Where there are not as many rows as there is room for products.
    pub fn products(&self, rows: &[u8], out: &mut [i32]) {
        assert_eq!(rows.len(), self.bytes.len() * out.len(), "as many rows as products");
        // SAFETY: here and below, the processor has the instructions (asked in `new`), and the lengths were compared.
        match self.kernels {
            #[cfg(target_arch = "x86_64")]
            Kernels::Avx512 => unsafe { x86::avx512(&self.bytes, self.excess, rows, out) },
            #[cfg(target_arch = "x86_64")]
            Kernels::Avx2 => unsafe { x86::avx2(&self.words, self.excess, rows, out) },
            #[cfg(target_arch = "aarch64")]
            Kernels::NeonDot => unsafe { arm::dot(&self.bytes, rows, out) },
            #[cfg(target_arch = "aarch64")]
            Kernels::Neon => unsafe { arm::plain(&self.bytes, rows, out) },
            _ => scalar(&self.bytes, rows, out),
        }
    }
}

/// What the other kernels must equal.
fn scalar(probe: &[i8], rows: &[u8], out: &mut [i32]) {
    for (row, out) in rows.chunks_exact(probe.len().max(1)).zip(out) {
        *out = row.iter().zip(probe).map(|(&r, &p)| (i32::from(r) - 128) * i32::from(p)).sum();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fence::{Fence, Side};
    use proptest::prelude::*;

    fn here() -> impl Iterator<Item = Kernels> {
        Kernels::ALL.into_iter().filter(|k| k.runs_here())
    }

    /// Mostly small numbers, and the extreme ones often.
    fn probe_number() -> impl Strategy<Value = i8> {
        prop_oneof![-127i8..=127, Just(-127), Just(127)]
    }

    fn row_number() -> impl Strategy<Value = u8> {
        prop_oneof![any::<u8>(), Just(0), Just(255)]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(if cfg!(miri) { 2 } else { 200 }))]
        #[test]
        fn products_equal_the_definition(
            probe in prop::collection::vec(probe_number(), 1..300),
            count in 0usize..40,
            seed in prop::collection::vec(row_number(), 997),
            at_start: bool,
        ) {
            let step = width(probe.len());
            let fence = Fence::new(if at_start { Side::Start } else { Side::End });
            let rows: Vec<u8> = (0..count * step).map(|i| if i % step < probe.len() { seed[i % 997] } else { REST }).collect();
            let mut got = vec![7; count];
            drop(fence);
            let want: Vec<i32> = rows
                .chunks_exact(step)
                .map(|row| row.iter().zip(&probe).map(|(&r, &p)| (i32::from(r) - 128) * i32::from(p)).sum())
                .collect();
            for kernels in here() {
                let fence = Fence::new(if at_start { Side::Start } else { Side::End });
                let probe = Probe::new(kernels, &probe);
                drop(fence);
                got.fill(7);
                probe.products(&rows, &mut got);
                prop_assert_eq!(&got, &want, "{}", kernels.name());
            }
        }
    }

    #[test]
    fn the_largest_numbers_do_not_overflow() {
        for kernels in here() {
            for (row, number, want) in
                [(255u8, 127, 127 * 127), (0, 127, -128 * 127), (0, -127, 128 * 127), (255, -127, -127 * 127)]
            {
                let mut out = [0; 5];
                Probe::new(kernels, &[number; 1024]).products(&[row; 1024 * 5], &mut out);
                assert_eq!(out, [want * 1024; 5], "{}", kernels.name());
            }
        }
    }

    #[test]
    #[should_panic(expected = "as many rows as products")]
    fn rows_of_another_length_are_refused() {
        Probe::new(Kernels::best(), &[1; 64]).products(&[0; 100], &mut [0; 2]);
    }
}
