#!/usr/bin/env bash
# Build the Rust core and install it into the virtual environment $1.
# Without a cargo on the host, maturin's build backend gets a toolchain by itself (puccinialin, in the lock).
set -euo pipefail
venv=$1
core=libs/forwarder

if [[ ! -f $core/pyproject.toml ]]; then
    printf 'make setup: %s is not there yet, going on without the Rust core\n' "$core"
    exit 0
fi
command -v cargo >/dev/null || printf 'no cargo on this host: maturin fetches a Rust toolchain, which takes a few minutes more\n'
if ! command -v cc >/dev/null; then
    printf 'make setup: a C linker is missing (Debian and Ubuntu: apt-get install gcc libc6-dev)\n' >&2
    exit 1
fi
VIRTUAL_ENV=$venv "$venv/bin/uv" pip install --no-deps --no-build-isolation \
    --refresh-package rostrum-forwarder --reinstall-package rostrum-forwarder "./$core"
