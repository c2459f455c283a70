#!/usr/bin/env bash
# Runs tests as the boards' processors would: built once for aarch64, run under emulation of each.
# What is tested: $PACKAGES, as cargo's arguments. Where compiler or emulator cannot be had it says so and exits with 0.
set -euo pipefail
cd "$(dirname "$0")/../.."
read -ra packages <<<"${PACKAGES:--p lookalike-kernels}"

skip() { echo "test-arm: SKIPPED: $1"; exit 0; }

[ "$(uname -m)" = x86_64 ] || skip "written for x86-64; on an ARM board make test tests its own processor"
mkdir -p target/arm
. board-config/arm/env.sh 2>target/arm/why || skip "$(tail -n 1 target/arm/why)"

# Shapes to try: emulated processors take a hundred times as long.
export LOOKALIKE_KERNEL_CASES=${LOOKALIKE_KERNEL_CASES:-60}

cargo test --target $target "${packages[@]}" --tests --no-run
failed=""
while read -r cpu kernels; do
    echo "test-arm: $cpu, with $kernels"
    export CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_RUNNER="qemu-aarch64-static -cpu $cpu" LOOKALIKE_KERNELS_HERE=$kernels
    cargo test --target $target "${packages[@]}" --tests --no-fail-fast </dev/null || failed+=" $cpu"
done <<'END'
cortex-a72 neon,scalar
cortex-a76 neon-dot,neon,scalar
max neon-dot,neon,scalar
END
[ -z "$failed" ] || { echo "test-arm: FAILED on$failed"; exit 1; }
echo "test-arm: all passed"
