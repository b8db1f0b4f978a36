"""A paper as others cite it: BibTeX, CSL-JSON and RIS. Names are given whole; nobody's name is cut in two."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from matsapply.rules.names import folded

if TYPE_CHECKING:
    from matsapply.showcase.queries import PaperRow

_TEX = {
    "\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#", "_": r"\_",
    "~": r"\textasciitilde{}", "^": r"\textasciicircum{}",
}  # fmt: skip
_SMALL_WORDS = frozenset("a an the on in of to and are is can do how what towards with from for".split())
_NOT_KEY = re.compile(r"[^a-z0-9]")


def _tex(text: str) -> str:
    return "".join(_TEX.get(letter, letter) for letter in text)


def key_of(paper: PaperRow) -> str:
    """``cunningham2023sparse``: the first author's last word, the year, the title's first telling word."""
    family = folded(paper.authors[0]).split()[-1] if paper.authors else "anonymous"
    words = [word for word in folded(paper.title).split() if word not in _SMALL_WORDS]
    return _NOT_KEY.sub("", f"{family}{paper.year}{words[0] if words else ''}") or f"paper{paper.id}"


def bibtex(paper: PaperRow) -> str:
    """A ``@misc`` entry; the title in double braces, so that its letter case stays."""
    authors = " and ".join(_person(name) for name in paper.authors)
    fields = {
        "title": f"{{{_tex(paper.title)}}}",
        "author": authors,
        "date": paper.published.isoformat(),
        "year": str(paper.year),
        "month": str(paper.published.month),
    }
    if paper.arxiv_id:
        fields |= {"eprint": paper.arxiv_id, "archiveprefix": "arXiv"}
    if paper.url:
        fields["url"] = paper.url
    lines = [f"  {name} = {{{value}}}," for name, value in fields.items()]
    return "\n".join([f"@misc{{{key_of(paper)},", *lines, "}\n"])


def _person(name: str) -> str:
    """A name with a comma, or one that reads like two names, is kept together by braces."""
    whole = _tex(name)
    return f"{{{whole}}}" if "," in name or " and " in name else whole


def csl(paper: PaperRow) -> dict[str, Any]:
    """One item of CSL-JSON."""
    item: dict[str, Any] = {
        "id": key_of(paper),
        "type": "article" if paper.arxiv_id else "report",
        "title": paper.title,
        "author": [{"literal": name} for name in paper.authors],
        "issued": {"date-parts": [[paper.published.year, paper.published.month, paper.published.day]]},
    }
    if paper.arxiv_id:
        item |= {"number": f"arXiv:{paper.arxiv_id}", "publisher": "arXiv"}
    if paper.url:
        item["URL"] = paper.url
    return item


def csl_json(paper: PaperRow) -> str:
    return json.dumps([csl(paper)], ensure_ascii=False, indent=2) + "\n"


def ris(paper: PaperRow) -> str:
    """One record; lines end as the format wants them, with carriage return and line feed."""
    lines = [("TY", "PREPRINT" if paper.arxiv_id else "RPRT"), ("TI", paper.title)]
    lines += [("AU", name) for name in paper.authors]
    lines += [("PY", str(paper.year)), ("DA", paper.published.strftime("%Y/%m/%d"))]
    if paper.arxiv_id:
        lines.append(("M1", f"arXiv:{paper.arxiv_id}"))
    if paper.url:
        lines.append(("UR", paper.url))
    return "".join(f"{tag}  - {' '.join(value.split())}\r\n" for tag, value in [*lines, ("ER", "")])


def plain(paper: PaperRow) -> str:
    """One line of text to paste anywhere."""
    authors = ", ".join(paper.authors[:6]) + (" et al." if len(paper.authors) > 6 else "")
    source = f"arXiv:{paper.arxiv_id}" if paper.arxiv_id else paper.url
    stop = "" if paper.title.endswith(("?", "!", ".")) else "."
    return f"{authors} ({paper.year}). {paper.title}{stop} {source}".strip()
