#!/usr/bin/env bash
# Runs the kernels' tests under Valgrind, which sees bytes that are read before they were written. It knows AVX2 but not
# AVX-512, and the tests' fences need more addresses than it has.
set -euo pipefail
cd "$(dirname "$0")/.."

skip() { echo "test-valgrind: SKIPPED: $1"; exit 0; }

grep -qw avx2 /proc/cpuinfo || skip "this processor has no AVX2"
board-config/packages.sh packages-checks.txt || skip "no Valgrind"
export CARGO_TARGET_X86_64_UNKNOWN_LINUX_GNU_RUNNER="valgrind --quiet --error-exitcode=9"
export LOOKALIKE_KERNELS_HERE=avx2,scalar LOOKALIKE_KERNEL_CASES=${LOOKALIKE_KERNEL_CASES:-10}
cargo test -p lookalike-kernels --lib -- --skip fence
