"""The sections of an application, and the form's rule on AI, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from matsapply.platform import instants
from matsapply.platform.languages import gettext as _, lazy_gettext as _l

if TYPE_CHECKING:
    from matsapply.rules.answers import SectionState

SECTIONS = {
    "you": _l("About you"),
    "background": _l("Background"),
    "research": _l("Research"),
    "motivation": _l("Motivation"),
    "choice": _l("Tracks and streams"),
    "references": _l("Referees"),
    "consent": _l("Consent"),
    "separate": _l("Kept apart"),
}


def title_of(section: str) -> str:
    """The section's heading; one that is not known is told by its key."""
    return SECTIONS.get(section, section.replace("_", " ").capitalize())


def minutes_left(*states: SectionState) -> str:
    """How long these sections still take: a range, or one number where both ends agree; empty where nothing is left."""
    least, most = sum(state.least for state in states), sum(state.most for state in states)
    if not most:
        return ""
    if least == most:
        return _("about %(work)s", work=instants.duration(most))
    if most < 60:
        return _("%(least)s–%(most)s min", least=least, most=most)
    return _("%(least)s to %(most)s", least=instants.duration(least), most=instants.duration(most))


# What the cohort's form says of AI tools, by the word in the cohort's file.
AI_RULES = {
    "forbidden_for_answers": _l(
        "Do not have AI tools write or rewrite your answers. What you hand in is your own text."
    ),
    "forbidden": _l("Do not use AI tools for your answers."),
    "allowed_disclose": _l("You may use AI tools for your answers. Say where and how you did."),
    "allowed": _l("You may use AI tools for your answers."),
}


def ai_rule(word: str) -> str:
    """The rule as a sentence; empty where the form has none, its own word where it is not known here."""
    return AI_RULES.get(word, word.replace("_", " ").capitalize())
