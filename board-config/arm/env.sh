# Sourced at the repository's root: what cargo needs to build for the boards. Sets `target`; returns 1 and says why where it cannot.
# Programs are linked whole, so that they need no loader and no C library of a certain age: the boards' own are older.
target=aarch64-unknown-linux-gnu
mkdir -p target/arm
if ! board-config/packages.sh arm/packages.txt; then
    echo "no compiler for aarch64" >&2
    return 1
fi
RUSTC=$(board-config/arm/rustc.sh) || return 1
export RUSTC CARGO_TARGET_DIR=target/arm/build
export CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_RUSTFLAGS="-C target-feature=+crt-static"
export CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER=aarch64-linux-gnu-gcc CC_aarch64_unknown_linux_gnu=aarch64-linux-gnu-gcc
