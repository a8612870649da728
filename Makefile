# Entry points for people and for CI. Each target calls one program; the logic lives there, not here.
# The stack targets use Docker Compose when an engine answers, else the local stack (deploy/local); STACK=local or
# STACK=compose decides by hand.

PYTHON ?= python3
CHOOSE := PYTHON=$(PYTHON) deploy/local/choose

# Options of the local stack: NAME of the stack and its ports. Unset ones keep what the stack used last.
STACK_OPTIONS := $(if $(NAME),--name $(NAME)) $(if $(BASE_PORT),--base-port $(BASE_PORT)) \
	$(if $(GATEWAY_PORT),--gateway-port $(GATEWAY_PORT)) $(if $(PAGE_PORT),--page-port $(PAGE_PORT)) \
	$(if $(OTLP_PORT),--otlp-port $(OTLP_PORT))
export STACK STACK_OPTIONS

.DEFAULT_GOAL := help

.PHONY: help
help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-34s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: venv
venv: ## Make or refresh the virtual environment .venv
	@$(PYTHON) deploy/local/stack.py venv

.PHONY: up
up: ## Start the whole system and wait until it is ready
	@$(CHOOSE) up

.PHONY: demo
demo: ## Start the whole system and three example services that log
	@$(CHOOSE) demo

.PHONY: down
down: ## Stop the system; the data stays
	@$(CHOOSE) down

.PHONY: ps
ps: ## Show the programs and their states
	@$(CHOOSE) ps

.PHONY: logs
logs: ## Follow the logs (service=NAME for one service)
	@$(CHOOSE) logs $(service)

.PHONY: restart
restart: ## Restart one service (service=NAME)
	$(if $(service),,$(error say which: make restart service=writer))
	@$(CHOOSE) restart $(service)

.PHONY: scale
scale: ## Run n replicas of a service (service=writer n=3)
	$(if $(and $(service),$(n)),,$(error say which and how many: make scale service=writer n=3))
	@$(CHOOSE) scale $(service) $(n)

.PHONY: images
images: ## Build the Docker images; tells the bytes that our layers add
	@deploy/compose/images

.PHONY: clean
clean: ## Stop and remove what was generated; keeps the data (DATA=1 wipes it too)
	@$(CHOOSE) clean $(if $(filter 1,$(DATA)),--data)

# What is checked by type, each folder by itself because their test modules share names.
TYPED := services/contract services/runtime services/gateway services/writer services/query services/stream \
	clients/python examples/python-inventory tests/harness tests/e2e tests/faults tests/limits tests/bench tests/chart tests/compose \
	tests/examples tests/monitoring tests/scaling deploy/local deploy/grafana docs

.PHONY: check
check: check-python check-page check-chart ## Lint, types, imports, generated files, tests of the Node packages: no server needed

.PHONY: check-python
check-python: venv ## The Python part of it: lint, types, who imports whom, generated files, lock files
	.venv/bin/ruff format --check .
	.venv/bin/ruff check .
	.venv/bin/lint-imports --no-logo
	for folder in $(TYPED); do MYPYPATH=tests:deploy/local .venv/bin/mypy $$folder || exit 1; done
	proto/generate --check
	.venv/bin/python docs/generate.py --check
	.venv/bin/python deploy/grafana/generate.py --check
	services/lock --check

.PHONY: check-page
check-page: ## The page and the Node client: types, lint, unit tests
	cd services/dashboard && npm ci --no-audit --no-fund --silent && npm run check && npm test
	cd clients/node && npm ci --no-audit --no-fund --silent && npm run check && npm test

.PHONY: check-chart
check-chart: helm-check ## The Helm chart

.PHONY: helm-check
helm-check: helm-venv ## Lint, render and validate the Helm chart, without a cluster (see helm/check)
	.venv/bin/mypy --python-executable helm/check/.venv/bin/python helm/check
	cd helm/check && .venv/bin/python -m pytest --quiet
	cd helm/check && .venv/bin/python -m helm_check

.PHONY: helm-goldens
helm-goldens: helm-venv ## Write helm/goldens, the rendered chart as it is reviewed
	cd helm/check && .venv/bin/python -m helm_check --write

.PHONY: helm-venv
helm-venv: venv
	helm/check/environment

.PHONY: test
test: venv browser ## All tests, against a stack of their own
	.venv/bin/pytest

.PHONY: test-compose
test-compose: venv browser ## Tests through Docker Compose, and of the chart's pods; skipped where there is no engine
	tests/compose/run

.PHONY: unit
unit: venv ## The tests that need no server, in about two minutes
	.venv/bin/pytest -m "not stack"

.PHONY: fuzz
fuzz: venv ## Try whatever bytes there may be, for longer than the tests do (seconds=600)
	PYTHONPATH=tests .venv/bin/python -m harness.fuzzing $(if $(seconds),--seconds $(seconds))

BENCH_OPTIONS := $(if $(scenario),--scenario $(scenario)) $(if $(dsn),--dsn $(dsn)) $(if $(rate),--rate $(rate)) \
	$(if $(seconds),--seconds $(seconds)) $(if $(records),--records $(records)) $(if $(rows),--rows $(rows)) \
	$(if $(attributes),--attributes $(attributes)) $(if $(viewers),--viewers $(viewers)) $(if $(max_rate),--max-rate $(max_rate)) \
	$(if $(stack),--stack $(stack)) $(if $(out),--out $(out))

.PHONY: bench
bench: venv ## Measure speed and cost on a stack of its own (scenario=burst; see tests/bench)
	PYTHONPATH=tests .venv/bin/python -m bench $(BENCH_OPTIONS)

.PHONY: screenshots
screenshots: venv browser ## Write docs/images/page-*.png, a picture of each state of the page
	PYTHONPATH=tests:tests/e2e .venv/bin/python -m page.screenshots

.PHONY: browser
browser:
	tests/e2e/page/install-browser

.PHONY: proto
proto: venv ## Regenerate the Python messages of proto/
	proto/generate

.PHONY: docs
docs: venv ## Regenerate docs/configuration.md and docs/metrics.md
	.venv/bin/python docs/generate.py

.PHONY: dashboards
dashboards: venv ## Regenerate deploy/grafana/dashboards
	.venv/bin/python deploy/grafana/generate.py

.PHONY: lock
lock: venv ## Pin the Python dependencies again (UPGRADE=1 takes newer releases)
	services/lock

.PHONY: format
format: venv ## Format the Python code
	.venv/bin/ruff format .
	.venv/bin/ruff check --fix .
