# A thin front: CMake does the work. `make help` lists the targets.
SHELL := /bin/bash
.DEFAULT_GOAL := help
# nproc, in its way, obeys affinity and OMP_NUM_THREADS.
JOBS ?= $(shell nproc)
PREFIX ?= /usr/local
FUZZ_SECONDS ?= 60
BUILD := build/release

.PHONY: help build demo demo-models test test-fast conformance fuzz bench install format lint tidy clean \
        bootstrap-% configure

help: ## this list
	@sed -nE 's/^([a-z-]+):.*## (.*)/\1|\2/p' $(MAKEFILE_LIST) | awk -F'|' '{printf "  make %-12s %s\n", $$1, $$2}'

# Debian and Python packages of a tier; nothing to do the second time.
bootstrap-%:
	@scripts/bootstrap $*

configure: bootstrap-build
	@[[ -f $(BUILD)/build.ninja ]] || { echo "==> configuring $(BUILD)" >&2; cmake --preset release >/dev/null; }

build: configure ## the command: build/release/bin/eco
	@echo "==> building the eco command" >&2
	@NINJA_STATUS='[%f/%t, %es] ' ninja -C $(BUILD) -j $(JOBS) eco

demo: ## real models at work, checked against ONNX Runtime (first result within minutes)
	@scripts/bootstrap apt demo
	@$(MAKE) --no-print-directory -j 2 build bootstrap-venv-demo
	@exec build/venv/bin/python examples/demo/demo.py --eco $(BUILD)/bin/eco

# pip waits for the network while the compiler runs.
.PHONY: bootstrap-venv-demo
bootstrap-venv-demo:
	@scripts/bootstrap venv demo

test: bootstrap-test configure ## all tests but conformance and benchmarks; ends with "N passed, N failed"
	@scripts/run_tests full --build-dir $(BUILD) -j $(JOBS)

test-fast: bootstrap-test configure ## the tests that take about a minute
	@scripts/run_tests fast --build-dir $(BUILD) -j $(JOBS)

conformance: bootstrap-test configure ## the long suites; their dated results stand in docs/
	@scripts/run_tests conformance --build-dir $(BUILD) -j $(JOBS)

fuzz: bootstrap-dev ## every reader's fuzzer for FUZZ_SECONDS (60) under ASan and UBSan
	@FUZZ_SECONDS=$(FUZZ_SECONDS) scripts/fuzz

bench: bootstrap-test configure ## benchmarks
	@scripts/run_tests bench --build-dir $(BUILD) -j 1

install: configure ## library, headers, command and CMake package into PREFIX (/usr/local), DESTDIR obeyed
	@ninja -C $(BUILD) -j $(JOBS) eco ecotone
	@cmake --install $(BUILD) --prefix $(PREFIX)

format: bootstrap-dev ## format the sources
	@scripts/lint --fix format ruff

lint: bootstrap-dev ## what CI checks of the sources
	@scripts/lint

tidy: bootstrap-dev ## clang-tidy on what changed since .ci/tidy-base
	@scripts/tidy

clean: ## remove what was built (build/venv stays)
	@find build -mindepth 1 -maxdepth 1 ! -name venv -exec rm -rf {} + 2>/dev/null || true
