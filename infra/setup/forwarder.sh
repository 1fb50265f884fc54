#!/usr/bin/env bash
# Build the Rust core and install it into the virtual environment $1.
# Without a cargo on the host, maturin's build backend gets a toolchain by itself (puccinialin, in the lock).
set -euo pipefail
venv=$PWD/$1
core=libs/forwarder

command -v cc >/dev/null || {
    printf 'make setup: a C linker is missing (Debian and Ubuntu: apt-get install gcc libc6-dev)\n' >&2
    exit 1
}
install=("$venv/bin/uv" pip install -q --no-deps --reinstall-package rostrum-forwarder)
export VIRTUAL_ENV=$venv
if command -v cargo >/dev/null; then
    wheels=$(mktemp -d)
    trap 'rm -rf "$wheels"' EXIT
    # Not through uv, which would hide what cargo says while it compiles.
    (cd "$core" && "$venv/bin/maturin" build --release --interpreter "$venv/bin/python" --out "$wheels")
    "${install[@]}" "$wheels"/*.whl
else
    printf 'no cargo on this host: maturin fetches a Rust toolchain, which takes a few minutes more\n'
    "${install[@]}" --no-build-isolation --refresh-package rostrum-forwarder "./$core"
fi
