# Works with GNU Make 3.81 (macOS) and newer. `make` alone lists the targets.
VENV := .venv
PY := $(VENV)/bin/python
CODE := src tests tools bench
ARGS ?=
# Where faults are sampled by default.
FAULTS := tests/faults tests/unit/store/test_faults.py tests/unit/engine/test_pruning.py tests/unit/llm/test_reply.py \
	tests/runs/test_crash.py tests/runs/test_signals_and_full_disk.py tests/runs/test_incremental.py \
	tests/tui/test_driver.py
LOCK = uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --python-version 3.11 \
	--custom-compile-command "make lock" $(LOCK_ARGS) pyproject.toml

.DEFAULT_GOAL := help
.PHONY: help venv demo test faults lint check format keys snapshots screenshots cast bench recordings lock clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' Makefile

# What the program needs, and with the second stamp what its tests and checks need: a first `make demo` stays quick.
$(VENV)/.run: requirements/run.txt pyproject.toml tools/venv.sh
	@echo "installing what ossature needs into $(VENV) (first time: about a minute) …" >&2
	@sh tools/venv.sh run
	@touch $@

$(VENV)/.dev: requirements/dev.txt pyproject.toml tools/venv.sh
	@echo "installing what the tests and checks need into $(VENV) …" >&2
	@sh tools/venv.sh dev
	@touch $(VENV)/.run $@

venv: $(VENV)/.dev ## make .venv with everything for development

demo: $(VENV)/.run ## run the demo (no key, no network); ARGS="…" is passed on
	@$(VENV)/bin/ossature demo $(ARGS)

# The tests start thousands of processes. Where no bytecode is written, each would compile all that it imports.
test: $(VENV)/.dev ## run the tests; ARGS="-k name" is passed on
	@$(PY) -m compileall -q src
	@$(PY) -m pytest $(ARGS)

# Every check runs, so one failure does not hide the next.
faults: $(VENV)/.dev ## try every fault instead of a sample; OSSATURE_FAULTS_SEED=7 for other random ones
	@$(PY) -m compileall -q src
	@OSSATURE_FAULTS=all $(PY) -m pytest $(FAULTS) -rP $(ARGS)

lint: $(VENV)/.dev ## format, lint, types, imports and style, without the tests
	@failed=0; \
	$(VENV)/bin/ruff format --check $(wildcard $(CODE)) || failed=1; \
	$(VENV)/bin/ruff check $(wildcard $(CODE)) || failed=1; \
	$(VENV)/bin/mypy || failed=1; \
	$(VENV)/bin/lint-imports || failed=1; \
	$(PY) tools/check_style.py || failed=1; \
	exit $$failed

check: lint test ## everything that has to be green before a commit

format: $(VENV)/.dev ## format the code and mend what ruff can mend
	@$(VENV)/bin/ruff format $(wildcard $(CODE))
	@$(VENV)/bin/ruff check --fix $(wildcard $(CODE))

keys: $(VENV)/.dev ## write docs/reference/keys.md anew from the table of actions
	@$(PY) tools/keys_page.py

snapshots: $(VENV)/.dev ## write every view of the screen as text, for its tests; then look at what changed
	@$(PY) -m tools.snapshots $(ARGS)

screenshots: $(VENV)/.dev ## take the pictures of the screen for the docs
	@$(PY) -m tools.screenshots $(ARGS)

cast: $(VENV)/.dev ## record the demo in a terminal, for asciinema
	@$(PY) -m tools.cast $(ARGS)

bench: $(VENV)/.dev ## measure what ossature itself costs, beside its references
	@set -e; for script in bench/[!_]*.py; do echo "== $$script" >&2; $(PY) "$$script" $(ARGS); done

recordings: $(VENV)/.dev ## record the example's prompts anew; ARGS="--model M" asks a model for new replies
	@$(PY) tools/record_example.py $(ARGS)

lock: ## write requirements/*.txt anew (needs uv); LOCK_ARGS=--upgrade takes newer releases
	@command -v uv >/dev/null || { echo "make lock needs uv: https://docs.astral.sh/uv/" >&2; exit 1; }
	$(LOCK) --group dev -o requirements/dev.txt
	$(LOCK) --group build -c requirements/dev.txt -o requirements/run.txt

clean: ## remove .venv, caches and built packages; never .ossature
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
	find $(wildcard $(CODE)) -name __pycache__ -type d -prune -exec rm -rf {} +
