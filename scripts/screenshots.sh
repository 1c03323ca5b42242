#!/usr/bin/env bash
# `make screenshots`: the walk through the portal (the test crates/journey/tests/portal.rs), leaving a picture of every
# page in target/screenshots: wide and narrow, light and dark. The chosen ones go to docs/images.
. "$(dirname "$0")/common.sh"

if [ "$(id -u)" -ne 0 ]; then
    echo 'make screenshots: the walk runs real routers in network namespaces and needs root; run it as root' >&2
    exit 1
fi
scripts/install-packages.sh build lab test
scripts/prepare-clients.sh
scripts/prepare-frr.sh
need_rust

# The picture, and what it is called in docs/images.
chosen=(
    peer-create-configuration-wide-light create-a-peering
    operator-queue-connection-wide-light queue
    peer-peering-wide-light peering
    peer-peering-cut-wide-dark peering-cut
    peer-peering-narrow-dark peering-narrow
    peer-prefix-wide-light registered-prefix
    peer-service-wide-light peering-service
    operator-home-wide-light home
)
most_kb=150

pictures=$PWD/${CARGO_TARGET_DIR:-target}/screenshots
cargo build --bins -p meetme -p meetme-lab
rm -rf "$pictures"
MEETME_SCREENSHOTS=$pictures cargo test -p meetme-journey --test portal -- --nocapture

step 'pictures for the documentation'
mkdir -p docs/images
for ((i = 0; i < ${#chosen[@]}; i += 2)); do
    from=$pictures/${chosen[i]}.webp to=docs/images/${chosen[i + 1]}.webp
    kb=$(($(stat -c %s "$from") / 1024))
    if [ "$kb" -gt "$most_kb" ]; then
        echo "make screenshots: $from has $kb kB, and $most_kb are enough for the documentation" >&2
        exit 1
    fi
    cp "$from" "$to"
    echo "$to: $kb kB"
done
