"""The sections of an application, and the form's rule on AI, in words."""

from __future__ import annotations

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
