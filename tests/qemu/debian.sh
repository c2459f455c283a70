#!/bin/sh
# Makes target/qemu/debian.img, a disk with a small Debian for arm64 on it: systemd, udev, dpkg and what they need. Packages are
# unpacked, not configured: enough to boot, and for dpkg to install our package as on a board. A root shell sits on the serial line;
# a user `pi`, who may do everything by sudo, comes in by ssh with the key of target/qemu/pi.
set -eu
cd "$(dirname "$0")/../.."
place=$PWD/target/qemu
none() { echo "$1" >&2; exit 1; }
[ "$place/debian.img" -nt "$0" ] && exit 0
if [ "$(id -u)" -ne 0 ]; then exec unshare --map-root-user "$0" "$@"; fi

work=$place/debian
rm -rf "$work"
mkdir -p "$work/lists/partial" "$work/cache/archives/partial" "$work/root"
: >"$work/status"
apt_options="-o APT::Architecture=arm64 -o APT::Architectures::=arm64 -o APT::Sandbox::User=$(id -un) -o Debug::NoLocking=1
    -o Dir::State::lists=$work/lists -o Dir::State::status=$work/status -o Dir::Cache=$work/cache"
# shellcheck disable=SC2086
apt-get -qq $apt_options update >&2 || none "Debian's package lists are out of reach"
# shellcheck disable=SC2086
apt-get -qq $apt_options install --yes --no-install-recommends --download-only \
    base-files base-passwd bash coreutils dash diffutils dpkg grep libc-bin kmod openssh-server procps sed sudo systemd \
    systemd-sysv udev util-linux >&2 ||
    none "Debian has no packages for arm64 here"
mkdir -p "$work/root/var/lib/dpkg/info" "$work/root/var/lib/dpkg/updates"
for package in "$work"/cache/archives/*.deb; do
    dpkg-deb -x "$package" "$work/root"
    dpkg-deb -f "$package" | sed '/^Package:/a Status: install ok installed' >>"$work/root/var/lib/dpkg/status"
    echo >>"$work/root/var/lib/dpkg/status"
    name=$(dpkg-deb -f "$package" Package)
    dpkg-deb -c "$package" | awk '{print substr($6, 2)}' | sed 's|/$||; s|^$|/.|' >"$work/root/var/lib/dpkg/info/$name.list"
done
cd "$work/root"
cp usr/share/base-passwd/passwd.master etc/passwd
cp usr/share/base-passwd/group.master etc/group
printf 'sshd:x:101:65534::/run/sshd:/usr/sbin/nologin\npi:x:1000:1000::/home/pi:/bin/bash\n' >>etc/passwd
echo 'pi:x:1000:' >>etc/group
printf '%s:*:20000::::::\n' root sshd pi >etc/shadow
chmod 600 etc/shadow
echo 'pi ALL=(ALL) NOPASSWD: ALL' >etc/sudoers.d/pi
for service in sudo other; do printf '%s required pam_permit.so\n' auth account session >etc/pam.d/$service; done
echo '127.0.0.1 localhost booth' >etc/hosts
rm -f "$place/pi" "$place/pi.pub"
ssh-keygen -q -t ed25519 -N '' -C '' -f "$place/pi"
mkdir -p home/pi/.ssh
cp "$place/pi.pub" home/pi/.ssh/authorized_keys
ssh-keygen -q -t ed25519 -N '' -C '' -f etc/ssh/ssh_host_ed25519_key
printf '%s\n' 'UsePAM no' 'Subsystem sftp /usr/lib/openssh/sftp-server' >etc/ssh/sshd_config
echo booth >etc/hostname
: >etc/machine-id
: >etc/fstab
mkdir -p host etc/systemd/system/multi-user.target.wants
cat >etc/systemd/system/test-shell.service <<'END'
[Unit]
Description=The test's shell on the serial line
After=multi-user.target
[Service]
ExecStart=/bin/sh -c 'stty -echo -onlcr; echo @@ready; PS1= PS2= exec /bin/sh'
StandardInput=tty
StandardOutput=tty
StandardError=tty
TTYPath=/dev/ttyAMA0
[Install]
WantedBy=multi-user.target
END
# Its own unit waits for what an unconfigured Debian lacks.
cat >etc/systemd/system/test-ssh.service <<'END'
[Service]
RuntimeDirectory=sshd
ExecStartPre=/bin/sh -c 'chown -R pi:pi /home/pi; chmod 700 /home/pi /home/pi/.ssh'
ExecStart=/usr/sbin/sshd -D -e
END
for unit in test-shell test-ssh; do ln -s ../$unit.service etc/systemd/system/multi-user.target.wants/; done
for unit in serial-getty@ttyAMA0.service systemd-firstboot.service systemd-timesyncd.service; do ln -s /dev/null "etc/systemd/system/$unit"; done
rm -rf usr/share/doc usr/share/man usr/share/locale usr/share/zoneinfo
cd "$work"
truncate -s 1G "$work/img"
mke2fs -q -t ext4 -d "$work/root" "$work/img"
mv "$work/img" "$place/debian.img"
rm -rf "$work"
