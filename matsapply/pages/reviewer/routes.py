"""Every page of the reviewers' blueprint: importing this module fills it."""

from __future__ import annotations

from matsapply.pages.reviewer import offline, talk, turns, views
from matsapply.pages.reviewer.frame import blueprint

__all__ = ["blueprint", "offline", "talk", "turns", "views"]
