# Read by the other scripts (`. scripts/common.sh`): goes to the top of the checkout and has what they share.
# shellcheck shell=bash
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

step() { printf '\n== %s\n' "$*"; }

# A distribution's Rust is usually too old for this workspace, so it isn't installed from packages.
need_rust() {
    if ! command -v cargo >/dev/null && [ -x "$HOME/.cargo/bin/cargo" ]; then
        PATH=$HOME/.cargo/bin:$PATH
    fi
    if ! command -v cargo >/dev/null; then
        echo 'cargo was not found: install Rust (https://rustup.rs), then run this again' >&2
        exit 1
    fi
}
