"""What templates translate with, on the site as in mails."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from jinja2 import pass_eval_context
from markupsafe import Markup

from matsapply.platform import languages

if TYPE_CHECKING:
    from jinja2 import Environment
    from jinja2.nodes import EvalContext


@pass_eval_context
def _block(context: EvalContext, message: str, /, **values: Any) -> str:
    """``{% trans %}``: a text that may hold elements; the values are escaped where it is HTML."""
    text = languages.current().catalogue.gettext(message)
    return Markup(text) % values if context.autoescape else text % values  # noqa: S704 - a text of ours


@pass_eval_context
def _blocks(context: EvalContext, singular: str, plural: str, count: int, /, **values: Any) -> str:
    """The same with ``{% pluralize %}``."""
    text = languages.current().catalogue.ngettext(singular, plural, count)
    values = {**values, "num": languages.number(count)}
    return Markup(text) % values if context.autoescape else text % values  # noqa: S704 - a text of ours


def prepare(environment: Environment) -> None:
    """Teach an environment ``_``, ``_n`` and ``_p`` (texts, escaped like any other), ``_l`` (for what is set once,
    outside of macros) and ``{% trans %}`` (elements)."""
    environment.add_extension("jinja2.ext.i18n")
    environment.newstyle_gettext = True  # type: ignore[attr-defined]
    environment.policies["ext.i18n.trimmed"] = True
    environment.globals.update(
        _=languages.gettext,
        _l=languages.lazy_gettext,
        _n=languages.ngettext,
        _p=languages.pgettext,
        gettext=_block,
        ngettext=_blocks,
        spoken=lambda: languages.current().code,
        language_names=languages.NAMES,
    )
    environment.filters.update(number=languages.number, known=languages.known)
