#!/usr/bin/env bash
# clippy, rustfmt and a minute of fuzzing over the Rust core, where the host has cargo.
set -euo pipefail
cd "$(dirname "$0")/../../libs/forwarder" 2>/dev/null || { echo 'check: no Rust core yet'; exit 0; }
if ! command -v cargo >/dev/null; then
    echo 'check: no cargo on this host, so clippy and rustfmt did not run'
    exit 0
fi
[[ -f Cargo.toml ]] || { echo 'check: no Rust core yet'; exit 0; }
printf '\033[1m==>\033[0m rustfmt and clippy\n'
cargo fmt --all --check
cargo clippy -q --workspace --all-targets --locked -- -D warnings
seconds=${FUZZ_SECONDS:-60}
printf '\033[1m==>\033[0m fuzzing STUN, RTP, RTCP and header extensions for %s s (FUZZ_SECONDS)\n' "$seconds"
FUZZ_SECONDS=$seconds cargo test -q --locked -p rostrum-forwarder-core --test fuzz -- --nocapture --test-threads 4
