#!/usr/bin/env bash
# Where the time goes: docs/images/performance-flame-requests.svg and -websockets.svg, from the scenarios of a million clients.
# Needs perf, cargo and python3. It builds with frame pointers in target/flame, and takes three minutes the first time.
set -euo pipefail
cd "$(dirname "$0")/../.."

for tool in perf cargo python3; do
    if ! command -v "$tool" >/dev/null; then
        echo "flame.sh: there is no $tool here; install it first." >&2
        exit 2
    fi
done
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
CARGO_PROFILE_RELEASE_DEBUG=1 RUSTFLAGS='-C force-frame-pointers=yes' \
    cargo build --release --bin stickysim --target-dir target/flame

flame() { # flame NAME TITLE SCENARIO OPTION…
    local name=$1 title=$2 scenario=$3
    shift 3
    if ! perf record --quiet --event cpu-clock --freq 499 --call-graph fp --output "$scratch/$name" -- \
        target/flame/release/stickysim run "benches/scenarios/$scenario.yaml" --threads 1 --quiet --out "$scratch/out" "$@"; then
        echo "flame.sh: perf could not record $name; see /proc/sys/kernel/perf_event_paranoid." >&2
        exit 1
    fi
    perf script --input "$scratch/$name" --no-inline --fields ip,sym 2>/dev/null |
        python3 benches/scaling/flame.py "$title" >"$scratch/$name.svg"
    mv "$scratch/$name.svg" "docs/images/performance-flame-$name.svg"
    echo "wrote docs/images/performance-flame-$name.svg"
}

flame requests 'A million HTTP clients, 5 minutes' million --set duration=5m
flame websockets 'WebSockets in rooms with a rolling restart, 10 minutes' million-websockets \
    --set clients.arrivals.rate=5000/m --set duration=10m --set timeline.0.at=5m --set 'traffic.0.api.work={exp: 1ms}'
