"""The key dates of a whole cohort, as the process describes one."""

from __future__ import annotations

from datetime import date, datetime

from matsapply.rules.deadlines import eod_aoe


def at(text: str) -> datetime:
    return datetime.fromisoformat(text.replace("Z", "+00:00"))


EXAMPLE: dict[str, datetime | None] = {
    "T0": at("2026-12-08T17:00:00Z"),
    "T1": at("2026-12-15T17:00:00Z"),
    "T2": eod_aoe(date(2027, 1, 17)),
    "T3": eod_aoe(date(2027, 3, 7)),
    "T4": at("2027-02-09T17:00:00Z"),
    "T5": at("2027-02-12T18:00:00Z"),
    "T6": at("2027-02-12T18:00:00Z"),
    "T7": eod_aoe(date(2027, 2, 22)),
    "T8:screen": at("2027-02-23T12:00:00Z"),
    "T9:screen": eod_aoe(date(2027, 3, 7)),
    "T10": at("2027-03-08T08:00:00Z"),
    "T11": at("2027-04-09T23:00:00Z"),
    "T12": at("2027-04-14T17:00:00Z"),
    "T13": at("2027-04-20T17:00:00Z"),
    "T14": eod_aoe(date(2027, 4, 27)),
    "T15": eod_aoe(date(2027, 5, 14)),
    "T16": eod_aoe(date(2027, 5, 21)),
    "T17": at("2027-06-07T16:00:00Z"),
    "T18": at("2027-08-28T00:00:00Z"),
    "T19": eod_aoe(date(2027, 7, 30)),
    "T20": at("2027-09-07T16:00:00Z"),
    "T21": at("2028-06-30T12:00:00Z"),
}
