"""What the fork server imports must start no thread: the engine's would not survive the fork."""

from __future__ import annotations

import subprocess
import sys

from tests.support.waiting import LIMIT


def test_the_engine_is_imported_in_the_services_own_process_only() -> None:
    code = (
        "import sys, threading; import services.analytics.main; "
        "loaded = {'chdb', 'pyarrow', 'numpy', 'pandas', 'clickhouse_connect'} & set(sys.modules); "
        "sys.exit(f'{loaded}, {threading.active_count()} threads' if loaded or threading.active_count() > 1 else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=LIMIT, check=False)
    assert done.returncode == 0, done.stderr


def test_analytics_alone_knows_every_event_that_there_is() -> None:
    """It passes over what it does not know, and where it runs alone nobody else has imported the contracts."""
    code = (
        "import services.analytics.main; from services.analytics.projection import known_types; before = known_types();"
        "import contracts.catalogue; missing = known_types() - before; assert not missing, missing"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=LIMIT, check=False)
    assert done.returncode == 0, done.stderr
