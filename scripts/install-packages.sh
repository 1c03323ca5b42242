#!/usr/bin/env bash
# Installs the Debian packages that Meetme's build, lab and tests use: only those that are missing.
#
#   scripts/install-packages.sh [build] [lab] [test]      (no argument: all three)
#
# Nothing of theirs is started, enabled or left running by this script: the lab and the tests start the
# daemons themselves, in namespaces and directories of their own. Services that the machine already had
# are not touched. Where nothing is missing it neither needs root nor asks the network.
set -euo pipefail

BUILD=(gcc libc6-dev make)
LAB=(frr bird2 gobgpd exabgp openvswitch-switch python3-aiosmtpd nftables iproute2 iputils-ping
     traceroute tcpdump procps util-linux mmdebstrap)
TEST=(postgresql openssl python3-venv nodejs npm chromium fonts-dejavu-core)

MARK='# meetme: no service starts while its package is being installed'
POLICY=/usr/sbin/policy-rc.d
NO_CLUSTER=/etc/postgresql-common/createcluster.d/meetme-no-main-cluster.conf

say() { printf 'install-packages: %s\n' "$*"; }
die() { printf 'install-packages: %s\n' "$*" >&2; exit 1; }

is_installed() {
    # PostgreSQL's server may come by a package of its version's name, without the one of the plain name.
    if [ "$1" = postgresql ] && compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null; then return 0; fi
    # Node.js often comes from elsewhere than Debian, and then brings npm along.
    case $1 in
        nodejs) if command -v node >/dev/null; then return 0; fi ;;
        npm) if command -v npm >/dev/null; then return 0; fi ;;
    esac
    [ "$(dpkg-query -W -f='${Status}' "$1" 2>/dev/null)" = 'install ok installed' ]
}

# Packages in one of the given states of dpkg (a regular expression), one per line.
packages_in_state() {
    dpkg-query -W -f='${Status} ${Package}\n' | sed -nE "s/^install ok ($1) //p" | sort -u
}

# Services of the packages that came in with this run (wholly or not), one unit per line.
units_of_new_packages() {
    local package
    comm -13 "$before" <(packages_in_state '[^ ]+') | while read -r package; do
        dpkg -L "$package" | sed -nE \
            -e 's,^(/usr)?/lib/systemd/system/([^/@]+\.(service|socket|timer|path))$,\2,p' \
            -e 's,^/etc/init\.d/([^/]+)$,\1.service,p'
    done | sort -u
}

is_enabled() {
    compgen -G "/etc/systemd/system/*.wants/$1" >/dev/null ||
        compgen -G "/etc/systemd/system/*.requires/$1" >/dev/null ||
        compgen -G "/etc/rc[2-5S].d/S[0-9][0-9]${1%.service}" >/dev/null
}

disable() {
    local unit=$1 name=${1%.service}
    say "switching off $unit, which its package switched on"
    if command -v systemctl >/dev/null; then systemctl --quiet disable "$unit" >/dev/null 2>&1 || true; fi
    if is_enabled "$unit" && [ -e "/etc/init.d/$name" ]; then update-rc.d "$name" disable >/dev/null || true; fi
    if is_enabled "$unit"; then rm -f /etc/systemd/system/*.{wants,requires}/"$unit"; fi
}

# Runs at the end of the installation, however it ended.
put_back() {
    local status=$? unit
    trap '' INT TERM HUP
    if [ -n "${before:-}" ]; then
        units_of_new_packages | while read -r unit; do
            if is_enabled "$unit"; then disable "$unit"; fi
            if [ -d /run/systemd/system ] && systemctl --quiet is-active "$unit"; then
                say "stopping $unit, which its package started"
                systemctl stop "$unit" || true
            fi
        done
        rm -f "$before"
    fi
    if grep -qsxF "$MARK" "$POLICY"; then rm -f "$POLICY"; fi
    rm -f "$NO_CLUSTER"
    rmdir --ignore-fail-on-non-empty "$(dirname "$NO_CLUSTER")" 2>/dev/null || true
    exit "$status"
}

install_as_root() {
    mkdir -p /run/lock
    exec 9>/run/lock/meetme-install-packages
    flock 9

    before=
    trap put_back EXIT
    trap 'exit 130' INT
    trap 'exit 143' TERM HUP
    before=$(mktemp)
    packages_in_state installed >"$before"

    # A policy that someone else placed decides by itself; what starts in spite of it is stopped at the end.
    if ! (set -o noclobber; printf '#!/bin/sh\n%s\nexit 101\n' "$MARK" >"$POLICY") 2>/dev/null; then
        grep -qsxF "$MARK" "$POLICY" || say "$POLICY exists already and stays as it is"
    fi
    if grep -qsxF "$MARK" "$POLICY"; then chmod 755 "$POLICY"; fi
    mkdir -p "$(dirname "$NO_CLUSTER")"
    printf 'create_main_cluster = false\n' >"$NO_CLUSTER"

    export DEBIAN_FRONTEND=noninteractive
    local apt=(apt-get --quiet --option DPkg::Lock::Timeout=600)
    "${apt[@]}" --quiet update || say 'the package lists could not be refreshed; trying with those at hand'
    "${apt[@]}" --yes --no-install-recommends --option Dpkg::Options::=--force-confold install "$@" 9>&-
}

if [ "${1:-}" = --as-root ]; then
    shift
    install_as_root "$@"
    exit
fi

[ $# -gt 0 ] || set -- build lab test
wanted=()
for group in "$@"; do
    case $group in
        build) wanted+=("${BUILD[@]}") ;;
        lab) wanted+=("${LAB[@]}") ;;
        test) wanted+=("${TEST[@]}") ;;
        *) die "no group '$group': the groups are build, lab and test" ;;
    esac
done

if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
    die "this is no Debian (or derivative): install what these packages hold, by hand: ${wanted[*]}"
fi

missing=()
for package in "${wanted[@]}"; do
    is_installed "$package" || missing+=("$package")
done
if [ ${#missing[@]} -eq 0 ]; then
    say "nothing is missing ($*)"
    exit 0
fi

say "installing: ${missing[*]}"
say 'their services are neither started nor enabled'
if [ "$(id -u)" -eq 0 ]; then
    exec "$BASH" "$0" --as-root "${missing[@]}"
elif command -v sudo >/dev/null; then
    say 'this needs root once: asking sudo'
    exec sudo -- "$BASH" "$(readlink -f "$0")" --as-root "${missing[@]}"
else
    die "this needs root and there is no sudo: run as root: apt-get install ${missing[*]}"
fi
