"""The icons, our own drawing: one path each on a 24 by 24 grid, drawn with a round stroke and no fill.

A dot is a line of no length (``h.01``), which a round line cap turns into a point.
"""

from __future__ import annotations

from functools import cache

from markupsafe import Markup

_PATHS: dict[str, str] = {
    "home": "M4 11.5 12 4.5l8 7M6.5 9.5V19h11V9.5M10 19v-5h4v5",
    "inbox": "M4 13.5 6.5 6h11l2.5 7.5V18.5H4zM4 13.5h4.5l1 2.5h5l1-2.5H20",
    "doc": "M7 3.5h7l4.5 4.5v12.5H7zM14 3.5V8h4.5M10 12.5h5.5M10 16h5.5",
    "list": "M9.5 6.5H20M9.5 12H20M9.5 17.5H20M4.8 6.5h.01M4.8 12h.01M4.8 17.5h.01",
    "chart": "M4 20h16M6.5 20v-6h3v6M11 20V9.5h3V20M15.5 20V5h3v15",
    "calendar": "M4.5 6.5h15v13.5h-15zM4.5 10.5h15M8.5 3.5v4.5M15.5 3.5v4.5M9 14.5h.01M12 14.5h.01M15 14.5h.01",
    "users": "M9 11.5a3.5 3.5 0 1 0 0-7 3.5 3.5 0 0 0 0 7M3 19.5c0-3 2.5-5 6-5s6 2 6 5M15.5 4.8a3.5 3.5 0 0 1 0 6.4"
    "M17 14.8c2.4.6 4 2.4 4 4.7",
    "user": "M12 12a4 4 0 1 0 0-8 4 4 0 0 0 0 8M5 20c0-3.3 3-5.5 7-5.5s7 2.2 7 5.5",
    "star": "m12 4 2.5 5.1 5.6.8-4.1 4 1 5.6-5-2.7-5 2.7 1-5.6-4.1-4 5.6-.8z",
    "check": "m5 12.5 4.5 4.5L19 7.5",
    "check-circle": "M12 20.5a8.5 8.5 0 1 0 0-17 8.5 8.5 0 0 0 0 17M8.3 12.2l2.6 2.6 4.9-5",
    "x": "m6.5 6.5 11 11M17.5 6.5l-11 11",
    "plus": "M12 5v14M5 12h14",
    "minus": "M5 12h14",
    "arrow-up": "M12 19.5v-15M6 10.5l6-6 6 6",
    "arrow-down": "M12 4.5v15M6 13.5l6 6 6-6",
    "arrow-left": "M19.5 12h-15M10.5 6l-6 6 6 6",
    "arrow-right": "M4.5 12h15M13.5 6l6 6-6 6",
    "chevron-down": "m6.5 9.5 5.5 5.5 5.5-5.5",
    "search": "M11 17.5a6.5 6.5 0 1 0 0-13 6.5 6.5 0 0 0 0 13M15.8 15.8l4.2 4.2",
    "filter": "M4 6.5h16M7 12h10M10 17.5h4",
    "mail": "M3.5 6h17v12.5h-17zM3.5 7l8.5 6.5L20.5 7",
    "clock": "M12 20.5a8.5 8.5 0 1 0 0-17 8.5 8.5 0 0 0 0 17M12 7.5V12l3 2",
    "alert": "M12 4.5 21 19.5H3zM12 10.5v4M12 17h.01",
    "info": "M12 20.5a8.5 8.5 0 1 0 0-17 8.5 8.5 0 0 0 0 17M12 11.5v4.5M12 8.2h.01",
    "lock": "M5.5 11h13v9h-13zM8.5 11V8a3.5 3.5 0 0 1 7 0v3M12 14.5v2",
    "settings": "M4 7.5h9M17 7.5h3M4 16.5h3M11 16.5h9M15 9.5a2 2 0 1 0 0-4 2 2 0 0 0 0 4"
    "M9 18.5a2 2 0 1 0 0-4 2 2 0 0 0 0 4",
    "link": "M10 14a4 4 0 0 0 5.7 0l3-3A4 4 0 0 0 13 5.3l-1 1M14 10a4 4 0 0 0-5.7 0l-3 3a4 4 0 0 0 5.7 5.7l1-1",
    "external": "M13.5 4.5h6v6M19.5 4.5 11 13M17.5 14v5.5h-13v-13H10",
    "download": "M12 4v11M7.5 11l4.5 4.5 4.5-4.5M4.5 19.5h15",
    "upload": "M12 15.5v-11M7.5 8.5 12 4l4.5 4.5M4.5 19.5h15",
    "file": "M7 3.5h7l4.5 4.5v12.5H7zM14 3.5V8h4.5",
    "edit": "M4.5 19.5l1-4.5L15.5 5l3.5 3.5L9 18.5zM13.5 7l3.5 3.5",
    "trash": "M4.5 7h15M9.5 7V4.5h5V7M6.5 7l1 13h9l1-13M10.5 11v5M13.5 11v5",
    "grip": "M9.5 5.5h.01M14.5 5.5h.01M9.5 10h.01M14.5 10h.01M9.5 14.5h.01M14.5 14.5h.01M9.5 19h.01M14.5 19h.01",
    "more": "M5.3 12a.7.7 0 1 0 1.4 0 .7.7 0 1 0-1.4 0M11.3 12a.7.7 0 1 0 1.4 0 .7.7 0 1 0-1.4 0"
    "M17.3 12a.7.7 0 1 0 1.4 0 .7.7 0 1 0-1.4 0",
    "menu": "M4 7h16M4 12h16M4 17h16",
    "theme": "M12 20.5a8.5 8.5 0 1 0 0-17 8.5 8.5 0 0 0 0 17M12 3.5v17M12 8h5M12 12h8M12 16h5",
    "key": "M8.5 18.5a4.5 4.5 0 1 0 0-9 4.5 4.5 0 0 0 0 9M11.7 10.8 19 3.5M16 6.5l2.5 2.5M8.5 14h.01",
    "flag": "M6 20.5V4M6 5c4-2 8 2 12.5 0v8.5C14 15.5 10 11.5 6 13.5",
    "seat": "M7.5 4.5h9v7h-9zM5.5 11.5h13v3.5h-13zM7.5 15v5M16.5 15v5",
    "book": "M12 6.5C10 5 7.5 4.5 4 4.5v13.5c3.5 0 6 .5 8 2 2-1.5 4.5-2 8-2V4.5c-3.5 0-6 .5-8 2zM12 6.5V20",
    "compass": "M12 20.5a8.5 8.5 0 1 0 0-17 8.5 8.5 0 0 0 0 17M15.8 8.2l-2.2 5.4-5.4 2.2 2.2-5.4z",
    "log-out": "M10.5 4.5h-6v15h6M9.5 12h11M16 7.5l4.5 4.5-4.5 4.5",
    "play": "M8 5.5v13l10.5-6.5z",
    "eye": "M2.5 12c2.5-4.5 5.5-6.5 9.5-6.5s7 2 9.5 6.5c-2.5 4.5-5.5 6.5-9.5 6.5S5 16.5 2.5 12"
    "M12 15a3 3 0 1 0 0-6 3 3 0 0 0 0 6",
}


def path_of(name: str) -> str:
    """The path of an icon; an unknown name is an error in the template, so it raises ``KeyError``."""
    return _PATHS[name]


@cache
def drawing(name: str, size: int = 18, label: str | None = None, cls: str = "") -> Markup:
    """The whole symbol. Pages show dozens of a few kinds, so each kind is written once."""
    means = Markup(' role="img" aria-label="{}"').format(label) if label else Markup(' aria-hidden="true"')
    look = f"icon {cls}" if cls else "icon"
    return Markup(
        '<svg class="{}" width="{}" height="{}" viewBox="0 0 24 24"{} focusable="false"><path d="{}"/></svg>'
    ).format(look, size, size, means, path_of(name))


def names() -> list[str]:
    """All icon names, in the order of the drawing sheet."""
    return list(_PATHS)
