"""Writes a PDF anew without who made it, in a process of its own with little memory and little time.

Run as ``python -I -m matsapply.files.pdf_blind < file``: the copy goes to the standard output, and where that cannot be
done the status is not 0. Left out are the document's information (author, title, program, dates), its XMP packets and
editors' private data, whoever wrote its annotations, earlier revisions, and the EXIF, XMP, IPTC and comments inside its
photographs. What the pages themselves say stays as it is.
"""

from __future__ import annotations

import logging
import sys
import warnings
import zlib
from io import BytesIO
from typing import Any

from pypdf import PdfReader, PdfWriter
from pypdf.generic import ArrayObject, DictionaryObject, NameObject, NullObject, StreamObject

from matsapply.files.pdf_check import limit

LARGEST_PHOTO = 64 * 1024 * 1024  # bytes of one photograph that was packed a second time

TELLING_KEYS = ("/Metadata", "/PieceInfo", "/LastModified", "/Author", "/Creator", "/Producer", "/AF")
# Segments of a JPEG: APP1 (EXIF, XMP), APP3 to APP13 (IPTC and makers' own), APP15, comments. The others are colour.
TELLING_SEGMENTS = frozenset({0xE1, *range(0xE3, 0xEE), 0xEF, 0xFE})
TELLING_BOXES = frozenset({b"xml ", b"uuid", b"jp2i", b"uinf"})  # of a JPEG 2000


def blind(data: bytes) -> bytes:
    """The document as its pages show it, by nobody."""
    # Only what the document refers to is taken over, so that earlier revisions stay behind.
    writer = PdfWriter(clone_from=PdfReader(BytesIO(data), strict=False))
    writer.metadata = None
    for place, thing in enumerate(writer._objects):
        if isinstance(thing, DictionaryObject) and thing.get("/Type") == "/Metadata":
            writer._objects[place] = NullObject()
        elif thing is not None:
            _clean([thing])
    out = BytesIO()
    writer.write(out)
    return out.getvalue()


def _clean(waiting: list[Any]) -> None:
    """Clean every dictionary within; what they refer to is an object of its own and has its turn."""
    while waiting:
        thing = waiting.pop()
        if isinstance(thing, DictionaryObject):
            for key in TELLING_KEYS:
                thing.pop(key, None)
            if "/Subtype" in thing and "/Rect" in thing and str(thing["/Subtype"]) != "/Widget":
                for key in ("/T", "/M", "/CreationDate", "/NM"):  # who wrote an annotation, and when
                    thing.pop(key, None)
            if isinstance(thing, StreamObject):
                _clean_photo(thing)
            waiting.extend(thing.values())
        elif isinstance(thing, ArrayObject):
            waiting.extend(thing)


def _clean_photo(stream: StreamObject) -> None:
    filters = stream.get("/Filter")
    names = [str(name) for name in filters] if isinstance(filters, ArrayObject) else [str(filters)]
    raw = stream._data
    if names == ["/FlateDecode", "/DCTDecode"]:
        unpacker = zlib.decompressobj()
        raw = unpacker.decompress(raw, LARGEST_PHOTO)
        if unpacker.unconsumed_tail:
            raise ValueError("a photograph is too large")
        stream[NameObject("/Filter")] = NameObject("/DCTDecode")
        stream.pop("/DecodeParms", None)
        names = ["/DCTDecode"]
    if names == ["/DCTDecode"]:
        stream._data = jpeg(raw)
    elif names == ["/JPXDecode"]:
        stream._data = jpeg_2000(raw)
    elif "/DCTDecode" in names or "/JPXDecode" in names:
        raise ValueError("a photograph is packed in a way that cannot be cleaned")


def jpeg(data: bytes) -> bytes:
    """The photograph without the segments that tell who took it, where and when, and without what follows its end."""
    out, at = [data[:2]], 2
    while at + 2 <= len(data):
        marker = data[at + 1]
        if data[at] != 0xFF or marker in (0x00, *range(0xD0, 0xD8)):
            # Within the picture: on to the next byte that can begin a segment.
            after = data.find(b"\xff", at + 1)
            after = len(data) if after < 0 else after
            out.append(data[at:after])
            at = after
        elif marker == 0xFF:  # padding
            at += 1
        elif marker == 0xD9:
            out.append(data[at : at + 2])
            break
        else:
            length = int.from_bytes(data[at + 2 : at + 4], "big")
            if length < 2:
                raise ValueError("a photograph is damaged")
            if marker not in TELLING_SEGMENTS:
                out.append(data[at : at + 2 + length])
            at += 2 + length
    return b"".join(out)


def jpeg_2000(data: bytes) -> bytes:
    """The same for JPEG 2000, whose parts are boxes; a bare codestream has none."""
    if not data.startswith(b"\x00\x00\x00\x0cjP  "):
        return data
    out, at = [], 0
    while at + 8 <= len(data):
        length, head = int.from_bytes(data[at : at + 4], "big"), 8
        if length == 1:
            length, head = int.from_bytes(data[at + 8 : at + 16], "big"), 16
        end = len(data) if length == 0 else at + length
        if end < at + head:
            raise ValueError("a photograph is damaged")
        if data[at + 4 : at + 8] not in TELLING_BOXES:
            out.append(data[at:end])
        at = end
    return b"".join(out)


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    logging.disable(logging.CRITICAL)
    limit()
    sys.stdout.buffer.write(blind(sys.stdin.buffer.read()))
