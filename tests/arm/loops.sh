#!/usr/bin/env bash
# loops.sh check: fails where a loop of the kernels keeps its sums in memory, compiled for aarch64 and x86-64.
# loops.sh report: writes docs/kernels.md, what llvm-mca foretells of the kernels for the boards' processors.
# The kernels are compiled by themselves, as the release profile says but for its link-time optimisation.
set -euo pipefail
shopt -s inherit_errexit
cd "$(dirname "$0")/../.."

skip() { echo "loops: SKIPPED: $1" >&2; exit 0; }

[ "$(uname -m)" = x86_64 ] || skip "written for x86-64"
board-config/packages.sh arm/packages.txt >&2 || skip "no linker for aarch64"
board-config/packages.sh packages-checks.txt >&2 || skip "no LLVM to read them with"
mkdir -p target/arm
arm=$(board-config/arm/rustc.sh 2>target/arm/why) || skip "$(tail -n 1 target/arm/why)"
export LLVM=-22 CARGO_TARGET_DIR=target/arm/build
export CARGO_PROFILE_RELEASE_LTO=off CARGO_PROFILE_RELEASE_DEBUG=line-tables-only CARGO_PROFILE_RELEASE_STRIP=none

# Linked, for a lone object's functions all start at address zero and line tables could not tell them apart.
object() {
    local target=$2 linker=$3 folder=$CARGO_TARGET_DIR/$2/release
    RUSTC=$1 cargo rustc --quiet --release -p lookalike-kernels --lib --target "$target" -- --emit "obj=$folder/kernels.o"
    "$linker" -shared -nostdlib -o "$folder/kernels.so" "$folder/kernels.o"
    echo "$folder/kernels.so"
}

of_arm=$(object "$arm" aarch64-unknown-linux-gnu aarch64-linux-gnu-gcc)
case $1 in
    check)
        of_x86=$(object "${RUSTC:-rustc}" x86_64-unknown-linux-gnu cc)
        tests/arm/loops.py check "$of_arm" "$of_x86"
        ;;
    report)
        RUSTC_VERSION=$("$arm" --version) tests/arm/loops.py report "$of_arm" >target/arm/kernels.md
        mv target/arm/kernels.md docs/kernels.md
        ;;
esac
