# Set-up and commands; `make` alone lists them. Every command installs what it needs into .venv first.

DATASET = complete-journey
SOURCE =
LAKE = lake/$(DATASET)
AS_OF =
NIGHTS = 3
ENGINE = sail

# The first Python that runs and is of a supported version; that of .venv, where there is one.
PYTHON = $(shell for python in .venv/bin/python python3.11 python3.12 python3.13 python3 python; do \
	"$$python" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' 2>/dev/null && echo "$$python" && break; done)
NEED_PYTHON = test -n "$(PYTHON)" || { echo "error: no Python 3.11, 3.12 or 3.13 found: install one, or name it: make PYTHON=/path/to/python3.11" >&2; exit 2; }
VENV = .venv/bin
OPTIONS = --dataset '$(DATASET)' --source '$(SOURCE)' --lake '$(LAKE)' --as-of '$(AS_OF)' --nights '$(NIGHTS)' --engine '$(ENGINE)'
EXTRAS = $(if $(filter spark,$(ENGINE)),--extra spark)

# Without compiled files every start of Python costs three times as much.
unexport PYTHONDONTWRITEBYTECODE
export PYTHONUNBUFFERED = 1
export PYTHONPATH =

.PHONY: help setup setup-all nightly night show check format test long chaos bench lock clean clean-lake
.DEFAULT_GOAL = help

help:  ## this list
	@echo "Nightjar: logs in, customer tables and campaign files out. Commands:"
	@sed -nE 's/^([a-z-]+):.*## (.*)/  make \1|\2/p' Makefile | while IFS='|' read -r name what; do printf '%-18s %s\n' "$$name" "$$what"; done
	@echo "Options of nightly, night and show:"
	@echo "  DATASET=complete-journey|simulated|online-retail|olist|retailrocket   SOURCE=dir (files of that data set)"
	@echo "  LAKE=dir (default lake/DATASET)   AS_OF=YYYY-MM-DD (default: last day of the data)   NIGHTS=3   ENGINE=sail|spark"

setup:  ## .venv with the locked versions (ENGINE=spark: with Apache Spark)
	@$(NEED_PYTHON)
	@"$(PYTHON)" -m jobs.install $(EXTRAS)

setup-all:  ## .venv with everything that tests and checks need
	@$(NEED_PYTHON)
	@"$(PYTHON)" -m jobs.install --extra spark --extra dev

nightly:  ## land the data, build its history, train, run the newest nights through Airflow, show the result
	@$(NEED_PYTHON)
	@"$(PYTHON)" -m jobs.nightly all --check-only $(OPTIONS)
	@"$(PYTHON)" -m jobs.install $(EXTRAS)
	@$(VENV)/python -m jobs.nightly all $(OPTIONS)

night:  ## one night through Airflow on a lake that is there: AS_OF (default: the day after the newest published)
	@$(NEED_PYTHON)
	@"$(PYTHON)" -m jobs.nightly night --check-only $(OPTIONS)
	@"$(PYTHON)" -m jobs.install $(EXTRAS)
	@$(VENV)/python -m jobs.nightly night $(OPTIONS)

show: setup  ## what a lake holds: rows per table, segments, head of the campaign file
	@$(VENV)/python -m jobs.show --lake '$(LAKE)' $(if $(AS_OF),--as-of '$(AS_OF)')

check: setup-all  ## format, lint, types, one-way imports, data dictionary
	@$(VENV)/ruff format --check --quiet . || { echo "error: not formatted: run make format" >&2; exit 1; }
	@$(VENV)/ruff check --quiet .
	@$(VENV)/mypy --no-error-summary
	@$(VENV)/lint-imports --no-logo | tail -n 6
	@$(VENV)/python -m schemas.dictionary --check
	@echo "make check: passed"

format: setup-all  ## format and mend what ruff can mend; write the data dictionary anew
	@$(VENV)/ruff check --quiet --fix-only .
	@$(VENV)/ruff format --quiet .
	@$(VENV)/python -m schemas.dictionary

test: setup-all  ## all tests; those of engine spark where Java is there (TESTS="-k name" to choose)
	@$(VENV)/python -m jobs.jars --into .jars || echo "tests of engine spark are left out"
	@$(VENV)/python -m pytest --numprocesses=auto --maxprocesses=4 --dist=loadfile $(TESTS)

long: setup-all  ## tests that take many minutes: sixty nights, made both ways
	@$(VENV)/python -m pytest -m long tests/jobs

chaos: setup-all  ## every job of the night killed at five moments drawn by chance, and run again
	@$(VENV)/python -m pytest -m chaos tests/faults

bench: setup-all  ## the numbers of docs/benchmarks.md
	@$(VENV)/python -m tests.benchmarks

lock: setup  ## requirements.lock anew, with the newest versions that pyproject.toml allows
	@$(VENV)/uv pip compile pyproject.toml --quiet --upgrade --universal --python-version 3.11 --fork-strategy fewest \
		--all-extras --generate-hashes --no-emit-index-url --no-header --output-file requirements.lock

clean:  ## remove what tools made: .venv, .airflow, .jars, caches; lakes stay
	@rm -rf .venv .airflow .jars .cache .pytest_cache .ruff_cache .mypy_cache .import_linter_cache .hypothesis
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

clean-lake:  ## remove one lake: LAKE=dir, or the one of DATASET
	@test -f '$(LAKE)/landing/.dataset' || { echo "error: '$(LAKE)' is no lake of Nightjar: give LAKE=dir" >&2; exit 2; }
	@rm -rf '$(LAKE)'
