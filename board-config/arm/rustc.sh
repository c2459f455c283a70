#!/bin/sh
# Prints the path of a Rust compiler that has the standard library for aarch64. Exits with 1 and a reason if there is none.
# The machine's own is taken if it has it. Else Debian's packages are unpacked, not installed: installed they would
# replace the machine's own Rust, and dpkg would have to be told of a second architecture.
set -eu
cd "$(dirname "$0")/../.."
target=aarch64-unknown-linux-gnu
place=$PWD/target/arm/rust

can_do() { [ -d "$("$1" --print target-libdir --target "$target" 2>/dev/null || echo /nowhere)" ]; }
none() { echo "$1" >&2; exit 1; }

own=${RUSTC:-rustc}
if can_do "$own"; then command -v "$own"; exit; fi
if can_do "$place/rustc"; then echo "$place/rustc"; exit; fi
command -v apt-get >/dev/null 2>&1 || none "Rust has no library for $target here: rustup target add $target"

rm -rf "$place"
mkdir -p "$place/lists/partial" "$place/cache/archives/partial" "$place/root"
apt() {
    apt-get -qq -o APT::Architectures::=amd64 -o APT::Architectures::=arm64 -o APT::Sandbox::User="$(id -un)" \
        -o Debug::NoLocking=1 -o Dir::State::lists="$place/lists" -o Dir::Cache="$place/cache" "$@" >&2
}
apt update || none "Debian's package lists are out of reach"
apt install --yes --no-install-recommends --download-only rustc-web || none "Debian has no rustc-web here"
version=$(cd "$place/cache/archives" && dpkg-deb -f libstd-rust-web-dev_*.deb Version)
(cd "$place/cache/archives" && apt download "libstd-rust-web-dev:arm64=$version") || none "no Rust library for arm64"
for package in "$place"/cache/archives/*.deb; do dpkg-deb -x "$package" "$place/root"; done
rm -rf "$place/cache" "$place/lists"

cat >"$place/rustc" <<END
#!/bin/sh
LD_LIBRARY_PATH=$place/root/usr/lib/x86_64-linux-gnu\${LD_LIBRARY_PATH:+:\$LD_LIBRARY_PATH} exec $place/root/usr/bin/rustc "\$@"
END
chmod +x "$place/rustc"
can_do "$place/rustc" || none "Debian's rustc-web does not start here"
needed=$(sed -n 's/^rust-version = "\(.*\)"/\1/p' Cargo.toml)
has=$("$place/rustc" --version | cut -d' ' -f2)
printf '%s\n%s\n' "$needed" "$has" | sort -CV || none "Debian's rustc-web is $has, older than $needed"
echo "$place/rustc"
