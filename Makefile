# The two commands:
#   make run    set up and run the season that comes with the project
#   make test   set up and run the tests
# Another Python: make run PYTHON=python3.12. For pytest: make test PYTEST_ARGS="-k cape"

PYTHON ?= python3
VENV ?= .venv
CONFIG ?= configs/season.yaml
PYTEST_ARGS ?= -n 2 --dist worksteal

PY := $(VENV)/bin/python
PIP := $(PY) -m pip --disable-pip-version-check -qq install -c constraints.txt

.PHONY: help run test lint constraints clean

help:
	@sed -n 's/^#   //p' Makefile

run: $(VENV)/installed
	$(PY) -m pipeline run $(CONFIG)

test: $(VENV)/installed-dev
	$(PY) -m pytest $(PYTEST_ARGS)

lint: $(VENV)/installed-dev
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	$(PY) -m mypy

# The stamps make a second `make` start at once; they are older than pyproject.toml or
# constraints.txt when there is something new to install.
$(VENV)/made:
	@command -v "$(PYTHON)" > /dev/null || { \
	  echo "There is no '$(PYTHON)' here. Name a Python of 3.11 or newer: make run PYTHON=python3.12" >&2; \
	  exit 1; }
	@"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "Python 3.11 or newer is needed, and '$(PYTHON)' is `"$(PYTHON)" --version 2>&1`." \
	    "Name a newer one: make run PYTHON=python3.12" >&2; \
	  exit 1; }
	@echo "Making a virtual environment in $(VENV)"
	@"$(PYTHON)" -m venv $(VENV)
	@touch $@

$(VENV)/installed: pyproject.toml constraints.txt | $(VENV)/made
	@echo "Installing the project into $(VENV): a minute or two, the first time"
	@$(PIP) -e .
	@touch $@

$(VENV)/installed-dev: pyproject.toml constraints.txt | $(VENV)/made
	@echo "Installing the project and its test tools into $(VENV): a few minutes, the first time"
	@$(PIP) -e '.[dev]'
	@touch $@ $(VENV)/installed

# Remake constraints.txt from the newest releases that pyproject.toml allows.
constraints:
	rm -rf build/constraints
	"$(PYTHON)" -m venv build/constraints
	build/constraints/bin/python -m pip -qq install -e '.[bufr,compiled,dask,dev,grib,notebooks,parquet,zarr]'
	{ sed -n '/^#/p' constraints.txt; \
	  build/constraints/bin/python -m pip freeze --exclude-editable; } > build/constraints.txt
	mv build/constraints.txt constraints.txt
	rm -rf build/constraints

clean:
	rm -rf $(VENV) build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
