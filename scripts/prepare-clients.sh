#!/usr/bin/env bash
# Prepares the clients that others wrote and that the tests run unchanged, and what drives a browser and judges pages
# for them: each in a folder of its own below target/clients, from the pinned versions in crates/journey/tests/clients.
# What is there already and as pinned is left alone, so that after the first time no network is needed.
. "$(dirname "$0")/common.sh"

pins=$PWD/crates/journey/tests/clients
into=${CARGO_TARGET_DIR:-target}/clients
node_at_least=18

fail() {
    printf 'prepare-clients: %s\n' "$@" >&2
    exit 1
}

# Whether a folder was prepared from just these files by this interpreter.
is_prepared() { [ "$(cat "$1/.prepared" 2>/dev/null)" = "$2" ]; }

fingerprint() { { "$1" --version; shift; cat "$@"; } | sha256sum; }

# python NAME: a virtual environment with what NAME.txt lists.
python() {
    local folder=$into/$1 pinned=$pins/$1.txt wanted
    wanted=$(fingerprint /usr/bin/python3 "$pinned")
    if is_prepared "$folder" "$wanted"; then return; fi
    printf 'prepare-clients: %s\n' "$1"
    rm -rf "$folder"
    /usr/bin/python3 -m venv "$folder" ||
        fail "no virtual environment could be made in $folder: install the package python3-venv"
    "$folder/bin/pip" install --quiet --disable-pip-version-check --no-deps --requirement "$pinned" ||
        fail "pip couldn't install what $pinned lists (above is why)." \
            "This needs a Python package index once: connect, or configure pip for your mirror, and run this again."
    printf '%s\n' "$wanted" >"$folder/.prepared"
}

# The client for JavaScript, playwright-core and axe-core, with what package-lock.json pins. The browser itself is
# Debian's: playwright-core brings none and fetches none.
javascript() {
    local folder=$into/javascript wanted version
    local pinned=("$pins/package.json" "$pins/package-lock.json" "$pins/.npmrc")
    version=$(node --version 2>/dev/null) || fail 'node was not found: install the packages nodejs and npm'
    version=${version#v}
    [ "${version%%.*}" -ge "$node_at_least" ] ||
        fail "node is $version, and the client for JavaScript needs $node_at_least or newer: install a newer nodejs"
    wanted=$(fingerprint node "${pinned[@]}")
    if is_prepared "$folder" "$wanted"; then return; fi
    printf 'prepare-clients: javascript\n'
    rm -rf "$folder"
    mkdir -p "$folder"
    cp "${pinned[@]}" "$folder"
    npm ci --prefix "$folder" --silent --ignore-scripts ||
        fail "npm couldn't install what $pins/package-lock.json pins (run 'npm ci' in $folder to see why)." \
            "This needs an npm registry once: connect, or configure npm for your mirror, and run this again."
    printf '%s\n' "$wanted" >"$folder/.prepared"
}

mkdir -p "$into"
for name in peering-1 peering-2 schemathesis sign-in; do python "$name"; done
javascript
