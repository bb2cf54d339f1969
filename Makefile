# Spillway's tasks. `make help` lists them. All that they need is Go; what a test needs beyond that it says when it skips.

GO      ?= go
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo unversioned)

# Which benchmarks `make bench` runs, and how long `make fuzz` gives each target.
BENCH      ?= .
BENCHPKGS  ?= ./scheduler/... ./cloudburst/...
FUZZTIME   ?= 5s

# What staticcheck looks for; short on purpose, each finds mistakes or keeps documentation where readers look for it: wrong
# use of the standard library (SA), what can be said more simply (S1), what nobody uses (U1000), a comment for each package
# and of the right form (ST1000, ST1020, ST1021), names (ST1003, ST1012, ST1016), errors that can be wrapped (ST1005), no
# package imported twice (ST1019). That exported names are documented at all is checked by .ci/layers.
CHECKS := SA*,S1*,U1000,ST1000,ST1003,ST1005,ST1012,ST1016,ST1019,ST1020,ST1021

# The tools that check the tree. The leading dot keeps them out of ./..., so they are named here.
TOOLS := ./.ci/layers ./.ci/gotest ./.ci/benchtable

.PHONY: help build demo test test-openstack test-vm check bench fuzz fmt clean

help: ## list these tasks
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' Makefile

build: ## every command into bin/, static
	CGO_ENABLED=0 $(GO) build -buildvcs=false -trimpath -ldflags '-X main.version=$(VERSION)' -o bin/ ./cmd/...

demo: build ## a real analysis of real data, from nothing to a picture; says where it is
	GO='$(GO)' $(GO) run -buildvcs=false ./examples/demo -out demo-result

test: ## all tests; lists at the end what was skipped and why
	$(GO) run ./.ci/gotest ./...

test-openstack: ## tests against a real OpenStack with a fake hypervisor, brought up for it; Debian 12, as root
	.ci/openstack/test services

test-vm: ## bursting into a virtual machine of a real OpenStack, emulated in software; Debian 12, as root
	.ci/openstack/test vm

check: ## formatting, go vet, staticcheck, the layer rules, a tidy go.mod
	@unformatted=$$(gofmt -l .) && test -z "$$unformatted" || { echo "not formatted (make fmt does it):"; echo "$$unformatted"; exit 1; }
	$(GO) vet ./... $(TOOLS)
	$(GO) tool staticcheck -checks '$(CHECKS)' ./... $(TOOLS)
	$(GO) test $(TOOLS)
	$(GO) run ./.ci/layers
	$(GO) mod tidy -diff

bench: ## benchmarks as a table of figures, units and goals
	$(GO) test -run '^$$' -bench '$(BENCH)' -timeout 30m $(BENCHPKGS) | $(GO) run ./.ci/benchtable

fuzz: ## every fuzz target for FUZZTIME
	@$(GO) test -list '^Fuzz' ./... \
	| awk '/^Fuzz/ { names[n++] = $$1 } /^ok/ { for (i = 0; i < n; i++) print $$2, names[i]; n = 0 }' \
	| while read -r pkg name; do \
		echo "$$pkg $$name" && $(GO) test -run '^$$' -fuzz "^$$name\$$" -fuzztime $(FUZZTIME) "$$pkg" </dev/null || exit 1; \
	done

fmt: ## format the code
	gofmt -w .

clean: ## remove what build made
	rm -rf bin demo-result
