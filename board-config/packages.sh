#!/bin/sh
# Installs the system packages of packages.txt that are missing, or of the list named (Debian, Ubuntu, Raspberry Pi OS).
# Says what and why; through sudo when not root; does nothing, at once, when all is there.
set -eu
list=$(dirname "$0")/${1:-packages.txt}
missing=""

present() {
    case $1 in
        pip) python3 -m pip --version >/dev/null 2>&1 ;;
        /*) [ -e "$1" ] ;;
        *) command -v "$1" >/dev/null 2>&1 ;;
    esac
}

if ! command -v cargo >/dev/null 2>&1; then
    echo "packages: Rust is missing: install it with rustup (version 1.95 or newer), then try again" >&2
    exit 2
fi
while read -r package proof reason; do
    case $package in '' | '#'*) continue ;; esac
    present "$proof" && continue
    echo "packages: $package is missing: $reason"
    missing="$missing $package"
done <"$list"
[ -n "$missing" ] || exit 0

sudo=""
if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null 2>&1 || { echo "packages: install as root:$missing" >&2; exit 2; }
    sudo=sudo
fi
if ! command -v apt-get >/dev/null 2>&1; then
    echo "packages: no apt-get here: install these with this system's own tool:$missing" >&2
    exit 2
fi
echo "packages: installing$missing"
$sudo apt-get update -qq
# shellcheck disable=SC2086
$sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing
