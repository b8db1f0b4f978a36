"""The sections of an application in words."""

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
