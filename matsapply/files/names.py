"""The name a file is served under: what its owner called it, without what could hurt somebody who saves it."""

from __future__ import annotations

import re
import unicodedata

LENGTH = 120  # bytes of UTF-8
FALLBACK = "document"
_RESERVED = frozenset(
    {"con", "prn", "aux", "nul", "conin$", "conout$"}
    | {f"{device}{number}" for device in ("com", "lpt") for number in "0123456789¹²³"}
)
_UNSAFE = re.compile(r'[<>:"|?*%;\\/]')
_SPACES = re.compile(r"\s+")


def safe_name(name: str, extension: str = ".pdf") -> str:
    """A single file name of at most 120 bytes that ends in ``extension``.

    Path parts, control and direction characters, reserved device names and everything that has a meaning in a header
    or on some file system are taken out; letters of any script stay.
    """
    last = re.split(r"[/\\]", name)[-1]
    composed = unicodedata.normalize("NFC", last)
    # "C" are controls, formats (direction overrides among them), surrogates, private and unassigned ones.
    kept = "".join(letter for letter in composed if unicodedata.category(letter)[0] != "C" or letter in "\t\n")
    stem = _SPACES.sub(" ", _UNSAFE.sub("_", kept)).strip(" .")
    if stem.lower().endswith(extension):
        stem = stem[: -len(extension)].strip(" .")
    stem = stem or FALLBACK
    if stem.partition(".")[0].strip().lower() in _RESERVED:
        stem = f"_{stem}"
    return _cut(stem, LENGTH - len(extension)) + extension


def _cut(text: str, length: int) -> str:
    """At most ``length`` bytes, never half a letter."""
    return text.encode("utf-8")[:length].decode("utf-8", "ignore").rstrip(" .") or FALLBACK
