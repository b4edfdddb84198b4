# Only python3 and make are needed; every target brings its own environment into .venv.
SHELL := /bin/bash
PYTHON ?= python3
DATA ?= auto
JOBS ?= 2
BIN := .venv/bin
EDGEAE := $(BIN)/edgeae
.DEFAULT_GOAL := help
# each step reads what the one before it wrote
.NOTPARALLEL:
.PHONY: help setup demo train export verify bench report test acceptance lint clean

help:  ## this list
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):[^#]*## */\1\t/' | expand -t 12

setup: .venv/ready  ## create .venv and install edgeae with pinned versions
.venv/ready: pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[host,dev]'
	@touch $@

demo: setup  ## train, export, verify, bench a small suite, report: the whole way
	@$(MAKE) --no-print-directory train export verify
	$(EDGEAE) bench --suite demo
	@$(MAKE) --no-print-directory report

train: setup  ## train the models simple and deep (DATA=mnist, digits, auto or PATH.npz)
	$(EDGEAE) train simple --data '$(DATA)'
	$(EDGEAE) train deep --data '$(DATA)'

export: setup  ## export every model under every recipe of export/
	$(EDGEAE) export --jobs $(JOBS)

verify: setup  ## prove that every export still is the original
	$(EDGEAE) verify

bench: setup  ## time every artifact in every runtime (bench/full.toml)
	$(EDGEAE) bench

report: setup  ## write build/report/index.html
	$(EDGEAE) report

test: setup  ## run the tests; no MNIST and no network needed
	$(BIN)/python -m pytest -m 'not acceptance and not chromium'

acceptance: setup  ## check the figures on MNIST's 10,000 test images (EDGEAE_MNIST)
	$(BIN)/python -m pytest -m acceptance

lint: setup  ## ruff and mypy
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

clean:  ## remove build/ and caches, keep .venv
	rm -rf build .pytest_cache .mypy_cache .ruff_cache .hypothesis
