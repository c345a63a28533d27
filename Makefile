# The whole workflow. `make run` and `make test` are all a newcomer needs.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
export PIP_DISABLE_PIP_VERSION_CHECK = 1

.PHONY: all run city test unit check golden bench bench-distributed scoreboard figures chaos system lock clean
all: check test

$(VENV)/.run: requirements.lock pyproject.toml
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/.dev: requirements-dev.lock pyproject.toml
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --require-hashes -r requirements-dev.lock
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $@ $(VENV)/.run

run: $(VENV)/.run  ## the platform, a broker and a simulated park with 180 days of history
	$(BIN)/park run --simulate

system:  ## servers that the tests talk to, where we may install them
	@scripts/system

test: system $(VENV)/.dev  ## everything
	$(BIN)/python -m pytest -n 3 --dist loadfile

unit: $(VENV)/.dev  ## no servers, under a minute
	$(BIN)/python -m pytest -m "not server and not slow"

check: $(VENV)/.dev  ## format, lint, types, arrows
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

golden: $(VENV)/.dev  ## rewrite expected files; the diff is the review
	GOLDEN=1 $(BIN)/python -m pytest -m "not server"

city: system $(VENV)/.dev  ## a simulated city of 20 parks with real engines, every role a process; Ctrl-C stops it
	$(BIN)/park city

bench: system $(VENV)/.dev  ## figures of docs/benchmarks.md, to bench/results/latest.json
	$(BIN)/python -m bench

bench-distributed: system $(VENV)/.dev  ## figures of a city's roles, to the same file; PARK_KAFKA_HOME says where Apache Kafka is
	$(BIN)/python -m bench distributed

scoreboard: $(VENV)/.dev  ## how well the detectors find, to docs/scoreboard.md
	$(BIN)/python -m bench.scoreboard

figures: $(VENV)/.dev  ## the scoreboard's quicker sets against the committed figures: fails where one fell
	$(BIN)/python -m bench.scoreboard --check fires room nuisances lead dodgers

chaos: system $(VENV)/.dev  ## the long forms of what is killed in the middle: every commit, every step of delivery
	PARK_LONG=1 $(BIN)/python -m pytest -q -p no:randomly --timeout=1200 tests/alerts/test_alarm_kill.py tests/faults/test_delivery_kill.py tests/faults/test_kill.py \
		tests/city/test_ingest_chaos.py tests/city/test_worker_chaos.py tests/city/test_alarms_chaos.py tests/city/test_alarms_cut.py tests/city/test_demo_city.py tests/deploy/test_deploy_roles.py

lock: $(VENV)/.dev  ## pin everything; names, versions and hashes only
	$(BIN)/python -m pip install --quiet uv && PATH="$(BIN):$$PATH" scripts/lock

clean:
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis build *.egg-info
