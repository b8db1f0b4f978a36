"""How pages tell an instant: as the mails do, so both take it from the platform."""

from __future__ import annotations

from matsapply.platform.instants import (
    AOE,
    aoe,
    day,
    day_and_time,
    duration,
    in_zone,
    known_zones,
    machine,
    relative,
    utc,
    zone_named,
)

__all__ = [
    "AOE",
    "aoe",
    "day",
    "day_and_time",
    "duration",
    "in_zone",
    "known_zones",
    "machine",
    "relative",
    "utc",
    "zone_named",
]
