# `just` lists what can be done; `just ci` is what must pass before a change is taken.

_default:
    @just --list --unsorted

# a gateway, a registry and a greeter to try it with
demo:
    cargo run --release -- demo

# everything that must pass: formatting, lints, tests with real Go peers, documentation, dependencies
ci:
    .ci/run

# the tests alone
test *ARGS:
    cargo test --workspace {{ARGS}}

# formats the code
fmt:
    cargo fmt --all

# lints as the gate sees them
lint:
    cargo clippy --workspace --all-targets -- -D warnings

# the documentation of every crate
doc:
    RUSTDOCFLAGS="-D warnings" cargo doc --no-deps --workspace

# licences, bans and sources of dependencies
deny:
    cargo deny --offline --locked check bans licenses sources

# the go-micro service and the real micro v2.9.3, into $GO_BIN
peers:
    conformance/peers/go/build.sh

# CPU time per request beside HAProxy, nginx and the real micro
bench *ARGS:
    cargo run --release -p benchmarks -- {{ARGS}}
