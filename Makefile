# make demo    builds the program and takes examples/shop through its life in directories
# make test    runs all tests, against real servers where there are some
# make bench   measures speed and memory
# make lint    what CI checks beside the tests
# make fmt     formats the code
#
# `demo` and `test` install what is missing, or say what to install.

# nextest where it is installed: it runs tests of all crates at the same time.
test_runner := $(shell cargo nextest --version >/dev/null 2>&1 && echo 'nextest run' || echo 'test')

.PHONY: demo test bench lint fmt

demo:
	@tools/install build
	cargo build --locked
	@examples/demo

test:
	@tools/install test
	cargo $(test_runner) --locked --workspace --no-fail-fast

bench:
	@tools/install bench
	cargo build --locked --release
	@benches/run

lint:
	cargo fmt --all --check
	cargo clippy --locked --workspace --all-targets -- -D warnings
	RUSTDOCFLAGS="-D warnings" cargo doc --locked --workspace --no-deps --quiet
	tools/check-dependencies
	tools/check-links

fmt:
	cargo fmt --all
