# Everything a person does with this package; `make` lists it. Swift's own tool does the work.

PREFIX ?= /usr/local
# For packagers: a root to install under, put before PREFIX.
DESTDIR ?=

SWIFT ?= swift
# The oldest toolchain that can build the package.
SWIFT_NEEDED := 6.2

prefix := $(DESTDIR)$(patsubst ~/%,$(HOME)/%,$(PREFIX))
# No test is an XCTest, and XCTest itself leaks, as the address sanitizer says. One after the other: many measure
# time, descriptors or wake-ups, and all would measure each other.
test_options := --disable-xctest --no-parallel
release_options := -c release --static-swift-stdlib --product connect --scratch-path .build-release -Xlinker -s
# Without any library to load, a short call takes two thirds of the time. What libdbus asks of libsystemd is for
# listening on its sockets, which no part of the program does.
static_options := -Xswiftc -static-executable \
    -Xlinker --defsym=sd_listen_fds=abort -Xlinker --defsym=sd_is_socket=abort
# Types like Dictionary<String, Bus> are made by calling what makes them. Otherwise the runtime makes them of their names,
# and looks through all conformances in the program for those of the key: that was three quarters of a short call's instructions.
metadata_options := -Xswiftc -Xfrontend -Xswiftc -disable-concrete-type-metadata-mangled-name-accessors
# Fails where the compiler does not know the option: it is not one of the documented ones.
metadata_probe := $(SWIFT)c $(filter-out -Xswiftc,$(metadata_options)) -typecheck -
# Fails where a static library is missing.
static_probe := $(SWIFT)c $(filter-out -Xswiftc,$(static_options)) -ldbus-1 -o .build-release/static-probe -

# Swift keeps caches below the home directory, and builds nothing where it cannot. Then they stay here.
caches := $(or $(XDG_CACHE_HOME),$(HOME)/.cache)
ifneq ($(shell test -w "$(caches)" || { test ! -e "$(caches)" && test -w "$(HOME)"; } && echo writable),writable)
export XDG_CACHE_HOME := $(CURDIR)/.build-cache
endif

# Installs the packages that the shell variable `missing` names, or says in a line why it cannot.
define install_missing
if [ -z "$$missing" ]; then exit 0; fi; \
	if ! command -v apt-get >/dev/null; then \
	    echo "Missing (by Debian's names):$$missing. There is no apt-get here: install them your system's way." >&2; \
	    exit 1; \
	fi; \
	sudo=; \
	if [ "$$(id -u)" != 0 ]; then \
	    if ! command -v sudo >/dev/null; then \
	        echo "Missing:$$missing. Run as root: apt-get install$$missing" >&2; \
	        exit 1; \
	    fi; \
	    sudo=sudo; \
	fi; \
	install="$$sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends$$missing"; \
	echo "Installing$$missing"; \
	$$install || { $$sudo apt-get update && $$install; }
endef

.DEFAULT_GOAL := help
.PHONY: help setup setup-tests build builds docs test test-fast test-broker test-loop test-metrics setup-lz4 test-lz4 lint demo release install uninstall sanitize fuzz flood \
    schedules soak mixture bench instructions clean

help: ## list what there is to make
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | while IFS="$$(printf '\t')" read -r goal does; do \
	    printf '  make %-12s %s\n' "$$goal" "$$does"; done

setup: ## install what is missing of D-Bus (Debian and its kin), and look for Swift
	@version=$$($(SWIFT) --version 2>/dev/null | sed -n 's/.*Swift version \([0-9][0-9.]*\).*/\1/p' | head -n 1); \
	if [ -z "$$version" ]; then \
	    echo "There is no Swift toolchain: install $(SWIFT_NEEDED) or newer from https://www.swift.org/install/" >&2; \
	    exit 1; \
	elif ! printf '%s\n' $(SWIFT_NEEDED) "$$version" | sort -V -C; then \
	    echo "Swift $$version is too old: install $(SWIFT_NEEDED) or newer from https://www.swift.org/install/" >&2; \
	    exit 1; \
	fi
	@missing=; \
	command -v dbus-daemon >/dev/null || missing="$$missing dbus"; \
	command -v pkg-config >/dev/null || missing="$$missing pkg-config"; \
	pkg-config --exists dbus-1 2>/dev/null || missing="$$missing libdbus-1-dev"; \
	$(install_missing)

setup-tests: setup ## install what the tests need besides: another bus, a proxy, jq, Python's D-Bus
	@missing=; \
	command -v dbus-broker-launch >/dev/null || missing="$$missing dbus-broker"; \
	command -v xdg-dbus-proxy >/dev/null || missing="$$missing xdg-dbus-proxy"; \
	command -v jq >/dev/null || missing="$$missing jq"; \
	/usr/bin/python3 -c 'from gi.repository import Gio' 2>/dev/null || missing="$$missing python3-gi"; \
	$(install_missing)

build: setup ## build everything, for debugging
	$(SWIFT) build

builds: setup ## build from nothing in the ways that show what an earlier build hides, and as a dependant does
	SWIFT="$(SWIFT)" .ci/builds

# SwiftPM plans a build again when files of its own package come and go, not when those of the library do: so always.
examples_options := --package-path examples --disable-build-manifest-caching

define build_and_test
$(SWIFT) build --build-tests
$(1) Tests/run $(SWIFT) test --skip-build $(test_options)
$(SWIFT) build --build-tests $(examples_options)
$(1) Tests/run $(SWIFT) test --skip-build $(examples_options) $(test_options)
endef

test: setup-tests ## run all tests, those of the examples too, each on a bus of its own
	$(build_and_test)

# What to run after each change: no other programs but private buses, and nothing that tries something very often.
fast_tests := --filter '^(ConnectToLinuxTests|ConnectToDBusTests|ConnectToPortsTests|ConnectToMessagingTests)\.' \
    --skip '(LockTests|HostileDescriptorTests|HostileMemoryTests|KilledTests|StoppedTests|RingTests|MixtureTests)/'

test-fast: setup ## run the quick tests of loop, ports and D-Bus alone: less than a minute when nothing else runs
	$(SWIFT) build --build-tests
	Tests/run $(SWIFT) test --skip-build $(test_options) $(fast_tests)

test-broker: setup-tests ## run all tests on dbus-broker in place of dbus-daemon
	$(call build_and_test,CONNECTTO_TEST_BUS=broker)

test-loop: setup-tests ## run all tests with their tasks on the ports' event loop
	$(call build_and_test,CONNECTTO_TEST_EXECUTOR=loop)

test-metrics: setup-tests ## run the test of the trait Metrics, which counts through swift-metrics
	$(SWIFT) test --traits default,Metrics --scratch-path .build-metrics $(test_options) --filter MetricsTests

# For the trait LZ4 alone.
setup-lz4: setup-tests
	@missing=; \
	pkg-config --exists liblz4 2>/dev/null || missing="$$missing liblz4-dev"; \
	$(install_missing)

test-lz4: setup-lz4 ## run the tests of calls with the trait LZ4, which compresses through liblz4
	$(SWIFT) test --traits default,LZ4 --scratch-path .build-lz4 $(test_options) \
	    --filter '^ConnectToMessagingTests\.(LZ4Block|Compression|Messenger|Envelope)Tests'

lint: ## check the form of the sources
	$(SWIFT) format lint --strict --recursive Package.swift Sources Tests Benchmarks $(wildcard examples)

# SwiftPM makes the symbol graphs with all traits.
docs: setup-lz4 ## build the guide and the reference, and compile every piece of Swift in the documents
	SWIFT="$(SWIFT)" .ci/docs
	.ci/snippets $(SWIFT)

demo: build ## show a listener and two callers
	examples/demo.sh

release: setup
	@mkdir -p .build-release; \
	if printf '@_silgen_name("dbus_connection_open_private") func open()\nopen()\n' \
	    | $(static_probe) >.build-release/static-probe.log 2>&1; then \
	    static="$(static_options)"; \
	else \
	    echo "There is no static libdbus-1 or C library: connect is linked to the shared ones, and starts slower." >&2; \
	    echo "On Debian libdbus-1-dev and libc6-dev have them. What the linker said: .build-release/static-probe.log" >&2; \
	fi; \
	if echo | $(metadata_probe) 2>.build-release/metadata-probe.log; then metadata="$(metadata_options)"; fi; \
	set -x; $(SWIFT) build $(release_options) $$static $$metadata

install: release ## install the command `connect` under PREFIX (/usr/local)
	connect=$$($(SWIFT) build $(release_options) --show-bin-path)/connect; \
	install -d "$(prefix)/bin" "$(prefix)/share/bash-completion/completions" \
	    "$(prefix)/share/zsh/site-functions" "$(prefix)/share/fish/vendor_completions.d" \
	    "$(prefix)/share/man/man1" && \
	install -m 755 "$$connect" "$(prefix)/bin/connect" && \
	install -m 644 Sources/ConnectCLI/connect.1 "$(prefix)/share/man/man1/connect.1" && \
	"$$connect" --generate-completion-script bash >"$(prefix)/share/bash-completion/completions/connect" && \
	"$$connect" --generate-completion-script zsh >"$(prefix)/share/zsh/site-functions/_connect" && \
	"$$connect" --generate-completion-script fish >"$(prefix)/share/fish/vendor_completions.d/connect.fish"

uninstall: ## remove what install has put under PREFIX
	rm -f "$(prefix)/bin/connect" "$(prefix)/share/man/man1/connect.1" \
	    "$(prefix)/share/bash-completion/completions/connect" \
	    "$(prefix)/share/zsh/site-functions/_connect" \
	    "$(prefix)/share/fish/vendor_completions.d/connect.fish"

# SANITIZER=thread or address alone; what they are not to report, and why, is in Tests/Sanitizers.
SANITIZER ?= address thread

sanitize: setup-tests ## run all tests under the address sanitizer, then under the thread sanitizer; SANITIZER= one of them
	for sanitizer in $(SANITIZER); do \
	    for package in . examples; do \
	        SWIFT="$(SWIFT)" CONNECT="$(CURDIR)/.build-$$sanitizer/debug/connect" \
	            Tests/Sanitizers/run $$sanitizer $(test_options) --package-path $$package \
	            --scratch-path $$package/.build-$$sanitizer || exit 1; \
	    done; \
	done

# For each target; CORPUS=directory keeps what a run has learnt for the next.
SECONDS ?= 10
fuzz_options := --product ConnectToFuzz --scratch-path .build-fuzz --sanitize=address \
    -Xswiftc -sanitize=fuzzer,address -Xswiftc -use-ld=lld

fuzz: setup ## look for what a peer could crash us with, SECONDS=10 for each target
	CONNECTTO_FUZZ=1 $(SWIFT) build $(fuzz_options)
	Tests/Fuzz/run $(SECONDS)

# SEED=number tries the same again.
MINUTES ?= 2
REQUESTS ?= 100000
SEED ?=
soak: setup-tests ## everything at once, on a bus that is killed again and again, for MINUTES=2
	$(SWIFT) build --product ConnectToTestPeer
	$(SWIFT) build --product ConnectToTestWorker
	$(SWIFT) build --product ConnectToSoak
	$$($(SWIFT) build --show-bin-path)/ConnectToSoak $(MINUTES) $(SEED)

# FIRST=number begins with another seed; what differs is printed with its seed.
SCHEDULES ?= 2000
FIRST ?= 0
schedules: ## compare shared state with its models step by step, in SCHEDULES=2000 random schedules of each
	SWIFT="$(SWIFT)" Tests/Schedules/run $(SCHEDULES) $(FIRST)

mixture: setup-tests ## 100,000 requests of all kinds over one line, with random delays, cancels and deadlines; SEED= repeats a run
	$(SWIFT) build --build-tests
	CONNECTTO_MIXTURE=$(REQUESTS) CONNECTTO_SEED=$(SEED) Tests/run $(SWIFT) test --skip-build $(test_options) \
	    --filter MixtureTests/

flood: setup-tests ## flood a listener with introductions for a minute, from this user and (as root) from another
	CONNECTTO_FLOOD_SECONDS=60 Tests/run $(SWIFT) test $(test_options) --filter FloodTests

bench: release ## measure everything beside its alternatives; QUICK=1 takes two minutes and is not to be quoted
	connect=$$($(SWIFT) build $(release_options) --show-bin-path)/connect; \
	SWIFT="$(SWIFT)" BENCH_CONNECT="$$connect" Benchmarks/run $(if $(QUICK),--quick)

instructions: setup ## compare the instructions of hot paths with Benchmarks/instructions.json; UPDATE=1 writes it
	SWIFT="$(SWIFT)" Benchmarks/instructions $(if $(UPDATE),--update)

clean: ## remove all that was built
	rm -rf .build .build-release .build-address .build-thread .build-fuzz .build-bench .build-bench-grpc .build-metrics .build-lz4 .build-schedules .build-alone .build-cache \
	    examples/.build examples/.build-address examples/.build-thread
