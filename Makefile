# ClarityOS. `make help` lists what there is.

DEMO    := images/demo/clarity.toml
OFFICE  := images/office/clarity.toml
OUT     := out
CLARITY := $(OUT)/bin/clarity

# Tests check file systems and disks with programs that lie there.
export PATH := $(PATH):/usr/sbin:/sbin

.DEFAULT_GOAL := help

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: deps image ## build the demo image and boot it in QEMU, on a console
	$(CLARITY) run $(OUT)/demo

image: $(CLARITY) ## build the demo image into out/demo
	$(CLARITY) build -f $(DEMO) -o $(OUT)

# Boot tests build what they boot, which go's cache of results knows nothing of;
# a machine takes one processor (TCG before QEMU 8.1) and more.
TEST := go test -count=1 -p 2

browser: # in which pages are tested
	@.ci/deps "$(DEMO)" chromium:chromium

test: deps browser ## every test that a change has to pass, boot tests included
	$(TEST) -timeout 40m ./...
	.ci/fuzz 100000 services/plan services/varlink services/bus init/control init/notify learn/profiles
	.ci/fuzz 3000 update

test-full: deps browser ## the long proofs as well: more kernels, more schedules, fuzzing
	$(CLARITY) kernel fetch debian:forky-cloud
	$(TEST) -timeout 180m -tags full ./...
	$(TEST) -timeout 80m -run 'TestSchedules$$' ./services/supervisor -rapid.checks=30000
	$(TEST) -timeout 80m -tags full -run TestSchedulesOfImages ./services/supervisor -rapid.checks=5000
	.ci/fuzz 200000

bench: ## compare with other inits, an hour and more in all, ARGS='-inits all …'; then the bus, natively, the observer, starts by what was learned, the office, boots from a disk, and updates
	@.ci/deps $(DEMO) gcc:gcc gcc:libc6-dev
	go run ./qemu/bench $(ARGS)
	go run ./services/bus/bench
	go run ./learn/bench
	go run ./learn/bench/start
	go run ./images/office/bench
	go run ./images/disktest/bench
	go run ./update/bench
	go run ./images/updatetest/bench
	go test -run '^$$' -bench Event ./init

generate: ## make generated files anew, BPF programs by Debian 12's clang
	@.ci/deps $(DEMO) clang:clang llvm-strip:llvm /usr/include/bpf/bpf_helpers.h:libbpf-dev
	go generate ./...

man: ## write the manual pages of clarity and clarityctl into out/man
	go run -tags man ./cmd/clarity $(OUT)/man
	go run -tags man ./cmd/clarityctl $(OUT)/man

lint: ## formatting, vet, staticcheck, and PID 1's own rules
	@test -z "$$(gofmt -l . | tee /dev/stderr)" || { echo "run gofmt -w on these" >&2; exit 1; }
	go vet ./...
	GOARCH=arm64 go vet ./...
	go vet -tags full,man ./...
	go tool staticcheck -tags full,man ./...
	go test -run 'TestRules' ./init

deps: ## show and install what is missing: QEMU, kernels, packages for the images
	@.ci/deps "$(DEMO) $(OFFICE)"

clean: ## remove what was built; downloads stay in the user's cache folder
	rm -rf $(OUT)

$(CLARITY): FORCE
	@mkdir -p $(@D)
	go build -o $@ ./cmd/clarity

FORCE:

.PHONY: help browser run image test test-full bench generate man lint deps clean FORCE
