#!/usr/bin/env bash
# run.sh [SCENE]...: builds the program for the boards, an emulated board around it, and plays the scenes of suite.py on it.
# Needs the models of models/out; makes them where they are missing. Where the emulator or a compiler cannot be had it says so
# and exits with 0. After $SECONDS_LEFT seconds, where that is set, it ends, and says what it left out.
set -euo pipefail
cd "$(dirname "$0")/../.."
place=$PWD/target/qemu
mkdir -p "$place/share"

skip() { echo "test-system: SKIPPED: $1"; exit 0; }

left=${SECONDS_LEFT:-100000}
[ "$left" -gt 300 ] || skip "no time is left; make test-system"
[ "$(uname -m)" = x86_64 ] || skip "written for x86-64"
board-config/packages.sh ../tests/qemu/packages.txt || skip "no emulator"
kernel=$(tests/qemu/fetch.sh 2>"$place/why") || skip "$(tail -n 1 "$place/why")"
( . board-config/arm/env.sh ) >"$place/why" 2>&1 || skip "$(tail -n 1 "$place/why")"

tests/qemu/debian.sh 2>"$place/why" || skip "$(tail -n 1 "$place/why")"

echo "test-system: builds the program for the boards"
timeout "$left" board-config/arm/build.sh qemu || { [ $? -eq 124 ] && skip "the build took all the time that was left"; exit 1; }
for tool in hdmi finger; do aarch64-linux-gnu-gcc -O2 -static -o "$place/$tool" tests/qemu/$tool.c; done
cp "$place/root/boot/vmlinuz-$kernel" "$place/kernel"
tests/qemu/initramfs.py "$place/root" "$kernel" "$place/initramfs.cpio" tests/qemu/init=init "$place/hdmi=bin/hdmi" "$place/finger=bin/finger"

# The host's own tools: the tests' build if there is one, for it is warm.
cargo build --workspace --all-targets
tools=target/debug
[ -f models/out/manifest.toml ] || $tools/lookalike-models setup
$tools/scenes models/out/samples "$place/share/film"
cp target/boards/qemu/lookalike board-config/qemu.toml "$place/share/"
rm -rf "$place/share/models" "$place/share/people.gallery"
mkdir "$place/share/models"
cp -r models/out/manifest.toml models/out/mtcnn models/out/embedder "$place/share/models/"
LOOKALIKE_MODELS=models/out $tools/lookalike enroll --board board-config/qemu.toml --gallery "$place/share/people.gallery" \
    models/out/samples/gallery >/dev/null
# A Raspberry Pi's package. The scene of it upgrades to the next version by itself.
rm -f "$place"/share/*.deb
VERSION=0.1.0 board-config/package/deb.sh rpi4
mv target/boards/rpi4/lookalike_0.1.0_arm64.deb "$place/share/lookalike.deb"
SECONDS_LEFT=$((left - SECONDS)) exec python3 tests/qemu/suite.py "$@"
