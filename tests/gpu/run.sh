#!/usr/bin/env bash
# run.sh [FOLDER]: everything that docs/gpu.md says of a GPU, measured on this machine's, into FOLDER (target/gpu-report).
# GPU=12 or GPU=13 is the generation of CUDA; without it, what the driver's own tool says. PICTURES=0 leaves the picture GANs out,
# which take the longest; EPOCHS=N is for how long they learn.
set -euo pipefail
cd "$(dirname "$0")/../.."
out=${1:-target/gpu-report}
skip() { echo "test-gpu: SKIPPED: $1"; exit 0; }

[ -e /dev/nvidia0 ] || [ -e /dev/nvhost-gpu ] || [ -e /dev/nvmap ] || [ -e /dev/dxg ] || command -v nvidia-smi >/dev/null 2>&1 ||
    skip "there is no NVIDIA GPU here (no /dev/nvidia0, no nvidia-smi)"
if [ -z "${GPU:-}" ]; then
    GPU=$(nvidia-smi 2>/dev/null | sed -n 's/.*CUDA Version: \([0-9]*\).*/\1/p' | head -n 1)
    [ -n "$GPU" ] || GPU=$(ls -d /usr/local/cuda-1[23]* 2>/dev/null | sed -n 's/.*cuda-\([0-9]*\).*/\1/p' | sort -n | tail -n 1)
    [ "${GPU:-0}" -ge 12 ] || skip "this GPU's driver knows no CUDA 12: install a newer one, or name it: GPU=12"
    [ "$GPU" -le 13 ] || GPU=13
fi
mkdir -p "$out"
out=$(cd "$out" && pwd)
exec > >(tee "$out/log.txt") 2>&1

echo "== build for CUDA $GPU"
export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-target/gpu-$GPU}
cargo build --release --workspace --bins --features "lookalike/cuda-$GPU,lookalike-models/cuda"
bin=$CARGO_TARGET_DIR/release
"$bin/lookalike-models" setup
board=board-config/desktop.toml
ms() { local t0 t1; t0=$(date +%s%N); "$@" >&2; t1=$(date +%s%N); echo $(((t1 - t0) / 1000000)); }

echo "== machine"
{
    uname -a
    nvidia-smi 2>/dev/null || cat /etc/nv_tegra_release 2>/dev/null || true
    grep -m 1 'model name' /proc/cpuinfo || true
    "$bin/lookalike" doctor --board $board || true
} | tee "$out/machine.txt"

echo "== first and second start"
# Both with an empty cache of our own, so that nothing that was compiled before helps the first.
export XDG_CACHE_HOME=$out/cache
rm -rf "$XDG_CACHE_HOME"
{
    echo "first start, kernels compiled and nets measured: $(ms "$bin/lookalike" warm --board $board) ms"
    echo "second start, all of it from the cache: $(ms "$bin/lookalike" warm --board $board) ms"
    for runtime in cpu auto cuda; do
        echo "--runtime $runtime, a booth of 120 frames:"
        "$bin/lookalike" run --board $board --camera replay --screen png --snapshots "$out/snapshots-$runtime" --runtime $runtime --frames 120
    done
} | tee "$out/starts.txt"
"$bin/lookalike" doctor --board $board | grep -E '^(gpu|auto|runtime)' | tee "$out/choices.txt" || true

echo "== equality and milliseconds"
"$bin/gpu-report" measure cpu models/out "$out/cpu.json"
"$bin/gpu-report" measure cuda models/out "$out/gpu.json"
equal=0
"$bin/gpu-report" table "$out/cpu.json" "$out/gpu.json" | tee "$out/table.md" || equal=1

echo "== faces: the same people, by whichever side"
for runtime in cpu cuda; do
    "$bin/lookalike" embed --json --board $board --runtime $runtime models/out/samples/camera/*.jpg >"$out/embed-$runtime.jsonl"
done

echo "== an epoch of the digits' GAN"
{
    for device in cpu cuda; do
        rm -rf "$out/gan-$device"
        echo "digits gan, one epoch of 10,000 digits, --device $device: $(ms "$bin/lookalike-models" train digits gan --epochs 1 --device $device --out "$out/gan-$device") ms"
    done
} | tee "$out/epoch.txt"

if [ "${PICTURES:-1}" != 0 ] && [ -d ../shared/data/pictures ]; then
    echo "== picture GANs"
    epochs=${EPOCHS:-300}
    for set in cats satellite/forest; do
        name=gan-$(basename "$set")
        recipe=(train pictures gan --data "../shared/data/pictures/$set" --size 32 --epochs "$epochs" --seed 1 --device cuda)
        echo "lookalike-models ${recipe[*]}: $(ms "$bin/lookalike-models" "${recipe[@]}" --out "$out/$name") ms" | tee -a "$out/pictures.txt"
    done
fi
[ $equal -eq 0 ] || { echo "test-gpu: FAILED: some answers are not the processor's: $out/table.md" >&2; exit 1; }
echo "test-gpu: all of it is in $out; docs/gpu.md has the empty columns that table.md, starts.txt and epoch.txt fill"
