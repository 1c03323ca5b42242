#!/usr/bin/env bash
# Prepares the FRR versions that the lab and the tests use besides the machine's own: each unpacked below target/roots
# from another suite of the Debian mirror that this machine's apt uses, with programs to start it by in
# target/frr/VERSION. Nothing is installed, nothing needs root. What is there already and as wanted is left alone, so
# that after the first time no network is needed.
. "$(dirname "$0")/common.sh"

target=${CARGO_TARGET_DIR:-target}
# One line each: suite, the version of FRR in it, packages (more can be added; what they depend on comes along).
wanted=(
    'bookworm 8.4 frr'
    'trixie 10.3 frr'
)
daemons=(zebra mgmtd staticd bfdd ospfd bgpd)

fail() {
    printf 'prepare-frr: %s\n' "$@" >&2
    exit 1
}

# Whether the machine's own FRR is of that version.
is_own() { /usr/lib/frr/zebra --version 2>/dev/null | head -n 1 | grep -qE "version ${1//./\\.}(\.|-|$)"; }

# The mirror that this machine's own packages come from, as apt knows it.
mirror() {
    local own
    # shellcheck disable=SC1091
    own=$(. /etc/os-release && printf '%s' "${VERSION_CODENAME:-}")
    apt-get indextargets --format '$(RELEASE) $(CODENAME) $(COMPONENT) $(REPO_URI)' 'Created-By: Packages' |
        awk -v own="$own" '($1 == own || $2 == own) && $3 == "main" { print $4; exit }'
}

# What apt has been told about reaching and believing its mirrors, as options of mmdebstrap.
apt_options() {
    apt-config dump | grep -E '^Acquire::(https?::(Proxy|Timeout|CA)|Retries|Check-Date|Check-Valid-Until|AllowInsecure)' |
        grep -vE ' "";$' | sed 's/^/--aptopt=/'
}

# root SUITE PACKAGES…: unpacks packages of a suite, with all that they depend on.
root() {
    local suite=$1 into=$target/roots/$1 from options said=$target/roots/$1.log
    shift
    command -v mmdebstrap >/dev/null || fail 'mmdebstrap was not found: install its package (scripts/install-packages.sh lab)'
    from=$(mirror)
    [ -n "$from" ] || fail "apt names no Debian mirror to take '$suite' from." \
        "This machine isn't Debian, or its package lists are missing: run apt-get update."
    mapfile -t options < <(apt_options)
    rm -rf "$into" "$into.new"
    mkdir -p "$target/roots"
    # Unpacked only: nothing of it runs during this, and it starts from where it lies.
    if ! mmdebstrap --mode=chrootless --variant=extract --quiet "${options[@]}" \
        --include="$(IFS=,; printf '%s' "$*")" "$suite" "$into.new" "$from" >"$said" 2>&1; then
        tail -n 15 "$said" >&2
        fail "'$suite' couldn't be unpacked from the machine's own mirror (above is why)." \
            "This needs the mirror once: connect, or configure apt for one that has '$suite', and run this again."
    fi
    rm -rf "$into.new"/{dev,tmp} "$into.new"/var/{cache,lib/apt}
    mv "$into.new" "$into"
}

# launcher FILE SUITE PROGRAM OPTIONS: a program that runs another suite's with that suite's libraries, whatever the
# machine's own are. It finds them from its own place, so that the folder may be moved.
launcher() {
    cat >"$1" <<END
#!/bin/sh
here=\${0%/*}
root=\$here/../../roots/$2
for libs in "\$root"/usr/lib/*-linux-gnu*; do break; done
for loader in "\$libs"/ld-linux*.so.* "\$root"/usr/lib64/ld-linux*.so.*; do [ -e "\$loader" ] && break; done
exec "\$loader" --library-path "\$libs/frr:\$libs" "\$root$3" $4 "\$@"
END
    chmod 755 "$1"
}

# frr VERSION SUITE: the programs of a version.
frr() {
    local into=$target/frr/$1 suite=$2 name
    rm -rf "$into"
    mkdir -p "$into"
    for name in "${daemons[@]}"; do
        if [ -e "$target/roots/$suite/usr/lib/frr/$name" ]; then
            launcher "$into/$name" "$suite" "/usr/lib/frr/$name" '--moduledir "$libs/frr/modules"'
        fi
    done
    launcher "$into/vtysh" "$suite" /usr/bin/vtysh ''
    "$into/zebra" --version | head -n 1 | grep -qE "version ${1//./\\.}(\.|-|$)" ||
        fail "'$suite' has another FRR than $1: $("$into/zebra" --version 2>&1 | head -n 1)"
}

for line in "${wanted[@]}"; do
    read -r suite version packages <<<"$line"
    if is_own "$version"; then continue; fi
    mark=$target/frr/$version/.prepared
    fingerprint=$({ printf '%s\n' "$line"; cat "${BASH_SOURCE[0]}"; } | sha256sum)
    if [ "$(cat "$mark" 2>/dev/null)" = "$fingerprint" ]; then continue; fi
    printf 'prepare-frr: FRR %s, of %s\n' "$version" "$suite"
    # shellcheck disable=SC2086 # packages are words
    root "$suite" $packages
    frr "$version" "$suite"
    printf '%s\n' "$fingerprint" >"$mark"
done
