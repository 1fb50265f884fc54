"""What the fork server imports must start no thread: the engine's would not survive the fork."""

from __future__ import annotations

import subprocess
import sys


def test_the_engine_is_imported_in_the_services_own_process_only() -> None:
    code = (
        "import sys, threading; import services.analytics.main; "
        "loaded = {'chdb', 'pyarrow', 'numpy', 'pandas', 'clickhouse_connect'} & set(sys.modules); "
        "sys.exit(f'{loaded}, {threading.active_count()} threads' if loaded or threading.active_count() > 1 else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
