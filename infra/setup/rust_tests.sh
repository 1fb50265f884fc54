#!/usr/bin/env bash
# Build what `make test` runs of the Rust core before its clock starts: compilers beside tests with deadlines help neither.
# Where it does not build, tests/unit/forwarder/test_core.py tells.
set -uo pipefail
cd "$(dirname "$0")/../../libs/forwarder"
command -v cargo >/dev/null || exit 0
cargo test --locked --quiet --no-run -p rostrum-forwarder-core -p rostrum-forwarder-netloop -p rostrum-forwarder-loadgen
exit 0
