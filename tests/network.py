"""Tests talk to this machine only: any other address is refused before a packet leaves."""

from __future__ import annotations

import ipaddress
import socket
from typing import Any

NAMES = frozenset({"localhost", "ip6-localhost", ""})


class OutsideAddressError(AssertionError):
    """A test tried to reach another machine."""


def require_loopback(address: Any) -> None:
    """Raise unless ``address`` (a socket address) is on this machine; a path is a Unix socket."""
    if not isinstance(address, tuple):
        return
    host = address[0]
    try:
        inside = ipaddress.ip_address(host.partition("%")[0]).is_loopback
    except ValueError:
        inside = host in NAMES
    if not inside:
        raise OutsideAddressError(f"a test tried to reach {host}: only this machine may be spoken to")


def guard(patch: Any) -> None:
    """Make every Python socket refuse addresses elsewhere. ``patch`` is a pytest.MonkeyPatch."""
    for name, position in (("connect", 0), ("connect_ex", 0), ("sendto", -1)):
        real = getattr(socket.socket, name)

        def guarded(self: socket.socket, *args: Any, _real: Any = real, _position: int = position) -> Any:
            require_loopback(args[_position])
            return _real(self, *args)

        patch.setattr(socket.socket, name, guarded)
