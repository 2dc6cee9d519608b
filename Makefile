# What a contributor runs is what CI runs. `make` alone lists the targets.

SHELL       := bash
.SHELLFLAGS := -eu -o pipefail -c
MAKEFLAGS   += --no-print-directory

GO       ?= go
FUZZTIME ?= 30s
RACE     ?=
PKG      ?= ./...
BENCH    ?=

LINTER     := bin/golangci-lint
TEST_FLAGS := -timeout 20m
ifneq ($(RACE),)
TEST_FLAGS += -race
endif

.DEFAULT_GOAL := help

.PHONY: help
help: ## list the targets
	@echo "usage: make TARGET"; echo
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: demo
demo: ## a week at Acme: gateway and vendor stand-ins on loopback, until Ctrl-C
	@[ -x bin/usher ] || echo "building usher; the first time takes a minute or two"
	@CGO_ENABLED=0 $(GO) build -trimpath -o bin/usher ./cmd/usher
	@./bin/usher demo

.PHONY: build
build: ## bin/usher, static
	CGO_ENABLED=0 $(GO) build -trimpath -o bin/usher ./cmd/usher

.PHONY: test
test: $(if $(RACE),need-cc) ## every test; RACE=1 adds the race detector, PKG=./scim/... narrows it
	@$(GO) test $(TEST_FLAGS) $(PKG)

.PHONY: race
race: ## every test under the race detector
	@$(MAKE) test RACE=1

.PHONY: lint
lint: $(LINTER) ## gofmt, go vet and golangci-lint, strict
	@unformatted=$$(gofmt -l .); \
	if [ -n "$$unformatted" ]; then echo "not formatted, run gofmt -w on:"; echo "$$unformatted"; exit 1; fi
	$(GO) vet $(PKG)
	$(LINTER) run $(PKG)

# The linter is built from its own module file, so that its many dependencies are never ours.
$(LINTER): tools.mod tools.sum
	$(GO) build -modfile=tools.mod -o $@ github.com/golangci/golangci-lint/v2/cmd/golangci-lint

.PHONY: fuzz
fuzz: ## every fuzz target for FUZZTIME (30s) each
	@found=0; \
	for pkg in $$($(GO) list $(PKG)); do \
	  for target in $$($(GO) test -run '^$$' -list '^Fuzz' $$pkg | grep '^Fuzz' || true); do \
	    found=$$((found + 1)); echo "== $$pkg $$target"; \
	    $(GO) test -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZTIME) $$pkg; \
	  done; \
	done; \
	echo "$$found fuzz targets passed"

.PHONY: bench
bench: ## throughput and latency over HTTP beside a floor server; BENCH='-n 2000 -runs 3' passes flags
	@$(GO) run ./bench $(BENCH)

# Histories make much garbage and start many goroutines that soon need a larger stack.
SIM_ENV := GOGC=800 GODEBUG=adaptivestackstart=1

.PHONY: sim
sim: ## simulated histories of the engine: SEEDS=500 of them, from SEED_START=1
	@$(SIM_ENV) $(GO) test -count=1 -timeout 24h -run 'TestHistories$$' -v ./provision/simtest -args -sim.seeds $(or $(SEEDS),500) -sim.start $(or $(SEED_START),1) \
	  | grep -v '^=== \|--- PASS'

.PHONY: mutants
mutants: ## break the engine on purpose, place by place; the simulator must notice. MUTANTS='-run budget' passes flags
	@$(SIM_ENV) $(GO) run ./provision/simtest/mutants $(MUTANTS)

.PHONY: sweep
sweep: ## a crash at every commit and every call of one simulated script
	@$(SIM_ENV) $(GO) test -count=1 -timeout 1h -run 'TestACrashAtEveryPlace$$' -v ./provision/simtest -args -sim.stride 1 | grep -v '^=== \|--- PASS'

.PHONY: clean
clean: ## remove what the other targets built
	rm -rf bin

.PHONY: need-cc
need-cc:
	@command -v "$$($(GO) env CC)" >/dev/null || { \
	  echo "the race detector needs a C compiler, and '$$($(GO) env CC)' is not installed: install gcc, or run make test without RACE=1" >&2; exit 1; }
	@[ "$$($(GO) env CGO_ENABLED)" = 1 ] || { \
	  echo "the race detector needs cgo, and CGO_ENABLED=0 is set: unset it, or run make test without RACE=1" >&2; exit 1; }
