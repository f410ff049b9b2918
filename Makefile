# The commands of this project. CI calls the same ones (.ci/run).
PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
PIP    := $(BIN)/python -m pip --disable-pip-version-check
RUN    := requirements/run.txt requirements/model.txt
DEV    := requirements/dev.txt requirements/model.txt requirements/suites.txt requirements/engines.txt
ONLY   ?=
# One process more than there are cores: tests that wait for processes, disks and clocks leave theirs idle.
TESTERS := $(shell expr $$(nproc) + 1)

.PHONY: demo test test-all check fmt bench peers lock clean
.DELETE_ON_ERROR:

demo: $(VENV)/run.stamp ## set everything up and tell the story
	@$(BIN)/safeconduct demo $(ARGS)

# Under CI what failed is run once more alone, up to three tests; what ran is booked, and then docs/traceability.md is held against it.
test: $(VENV)/dev.stamp ## the tests
ifdef CI
	rm -rf .ran .results.xml .again.xml
	SAFECONDUCT_BOOKED=1 $(BIN)/python -m pytest -q -n $(TESTERS) --dist loadfile --junitxml=.results.xml \
		--ignore=tests/project/test_traceability.py $(ARGS) || $(BIN)/python tools/again.py .results.xml .again.xml
	SAFECONDUCT_LOOK_BACK=1 $(BIN)/python -m pytest -q tests/project/test_traceability.py
else
	$(BIN)/python -m pytest -q -n auto --dist loadfile $(ARGS)
endif

test-all: $(VENV)/dev.stamp $(VENV)/spark.stamp ## the tests, with ten times as many drawn examples, all rules over all data, and Spark; needs Java 17
	SAFECONDUCT_LONG=1 $(BIN)/python -m pytest -q -n auto --dist loadfile $(ARGS)

check: $(VENV)/dev.stamp ## ruff, mypy, import contracts
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

fmt: $(VENV)/dev.stamp
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: $(VENV)/dev.stamp ## measurements into bench/results.json; ONLY=gateway|log|... picks
	$(BIN)/python -m bench $(if $(ONLY),--only $(ONLY))

peers: $(VENV)/dev.stamp ## others to compare with in `make bench` (gateways, a Sigma engine): minutes and a gigabyte; needs node and npm
	$(BIN)/python -m bench.peers.setup

# uv must be on PATH to renew the locks; nothing else needs it.
UV_COMPILE := uv pip compile --quiet --generate-hashes --universal --no-header --no-annotate --no-emit-index-url --no-emit-find-links --python-version 3.11
lock:
	$(UV_COMPILE) --upgrade pyproject.toml requirements/run.in --extra model -o requirements/run.txt
	$(UV_COMPILE) pyproject.toml requirements/run.in requirements/dev.in --extra model -c requirements/run.txt -o requirements/dev.txt
	$(UV_COMPILE) --no-deps requirements/model.in -o requirements/model.txt
	$(UV_COMPILE) --no-deps requirements/suites.in -o requirements/suites.txt
	$(UV_COMPILE) --no-deps requirements/engines.in -o requirements/engines.txt
	$(UV_COMPILE) --no-deps requirements/spark.in -o requirements/spark.txt
	$(UV_COMPILE) tests/interop/inspect/requirements.in -o tests/interop/inspect/requirements.txt

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Safeconduct needs Python 3.11 or newer; $(PYTHON) is older. Try: make $(MAKECMDGOALS) PYTHON=python3.12" >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); echo "python3 lacks the venv module. On Debian and Ubuntu: apt-get install python3-venv" >&2; exit 1; }

# One pip run per set: hashes for every file, wheels only, no resolver, then our own package without build isolation.
define install
	@echo "Installing $(1) (once; hashes checked) ..." >&2
	@$(PIP) install --quiet --no-deps --require-hashes --only-binary :all: $(foreach f,$(2),-r $(f))
	@$(PIP) install --quiet --no-deps --no-build-isolation -e .
	@touch $@
endef

$(VENV)/run.stamp: $(RUN) pyproject.toml | $(VENV)/bin/python
	$(call install,the run set,$(RUN))

$(VENV)/dev.stamp: $(DEV) pyproject.toml | $(VENV)/bin/python
	$(call install,the developer set,$(DEV))
	@touch $(VENV)/run.stamp

# Spark has no wheel: built here, of hashed files all the same.
$(VENV)/spark.stamp: requirements/spark.txt | $(VENV)/dev.stamp
	@echo "Installing Spark (once; hashes checked) ..." >&2
	@$(PIP) install --quiet --no-deps --require-hashes -r requirements/spark.txt
	@touch $@

clean:
	rm -rf $(VENV) .peers bench/results.json
