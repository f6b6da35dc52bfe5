# make demo          builds the program and takes examples/shop through its life in directories
# make demo-clusters the same on two Kubernetes clusters of this machine, where it runs on
# make test          runs all tests, against real servers
# make cluster-up    starts two Kubernetes clusters on this machine, to try things on
# make cluster-down  stops them
# make bench         measures speed and memory
# make lint          what CI checks beside the tests
# make fmt           formats the code
#
# `demo` and `test` install what is missing, or say what to install.

# nextest where it is installed: it runs tests of all crates at the same time.
test_runner := $(shell cargo nextest --version >/dev/null 2>&1 && echo 'nextest run' || echo 'test')

.PHONY: demo demo-clusters test cluster-up cluster-down bench lint fmt

demo:
	@tools/install build
	cargo build --locked
	@examples/demo

demo-clusters: cluster-up
	@tools/install build
	cargo build --locked
	@examples/demo-clusters

# The first run builds Kubernetes, which takes some minutes.
test:
	@tools/install test
	@tests/cluster/build --for-tests >/dev/null
	cargo $(test_runner) --locked --workspace --no-fail-fast; \
	    status=$$?; tests/cluster/cluster down --unused; exit $$status

cluster-up:
	@tools/install test
	@tests/cluster/build >/dev/null
	@tests/cluster/cluster up --nodes 4 beijing >/dev/null
	@tests/cluster/cluster up --nodes 2 shanghai >/dev/null
	@echo "export KUBECONFIG=$$(tests/cluster/cluster up beijing):$$(tests/cluster/cluster up shanghai)"

cluster-down:
	@tests/cluster/cluster down beijing
	@tests/cluster/cluster down shanghai

bench:
	@tools/install bench
	cargo build --locked --release
	@benches/run
	@cargo bench --locked --package portolan-state --bench throughput
	@cargo bench --locked --package portolan --bench placement

lint:
	cargo fmt --all --check
	cargo clippy --locked --workspace --all-targets -- -D warnings
	RUSTDOCFLAGS="-D warnings" cargo doc --locked --workspace --no-deps --quiet
	tools/check-dependencies
	tools/check-links

fmt:
	cargo fmt --all
