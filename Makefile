# Only python3 with venv, and make, are needed, and git for the tests; every target brings its own environment into .venv.
SHELL := /bin/bash
PYTHON ?= python3
DATA ?= auto
# at once; export finds out by itself what cores and memory allow
JOBS ?=
# of make mutants: which; all of them by default
ONLY ?=
N ?= 100
# of make fuzz and make faults: how long, and which run again
SECONDS ?= 60
SEED ?=
# of make compare: the folder of its models
COMPARED := build/compare
BIN := .venv/bin
EDGEAE := $(BIN)/edgeae
.DEFAULT_GOAL := help
# where it is set, each of hundreds of processes compiles all that it imports: TensorFlow alone takes seconds
unexport PYTHONDONTWRITEBYTECODE
# each step reads what the one before it wrote
.NOTPARALLEL:
.PHONY: help setup demo train zoo export verify bench gate baseline report history
.PHONY: test ways acceptance timing fuzz faults mutants race selftest-gate lint docs reference clean

help:  ## this list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):[^#]*## */\1\t/' | expand -t 16

# without bytecode: Python compiles what is imported, a fraction of what is installed, in half the time
setup: .venv/ready  ## create .venv and install edgeae with pinned versions
.venv/ready: pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --no-compile --disable-pip-version-check \
		-c constraints.txt -e '.[host,dev]'
	@touch $@

demo: setup  ## train, export, verify, bench a small suite, report: the whole way
	@$(MAKE) --no-print-directory train export verify
	$(EDGEAE) bench --suite demo
	@$(MAKE) --no-print-directory report

train: setup  ## train the models simple and deep (DATA=mnist, digits, auto or PATH.npz)
	$(EDGEAE) train simple --data '$(DATA)'
	$(EDGEAE) train deep --data '$(DATA)'

zoo: setup  ## train every family with its defaults, JOBS at once, and compare them in the report
	@status=0; $(EDGEAE) zoo --data '$(DATA)' --jobs $(or $(JOBS),2) || status=$$?; $(EDGEAE) report && exit $$status

export: setup  ## export what export/matrix.toml names (JOBS at once)
	$(EDGEAE) export --matrix $(if $(JOBS),--jobs $(JOBS))

verify: setup  ## prove that every export still is the original
	$(EDGEAE) verify

bench: setup  ## time every artifact in every runtime (bench/full.toml)
	$(EDGEAE) bench

# where `make gate` keeps its own two models: apart from build/, which the other targets read
OWN := bench/digits/build
# more options of `edgeae gate`, such as --junit FILE
GATE ?=
# bundles that `make baseline` saved; the repository commits bare files alone
SAVED = $(wildcard bench/baselines/*/*)

.PHONY: gate-models gate-baseline
gate: gate-models  ## judge two small models against bench/baselines; and build/, once `make baseline` saved it
	$(EDGEAE) gate --suite bench/digits/digits.toml $(GATE)
	$(if $(SAVED),$(EDGEAE) gate --suite gate)

gate-models: setup  ## train two small models on the digits, export them, verify them: what `make gate` judges
	$(EDGEAE) train simple --code 8 --data digits --build $(OWN)
	$(EDGEAE) train deep --code 8 --hidden 24 --data digits --build $(OWN)
	$(EDGEAE) export simple-c8 deep-c8 --recipe int8 --build $(OWN)
	$(EDGEAE) verify $(OWN)/simple-c8/int8 $(OWN)/deep-c8/int8
	@for model in simple-c8 deep-c8; do for format in tflite onnx; do \
		cp $(OWN)/$$model/int8/autoencoder.$$format $(OWN)/$$model-int8.$$format || exit; \
	done; done

gate-baseline: gate-models  ## make these two models the baselines; commit bench/baselines afterwards
	$(EDGEAE) baseline save --force $(OWN)/*.tflite $(OWN)/*.onnx

baseline: setup  ## make the exports in build/ the baselines
	$(EDGEAE) baseline save --force

report: setup  ## write build/report/index.html
	$(EDGEAE) report

history: setup  ## plot stored results over commits, into build/report/history.html
	$(EDGEAE) history

# recipes of the curve of bytes against instructions, the most bytes first
COMPRESSED := int8 p60-int8 p65-c64-pcqat-int8 p80-c16-pcqat-int8

.PHONY: bench-mcu
bench-mcu: setup  ## figures on emulated microcontrollers, into docs/microcontrollers.md (EDGEAE_MNIST, QEMU)
	$(EDGEAE) train deep --data mnist
	$(EDGEAE) export deep --recipe int8-per-tensor $(COMPRESSED:%=--recipe %)
	$(BIN)/python bench/mcu_conv.py build/mcu/conv.tflite
	$(BIN)/python bench/mcu.py build/deep/int8-per-tensor build/mcu/conv.tflite docs/microcontrollers.md \
		$(COMPRESSED:%=build/deep/%)

.PHONY: bench-api
bench-api: setup  ## edgeae.open(…).encode beside a bare LiteRT loop, into bench/API.md (EDGEAE_MNIST)
	$(EDGEAE) train deep --data mnist
	$(EDGEAE) export deep --recipe int8
	$(BIN)/python bench/api.py build/deep/int8 bench/API.md

.PHONY: bench-web
bench-web: setup  ## WebAssembly beside native C, onnxruntime-web and LiteRT.js, into docs/web.md (EDGEAE_MNIST, Node, npm, Chromium)
	$(EDGEAE) train deep --data mnist
	$(EDGEAE) export deep --recipe int8
	$(BIN)/python bench/web.py build/deep/int8 docs/web.md build/web

.PHONY: bench-sweep
bench-sweep: setup  ## what a task on a cluster costs, and what a second worker brings, into docs/scale.md (a quarter of an hour)
	$(BIN)/python bench/sweep.py docs/scale.md

.PHONY: compare
compare: setup  ## compress deep and conv by edgeae and by tfmot, on MNIST, into docs/comparison.md (EDGEAE_MNIST)
	@for seed in 0 1 2; do \
		$(EDGEAE) train deep --data mnist --seed $$seed --name deep-seed$$seed --build $(COMPARED) || exit; \
	done
	$(EDGEAE) train conv --data mnist --build $(COMPARED)
	$(EDGEAE) compare deep-seed0 deep-seed1 deep-seed2 --build $(COMPARED)
	$(EDGEAE) compare conv --build $(COMPARED) --page docs/comparison.md

.PHONY: package
package: setup  ## build sdist and wheel into dist/
	rm -rf dist
	$(BIN)/python -m hatchling build

test: setup  ## run the tests; no MNIST and no network needed
	$(BIN)/python -m pytest -n auto --dist loadfile --no-loadscope-reorder \
		-m 'not acceptance and not system and not timing and not ways'

ways: setup  ## every family under every recipe, every form of import: the whole way (three quarters of an hour)
	$(BIN)/python -m pytest -n auto --dist loadfile -m ways

acceptance: setup  ## check the figures on MNIST's 10,000 test images (EDGEAE_MNIST)
	$(BIN)/python -m pytest -m acceptance

timing: setup  ## hold edgeae's timer to one written by hand, 1,000,000 calls each
	$(BIN)/python -m pytest -m timing

# BLAS's threads would be gone in its forks
fuzz: setup  ## damaged files of every kind through every command (SECONDS=60, SEED= to do it again)
	OPENBLAS_NUM_THREADS=1 PYTHONPATH=tests $(BIN)/python -m fuzz \
		--seconds $(SECONDS) $(if $(SEED),--seed $(SEED))

selftest-gate: setup  ## the gate proves itself here: false alarms, misses, seconds (N=100: an hour)
	$(EDGEAE) selftest -n $(N) --out bench/SELFTEST.md

faults: setup  ## commands killed, run at once and denied room at random moments (SECONDS=60, SEED= to do it again)
	$(BIN)/python tests/faults.py --seconds $(SECONDS) $(if $(SEED),--seed $(SEED))

mutants: setup  ## inject 47 faults, one at a time, into copies; the tests must catch 28 (ONLY=NAME)
	PYTHONPATH=tests $(BIN)/python -m mutants --jobs $(or $(JOBS),2) $(addprefix --only ,$(ONLY))

race: setup  ## publish a small bundle 10,000 times, and export 50 times, while edgeae verify loops
	PYTHONPATH=tests $(BIN)/python tests/race.py 10000 50 4

lint: setup  ## ruff and mypy
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# strict: a broken link or anchor fails; the variable silences the theme's notice about its successor
docs: setup  ## build the documentation, into build/docs/index.html
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --quiet

reference: setup  ## generate the pages of the reference from the code
	PYTHONPATH=docs $(BIN)/python -m generate

clean:  ## remove build/, bench/digits/build/ and caches, keep .venv
	rm -rf build $(OWN) .pytest_cache .mypy_cache .ruff_cache .hypothesis
