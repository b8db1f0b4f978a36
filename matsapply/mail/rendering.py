"""From a kind and a context to a subject and two bodies. Jinja without Flask, so that jobs and rules need no request.

What people typed comes into mails (names, feedback, reasons). In a subject it is brought to one line without control
characters, in HTML it is escaped, in text it stays text; none of it can become a header or a second recipient.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from jinja2 import (
    Environment,
    FileSystemLoader,
    StrictUndefined,
    TemplateNotFound,
    pass_context,
    pass_eval_context,
    select_autoescape,
)
from markupsafe import Markup, escape

from matsapply.platform import instants, languages, templating
from matsapply.platform.settings import ROOT, Settings

if TYPE_CHECKING:
    from datetime import datetime

    from jinja2.nodes import EvalContext
    from jinja2.runtime import Context

    from matsapply.mail.kinds import Mail

FOLDER = ROOT / "templates" / "mail"
SUBJECT_LENGTH = 200  # characters
SITE_NAME = "MATS Apply"
_BIDI = frozenset("\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u061c")
_BLANK_LINES = re.compile(r"\n{3,}")
_SPACES = re.compile(r"\s+")
# Unicode's controls, lone surrogates, and its separators of lines and paragraphs.
_CONTROL = r"\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff"
_CONTROLS = re.compile(f"[{_CONTROL}]")
_CONTROLS_IN_TEXT = re.compile(f"(?![\\n\\t])[{_CONTROL}]")


class NotConfiguredError(RuntimeError):
    """A mail was written before ``configure`` said from whom and with which address in its links."""

    def __init__(self) -> None:
        super().__init__("mail is not configured: call matsapply.mail.outbox.configure(settings) first")


@dataclass(frozen=True, slots=True)
class Rendered:
    """One message's words; the subject is one line of at most 200 characters."""

    subject: str
    text: str
    html: str


_settings: Settings | None = None


def configure(settings: Settings) -> None:
    """Say once per process where links lead and who writes (called by the composition root)."""
    global _settings
    _settings = settings


def configured() -> Settings:
    """The settings given to ``configure``; raises ``NotConfiguredError`` before that."""
    if _settings is None:
        raise NotConfiguredError
    return _settings


def one_line(text: str, limit: int) -> str:
    """``text`` as part of a header: no line breaks, control or direction characters, at most ``limit`` characters."""
    kept = "".join(letter for letter in text if letter not in _BIDI)
    line = _SPACES.sub(" ", _CONTROLS.sub(" ", kept)).strip()
    return line if len(line) <= limit else line[: limit - 1].rstrip() + "…"


def plain(text: str) -> str:
    """``text`` without what databases and mail servers choke on: NUL and other controls, lone surrogates."""
    unified = text.replace("\r\n", "\n").replace("\r", "\n")
    return _CONTROLS_IN_TEXT.sub("", unified)


def absolute(address: str) -> str:
    """The absolute address of a path of this site; a full address is taken only if it is one of this site's."""
    base = configured().base_url.rstrip("/")
    if address.startswith(f"{base}/"):
        return address
    if not address.startswith("/") or address.startswith("//") or "\\" in address:
        raise ValueError(f"a mail links to pages of this site only, not to {address!r}")
    return base + address


@pass_context
def _url(_context: Context, address: str) -> str:
    # With a context, so that Jinja does not work out the address of a fixed path once for all settings to come.
    return absolute(address)


@pass_context
def _at(context: Context, instant: datetime) -> str:
    """An instant at which something happened or begins: the recipient's zone, Anywhere on Earth, UTC."""
    return _told(instant, str(context["zone"]), opens=True)


@pass_context
def _by(context: Context, instant: datetime) -> str:
    """An instant until which something can be done; the end of a day AoE reads 23:59 of that day."""
    return _told(instant, str(context["zone"]), opens=False)


def _told(instant: datetime, zone: str, *, opens: bool) -> str:
    own, utc = instants.in_zone(instant, zone), instants.utc(instant)
    aoe = instants.aoe(instant, opens=opens)
    return f"{utc} = {aoe}" if own == utc else f"{own} = {aoe} = {utc}"


def _quoted(text: str) -> str:
    """What somebody wrote, set off with "> " in a text body."""
    return "\n".join(f"> {line}".rstrip() for line in plain(text).strip().split("\n"))


def _lines(text: str) -> Markup:
    """The same in HTML: escaped, its line breaks kept."""
    return Markup("<br>\n").join(escape(line.rstrip()) for line in plain(text).strip().split("\n"))


@pass_eval_context
def _linked(context: EvalContext, text: str) -> str | Markup:
    """An address somebody typed: a link in HTML if it is one of the web, else the words as they are."""
    words = one_line(text, 500)
    if not context.autoescape or not words.lower().startswith(("https://", "http://")):
        return words
    return Markup('<a href="{0}">{0}</a>').format(words)


@lru_cache(maxsize=1)
def _environment() -> Environment:
    env = Environment(
        loader=FileSystemLoader(FOLDER),
        undefined=StrictUndefined,
        autoescape=select_autoescape(enabled_extensions=("html",), default_for_string=True),
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
        cache_size=200,
    )
    # Addresses are a filter, not a function: a context may well hold a value named "link".
    env.filters.update(at=_at, by=_by, quoted=_quoted, lines=_lines, linked=_linked, url=_url)
    templating.prepare(env)
    env.globals.update(site_name=SITE_NAME)
    return env


def render(kind: Mail, context: dict[str, Any]) -> Rendered:
    """The message of ``kind``. ``context`` needs ``name`` and ``zone`` (IANA) besides the kind's own keys; a missing
    one raises ``jinja2.UndefinedError`` here, in the transaction of the cause, rather than in the sender. Its
    ``language`` is the recipient's; English where nobody said one."""
    with languages.speaking(context.get("language")):
        return _rendered(kind, context)


def _rendered(kind: Mail, context: dict[str, Any]) -> Rendered:
    env = _environment()
    whole = {**context, "kind": kind.value, "name": one_line(str(context["name"]), 120)}
    try:
        subject = env.get_template(f"{kind.value}/subject.txt").render(whole)
        whole["title"] = one_line(subject, SUBJECT_LENGTH)
        text = env.get_template(f"{kind.value}/body.txt").render(whole)
        html = env.get_template(f"{kind.value}/body.html").render(whole)
    except TemplateNotFound as error:
        raise LookupError(f"templates/mail/{kind.value} lacks {error.name}") from error
    return Rendered(whole["title"], _BLANK_LINES.sub("\n\n", plain(text)).strip() + "\n", plain(html))
