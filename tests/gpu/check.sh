#!/usr/bin/env bash
# The builds for a GPU, on a machine without one: that of CUDA 13 compiles, that of CUDA 12 passes the app's tests and the promises
# on the processor. FULL=0 leaves all but the promises about GPUs out; ONLY=compile, which CI asks, runs nothing.
set -euo pipefail
cd "$(dirname "$0")/../.."
for cuda in 13 12; do
    cargo check -p lookalike --features cuda-$cuda
    echo "check-gpu: the program for CUDA $cuda compiles"
done
[ "${ONLY:-}" != compile ] || exit 0
[ -f models/out/manifest.toml ] || { cargo build --workspace --all-targets && target/debug/lookalike-models setup; }
echo "check-gpu: CUDA 12 runs without a GPU"
FEATURES="--features lookalike/cuda-12"
cargo build --workspace --all-targets $FEATURES
if [ "${FULL:-1}" = 0 ]; then
    cargo test --workspace $FEATURES --test promises gpu
else
    cargo test --workspace --no-fail-fast $FEATURES
fi
