# Everything runs in .venv, which the first call makes and a changed pyproject.toml or lock brings up
# to date. Another interpreter, before there is a .venv: make PYTHON=python3.12 test

PYTHON ?= python3
PYTEST_ARGS ?= --numprocesses auto --dist worksteal
NOX_ARGS ?=
MUTANTS_ARGS ?= --number 60 --seed 1
BENCH_ARGS ?=

VENV := .venv
BIN := $(VENV)/bin

# The committed kernels, each with the command in its header that makes it.
define KERNELS
generated/gru.py:    gru-codegen generate --cell gru --unroll any --loss l2 --style fast
generated/gru_t1.py:    gru-codegen generate --cell gru --unroll 1 --loss l2 --style fast
generated/gru_t2.py:    gru-codegen generate --cell gru --unroll 2 --loss l2 --style fast
generated/gru_t2_textbook.py:    gru-codegen generate --cell gru --unroll 2 --loss l2 --style textbook
generated/gru_t4.py:    gru-codegen generate --cell gru --unroll 4 --loss l2 --style fast
generated/gru_t8.py:    gru-codegen generate --cell gru --unroll 8 --loss l2 --style fast
generated/gru_textbook.py:    gru-codegen generate --cell gru --unroll any --loss l2 --style textbook
endef
export KERNELS
COMMITTED = $$(git ls-files 'generated/*.py' 2>/dev/null | grep . || ls generated/*.py)

# The committed report, which a browser shows, and the options that make it.
REPORT := docs/reports/gru.html
INSPECT := inspect --unroll 2 --format html --output

# Every target works in the one .venv, and two that install into it at once would spoil it.
ifndef INSTALLED
.NOTPARALLEL:
endif

.PHONY: help demo test lint types imports drift wheel pytest test-browser fuzz test-faults test-corpus test-forms test-proofs test-strangers test-mutants test-versions test-peers lock docs format generated bench clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "%-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: $(VENV)/installed-demo ## train on handwritten digits through a generated kernel
	$(BIN)/python examples/digits.py

# What `make test` runs in, version by version and hash by hash: a release of a dependency fails no
# unchanged tree, and no file comes in that was not there when the lock was made.
LOCK := requirements-dev.txt
TOOLS := $(VENV)/installed-$(LOCK)

test: $(TOOLS) ## everything that has to pass
	@$(MAKE) --no-print-directory --jobs=2 INSTALLED=yes lint types imports drift wheel
	@$(MAKE) --no-print-directory pytest

# A user's own kernel in generated/ is none of it. Where there is no git everything is.
TRACKED := { git ls-files '*.py' 2>/dev/null | grep . || echo .; }

lint: $(TOOLS) ## ruff: rules and format, of what git tracks
	$(TRACKED) | xargs $(BIN)/ruff check --force-exclude pyproject.toml
	$(TRACKED) | xargs $(BIN)/ruff format --check --force-exclude

types: $(TOOLS) ## mypy, strict
	$(BIN)/mypy

imports: $(TOOLS) ## the floors: who may import whom
	$(BIN)/lint-imports

drift: $(TOOLS) ## generated/ and the report are what would be written now, no more and no less
	@$(BIN)/gru-codegen check $(COMMITTED) || \
		{ echo 'generated/ has drifted; if that is meant: make generated' >&2; exit 1; }
	@test "$$(grep '^    gru-codegen' $(COMMITTED))" = "$$KERNELS" || \
		{ echo 'committed are other kernels than KERNELS, in the Makefile, lists' >&2; exit 1; }
	@mkdir -p build && $(BIN)/gru-codegen $(INSPECT) build/gru.html && cmp build/gru.html $(REPORT) || \
		{ echo '$(REPORT) has drifted; if that is meant: make generated' >&2; exit 1; }

wheel: $(TOOLS) ## build the wheel and use it away from the source tree
	$(BIN)/python tests/packaging/check_wheel.py

pytest: export OMP_NUM_THREADS := 1
pytest: $(TOOLS) ## the tests alone
	$(BIN)/python -m pytest $(PYTEST_ARGS)

test-browser: $(TOOLS) $(VENV)/installed-browser ## HTML reports in Chromium, which has to be installed
	$(BIN)/python -m pytest -rs tests/explain/html/test_browser.py $(PYTEST_ARGS)

test-faults: $(TOOLS) ## plant faults in every line of the kernels; takes minutes
	$(BIN)/python -m pytest -m campaign tests/faults $(PYTEST_ARGS)

test-corpus: export OMP_NUM_THREADS := 1
test-corpus: $(TOOLS) ## published cells in every style and layout, against a second writing of each; takes minutes
	$(BIN)/python -m pytest -m "campaign or not campaign" tests/corpus $(PYTEST_ARGS)

test-forms: export OMP_NUM_THREADS := 1
test-forms: $(TOOLS) ## every style, layout and number of steps that make test tries in turn; takes minutes
	$(BIN)/python -m pytest -m campaign tests --ignore=tests/corpus --ignore=tests/faults \
		--ignore=tests/emit/test_random_cells.py --ignore=tests/verify/test_random_cells.py $(PYTEST_ARGS)

fuzz: export EXAMPLES ?= 2000
fuzz: export OMP_NUM_THREADS := 1
fuzz: $(TOOLS) ## kernels of 2,000 cells drawn at random, other ones every time; takes an hour of CPU time
	$(BIN)/python -m pytest -m campaign -rP tests/emit/test_random_cells.py tests/verify/test_random_cells.py $(PYTEST_ARGS)

test-proofs: $(TOOLS) ## prove kernels of every cell, loss, readout, layout and length; takes half an hour
	$(BIN)/python -m benchmarks.proofs steps
	$(BIN)/python -m benchmarks.proofs losses

test-strangers: export STRANGERS ?= 400
test-strangers: $(TOOLS) ## files and command lines of strangers, kills and interruptions; takes minutes
	$(BIN)/python -m pytest tests/strangers $(PYTEST_ARGS)

test-mutants: export OMP_NUM_THREADS := 1
test-mutants: $(TOOLS) $(VENV)/installed-mutants ## change the compiler at random places; list what no test sees
	$(BIN)/python -m tests.mutants.campaign $(MUTANTS_ARGS)

test-versions: $(VENV)/installed-versions ## the lowest and the newest dependencies, on every Python there is
	$(BIN)/nox $(NOX_ARGS)

test-peers: $(TOOLS) $(VENV)/installed-peers ## compare with torch, torchrecurrent, Keras, onnxruntime; kernels inside torch and JAX
	$(BIN)/python -m pytest -m peers tests/peers

lock: $(VENV)/installed-versions ## the newest versions of what make test runs in, into the lock
	$(BIN)/uv pip compile pyproject.toml --extra test --extra demo --python-version 3.10 --universal \
		--upgrade --generate-hashes --no-emit-index-url --custom-compile-command 'make lock' \
		--quiet --output-file $(LOCK)

docs: $(VENV)/installed-docs ## the pages as a site with a report of every cell, in build/site; takes a minute
	$(BIN)/python -m sphinx -W --keep-going -q -c docs . build/site
	@echo 'wrote build/site/index.html'

format: $(TOOLS) ## apply ruff's fixes and format
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

generated: $(TOOLS) ## write the committed kernels and the report again
	@printf '%s\n' "$$KERNELS" | sed 's/^\(.*\): *gru-codegen \(.*\)/\2 --output \1/' | \
		xargs -L 1 $(BIN)/gru-codegen
	$(BIN)/gru-codegen $(INSPECT) $(REPORT)

bench: export OMP_NUM_THREADS := 1
bench: $(VENV)/installed-bench ## time the kernels, and write what README.md and docs/performance*.md say of it
	$(BIN)/python -m benchmarks.race $(BENCH_ARGS)
	$(BIN)/python -m benchmarks.profile
	$(BIN)/python -m benchmarks.generation
	$(BIN)/python -m benchmarks.plots
	$(BIN)/python -m benchmarks.markdown \
		--into docs/performance.md --into docs/performance_notes.md --into README.md

clean: ## remove caches, build/ and dist/; .venv stays
	rm -rf build dist .hypothesis .nox .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	find . -name $(VENV) -prune -o -name __pycache__ -print0 | xargs -0 rm -rf

$(TOOLS): pyproject.toml $(LOCK) | $(BIN)/pip
	$(BIN)/python -m pip install --disable-pip-version-check --require-hashes --requirement $(LOCK)
	$(BIN)/python -m pip install --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

# One stamp per extra: the package in place, with what the extra names.
$(VENV)/installed-%: pyproject.toml | $(BIN)/pip
	$(BIN)/python -m pip install --disable-pip-version-check --editable '.[$*]'
	@touch $@

# pip is the last thing that venv installs, so a half-made environment is completed, not used.
$(BIN)/pip:
	$(if $(shell $(PYTHON) -c 'import sys, venv, ensurepip; print(sys.version_info >= (3, 10) or "")' \
		2>&1 | grep -x True),,$(error $(PYTHON) is not Python 3.10 or later with venv: \
		install that, or name one with make PYTHON=python3.12))
	$(PYTHON) -m venv $(VENV)
