# Two commands do all set-up on a fresh machine: `make demo` and `make test`.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
export OMP_WAIT_POLICY := PASSIVE
export NO_MKDOCS_2_WARNING := 1
export GOMP_SPINCOUNT := 0

.PHONY: demo test lint docs clean

$(VENV)/.run: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --upgrade pip
	$(BIN)/pip install --quiet -e .
	touch $@

$(VENV)/.dev: $(VENV)/.run
	$(BIN)/pip install --quiet -e ".[dev]"
	touch $@

demo: $(VENV)/.run
	$(BIN)/facegen reenact --demo --out demo.mp4 --contact-sheet demo.png
	@echo "The video is $(CURDIR)/demo.mp4, its overview $(CURDIR)/demo.png"

lint: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

test: lint
	$(BIN)/python -m pytest -n 2 --dist loadfile

docs: $(VENV)/.dev
	$(BIN)/python -m mkdocs build --strict
	@echo "The documents are at $(CURDIR)/site/index.html"

clean:
	rm -rf $(VENV) build dist site *.egg-info demo.mp4 demo.png
