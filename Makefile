# Every command a newcomer needs. Each does its own set-up: Python 3.11 or newer, make and a package index are enough.
#   make run PORT=8001 DATA=/srv/trial      another port, another folder for the database and the files
#   make test TESTS="tests/rules -k offer"  part of the tests; WORKERS=0 runs them in one process

PYTHON  ?= python3
PORT    ?= 8000
DATA    ?= ./data
TESTS   ?= tests
WORKERS ?= 2
BENCH   ?=
MESSAGE ?=

# Each command starts many processes: they share what Python has compiled.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help run test check bench pictures format translations clean lock migration setup setup-dev

help: ## list these commands
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

run: setup ## the site with a demo cohort on http://localhost:8000
	@MATSAPPLY_DATA="$(DATA)" MATSAPPLY_DEMO=1 .venv/bin/matsapply serve --demo --port "$(PORT)"

test: setup-dev ## all tests, on SQLite and PostgreSQL, in a browser where there is one
	@.venv/bin/python -m pytest -n $(WORKERS) --dist worksteal $(TESTS)

check: setup-dev ## all static checks
	@.venv/bin/python scripts/check.py

bench: setup-dev ## how fast, beside a bare page measured in the same run
	@.venv/bin/python -m bench $(BENCH)

pictures: setup-dev ## take the pictures of the documentation from a demo (needs Chromium)
	@.venv/bin/python scripts/pictures.py

format: setup-dev ## bring the code into its one layout
	@.venv/bin/ruff check --fix --quiet . || true
	@.venv/bin/ruff format --quiet .

translations: setup-dev ## bring translations/*.po up to date with the texts, and name what waits to be translated
	@.venv/bin/python scripts/translations.py update

migration: setup-dev ## write the next migration from the models: make migration MESSAGE="what changes"
	@.venv/bin/python scripts/migration.py "$(MESSAGE)"

lock: setup-dev ## compile requirements/*.txt again from pyproject.toml (needs uv)
	@.venv/bin/python scripts/lock.py

clean: ## remove everything that was made here, except the data folder
	@rm -rf .venv translations/*.mo .pytest_cache .hypothesis .mypy_cache .ruff_cache .import_linter_cache .coverage htmlcov build dist *.egg-info
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

setup setup-dev:
	@command -v $(PYTHON) >/dev/null 2>&1 || { \
	  echo "matsapply needs Python 3.11 or newer, and there is no '$(PYTHON)' here; name another one: make run PYTHON=python3.12" >&2; exit 2; }
	@$(PYTHON) scripts/setup.py $(if $(filter setup-dev,$@),dev,base)
