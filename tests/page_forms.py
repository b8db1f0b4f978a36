"""A page's forms as a browser without scripts would send them."""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any

Fields = dict[str, list[str]]


@dataclass
class Form:
    """One form: where it goes, and what it sends if nothing is touched. ``texts`` are its areas, by name."""

    id: str
    action: str
    fields: Fields = field(default_factory=dict)

    def filled(self, /, **typed: Any) -> Fields:
        """The fields after somebody typed; a list for several values, None to send none."""
        sent = dict(self.fields)
        for name, value in typed.items():
            if value is None:
                sent.pop(name, None)
            else:
                sent[name] = [str(each) for each in value] if isinstance(value, list) else [str(value)]
        return sent


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.forms: list[Form] = []
        self.open: Form | None = None
        self.text: tuple[str, list[str]] | None = None
        self.select: str | None = None
        self.disabled = 0

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attributes}
        if tag == "form":
            self.open = Form(given.get("id", ""), given.get("action", ""))
            self.forms.append(self.open)
        if self.open is None or "disabled" in given or ("name" not in given and tag != "option"):
            return
        if tag == "input" and given.get("type") not in {"submit", "button", "file", "image", "reset"}:
            if given.get("type") not in {"checkbox", "radio"} or "checked" in given:
                self.open.fields.setdefault(given["name"], []).append(given.get("value", "on"))
        elif tag == "textarea":
            self.text = (given["name"], [])
        elif tag == "select":
            self.select = given["name"]
        elif tag == "option" and self.select and "selected" in given:
            self.open.fields.setdefault(self.select, []).append(given.get("value", ""))

    def handle_data(self, data: str) -> None:
        if self.text is not None:
            self.text[1].append(data)

    def handle_endtag(self, tag: str) -> None:
        if tag == "textarea" and self.text and self.open:
            words = "".join(self.text[1]).removeprefix("\r").removeprefix("\n")
            self.open.fields.setdefault(self.text[0], []).append(words)
            self.text = None
        elif tag == "select":
            self.select = None
        elif tag == "form":
            self.open = None


def forms(html: str) -> list[Form]:
    reader = _Reader()
    reader.feed(html)
    reader.close()
    return reader.forms


def form(html: str, wanted: str) -> Form:
    """The form with this id, or whose action ends with it."""
    found = [one for one in forms(html) if one.id == wanted or one.action.endswith(wanted)]
    assert found, f"no form {wanted!r} in the page; there are {[(one.id, one.action) for one in forms(html)]}"
    return found[0]
