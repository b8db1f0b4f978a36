"""The sections of an application, and the form's rule on AI, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from matsapply.platform import instants

if TYPE_CHECKING:
    from matsapply.rules.answers import SectionState

SECTIONS = {
    "you": "About you",
    "background": "Background",
    "research": "Research",
    "motivation": "Motivation",
    "choice": "Tracks and streams",
    "references": "Referees",
    "consent": "Consent",
    "separate": "Kept apart",
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
        return f"about {instants.duration(most)}"
    if most < 60:
        return f"{least}–{most} min"
    return f"{instants.duration(least)} to {instants.duration(most)}"


# What the cohort's form says of AI tools, by the word in the cohort's file.
AI_RULES = {
    "forbidden_for_answers": "Do not have AI tools write or rewrite your answers. What you hand in is your own text.",
    "forbidden": "Do not use AI tools for your answers.",
    "allowed_disclose": "You may use AI tools for your answers. Say where and how you did.",
    "allowed": "You may use AI tools for your answers.",
}


def ai_rule(word: str) -> str:
    """The rule as a sentence; empty where the form has none, its own word where it is not known here."""
    return AI_RULES.get(word, word.replace("_", " ").capitalize())
