"""Asking an address of the public web whether it answers, without letting anybody lead this server inside.

Only http and https on their own ports; the name is resolved once, every address behind it must be a public one, and
the connection goes to the very address that was looked at, so a name that changes its mind leads nowhere. A redirect
is told and never followed. Nothing of the answer but its head is read.
"""

from __future__ import annotations

import ipaddress
import socket
import ssl
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from urllib.parse import urljoin, urlsplit

SECONDS = 10.0  # for each step of an answer
ALL_SECONDS = 20.0  # for the whole of it: a server may send a letter now and then for ever
LONGEST = 500  # characters of an address
AGENT = "matsapply link check"
GET_INSTEAD = frozenset({403, 405, 501})  # servers that refuse to be asked for the head alone
NAT64 = ipaddress.ip_network("64:ff9b::/96")


@dataclass(frozen=True, slots=True)
class Answer:
    """``status`` is None where nothing answered; ``problem`` says why in a few words. ``unreached``: the way there
    failed (no such name, no route, no answer in time), which is what a machine without a network sees everywhere."""

    status: int | None
    problem: str = ""
    moved_to: str = ""
    unreached: bool = False


Resolve = Callable[[str, int], list[str]]


def is_public(address: str) -> bool:
    """Whether an IP address, also one wrapped in another, is one of the public internet."""
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if isinstance(found, ipaddress.IPv6Address):
        inner = found.ipv4_mapped or found.sixtofour or (found.teredo[1] if found.teredo else None)
        if inner is None and found in NAT64:
            inner = ipaddress.IPv4Address(int(found) & 0xFFFF_FFFF)
        if inner is not None:
            return is_public(str(inner))
        if found.is_site_local or found.is_reserved:
            return False
    return found.is_global and not found.is_multicast


def resolved(host: str, port: int) -> list[str]:
    """Every IP address of a name. Raises ``OSError`` where it has none."""
    return list(dict.fromkeys(str(found[4][0]) for found in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)))


def look(url: str, resolve: Resolve = resolved) -> Answer:
    """What ``url`` answers; never raises."""
    place = _place(url)
    if isinstance(place, Answer):
        return place
    try:
        addresses = resolve(place.host, place.port)
    except OSError:
        return Answer(None, "its name leads nowhere", unreached=True)
    if not addresses or not all(is_public(one) for one in addresses):
        return Answer(None, "leads to an address that is not public; it was not asked")
    try:
        answer = _ask("HEAD", place, addresses[0])
        if answer.status in GET_INSTEAD:
            answer = _ask("GET", place, addresses[0])
    except ssl.SSLError as error:
        return Answer(None, f"its certificate is not accepted: {error.reason or 'unknown reason'}"[:200])
    except TimeoutError:
        return Answer(None, f"no answer within {SECONDS:.0f} seconds", unreached=True)
    except OSError as error:
        return Answer(None, f"no connection: {error.strerror or type(error).__name__}"[:200], unreached=True)
    except (HTTPException, UnicodeError, ValueError):
        return Answer(None, "its answer is no web page")
    return Answer(answer.status, "", _goal(url, answer.moved_to)) if answer.moved_to else answer


def _goal(url: str, location: str) -> str:
    """Where a redirect leads, as far as it is an address of the web: whoever answers may write there what they like."""
    try:
        goal = urljoin(url, location)
        scheme = urlsplit(goal).scheme
    except ValueError:
        return ""
    return quoted(goal)[:LONGEST] if scheme in {"http", "https"} else ""


@dataclass(frozen=True, slots=True)
class _Place:
    secure: bool
    host: str
    port: int
    path: str


def _place(url: str) -> _Place | Answer:
    """Where an address leads; an ``Answer`` where it is none of the web."""
    try:
        parts = urlsplit(url)
        secure = parts.scheme == "https"
        port = parts.port or (443 if secure else 80)
        host = (parts.hostname or "").encode("idna").decode("ascii")
    except (ValueError, UnicodeError):
        return Answer(None, "is no web address")
    if parts.scheme not in {"http", "https"} or not host or "@" in parts.netloc:
        return Answer(None, "is no web address")
    if port not in {80, 443}:
        return Answer(None, f"has the port {port}; only 80 and 443 are asked")
    return _Place(secure, host, port, (parts.path or "/") + (f"?{parts.query}" if parts.query else ""))


def _ask(method: str, place: _Place, address: str) -> Answer:
    connection = HTTPConnection(place.host, place.port, timeout=SECONDS)
    stream = socket.create_connection((address, place.port), timeout=SECONDS)
    watched = stream.dup()
    end = threading.Timer(ALL_SECONDS, _hang_up, (watched,))
    end.start()
    try:
        if place.secure:
            stream = ssl.create_default_context().wrap_socket(stream, server_hostname=place.host)
        connection.sock = stream
        headers = {"User-Agent": AGENT, "Accept": "*/*", "Connection": "close"}
        connection.request(method, quoted(place.path), headers=headers)
        response = connection.getresponse()
        location = response.headers.get("Location", "") if 300 <= response.status < 400 else ""
        return Answer(response.status, "", location)
    finally:
        end.cancel()
        connection.close()
        stream.close()
        watched.close()


def _hang_up(stream: socket.socket) -> None:
    with suppress(OSError):  # it may have ended in this instant
        stream.shutdown(socket.SHUT_RDWR)


def quoted(path: str) -> str:
    """A path that may stand in a request: letters outside ASCII as escapes, no blank and no control."""
    return "".join(
        letter if "!" <= letter <= "~" else "".join(f"%{byte:02X}" for byte in letter.encode("utf-8", "replace"))
        for letter in path
    )
