"""`make check` must report every way in which the code could point in the wrong direction: each is planted here."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ROLES = ("app", "domain", "handlers", "translation", "settings", "main")

PLANTED = {
    "contracts/planted.py": "import libs.ids\n",
    "libs/planted.py": "import services.planted.domain\n",
    "libs/keyring/tree.py": "import asyncio\n",
    "libs/planted_hen.py": "import libs.planted_egg\n",
    "libs/planted_egg.py": "import libs.planted_hen\n",
    "services/planted/app.py": "import services.planted_other.domain\nimport libs.keyring.keys\n",
    "services/planted/utils.py": "",
    "services/planted/translation.py": "import services.planted.handlers\n",
    "services/planted/handlers.py": "import services.planted.settings\nimport rostrum_forwarder\n",
    "services/planted/domain.py": "import asyncio\nimport contracts.subjects\n",
    "services/planted/main.py": "import services.planted.settings\n",
    "services/transcription/engines/planted/__init__.py": "import services.transcription.engines.pocketsphinx.model\n",
    "services/recording/replay/planted.py": "import services.recording.app.finishing\n",
    "services/analytics/projection.py": "import services.analytics.questions.talk\n",
}
REPORTED = {
    "a contract that knows a library": "contracts.planted -> libs.ids",
    "a library that knows a service": "libs.planted -> services.planted.domain",
    "libraries that import each other": ".planted_hen -> .planted_egg",
    "a service that imports another": "services.planted.app -> services.planted_other.domain",
    "a file that is none of the agreed roles": "services.planted.utils",
    "a translation that calls its handlers": "services.planted.translation -> services.planted.handlers",
    "a speech engine that uses another": (
        "services.transcription.engines.planted -> services.transcription.engines.pocketsphinx.model"
    ),
    "replay arithmetic that drives the recording": (
        "services.recording.replay.planted -> services.recording.app.finishing"
    ),
    "an ingesting projection that knows a question": (
        "services.analytics.projection -> services.analytics.questions.talk"
    ),
    "settings read outside main": "services.planted.handlers -> services.planted.settings",
    "a domain that runs a loop": "services.planted.domain -> asyncio",
    "a domain that speaks the wire's language": "services.planted.domain -> contracts.subjects",
    "keys made outside people": "services.planted.app -> libs.keyring.keys",
    "keys that run a loop": "libs.keyring.tree -> asyncio",
    "the Rust core outside media": "services.planted.handlers -> rostrum_forwarder",
}


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> str:
    """What import-linter says of a copy of the code with all of PLANTED in it."""
    copy = tmp_path_factory.mktemp("code")
    for package in ("contracts", "libs", "services", "infra"):
        shutil.copytree(
            ROOT / package,
            copy / package,
            ignore=lambda folder, names: [
                name for name in names if name == "target" or not (Path(folder, name).is_dir() or name.endswith(".py"))
            ],
        )
    shutil.copy(ROOT / "pyproject.toml", copy)
    for service in ("planted", "planted_other", "media"):
        for name in ("__init__", *ROLES):
            file = copy / "services" / service / f"{name}.py"
            file.parent.mkdir(exist_ok=True)
            file.touch()
    for path, text in PLANTED.items():
        (copy / path).parent.mkdir(exist_ok=True)
        (copy / path).write_text(text)
    run = subprocess.run(
        [sys.executable, "-c", "import sys; from importlinter.cli import lint_imports_command as c; sys.exit(c())",
         "--no-logo", "--no-cache"],
        cwd=copy, env={**os.environ, "PYTHONPATH": str(copy), "COLUMNS": "200"},  # so that no line is wrapped
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert run.returncode == 1, run.stdout + run.stderr
    return run.stdout


@pytest.mark.parametrize("fault", REPORTED)
def test_reported(report: str, fault: str) -> None:
    assert REPORTED[fault] in report, report


ENGINE = ROOT / "libs/forwarder/core/src/engine"


def _known_to(file: Path) -> set[str]:
    """Which other files of the engine it imports from."""
    text = file.read_text().partition("#[cfg(test)]")[0]
    return set(re.findall(r"^use super::(\w+)", text, re.MULTILINE)) & {other.stem for other in ENGINE.glob("*.rs")}


def test_no_files_of_the_forwarders_engine_import_each_other_in_a_circle() -> None:
    knows = {file.stem: _known_to(file) for file in ENGINE.glob("*.rs")}
    assert knows["group"] >= {"audience", "out"}
    order = list(TopologicalSorter(knows).static_order())  # raises CycleError
    assert order.index("io") < order.index("out") < order.index("audience") < order.index("group")
