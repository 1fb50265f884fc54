#!/usr/bin/env bash
# Make the virtual environment $1 and put uv into it, if either is missing.
# What the host lacks is named in one line, and nothing half-made stays behind.
set -euo pipefail
venv=$1

say() { printf '\033[1m==>\033[0m %s\n' "$*"; }
die() { printf 'make setup: %s\n' "$*" >&2; exit 1; }
recent() { "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; }

if [[ ! -x $venv/bin/python ]]; then
    python=
    for candidate in ${PYTHON:-python3 python3.13 python3.12 python3.11}; do
        if recent "$candidate"; then python=$candidate; break; fi
    done
    [[ -n $python ]] || die "Python 3.11 or later is missing (looked for ${PYTHON:-python3, python3.13, python3.12, python3.11})"
    say "creating $venv with $("$python" --version)"
    if ! "$python" -c 'import venv, ensurepip' 2>/dev/null; then
        die "Python's venv module is missing (Debian and Ubuntu: apt-get install python3-venv)"
    fi
    "$python" -m venv "$venv" || { rm -rf "$venv"; die "could not create $venv"; }
fi

recent "$venv/bin/python" || die "$venv holds a Python older than 3.11: remove it (make distclean) and try again"

if [[ ! -x $venv/bin/uv ]]; then
    say "installing uv"
    # One requirement with its hashes out of the lock: pip may not install anything else.
    wanted=$(mktemp)
    trap 'rm -f "$wanted"' EXIT
    awk '/^uv==/ { on = 1 } on { print } on && !/\\$/ { exit }' requirements-dev.lock >"$wanted"
    "$venv/bin/python" -m pip install -q --disable-pip-version-check --no-deps --require-hashes -r "$wanted" \
        || die "could not install uv (is the package index reachable?)"
fi
