#!/usr/bin/env bash
# Run rustfmt and clippy over the Rust core, where the host has cargo.
set -euo pipefail
cd "$(dirname "$0")/../../libs/forwarder"
if ! command -v cargo >/dev/null; then
    echo 'check: no cargo on this host, so clippy and rustfmt did not run'
    exit 0
fi
cargo fmt --all --check
cargo clippy -q --workspace --all-targets --locked -- -D warnings
