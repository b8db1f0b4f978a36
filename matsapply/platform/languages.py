"""The words of pages and mails in the reader's language.

Texts stand in the code in English, inside ``gettext`` and its like; ``translations/<language>.po`` holds what they are
called elsewhere. ``scripts/translations.py`` compiles it (``make setup`` does so), and adds from Unicode's CLDR how the
language writes dates and numbers. Which language is spoken is a matter of the running request, job or mail:
``speaking``.
"""

from __future__ import annotations

import gettext as standard
from contextlib import contextmanager
from contextvars import ContextVar, Token
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from matsapply.platform.settings import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SOURCE = "en"
NAMES = {"en": "English", "de": "Deutsch"}  # every language of the site, each by its own name
FOLDER = ROOT / "translations"

# What the compiled catalogues hold from CLDR, under this context; in English the forms stand here.
CLDR = "cldr"
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
DAY_FORM = "%(day)s %(month)s %(year)s"
THOUSANDS, DECIMAL = ",", "."


class NotCompiledError(RuntimeError):
    """A language has no compiled catalogue here."""

    def __init__(self, path: Path) -> None:
        super().__init__(f"{path.relative_to(ROOT)} is missing: run make setup, which compiles the translations")


@dataclass(frozen=True, slots=True)
class Language:
    """One language, ready to be spoken. ``day_form`` takes ``day``, ``month`` and ``year``."""

    code: str
    catalogue: standard.NullTranslations
    months: tuple[str, ...]
    days: tuple[str, ...]
    day_form: str
    separators: dict[int, str]


def catalogue_path(code: str) -> Path:
    """Where the compiled words of a language lie."""
    return FOLDER / f"{code}.mo"


def check_compiled() -> None:
    """Raise ``NotCompiledError`` where a language of the site cannot be spoken."""
    for code in NAMES:
        if code != SOURCE and not catalogue_path(code).is_file():
            raise NotCompiledError(catalogue_path(code))


@lru_cache
def language(code: str) -> Language:
    """The language of that code; read from its catalogue once a process."""
    found = standard.NullTranslations()
    if code != SOURCE:
        path = catalogue_path(code)
        try:
            with path.open("rb") as file:
                found = standard.GNUTranslations(file)
        except FileNotFoundError:
            raise NotCompiledError(path) from None

    def form(text: str) -> str:
        return found.pgettext(CLDR, text)

    return Language(
        code=code,
        catalogue=found,
        months=tuple(form(month) for month in MONTHS),
        days=tuple(form(day) for day in DAYS),
        day_form=form(DAY_FORM),
        separators=str.maketrans({THOUSANDS: form(THOUSANDS), DECIMAL: form(DECIMAL)}),
    )


ENGLISH = language(SOURCE)
_current: ContextVar[Language] = ContextVar("language", default=ENGLISH)


def current() -> Language:
    """The language spoken now."""
    return _current.get()


def use(code: str | None) -> Token[Language]:
    """Speak that language from here on; one the site does not have is English. ``stop`` takes the token back."""
    return _current.set(language(code if code in NAMES else SOURCE))


def stop(token: Token[Language]) -> None:
    """Speak again what was spoken before ``use``."""
    _current.reset(token)


@contextmanager
def speaking(code: str | None) -> Iterator[None]:
    """Speak that language inside the ``with``: for a mail in its recipient's language."""
    token = use(code)
    try:
        yield
    finally:
        stop(token)


# --- words --------------------------------------------------------------------------------------------------------


def gettext(message: str, /, **values: object) -> str:
    """``message`` in the reader's language, with its ``%(name)s`` filled in; a per cent sign is written ``%%``."""
    return _current.get().catalogue.gettext(message) % values


def ngettext(singular: str, plural: str, count: int, /, **values: object) -> str:
    """The same for a number of things; ``%(num)s`` is the number as the language writes it."""
    text = _current.get().catalogue.ngettext(singular, plural, count)
    return text % {"num": number(count), **values}


def both(singular: str, plural: str) -> tuple[str, str]:
    """Marks the two forms of a text in a table; ``ngettext`` is called with them later."""
    return singular, plural


def later(message: str) -> str:
    """Marks a text in a table; ``gettext`` is called with it later."""
    return message


def pgettext(context: str, message: str, /, **values: object) -> str:
    """The same for a word that means several things in English; ``context`` says which."""
    return _current.get().catalogue.pgettext(context, message) % values


def known(text: str) -> str:
    """What a catalogue calls ``text``, a word that was not written for this place (a state's name); else itself."""
    return _current.get().catalogue.gettext(text) if text else text


class Later:
    """A text that is put into the reader's language when it is read: for labels and tables made once a process.

    It reads like the string it stands for; whatever is made from it is a plain string of this moment.
    """

    def __init__(self, message: str, values: dict[str, object]) -> None:
        self._message, self._values = message, values

    def __str__(self) -> str:
        if not self._values and "%(" in self._message:
            return known(self._message)  # its values come with ``%``
        return gettext(self._message, **self._values)

    def __getattr__(self, name: str) -> Any:
        return getattr(str(self), name)

    def __add__(self, other: str) -> str:
        return str(self) + other

    def __radd__(self, other: str) -> str:
        return other + str(self)

    def __mod__(self, values: object) -> str:
        return (str(self) if self._values else known(self._message)) % values

    def __eq__(self, other: object) -> bool:
        return str(self) == (str(other) if isinstance(other, Later) else other)

    def __hash__(self) -> int:
        return hash(str(self))

    def __len__(self) -> int:
        return len(str(self))


def lazy_gettext(message: str, /, **values: object) -> Any:
    """``gettext`` at the moment of reading. Any, because libraries ask for ``str`` where they only print one."""
    return Later(message, values)


def number(value: float, decimals: int = 0) -> str:
    """ "1,204" or "1.204", by the language; with that many decimals."""
    text = f"{value:,.{decimals}f}"
    spoken = _current.get()
    return text if spoken.code == SOURCE else text.translate(spoken.separators)
