# The whole workflow. `make run` and `make test` are all a newcomer needs.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
export PIP_DISABLE_PIP_VERSION_CHECK = 1
# Where somebody says that Kafka is, it is; else where `make kafka` puts it, if it did.
WITH_KAFKA = if [ -z "$$PARK_KAFKA_HOME" ] && [ -d build/kafka ]; then export PARK_KAFKA_HOME="$(CURDIR)/build/kafka"; fi;

.PHONY: all run city test unit check golden bench bench-distributed scoreboard figures chaos chaos-short system kafka lock clean
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

kafka:  ## Apache Kafka's jars, into build/kafka, where Java and Maven are or may be installed
	@scripts/kafka

test: system $(VENV)/.dev  ## everything but what needs Apache Kafka, unless PARK_KAFKA_HOME says where that is
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

city: system kafka $(VENV)/.dev  ## a simulated city of 20 parks with real engines, every role a process; Ctrl-C stops it
	@$(WITH_KAFKA) exec $(BIN)/park city

bench: system $(VENV)/.dev  ## figures of docs/benchmarks.md, to bench/results/latest.json
	$(BIN)/python -m bench

bench-distributed: system kafka $(VENV)/.dev  ## figures of a city's roles, to the same file
	$(WITH_KAFKA) $(BIN)/python -m bench distributed

scoreboard: $(VENV)/.dev  ## how well the detectors find, to docs/scoreboard.md
	$(BIN)/python -m bench.scoreboard

figures: $(VENV)/.dev  ## the scoreboard's quicker sets against the committed figures: fails where one fell
	$(BIN)/python -m bench.scoreboard --check fires room nuisances lead dodgers

chaos-short: system kafka $(VENV)/.dev  ## what needs Apache Kafka and is skipped without it: a city's parts are killed, cut off and paused
	$(WITH_KAFKA) timeout -s INT -k 60 900 $(BIN)/python -m pytest -n 2 --dist loadfile tests/city/test_worker_chaos.py tests/city/test_ingest_chaos.py \
		tests/city/test_alarms_chaos.py tests/city/test_alarms_cut.py tests/city/test_kafka_log.py tests/city/test_ingest_copy.py tests/city/test_city_parity.py tests/contracts/test_log_port.py tests/deploy/test_deploy_kafka.py

chaos: system kafka $(VENV)/.dev  ## the long forms of what is killed in the middle: every commit, every step of delivery
	$(WITH_KAFKA) PARK_LONG=1 $(BIN)/python -m pytest -q -p no:randomly --timeout=1200 tests/alerts/test_alarm_kill.py tests/faults/test_delivery_kill.py tests/faults/test_kill.py \
		tests/city/test_ingest_chaos.py tests/city/test_worker_chaos.py tests/city/test_alarms_chaos.py tests/city/test_alarms_cut.py tests/city/test_demo_city.py tests/deploy/test_deploy_roles.py

lock: $(VENV)/.dev  ## pin everything; names, versions and hashes only
	$(BIN)/python -m pip install --quiet uv && PATH="$(BIN):$$PATH" scripts/lock

clean:
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis build *.egg-info
