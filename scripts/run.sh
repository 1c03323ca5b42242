#!/usr/bin/env bash
# `make run`: builds Meetme and its lab and shows a provider's whole journey on real routers.
# Leaves all running at the end; with ONCE=1 in the environment it ends instead.
. "$(dirname "$0")/common.sh"

scripts/install-packages.sh build lab
scripts/prepare-frr.sh
need_rust

step 'building'
cargo build --release -p meetme -p meetme-lab -p meetme-journey

exec "${CARGO_TARGET_DIR:-target}/release/meetme-journey" run "$@"
