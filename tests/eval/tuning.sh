#!/usr/bin/env bash
# tuning.sh [OPTION]...: tunes the detector on one half of the people and photos of ../shared/data and sets it beside the stock one on the
# other half. Options are those of `lookalike-models train mtcnn`. All lies in target/tuning; models/out stays as it is.
set -euo pipefail
cd "$(dirname "$0")/../.."
place=target/tuning
[ -d ../shared/data/ytf ] || { echo "eval-tuning: skipped, there are no evaluation pictures in ../shared/data"; exit 0; }
mkdir -p $place
rm -rf $place/models
cp -r models/out $place/models
target/release/eval --only tuning --split $place
again=()
[ ! -d $place/training ] || again=(--resume)
target/release/lookalike-models train mtcnn --data $place/faces.csv --models $place/models --out $place/training "${again[@]}" "$@"
target/release/eval --only tuning --models $place/models
target/release/eval --only tuning --models $place/models --precision int8
