#!/usr/bin/env bash
# build.sh BOARD: builds the app for a board on an x86 machine, into target/boards/BOARD, and says what it is.
# One program serves every aarch64 board: it chooses its kernels when it starts. What differs is the board file.
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
cargo build --release --target $target -p lookalike --no-default-features --features v4l
place=target/boards/$board
mkdir -p "$place"
cp "$CARGO_TARGET_DIR/$target/release/lookalike" "$place/lookalike.new"
mv "$place/lookalike.new" "$place/lookalike"
cp "board-config/$board.toml" "$place/"
program=$place/lookalike
libraries=$(aarch64-linux-gnu-readelf -d "$program" 2>/dev/null | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p' | paste -sd' ')
echo "cross: $program: $(stat -c %s "$program" | awk '{printf "%.1f MB", $1 / 1e6}'), shared libraries: ${libraries:-none, static}"
tests/arm/program.py "$program"
