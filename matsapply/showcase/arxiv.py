"""Papers by their arXiv ids: asked once, kept beside the data, and a clear word where arXiv cannot be reached."""

from __future__ import annotations

import re
import urllib.error
import urllib.request
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from defusedxml import ElementTree
from defusedxml.common import DefusedXmlException

from matsapply.rules.arxiv import id_in
from matsapply.showcase.citations import Raw, gather
from matsapply.showcase.findings import Finding, FindingCode, Severity

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from matsapply.showcase.reading import Known, Reading

ADDRESS = "https://export.arxiv.org/api/query"
AT_ONCE = 50
SECONDS = 20.0
LARGEST_ANSWER = 5_000_000  # bytes
_ATOM = "{http://www.w3.org/2005/Atom}"
_KEPT = "arxiv-{}.xml"


class Unreachable(Exception):
    """arXiv gave no answer that can be used; the message says why in a few words."""


def ids_in(text: str) -> list[tuple[int, str]] | None:
    """The ids of a text that holds nothing else, one a line, with their lines; None for any other text."""
    found: list[tuple[int, str]] = []
    for line, given in enumerate(text.splitlines(), 1):
        words = given.partition("#")[0].strip()
        if not words:
            continue
        arxiv_id = id_in(words)
        if arxiv_id is None:
            return None
        found.append((line, arxiv_id))
    return found or None


class _StayThere(urllib.request.HTTPRedirectHandler):
    """Follow no redirect: whoever answers in arXiv's place must not lead this server to another address."""

    def redirect_request(self, *_: Any) -> None:
        return None


_opener = urllib.request.build_opener(_StayThere)


def fetch(arxiv_ids: list[str]) -> bytes:
    """Ask arXiv, and nobody else, for up to ``AT_ONCE`` papers: its answer as Atom. Raises ``Unreachable``."""
    query = urlencode({"id_list": ",".join(arxiv_ids), "max_results": len(arxiv_ids)})
    request = urllib.request.Request(f"{ADDRESS}?{query}", headers={"User-Agent": "matsapply"})  # noqa: S310 - our own
    try:
        with _opener.open(request, timeout=SECONDS) as answer:
            content: bytes = answer.read(LARGEST_ANSWER + 1)
    except (urllib.error.URLError, OSError, ValueError) as error:
        raise Unreachable(str(getattr(error, "reason", error))[:120]) from error
    if len(content) > LARGEST_ANSWER:
        raise Unreachable("its answer is too long")
    return content


def read_ids(
    ids: list[tuple[int, str]], known: Known, cache: Path | None, ask: Callable[[list[str]], bytes] = fetch
) -> Reading:
    """The papers of these ids, from the cache or from arXiv; each id that gets no answer is told and left out."""
    wanted = list(dict.fromkeys(arxiv_id for _, arxiv_id in ids))
    found = {arxiv_id: values for arxiv_id in wanted if (values := _kept(cache, arxiv_id))}
    missing = [arxiv_id for arxiv_id in wanted if arxiv_id not in found]
    reasons: dict[str, str] = {}
    for start in range(0, len(missing), AT_ONCE):
        part = missing[start : start + AT_ONCE]
        try:
            answered = _entries(ask(part))
        except Unreachable as error:
            reasons |= dict.fromkeys(part, f"arXiv cannot be reached: {error}")
            continue
        for arxiv_id, (values, source) in answered.items():
            found[arxiv_id] = values
            _keep(cache, arxiv_id, source)
        reasons |= {arxiv_id: "arXiv knows no such id" for arxiv_id in part if arxiv_id not in found}
    lines = {arxiv_id: line for line, arxiv_id in reversed(ids)}
    findings = [
        Finding(
            lines[arxiv_id], 1, FindingCode.NO_ANSWER, Severity.ERROR, 0, f"{arxiv_id}: {reason}", _what_to_do(reason)
        )
        for arxiv_id, reason in reasons.items()
    ]
    raws = [Raw(lines[arxiv_id], found[arxiv_id]) for arxiv_id in wanted if arxiv_id in found]
    return gather("arxiv", raws, known, findings)


def _what_to_do(reason: str) -> str:
    if "reached" in reason:
        return "not imported; try again with a network, or give the facts as JSON, CSV or BibTeX"
    return "not imported; look at the id"


def _entries(source: bytes) -> dict[str, tuple[dict[str, Any], bytes]]:
    try:
        root = ElementTree.fromstring(source)
    except (ElementTree.ParseError, DefusedXmlException, ValueError) as error:
        raise Unreachable(f"its answer cannot be read ({type(error).__name__})") from error
    found = {}
    for entry in root.iter(f"{_ATOM}entry"):
        address = _text(entry, "id")
        arxiv_id = id_in(re.sub(r"v\d+$", "", address))
        if arxiv_id is None or not _text(entry, "published"):
            continue
        values: dict[str, Any] = {
            "title": _text(entry, "title"),
            "authors": [_text(author, "name") for author in entry.iter(f"{_ATOM}author")],
            "published": _text(entry, "published")[:10],
            "arxiv_id": arxiv_id,
            "url": f"https://arxiv.org/abs/{arxiv_id}",
            "abstract": _text(entry, "summary"),
        }
        found[arxiv_id] = values, ElementTree.tostring(entry)
    return found


def _text(element: Any, name: str) -> str:
    return " ".join((element.findtext(f"{_ATOM}{name}") or "").split())


def _kept(cache: Path | None, arxiv_id: str) -> dict[str, Any] | None:
    """What was kept for this id; None where there is nothing, or nothing that can be read."""
    if cache is None:
        return None
    try:
        found = _entries((cache / _KEPT.format(arxiv_id.replace("/", "_"))).read_bytes())
    except (OSError, Unreachable):
        return None
    return found[arxiv_id][0] if arxiv_id in found else None


def _keep(cache: Path | None, arxiv_id: str, source: bytes) -> None:
    if cache is not None:
        cache.mkdir(parents=True, exist_ok=True)
        (cache / _KEPT.format(arxiv_id.replace("/", "_"))).write_bytes(source)
