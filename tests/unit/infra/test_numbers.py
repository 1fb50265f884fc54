"""What is no number is said to be none, in one line."""

from __future__ import annotations

import pytest

from infra.commands.common import gateway_port, media_nodes


@pytest.mark.parametrize("text", ["many", "-1", "70000", "1.5", "²"])
def test_a_port_or_a_count_that_is_no_number_is_refused(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], text: str
) -> None:
    for name, read in (("ROSTRUM_GATEWAY_PORT", gateway_port), ("ROSTRUM_MEDIA_NODES", media_nodes)):
        monkeypatch.setenv(name, text)
        with pytest.raises(SystemExit) as ended:
            read()
        assert ended.value.code == 2
        assert name in capsys.readouterr().err
