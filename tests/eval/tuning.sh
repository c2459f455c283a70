#!/usr/bin/env bash
# tuning.sh [OPTION]...: tunes the detector on one half of the people and photos of ../shared/data and sets it beside the stock one on the
# other half; then the other way round. Options are those of `lookalike-models train mtcnn`. All lies in target/tuning, where a run
# that was cut off goes on; models/out stays as it is. HALVES="odd" for one of: odd even, the half that is compared.
set -euo pipefail
cd "$(dirname "$0")/../.."
[ -d ../shared/data/ytf ] || { echo "eval-tuning: skipped, there are no evaluation pictures in ../shared/data"; exit 0; }
for kept in ${HALVES:-odd even}; do
    place=target/tuning/$kept
    mkdir -p "$place"
    rm -rf "$place/models"
    cp -r models/out "$place/models"
    target/release/eval --only tuning --kept "$kept" --split "$place"
    again=()
    [ ! -d "$place/training" ] || again=(--resume)
    target/release/lookalike-models train mtcnn --data "$place/faces.csv" --models "$place/models" --out "$place/training" "${again[@]}" "$@"
    for precision in float32 int8; do
        echo "eval-tuning: compared on the $kept half, $precision"
        target/release/eval --only tuning --kept "$kept" --models "$place/models" --precision $precision
    done
done
