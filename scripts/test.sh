#!/usr/bin/env bash
# `make test`: the checks, then every test. Whole-system tests (package meetme-journey) bring up a lab each and
# measure it, so each of them runs alone. The store's tests start PostgreSQL themselves. The first time, clients of
# others are installed below target/clients and another FRR is unpacked below target/roots, which needs a network.
. "$(dirname "$0")/common.sh"

if [ "$(id -u)" -ne 0 ]; then
    echo 'make test: the tests run real routers in network namespaces and need root; run it as root' >&2
    exit 1
fi
scripts/install-packages.sh build lab test
scripts/prepare-clients.sh
scripts/prepare-frr.sh
need_rust

step 'checks'
cargo xtask check

step 'building what the whole-system tests run'
cargo build --workspace --bins

step 'tests'
if cargo nextest --version >/dev/null 2>&1; then
    # .config/nextest.toml gives the whole machine to one whole-system test at a time.
    cargo nextest run --workspace --no-fail-fast
else
    failed=0
    cargo test --workspace --exclude meetme-journey --lib --bins --tests --no-fail-fast || failed=1
    cargo test -p meetme-journey --lib --bins --tests --no-fail-fast -- --test-threads=1 || failed=1
    [ "$failed" -eq 0 ]
fi

step 'examples in the documentation'
cargo test --workspace --doc
