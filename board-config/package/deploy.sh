#!/usr/bin/env bash
# deploy.sh BOARD HOST: makes the board's package, puts it on HOST (user@name, as ssh has it), installs it and starts it again.
set -euo pipefail
cd "$(dirname "$0")/../.."
board=$1 host=${2:-}
[ -n "$host" ] || { echo "deploy: name the board's address: make deploy BOARD=$board HOST=pi@booth.local" >&2; exit 2; }
board-config/package/deb.sh "$board"
deb=$(ls -t "target/boards/$board"/lookalike_*_arm64.deb | head -n 1)
scp -q "$deb" "$host:/tmp/lookalike.deb" || { echo "deploy: $host cannot be reached by ssh" >&2; exit 1; }
# A board file that was changed on the board stays as it is there. The package starts the booth, and `start` waits until it runs.
ssh "$host" 'sudo=""; [ "$(id -u)" -eq 0 ] || sudo=sudo
    $sudo dpkg --install --force-confold /tmp/lookalike.deb && rm /tmp/lookalike.deb || exit 1
    $sudo systemctl start lookalike; $sudo systemctl status --no-pager --lines 5 lookalike' ||
    { echo "deploy: the booth does not run on $host: what it says is above, and lookalike doctor there says more" >&2; exit 1; }
