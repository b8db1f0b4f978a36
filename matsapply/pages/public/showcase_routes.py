"""All of the showcase's pages, gathered: importing this registers every view on the blueprint."""

from __future__ import annotations

from matsapply.pages.public import showcase_files, showcase_picture
from matsapply.pages.public.showcase import blueprint

VIEWS = (showcase_files, showcase_picture)

__all__ = ["VIEWS", "blueprint"]
