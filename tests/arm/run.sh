#!/usr/bin/env bash
# The workspace's tests as the boards' processors run them, built once for aarch64, under emulation of each: the kernels' in every
# shape, the app's unit tests, and the promises, kept by the shipped program. Where compiler or emulator cannot be had it says so
# and exits with 0. What an emulator cannot do, or would take hours for, is skipped by name, and said.
# PARTS="kernels app" for some of: kernels app promises; PARTS=build builds for them, and no more. What does not end within
# $SECONDS_LEFT seconds, where that is set, is left out, and said.
set -euo pipefail
cd "$(dirname "$0")/../.."

skip() { echo "test-arm: SKIPPED: $1"; exit 0; }

[ "$(uname -m)" = x86_64 ] || skip "written for x86-64; on an ARM board make test tests its own processor"
mkdir -p target/arm
(. board-config/arm/env.sh) >target/arm/why 2>&1 || skip "$(tail -n 1 target/arm/why)"
parts=" ${PARTS:-kernels app promises} "
wanted() { [[ $parts == *" $1 "* ]] || { echo "test-arm: SKIPPED the $1: PARTS leaves them out"; return 1; }; }
left=${SECONDS_LEFT:-}
# Without a limit no timeout either: it leaves the process group, and whoever ends that would not end cargo.
in_time() { if [ -n "${SECONDS_LEFT:-}" ]; then timeout "$((left > SECONDS ? left - SECONDS : 1))" "$@"; else "$@"; fi; }
failed="" late=""
# note WHAT CODE: what became of it.
note() {
    if [ "$2" -ne 124 ]; then failed+=" $1"; return; fi
    echo "test-arm: SKIPPED $1: no time is left; make test-arm"
    late+=" $1"
}

# Shapes to try: emulated processors take a hundred times as long.
export LOOKALIKE_KERNEL_CASES=${LOOKALIKE_KERNEL_CASES:-60}
for_boards() (
    . board-config/arm/env.sh
    in_time cargo "$1" --target $target "${@:2}" </dev/null
)

# As the program is built, so that both share their packages, and with it: each takes minutes to link, on one core.
app=(--release -p lookalike --no-default-features --features v4l)
build_kernels() { for_boards test -p lookalike-kernels --tests --no-run; }
build_app() { for_boards build "${app[@]}" --bin lookalike --tests; }
if [[ $parts == " build " ]]; then
    build_app
    build_kernels
    exit
fi
if wanted kernels; then
    build_kernels
    while read -r cpu kernels; do
        echo "test-arm: the kernels on $cpu, with $kernels"
        export CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_RUNNER="qemu-aarch64-static -cpu $cpu" LOOKALIKE_KERNELS_HERE=$kernels
        for_boards test -p lookalike-kernels --tests --no-fail-fast || note "kernels-on-$cpu" $?
    done <<'END'
cortex-a72 neon,scalar
cortex-a76 neon-dot,neon,scalar
max neon-dot,neon,scalar
END
fi

read_skips() {
    skips=()
    while read -r name reason; do
        echo "test-arm: SKIPPED $name: $reason"
        skips+=(--skip "$name")
    done <tests/arm/not-emulated.txt
    echo "test-arm: SKIPPED the crate models and tests/steady.rs: they make models and count allocations here, not on a board"
}

if wanted app; then
    read_skips
    build_app || note app-build $?
    for cpu in cortex-a72 cortex-a76; do
        export CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_RUNNER="qemu-aarch64-static -cpu $cpu"
        echo "test-arm: the app's tests on $cpu"
        for_boards test "${app[@]}" --lib --no-fail-fast -- "${skips[@]}" || note "app-on-$cpu" $?
    done
fi
if wanted promises; then
    read_skips
    if in_time board-config/arm/build.sh qemu; then
        program=$PWD/target/boards/qemu/lookalike
        # The promises themselves are asked on this machine, by the tests' own build.
        cargo build --workspace --all-targets
        [ -f models/out/manifest.toml ] || target/debug/lookalike-models setup
        tests/arm/program.py "$program" target/debug/lookalike
        for cpu in cortex-a72 cortex-a76; do
            echo "test-arm: the promises on $cpu"
            LOOKALIKE_PROGRAM="qemu-aarch64-static -cpu $cpu $program" \
                in_time cargo test --workspace --test promises --no-fail-fast -- "${skips[@]}" </dev/null || note "promises-on-$cpu" $?
        done
    else
        note promises-build $?
    fi
fi
[ -z "$failed" ] || { echo "test-arm: FAILED:$failed"; exit 1; }
if [ -n "$late" ]; then echo "test-arm: passed as far as it was played, SKIPPED:$late"; else echo "test-arm: all passed"; fi
