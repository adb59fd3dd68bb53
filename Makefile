# The Better Store. `make` alone lists what there is to do.
# Needs git, make and Python 3.11 or newer; whatever else it takes is installed under .local/.

UV_VERSION := 0.13.8
OWN_UV := $(CURDIR)/.local/uv/bin/uv
UV := $(or $(shell command -v uv 2>/dev/null),$(OWN_UV))
RUN := $(UV) run --frozen --all-packages
LOCAL := $(RUN) python -m local

FOLDERS := $(wildcard *-service) public-api
TEMPLATES := $(FOLDERS:%=%/template.yaml) local/flow/stack/template.yaml
CONTRACT_TESTS := tests/rules tests/contracts
ROOT_TESTS := tests/simulation tests/fuzz local
TYPED := bench local tools tests $(FOLDERS:%=%/src) $(wildcard *-service/*.py public-api/*.py)

# Three suites run at once where make can keep apart what they print; the longest begin.
LONGEST := test-e2e test-root test-toys-service test-public-api test-contracts
SIDE_BY_SIDE := $(if $(filter output-sync,$(.FEATURES)),-j3 --output-sync=target)

headline = @printf '\n\033[1m== %s\033[0m\n' '$(1)'

# SAM's builder looks for uv on the path.
export PATH := $(PATH):$(dir $(OWN_UV))
export SAM_CLI_TELEMETRY := 0
# Many a process is started: each would compile all that it imports.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help up down status logs dlq redrive seed replay replay-flow flow record deploy-flow report dashboards mail-preview demo token manager build deploy lint test smoke gameday simulate fuzz contracts lock bench clean

help: ## List these targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

up: $(UV) ## Start the cloud on this machine, and deploy to it what changed [SERVICE=toys,orders]
	@$(LOCAL) up $(if $(SERVICE),--only $(SERVICE))

down: $(UV) ## End all that runs
	@$(LOCAL) down

status: $(UV) ## Tell what runs, where, and in what state the stacks are
	@$(LOCAL) status

logs: $(UV) ## Show the log lines of SERVICE=orders [FOLLOW=1]
	@$(LOCAL) logs $(or $(SERVICE),$(error Which? make logs SERVICE=orders)) $(if $(FOLLOW),--follow)

dlq: $(UV) ## List the dead letters, and why each is one [ENV=prod] [SERVICE=orders]
	@$(LOCAL) dlq --env $(or $(ENV),local) $(if $(SERVICE),--only $(SERVICE))

redrive: $(UV) ## Send the dead letters of SERVICE=toys back [QUEUE=InboxDeadLetters] [ENV=prod]
	@$(LOCAL) redrive $(or $(SERVICE),$(error Whose? make redrive SERVICE=toys)) --env $(or $(ENV),local) $(if $(QUEUE),--queue $(QUEUE))

seed: $(UV) ## Put the toys of a CSV, or the sample, into the catalogue [FILE=toys.csv] [ENV=prod]
	@$(LOCAL) seed $(if $(FILE),'$(FILE)') --env $(or $(ENV),local)

replay: $(UV) ## Rebuild what the shop keeps of toys and orders, from those who own them [ENV=prod]
	@$(LOCAL) replay --env $(or $(ENV),local)

report: $(UV) ## Count the sales of twelve months, tell them and show them [ENV=prod]
	@$(LOCAL) report --env $(or $(ENV),local)

flow: $(UV) ## Show every message on its way, in a browser [ENV=prod]
	@$(LOCAL) flow --env $(or $(ENV),local)

record: $(UV) ## Write what the flow page has got to FILE=flow.jsonl.gz [ORDERS=a,b]
	@$(LOCAL) record '$(or $(FILE),.local/flow.jsonl.gz)' $(if $(ORDERS),--orders $(ORDERS))

replay-flow: $(UV) ## Show a recorded run, FILE=flow.jsonl.gz, on the flow page
	@$(LOCAL) flow --file '$(or $(FILE),docs/flow/two-orders.jsonl.gz)'

deploy-flow: $(UV) ## Deploy what the flow page reads to AWS: ENV=prod
	@$(LOCAL) deploy --env $(or $(ENV),$(error Where to? make deploy-flow ENV=prod)) --service flow

dashboards: $(UV) ## Draw the dashboards of the cloud on this machine, for a browser
	@$(LOCAL) dashboards

mail-preview: $(UV) ## Write every e-mail into .local/mail-preview/, for a browser
	@$(RUN) python notification-service/preview.py .local/mail-preview

demo: $(UV) ## Buy something, and watch it go through the eight services
	@$(LOCAL) demo

token: $(UV) ## Sign a shopper up, and print the token that the API takes
	@$(LOCAL) token

manager: $(UV) ## Let the account of EMAIL=ann@example.com see the reports [ENV=prod]
	@$(LOCAL) manager $(or $(EMAIL),$(error Who? make manager EMAIL=ann@example.com)) --env $(or $(ENV),local)

build: $(UV) ## Build the services as they go to Lambda [SERVICE=toys,orders]
	@$(LOCAL) build $(if $(SERVICE),--only $(SERVICE))

deploy: $(UV) ## Build and deploy to AWS: ENV=default (the dev stacks) or prod [SERVICE=orders]
	@$(LOCAL) deploy --env $(or $(ENV),$(error Where to? make deploy ENV=default, or ENV=prod)) $(if $(SERVICE),--service $(SERVICE))

lint: $(UV) ## Check style, types and templates
	$(call headline,style)
	@$(RUN) ruff check
	@$(RUN) ruff format --check
	$(call headline,types)
	@$(RUN) mypy $(TYPED)
	@for folder in $(FOLDERS); do $(RUN) mypy $$folder/tests || exit 1; done
	$(call headline,templates)
	@$(RUN) cfn-lint $(TEMPLATES)
	@printf '%s\n' $(TEMPLATES) | xargs -P 2 -n 1 $(RUN) sam validate --lint --template

test: lint ## Check all: lint, each service alone, all together, on the cloud and in a browser
	@$(MAKE) --no-print-directory $(SIDE_BY_SIDE) $(LONGEST) $(filter-out $(LONGEST),$(FOLDERS:%=test-%))

.PHONY: test-e2e
test-e2e: $(UV)
	$(call headline,tests/e2e)
	@$(RUN) pytest -q tests/e2e

.PHONY: test-root
test-root: $(UV)
	$(call headline,$(ROOT_TESTS))
	@$(RUN) pytest -q $(ROOT_TESTS)

.PHONY: test-contracts
test-contracts: $(UV)
	$(call headline,$(CONTRACT_TESTS))
	@$(RUN) pytest -q $(CONTRACT_TESTS)

.PHONY: $(FOLDERS:%=test-%)
$(FOLDERS:%=test-%): test-%: $(UV)
	$(call headline,$*)
	@cd $* && $(UV) run --isolated --frozen pytest -q

smoke: $(UV) ## Place a test order, and follow it to its end [ENV=prod] [CARD=pm_...] [PATIENCE=90]
	@$(LOCAL) smoke --env $(or $(ENV),local) $(if $(CARD),--card $(CARD)) $(if $(PATIENCE),--patience $(PATIENCE))

gameday: $(UV) ## Break something on this machine's cloud, for you to find out what [SEED=7] [FAULT=poison] [ANSWERS=1]
	@$(LOCAL) gameday $(if $(SEED),--seed $(SEED)) $(if $(FAULT),--fault $(FAULT)) $(if $(ANSWERS),--answers)

simulate: $(UV) ## Play orders in one process, where anything may fail at any time [MINUTES=10] [SEED=7]
	@$(RUN) python -m tests.simulation $(if $(SEED),--seed $(SEED)) $(if $(ORDERS),--orders $(ORDERS)) \
	  $(if $(MINUTES),--minutes $(MINUTES)) $(if $(STORY),--story) $(if $(FAULT),--fault '$(FAULT)')

fuzz: $(UV) ## Try the APIs on this machine with requests made up from openapi.json [SERVICE=orders] [EXAMPLES=200] [SEED=1]
	@$(RUN) python -m tests.fuzz $(if $(SERVICE),--service $(SERVICE)) $(if $(EXAMPLES),--examples $(EXAMPLES)) \
	  $(if $(SEED),--seed $(SEED))

contracts: $(UV) ## Write the contracts, sample events, diagrams and dashboards' lines out of the code
	@$(RUN) python -m tools.dashboards
	@$(RUN) python -m tools.contracts

lock: $(UV) ## Lock the newest versions that the pyproject.toml files allow
	@$(UV) lock --upgrade
	@$(RUN) python -m tools.requirements

bench: $(UV) ## Measure: time and calls per order, package sizes, imports
	@$(RUN) python -m bench

clean: $(UV) ## Delete what was built, logged and stored here
	@$(LOCAL) clean

$(OWN_UV):
	@echo "Installing uv $(UV_VERSION) into .local/uv"
	@python3 -m venv .local/uv
	@.local/uv/bin/pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)
