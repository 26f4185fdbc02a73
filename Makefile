# Two commands do everything on a bare machine: `make demo` and `make test`.
PY ?= python3
V  := .venv/bin
UV_PIN := uv==0.13.8
WORKERS ?= 2
INPUTS ?= 200000
GUIDED ?= 100000
ATHERIS_PIN := atheris==3.0.0
.DEFAULT_GOAL := help

help:                            ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## */|/' | awk -F'|' '{printf "  make %-13s %s\n", $$1, $$2}'

demo: .venv/.run .venv/.faces    ## serve the demonstration port on http://127.0.0.1:8080
	$(V)/pratique demo

replay: .venv/.run .venv/.faces  ## print the whole way, from a signed mandate to destroyed data, step by step
	$(V)/pratique demo --replay

test: .venv/.dev .venv/.chromium .venv/.faces .venv/.spark  ## all tests, with a real PostgreSQL and a real browser
	$(V)/pytest -n $(WORKERS) --dist loadfile

check: .venv/.dev .venv/.web     ## style, types, walls, words
	$(V)/ruff format --check src tests bench conformance fuzz hatch_build.py
	$(V)/ruff check src tests bench conformance fuzz hatch_build.py
	$(V)/mypy
	$(V)/lint-imports
	cd web && npm run --silent check

conformance: .venv/.run          ## score the published test data in ../shared/data (skipped where that folder is absent)
	$(V)/python -m conformance

fuzz: .venv/.fuzz                ## changed inputs for every decoder of credentials (INPUTS=, GUIDED= say how many)
	$(V)/python -m fuzz --inputs $(INPUTS)
	found=$$(mktemp -d) && $(V)/python -m fuzz.guided -runs=$(GUIDED) $$found; code=$$?; rm -rf $$found; exit $$code

bench: .venv/.dev                ## measure each claim of speed beside its peer
	for script in $(filter-out %_by_hand.py,$(wildcard bench/[a-z]*.py)); do $(V)/python $$script || exit 1; done

spark: .venv/.spark              ## a Spark cluster on this machine: one master, two workers, until Ctrl-C
	$(V)/pratique policy cluster

lock: .venv/.uv                  ## pin every dependency by hash, without addresses
	$(V)/uv pip compile -q pyproject.toml --group dev --universal --python-version 3.11 --generate-hashes --no-header --no-annotate -o requirements.lock
	$(V)/uv pip compile -q --group spark --universal --python-version 3.11 --generate-hashes --no-header --no-annotate -o requirements.spark.lock

clean:                           ## remove everything that was built
	rm -rf .venv web/node_modules src/pratique/web/static

.venv/.python:
	@command -v $(PY) >/dev/null || { echo "Python 3.11 or newer is missing: apt-get install python3 python3-venv"; exit 1; }
	@$(PY) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "$(PY) is older than 3.11: set PY=python3.11 or newer"; exit 1; }
	$(PY) -m venv .venv || { echo "The venv module is missing: apt-get install python3-venv"; exit 1; }
	@touch $@
.venv/.uv: .venv/.python
	$(V)/pip install -q --disable-pip-version-check $(UV_PIN) && touch $@
.venv/.run: .venv/.uv requirements.lock pyproject.toml
	$(V)/uv pip install -q --python $(V)/python --require-hashes --no-deps -r requirements.lock
	$(V)/uv pip install -q --python $(V)/python --no-deps -e . && touch $@
.venv/.dev: .venv/.run
	@touch $@
.venv/.fuzz: .venv/.dev
	$(V)/uv pip install -q --python $(V)/python --no-deps $(ATHERIS_PIN) && touch $@
.venv/.node:
	@command -v node >/dev/null && command -v npm >/dev/null || { echo "node and npm are missing: apt-get install nodejs npm (node 20 or newer)"; exit 1; }
	@mkdir -p .venv && touch $@
.venv/.web: .venv/.uv .venv/.node web/package-lock.json
	cd web && npm ci --silent --no-fund --no-audit && touch ../$@
.venv/.faces: .venv/.web $(shell find web -type f -not -path '*/node_modules/*' 2>/dev/null)
	cd web && npm run --silent build && touch ../$@
.venv/.chromium: .venv/.uv
	@command -v chromium >/dev/null && command -v espeak-ng >/dev/null && command -v ip >/dev/null && fc-list :lang=zh 2>/dev/null | grep -q . || \
	  { [ "$$(id -u)" = 0 ] && apt-get update -qq && apt-get install -y -qq --no-install-recommends chromium fonts-noto-cjk fontconfig ffmpeg espeak-ng iproute2 >/dev/null; } || \
	  { echo "Chromium and a Chinese font are needed for the browser tests: apt-get install chromium fonts-noto-cjk fontconfig ffmpeg espeak-ng iproute2"; exit 1; }
	@touch $@

.venv/.spark: .venv/.dev requirements.spark.lock
	@command -v java >/dev/null || \
	  { [ "$$(id -u)" = 0 ] && apt-get update -qq && apt-get install -y -qq --no-install-recommends openjdk-17-jre-headless >/dev/null; } || \
	  { echo "Java 17 is needed for the Spark test: apt-get install openjdk-17-jre-headless"; exit 1; }
	$(V)/uv pip install -q --python $(V)/python --require-hashes --no-deps -r requirements.spark.lock && touch $@

.PHONY: help demo replay test check conformance fuzz bench spark lock clean
