"""Names of files that are downloaded (RFC 6266, RFC 8187)."""

from __future__ import annotations

import re
import unicodedata
from typing import Final
from urllib.parse import quote

_LONGEST: Final = 100
_NOT_IN_NAMES: Final = re.compile(r'[\x00-\x1f\x7f<>:"/\\|?*%;]+')
"""What some system does not take in the name of a file, or some browser not in the header."""
_ATTR_CHARS: Final = "!#$&+-.^_`|~"
"""Besides letters and digits, what `ext-value` takes as it is (RFC 8187, section 3.2.1)."""


def file_name(words: str, extension: str) -> str:
    """A readable name of a file, for every system: of words that people wrote, with what none takes left out."""
    taken = _NOT_IN_NAMES.sub(" ", words)
    shown = "".join(letter for letter in taken if unicodedata.category(letter) not in ("Cc", "Cf", "Cs"))
    kept = " ".join(shown.split())[:_LONGEST].strip(" .")
    return f"{kept or 'replay'}.{extension}"


def attachment(name: str) -> str:
    """The `Content-Disposition` of a file to be saved under a name: in full, and in ASCII for old clients."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    stem, dot, extension = plain.rpartition(".")
    plain = f"{' '.join(stem.split()) or 'replay'}{dot}{extension}"
    if plain == name:
        return f'attachment; filename="{plain}"'
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe=_ATTR_CHARS)}"
