# CinePi: everything a person or CI calls. `make` lists it.
#
# Each target installs what it needs by itself. A variable passes options on:
#   make demo DEMO_ARGS="--port 1884"     make test TEST_ARGS="tests/unit -x"

DEMO_ARGS ?=
TEST_ARGS ?=
BENCH_ARGS ?=

# What `make check` runs, in this order: check-<name> is a target. To add one, write it and name it.
CHECKS := format lint types layers contract asyncapi

MAKEFLAGS += --no-print-directory --no-builtin-rules
.NOTPARALLEL: # two cores, and one .venv
# Debian keeps mosquitto in /usr/sbin, where plain users do not look.
export PATH := $(CURDIR)/.venv/bin:$(PATH):/usr/local/sbin:/usr/sbin
python_folders := $(wildcard cinepi cinepid tests benchmarks)

# $(call quietly,NAME,COMMAND): one line when it is well, all of its output when it is not.
define quietly
@printf '  %-8s ' '$(1)'; \
	if output=$$($(2) 2>&1); then echo ok; else echo FAILED; printf '%s\n' "$$output"; exit 1; fi
endef

.PHONY: help
help: ## list these targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-21s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: setup
setup: ## install what is missing to work on the code (packages, .venv)
	@scripts/bootstrap dev

.PHONY: demo
demo: ## a simulated camera, a broker and the daemon, here and now
	@scripts/bootstrap run
	@cinepid demo $(DEMO_ARGS)

# Most tests wait, so that a core has time for several of them. What measures time comes last, alone.
# With TEST_ARGS there is one run, as pytest is told; "-n 4" among them makes four workers.
WORKERS ?= $(shell expr 3 '*' "$$(nproc)")
BESIDE := -n $(WORKERS) --dist worksteal -m "not alone"

.PHONY: test
test: setup ## run the tests, beside each other where that is possible
ifeq ($(strip $(TEST_ARGS)),)
	@pytest $(BESIDE); beside=$$?; pytest -m alone || exit; \
		[ $$beside = 0 ] || echo "make test: of those that ran beside each other, some failed"; \
		exit $$beside
else
	@pytest $(TEST_ARGS)
endif

.PHONY: test-system
test-system: setup ## install, run and upgrade the package in a booted Debian (root; minutes)
	@PYTHON=python scripts/test-system $(TEST_ARGS)

# Three Home Assistants, each with its broker and its camera. The tests of a file follow each other.
.PHONY: test-homeassistant
test-homeassistant: setup ## run the tests in a real Home Assistant (root; 2 minutes more at first)
	@HOMEASSISTANT_ROOT=$$(scripts/homeassistant-build) && export HOMEASSISTANT_ROOT && \
		pytest tests/homeassistant $(or $(TEST_ARGS),-n 3 --dist loadfile --no-loadscope-reorder)

.PHONY: figures-homeassistant
figures-homeassistant: setup ## measure how fast Home Assistant sees things (root)
	@HOMEASSISTANT_ROOT=$$(scripts/homeassistant-build) && export HOMEASSISTANT_ROOT && \
		python -m tests.homeassistant.harness.figures

.PHONY: screenshots
screenshots: setup ## make the pictures of docs/home-assistant again (root, chromium)
	@HOMEASSISTANT_ROOT=$$(scripts/homeassistant-build) && export HOMEASSISTANT_ROOT && \
		python -m tests.homeassistant.harness.screenshots docs/home-assistant

.PHONY: test-clusters
test-clusters: setup ## kill nodes of RabbitMQ and NATS clusters (root; 2 minutes more at first)
	@ENGINES_ROOT=$$(scripts/engines-build) && export ENGINES_ROOT && \
		pytest -n0 tests/fleet/clusters $(TEST_ARGS)

.PHONY: deb
deb: ## build the Debian package into dist/
	@scripts/deb

.PHONY: torture
torture: setup ## cut the power, drain 10,000 events, and kill everything everywhere for MINUTES=60
	@POWER_CUT_SAMPLES=5 BACKLOG_DRAINED=10000 pytest -rP tests/faults/test_power_cut.py \
		tests/faults/test_power_cut_daemon.py tests/faults/test_brokers.py -k "power or backlog"
	@python -m tests.faults.torture --minutes $(MINUTES) $(TORTURE_ARGS)
MINUTES := 60
TORTURE_ARGS ?=

.PHONY: torture-input
torture-input: setup ## 100,000 hostile messages through a broker, and a long fuzz of the decoders
	@HOSTILE_MESSAGES=100000 FUZZ_RUNS=100000 pytest -rP tests/faults/test_hostile.py \
		tests/faults/test_decoders.py

.PHONY: coverage
coverage: setup ## run the tests and report the lines that none of them ran
	@pytest --cov --cov-report=term $(TEST_ARGS)

.PHONY: check $(CHECKS:%=check-%)
check: $(CHECKS:%=check-%) ## format, lint, types and layers, as CI judges them

$(CHECKS:%=check-%): setup

check-format:
	$(call quietly,format,ruff format --check .)
check-lint:
	$(call quietly,lint,ruff check .)
check-types:
	$(call quietly,types,mypy $(python_folders))
check-layers:
	$(call quietly,layers,lint-imports --no-logo)

check-contract:
	$(call quietly,contract,python -m cinepid.contract check)
check-asyncapi:
	@printf '  %-8s ' asyncapi; scripts/check-asyncapi # says so when it cannot look

.PHONY: contract
contract: setup ## write docs/asyncapi.yaml and docs/mqtt-reference.md anew from the code
	@python -m cinepid.contract write

.PHONY: examples
examples: setup ## record the contract's examples anew from a running device, then write it
	@RECORD_EXAMPLES=1 pytest --quiet tests/broker/test_conversation.py
	@python -m cinepid.contract write

.PHONY: format
format: setup ## format the code and mend what ruff can mend
	@ruff format .
	@ruff check --fix .

.PHONY: bench
bench: setup ## run the benchmarks, one after the other
	@set -e; for benchmark in $(basename $(notdir $(wildcard benchmarks/*.py))); do \
		echo "== $$benchmark"; python -m benchmarks.$$benchmark $(BENCH_ARGS); done

.PHONY: lock
lock: setup ## pin the newest versions of everything in requirements*.lock
	@python -m pip install --quiet --disable-pip-version-check uv
	@uv pip compile $(LOCK_ARGS) pyproject.toml --output-file requirements.lock
	@uv pip compile $(LOCK_ARGS) pyproject.toml --output-file requirements-dev.lock \
		--constraint requirements.lock --extra demo --group dev
LOCK_ARGS := --quiet --upgrade --universal --python-version 3.11 --fork-strategy fewest \
	--no-emit-index-url --no-emit-find-links --custom-compile-command "make lock"

.PHONY: clean
clean: ## remove everything that was made here, .venv too
	@rm -rf .venv build dist .coverage .coverage.* htmlcov .hypothesis \
		.mypy_cache .ruff_cache .pytest_cache .import_linter_cache
	@find . -name __pycache__ -prune -exec rm -rf {} +
