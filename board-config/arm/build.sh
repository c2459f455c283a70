#!/usr/bin/env bash
# build.sh BOARD: builds the app for a board on an x86 machine, into target/boards/BOARD, and says what it is.
# One program serves every aarch64 board: it chooses its kernels when it starts. What differs is the board file.
# GPU=12 or GPU=13 in the environment: a program for boards with that CUDA (JetPack 6 or 7), which opens NVIDIA's libraries while it
# runs and therefore needs the board's own loader and C library.
set -euo pipefail
cd "$(dirname "$0")/../.."
board=${1:-}
if [ ! -f "board-config/$board.toml" ] || [ "$board" = desktop ]; then
    boards=$(cd board-config && ls ./*.toml | sed 's/^..//; s/\.toml$//' | grep -v desktop | paste -sd'|')
    echo "cross: name a board: make cross BOARD=$boards" >&2
    exit 2
fi
[ "$(uname -m)" = x86_64 ] || { echo "cross: written for x86-64; on an ARM board make run builds for itself" >&2; exit 2; }
. board-config/arm/env.sh || exit 2
features=v4l
case ${GPU:-} in
'') ;;
12 | 13)
    features=v4l,cuda-$GPU
    export CARGO_TARGET_DIR=target/arm/build-gpu CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_RUSTFLAGS=
    ;;
*) echo "cross: GPU is the generation of CUDA, 12 (JetPack 6) or 13 (JetPack 7)" >&2; exit 2 ;;
esac
cargo build --release --target $target -p lookalike --no-default-features --features $features
place=target/boards/$board
mkdir -p "$place"
cp "$CARGO_TARGET_DIR/$target/release/lookalike" "$place/lookalike.new"
mv "$place/lookalike.new" "$place/lookalike"
cp "board-config/$board.toml" "$place/"
program=$place/lookalike
libraries=$(aarch64-linux-gnu-readelf -d "$program" 2>/dev/null | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p' | paste -sd' ')
echo "cross: $program: $(stat -c %s "$program" | awk '{printf "%.1f MB", $1 / 1e6}'), shared libraries: ${libraries:-none, static}"
if [ -n "${GPU:-}" ]; then
    newest=$(aarch64-linux-gnu-readelf --wide --version-info "$program" | grep -o 'GLIBC_2[0-9.]*' | sort -Vu | tail -n 1)
    echo "cross: $program: for CUDA $GPU, needs ${newest:-no particular glibc}"
else
    tests/arm/program.py "$program"
fi
