#!/bin/sh
# Unpacks what the emulated board runs into target/qemu: Debian's stock arm64 kernel and busybox. Nothing is installed.
# Prints the kernel's version. Exits with 1 and a reason where it cannot be had.
set -eu
cd "$(dirname "$0")/../.."
place=$PWD/target/qemu
none() { echo "$1" >&2; exit 1; }

if [ ! -e "$place/fetched" ]; then
    command -v apt-get >/dev/null 2>&1 || none "the emulated board's kernel comes from Debian, and there is no apt-get here"
    rm -rf "$place/root" "$place/lists" "$place/cache"
    mkdir -p "$place/lists/partial" "$place/cache/archives/partial" "$place/root"
    apt_options="-o APT::Sandbox::User=$(id -un) -o APT::Architectures::=amd64 -o APT::Architectures::=arm64 -o Debug::NoLocking=1
        -o Dir::State::lists=$place/lists -o Dir::Cache=$place/cache"
    # shellcheck disable=SC2086
    apt-get -qq $apt_options update >&2 || none "Debian's package lists are out of reach"
    # shellcheck disable=SC2086
    image=$(apt-cache $apt_options show --no-all-versions linux-image-arm64:arm64 | sed -n 's/^Depends: \([^ ,]*\).*/\1/p')
    # shellcheck disable=SC2086
    (cd "$place/cache/archives" && apt-get -qq $apt_options download "$image:arm64" busybox-static:arm64 >&2) ||
        none "Debian has no kernel for arm64 here"
    for package in "$place"/cache/archives/*.deb; do dpkg-deb -x "$package" "$place/root"; done
    rm -rf "$place/cache" "$place/lists"
    echo "${image#linux-image-}" >"$place/fetched.new"
    mv "$place/fetched.new" "$place/fetched"
fi
cat "$place/fetched"
