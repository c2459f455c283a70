//! Products of rows with AVX-512 (VNNI) and AVX2.

use std::arch::x86_64::*;

/// Rows at a time: their sums are added up across together.
const ROWS: usize = 4;

/// Bytes ahead that are asked for, a few rows: the processor's own foresight stops at every page.
const AHEAD: usize = 2048;

/// # Safety
/// The processor has the instructions; `rows` are as many as `out`, each as long as `probe`, a multiple of 64.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
pub(super) unsafe fn avx512(probe: &[i8], excess: i32, rows: &[u8], out: &mut [i32]) {
    let step = probe.len();
    let mut row = rows.as_ptr();
    let mut groups = out.chunks_exact_mut(ROWS);
    // SAFETY: as the caller promises; asking ahead reads nothing.
    unsafe {
        for out in &mut groups {
            let mut sums = [_mm512_setzero_si512(); ROWS];
            for at in (0..step).step_by(64) {
                let probe = _mm512_loadu_si512(probe.as_ptr().add(at).cast());
                for (i, sum) in sums.iter_mut().enumerate() {
                    let bytes = row.add(i * step + at);
                    _mm_prefetch::<_MM_HINT_T0>(bytes.wrapping_add(AHEAD).cast());
                    *sum = _mm512_dpbusd_epi32(*sum, _mm512_loadu_si512(bytes.cast()), probe);
                }
            }
            let halves = sums.map(|s| _mm256_add_epi32(_mm512_castsi512_si256(s), _mm512_extracti64x4_epi64::<1>(s)));
            let sums = _mm_sub_epi32(across(halves), _mm_set1_epi32(excess));
            _mm_storeu_si128(out.as_mut_ptr().cast(), sums);
            row = row.add(ROWS * step);
        }
        for out in groups.into_remainder() {
            let mut sum = _mm512_setzero_si512();
            for at in (0..step).step_by(64) {
                let probe = _mm512_loadu_si512(probe.as_ptr().add(at).cast());
                sum = _mm512_dpbusd_epi32(sum, _mm512_loadu_si512(row.add(at).cast()), probe);
            }
            *out = _mm512_reduce_add_epi32(sum) - excess;
            row = row.add(step);
        }
    }
}

/// # Safety
/// The processor has the instructions; `rows` are as many as `out`, each as long as `probe`, a multiple of 64.
#[target_feature(enable = "avx2")]
pub(super) unsafe fn avx2(probe: &[i16], excess: i32, rows: &[u8], out: &mut [i32]) {
    let step = probe.len();
    let mut row = rows.as_ptr();
    let mut groups = out.chunks_exact_mut(ROWS);
    // SAFETY: as the caller promises; asking ahead reads nothing.
    unsafe {
        for out in &mut groups {
            let mut sums = [_mm256_setzero_si256(); ROWS];
            for at in (0..step).step_by(16) {
                let probe = _mm256_loadu_si256(probe.as_ptr().add(at).cast());
                for (i, sum) in sums.iter_mut().enumerate() {
                    let bytes = row.add(i * step + at);
                    if at % 64 == 0 {
                        _mm_prefetch::<_MM_HINT_T0>(bytes.wrapping_add(AHEAD).cast());
                    }
                    let words = _mm256_cvtepu8_epi16(_mm_loadu_si128(bytes.cast()));
                    *sum = _mm256_add_epi32(*sum, _mm256_madd_epi16(words, probe));
                }
            }
            let sums = _mm_sub_epi32(across(sums), _mm_set1_epi32(excess));
            _mm_storeu_si128(out.as_mut_ptr().cast(), sums);
            row = row.add(ROWS * step);
        }
        for out in groups.into_remainder() {
            let mut sum = _mm256_setzero_si256();
            for at in (0..step).step_by(16) {
                let probe = _mm256_loadu_si256(probe.as_ptr().add(at).cast());
                let words = _mm256_cvtepu8_epi16(_mm_loadu_si128(row.add(at).cast()));
                sum = _mm256_add_epi32(sum, _mm256_madd_epi16(words, probe));
            }
            let none = _mm256_setzero_si256();
            *out = _mm_cvtsi128_si32(across([sum, none, none, none])) - excess;
            row = row.add(step);
        }
    }
}

/// The sum of each register's numbers.
#[target_feature(enable = "avx2")]
#[inline]
fn across(sums: [__m256i; ROWS]) -> __m128i {
    let pairs = _mm256_hadd_epi32(_mm256_hadd_epi32(sums[0], sums[1]), _mm256_hadd_epi32(sums[2], sums[3]));
    _mm_add_epi32(_mm256_castsi256_si128(pairs), _mm256_extracti128_si256::<1>(pairs))
}
