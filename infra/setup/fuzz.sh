#!/usr/bin/env bash
# Feed mutated packets to the Rust core's parsers for FUZZ_SECONDS (60 by default), where the host has cargo.
set -euo pipefail
cd "$(dirname "$0")/../../libs/forwarder"
if ! command -v cargo >/dev/null; then
    echo 'fuzz: no cargo on this host, so the parsers were not fuzzed'
    exit 0
fi
export FUZZ_SECONDS=${FUZZ_SECONDS:-60}
printf '\033[1m==>\033[0m fuzzing STUN, RTP, RTCP and header extensions for %s s (FUZZ_SECONDS)\n' "$FUZZ_SECONDS"
cargo test -q --locked -p rostrum-forwarder-core --test fuzz -- --nocapture --test-threads 4
