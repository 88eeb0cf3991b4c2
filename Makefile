# The two commands that a newcomer needs, and a few that a developer does. CMake builds.
BUILD ?= build
JOBS  ?= $(shell nproc)

.PHONY: all demo check sanitize fmt clean
all: build
build: deps
	@cmake -S . -B $(BUILD) -G Ninja $(CMAKE_ARGS) >$(BUILD).log 2>&1 || { cat $(BUILD).log; exit 1; }
	@mv $(BUILD).log $(BUILD)/configure.log
	@cmake --build $(BUILD) -j $(JOBS)

.PHONY: build deps deps-test
deps:
	@tools/deps.sh run
deps-test:
	@tools/deps.sh run test

# Fashion-MNIST, a DARTS search, the winner and a random network trained alike, exported.
demo: build
	$(BUILD)/netwright search examples/demo.yaml

check: deps-test build
	@tests/check.sh $(BUILD)

# The tests again under address, undefined-behaviour and thread sanitizers.
sanitize: deps-test
	@tests/sanitize.sh

fmt:
	clang-format -i $$(git ls-files '*.c' '*.h')

clean:
	rm -rf $(BUILD)
