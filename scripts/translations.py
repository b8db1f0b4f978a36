"""The catalogues of other languages: ``make translations`` brings them up to date with the texts in the code.

``translations.py update``   take the texts of the code over into each ``translations/*.po``, name what is untranslated
``translations.py compile``  make the ``.mo`` files the site reads, with CLDR's forms of dates and numbers in them
"""

from __future__ import annotations

import io
import os
import sys
from pathlib import Path

from babel import Locale
from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from matsapply.platform import languages  # noqa: E402 - the project is found first

METHODS = [("templates/**.html", "jinja2"), ("templates/**.txt", "jinja2"), ("matsapply/**.py", "python")]
OPTIONS = {
    "templates/**": {"newstyle_gettext": "true", "trimmed": "true", "silent": "false", "encoding": "utf-8"},
    "**": {"encoding": "utf-8"},
}
KEYWORDS = {
    "_": None,
    "_l": None,
    "_n": (1, 2),
    "_p": ((1, "c"), 2),
    "_both": (1, 2),
    "_later": None,
    "gettext": None,  # these two as ``{% trans %}`` calls them
    "ngettext": (1, 2),
}
NOTE = "Translators:"


def texts() -> Catalog:
    """Every text of the code and the templates, with the files it stands in."""
    found = Catalog(project="matsapply", charset="utf-8")
    for file, _line, message, notes, context in extract_from_dir(
        ROOT, METHODS, OPTIONS, KEYWORDS, comment_tags=[NOTE], strip_comment_tags=True, directory_filter=_ours
    ):
        found.add(message, locations=[(file, 0)], auto_comments=notes, context=context)
    return found


def _ours(path: str | os.PathLike[str]) -> bool:
    name = Path(path).name
    return not name.startswith((".", "_")) and name not in {"data", "tests", "bench", "docs", "node_modules"}


def stored(code: str) -> Catalog:
    """The catalogue of a language as it lies in the repository; an empty one where there is none yet."""
    path = languages.FOLDER / f"{code}.po"
    if not path.exists():
        return Catalog(locale=code, charset="utf-8")
    with path.open("rb") as file:
        return read_po(file, locale=code)


def updated(code: str) -> Catalog:
    """The same with exactly the texts of the code. Nothing is guessed: a changed text is an untranslated one."""
    catalogue = stored(code)
    catalogue.update(texts(), no_fuzzy_matching=True)
    catalogue.obsolete.clear()
    return catalogue


def written(catalogue: Catalog) -> bytes:
    """The file of a catalogue: by text, so that two changes seldom meet, and without dates."""
    plain = Catalog(locale=catalogue.locale, charset="utf-8", header_comment="")
    buffer = io.BytesIO()
    for message in catalogue:
        if message.id:
            plain[message.id] = message
    write_po(buffer, plain, width=110, sort_output=True, include_lineno=False, omit_header=True)
    head = (
        f'msgid ""\nmsgstr ""\n"Language: {catalogue.locale}\\n"\n"Content-Type: text/plain; charset=utf-8\\n"\n'
        f'"Plural-Forms: {catalogue.plural_forms}\\n"\n\n'
    )
    return head.encode() + buffer.getvalue()


def untranslated(catalogue: Catalog) -> list[str]:
    """The texts that have no translation, or one nobody has confirmed."""
    return [
        message.id if isinstance(message.id, str) else message.id[0]
        for message in catalogue
        if message.id and (message.fuzzy or not all(_strings(message.string)))
    ]


def _strings(text: str | tuple[str, ...] | list[str] | None) -> list[str]:
    return [text or ""] if isinstance(text, str | None) else list(text)


def update() -> int:
    """Write each catalogue anew; 1 where texts wait to be translated."""
    waiting = 0
    for code in others():
        catalogue = updated(code)
        (languages.FOLDER / f"{code}.po").write_bytes(written(catalogue))
        missing = untranslated(catalogue)
        waiting += len(missing)
        print(f"translations/{code}.po: {len(catalogue)} texts, {len(missing)} to translate")
        for text in missing[:20]:
            print(f"  {text[:110]}")
    return compile_all() or int(waiting > 0)


def compile_all() -> int:
    """Write each ``.mo``: at once, so that whoever reads meanwhile has the old or the new one."""
    for code in others():
        catalogue = stored(code)
        add_forms(catalogue, Locale.parse(code))
        target = languages.catalogue_path(code)
        draft = target.with_suffix(f".{os.getpid()}")
        with draft.open("wb") as file:
            write_mo(file, catalogue)
        draft.replace(target)
    return 0


def add_forms(catalogue: Catalog, locale: Locale) -> None:
    """What ``platform.languages`` asks CLDR for, as messages under a context of their own."""
    months, days = locale.months["format"]["abbreviated"], locale.days["format"]["abbreviated"]
    names = {"d": "%(day)s", "MMM": "%(month)s", "y": "%(year)s"}
    forms = {text: months[number] for number, text in enumerate(languages.MONTHS, 1)}
    forms |= {text: days[number] for number, text in enumerate(languages.DAYS)}
    forms[languages.DAY_FORM] = locale.datetime_skeletons["yMMMd"].format % names
    forms[languages.THOUSANDS] = locale.number_symbols["latn"]["group"]
    forms[languages.DECIMAL] = locale.number_symbols["latn"]["decimal"]
    for text, form in forms.items():
        catalogue.add(text, form, context=languages.CLDR)


def others() -> list[str]:
    """Every language that is translated into."""
    return [code for code in languages.NAMES if code != languages.SOURCE]


if __name__ == "__main__":
    commands = {"update": update, "compile": compile_all}
    if len(sys.argv) != 2 or sys.argv[1] not in commands:
        sys.stderr.write("usage: python scripts/translations.py update|compile\n")
        sys.exit(2)
    sys.exit(commands[sys.argv[1]]())
