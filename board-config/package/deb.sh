#!/usr/bin/env bash
# deb.sh BOARD: makes target/boards/BOARD/lookalike_VERSION_arm64.deb: the program, the board file, the models, udev rules, the
# service and its user. The models are those of models/out, which are made where they are missing. By dpkg-deb, which every Debian has, not by cargo-deb, which would be
# built first, from some hundred crates, to do the same.
# VERSION=1.2.3 overrides the workspace's version. GPU=12 or GPU=13 makes one for boards with that CUDA, and warms it at installation.
set -euo pipefail
cd "$(dirname "$0")/../.."
board=$1
place=target/boards/$board
board-config/arm/build.sh "$board"
[ -f models/out/manifest.toml ] || make models
version=${VERSION:-$(sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -n 1)}

root=$place/package
rm -rf "$root"
into() { install -D -m "$1" "$2" "$root/$3"; }
into 755 "$place/lookalike" usr/bin/lookalike
into 644 "board-config/$board.toml" etc/lookalike/board.toml
into 644 board-config/package/lookalike.service usr/lib/systemd/system/lookalike.service
[ -z "${GPU:-}" ] || into 644 board-config/package/gpu.conf usr/lib/systemd/system/lookalike.service.d/gpu.conf
into 644 board-config/package/70-lookalike.rules usr/lib/udev/rules.d/70-lookalike.rules
into 644 board-config/package/sysusers.conf usr/lib/sysusers.d/lookalike.conf
into 644 README.md usr/share/doc/lookalike/README.md
cat LICENSE-MIT LICENSE-APACHE >"$place/copyright"
into 644 "$place/copyright" usr/share/doc/lookalike/copyright
for file in manifest.toml $(sed -n 's/^file = "\(.*\)"/\1/p' models/out/manifest.toml) $(cd models/out && find digits -name '*.idx?'); do
    into 644 "models/out/$file" "usr/share/lookalike/models/$file"
done

mkdir -p "$root/DEBIAN"
for script in postinst prerm postrm; do into 755 "board-config/package/$script" "DEBIAN/$script"; done
echo /etc/lookalike/board.toml >"$root/DEBIAN/conffiles"
camera=""
case $board in rpi*) camera="Recommends: rpicam-apps | libcamera-apps" ;; jetson*) camera="Recommends: gstreamer1.0-tools" ;; esac
depends="systemd (>= 247)"
if [ -n "${GPU:-}" ]; then
    newest=$(aarch64-linux-gnu-readelf --wide --version-info "$place/lookalike" | grep -o 'GLIBC_2[0-9.]*' | sort -Vu | tail -n 1)
    depends="$depends, libc6 (>= ${newest#GLIBC_})"
    camera="${camera:+$camera, }nvidia-jetpack"
    case $camera in Recommends:*) ;; *) camera="Recommends: $camera" ;; esac
fi
{
    cat <<END
Package: lookalike
Version: $version
Architecture: arm64
Maintainer: The Lookalike developers <lookalike@localhost>
Installed-Size: $(du -sk --exclude=DEBIAN "$root" | cut -f1)
Depends: $depends
END
    [ -z "$camera" ] || echo "$camera"
    cat <<END
Section: graphics
Priority: optional
Description: booth that says which known faces a visitor resembles
 Looks through a camera, finds faces and says whom of its own gallery they
 resemble, on the device and offline. This package is set up for: $board.
END
} >"$root/DEBIAN/control"
deb=$place/lookalike_${version}_arm64.deb
dpkg-deb --root-owner-group -Zxz --build "$root" "$deb.new" >/dev/null
mv "$deb.new" "$deb"
echo "deb: $deb: $(stat -c %s "$deb" | awk '{printf "%.1f MB", $1 / 1e6}'), $(du -sk --exclude=DEBIAN "$root" | awk '{printf "%.1f MB", $1 * 1.024 / 1e3}') installed"
