#!/usr/bin/env bash
# Write requirements.lock (what runs) and requirements-dev.lock (also what builds, tests and checks).
# With hashes, for every platform, and without addresses: any index or mirror serves them.
set -euo pipefail
uv=$1/bin/uv
compile=("$uv" pip compile -q pyproject.toml --generate-hashes --universal --python-version 3.11
         --no-emit-index-url --no-emit-find-links --no-header)
"${compile[@]}" -o requirements.lock
"${compile[@]}" --extra build --extra dev -o requirements-dev.lock
if grep -nE '://' requirements.lock requirements-dev.lock; then
    echo 'make lock: a lock file contains an address' >&2
    exit 1
fi
