"""Every page of the streams' blueprint: importing this module fills it."""

from __future__ import annotations

from matsapply.pages.mentor import candidate, interviews, papers, ranking, tasks, views
from matsapply.pages.mentor.desk import blueprint

__all__ = ["blueprint", "candidate", "interviews", "papers", "ranking", "tasks", "views"]
