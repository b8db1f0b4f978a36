"""Draws one page of a PDF as a picture, in a process of its own with little memory and little time.

Run as ``python -I -m matsapply.files.pdf_picture PAGE < file``, the first page being 1: a WebP goes to the standard
output, and where that cannot be done the status is not 0. PDFium draws, built without a script engine; a file that can
exhaust or crash it does so to this process, not to the site.
"""

from __future__ import annotations

import sys
from io import BytesIO

import pypdfium2

from matsapply.files.pdf_check import limit

WIDEST, HIGHEST = 1000, 1600  # pixels: sharp on a page, and at most 6 MB while it is drawn
QUALITY = 82  # per cent


def picture(data: bytes, number: int) -> bytes:
    """Page ``number`` (the first is 1) as a WebP that fits into ``WIDEST`` by ``HIGHEST`` pixels.

    Raises ``PdfiumError`` or ``IndexError`` where there is no such page or it cannot be drawn.
    """
    document = pypdfium2.PdfDocument(data)
    page = document[number - 1]
    width, height = page.get_size()  # points
    scale = min(WIDEST / width, HIGHEST / height)
    drawn = page.render(scale=scale, may_draw_forms=False).to_pil()
    out = BytesIO()
    drawn.convert("RGB").save(out, "WEBP", quality=QUALITY, method=4)
    return out.getvalue()


if __name__ == "__main__":
    limit()
    sys.stdout.buffer.write(picture(sys.stdin.buffer.read(), int(sys.argv[1])))
