"""A picture for each paper, drawn here, for places that show a card when a link is shared."""

from __future__ import annotations

import io
import textwrap
import unicodedata
from typing import TYPE_CHECKING

from flask import Response
from PIL import Image, ImageDraw, ImageFont

from matsapply.pages.guard import needs
from matsapply.pages.public.caching import kept_briefly
from matsapply.pages.public.showcase import blueprint, paper_at
from matsapply.pages.widgets import SITE_NAME
from matsapply.rules.access import Act

if TYPE_CHECKING:
    from flask.typing import ResponseReturnValue

    from matsapply.showcase.queries import PaperRow

SIZE = (1200, 630)  # what shared links are shown at
MARGIN = 80
GROUND, INK, SOFT, ACCENT = "#ffffff", "#191c2b", "#525972", "#4338ca"  # the light tokens
TITLE_SIZES = ((64, 30, 4), (52, 38, 5), (40, 50, 6))  # letter size, letters a line, most lines
PEOPLE, PEOPLE_LETTERS = 3, 64


@blueprint.get("/<slug>/picture.png")
@needs(Act.PUBLIC)
@kept_briefly
def picture(slug: str) -> ResponseReturnValue:
    """Title, people and year on 1200 × 630 points."""
    return Response(draw(paper_at(slug)), content_type="image/png")


def draw(paper: PaperRow) -> bytes:
    """The picture as PNG. A letter that the built-in face lacks is drawn without its accent, or left out where there is
    no such letter; a title without a single letter left is the site's name. The page itself has the words."""
    image = Image.new("RGB", SIZE, GROUND)
    pen = ImageDraw.Draw(image)
    pen.rectangle((0, 0, SIZE[0], 16), fill=ACCENT)
    size, lines = _title(_drawable(paper.title) or SITE_NAME)
    pen.multiline_text((MARGIN, 90), "\n".join(lines), fill=INK, font=ImageFont.load_default(size), spacing=size // 4)
    small = ImageFont.load_default(32)
    pen.text((MARGIN, 470), _people(paper), fill=SOFT, font=small)
    pen.text((MARGIN, 530), f"{paper.year} · {SITE_NAME}", fill=ACCENT, font=small)
    out = io.BytesIO()
    image.save(out, "PNG", optimize=True)
    return out.getvalue()


def _people(paper: PaperRow) -> str:
    """As many of the first authors as fit on the line."""
    for number in range(min(PEOPLE, len(paper.authors)), 0, -1):
        line = _drawable(", ".join(paper.authors[:number]) + (" et al." if len(paper.authors) > number else ""))
        if len(line) <= PEOPLE_LETTERS:
            return line
    return textwrap.shorten(line, PEOPLE_LETTERS, placeholder=" …") if paper.authors else ""


def _drawable(text: str) -> str:
    face = ImageFont.load_default(TITLE_SIZES[0][0])
    missing = bytes(face.getmask("\U0010ffff"))

    def shown(letter: str) -> bool:
        return letter.isascii() or bytes(face.getmask(letter)) != missing

    letters = (letter if shown(letter) else unicodedata.normalize("NFKD", letter)[:1] for letter in text)
    return " ".join("".join(letter for letter in letters if shown(letter)).split())


def _title(title: str) -> tuple[int, list[str]]:
    for size, letters, most in TITLE_SIZES:
        lines = textwrap.wrap(title, letters)
        if len(lines) <= most:
            return size, lines
    return size, [*lines[: most - 1], textwrap.shorten(" ".join(lines[most - 1 :]), letters, placeholder=" …")]
