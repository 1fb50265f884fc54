"""The Rust tests, so that `make test` runs them where there is a cargo."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

CORE = Path(__file__).parents[3] / "libs" / "forwarder"
PARTS = ("core", "netloop", "loadgen")


@pytest.mark.timeout(900)
@pytest.mark.skipif(shutil.which("cargo") is None, reason="no cargo on this host: the Rust tests did not run")
def test_the_rust_core_keeps_its_promises() -> None:
    done = subprocess.run(
        ["cargo", "test", "--locked", "--quiet", *(f"--package=rostrum-forwarder-{part}" for part in PARTS)],
        cwd=CORE,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
