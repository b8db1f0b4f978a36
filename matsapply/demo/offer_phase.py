"""The demo's offers: released, answered in every way, waitlists beside them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random
from typing import TYPE_CHECKING

from matsapply.demo.stream_phase import decide
from matsapply.offers.models import Deferral, Fellowship, Offer, WaitlistEntry
from matsapply.rules.stages import (
    ApplicationState as A,
    CloseReason as C,
    DeferralState,
    FellowshipPhase,
    FellowshipState,
    Machine,
    OfferState,
    Outcome,
    Role,
    StreamApplicationState as S,
    WaitlistState,
)

if TYPE_CHECKING:
    from matsapply.demo.applicants import Choice, Draft
    from matsapply.demo.frame import Frame
    from matsapply.demo.rows import Rows

WAITLISTED_A_SEAT = 1


@dataclass(slots=True)
class Made:
    """An offer or a waitlist entry in the making."""

    choice: Choice
    position: int
    steps: list[tuple[str, OfferState, Role, int | None, datetime]]
    expires: datetime | None = None
    responded: datetime | None = None
    fellowship: list[tuple[str, FellowshipState, Role, int | None, datetime]] | None = None


class Offers:
    """Gathers the outcomes of the locked rankings by application, then answers them."""

    def __init__(self, rows: Rows, frame: Frame, random: Random, batch_id: int, until: datetime) -> None:
        self.rows, self.frame, self.random, self.batch_id, self.until = rows, frame, random, batch_id, until
        self.offers: dict[int, list[Made]] = {}
        self.waiting: dict[int, list[Made]] = {}
        self.holders: set[int] = set()

    def outcomes(self, ranked: list[tuple[float, Draft, Choice]], seats: int) -> None:
        """Offers for the first ``seats`` of a ranking, a waitlist behind them, the rest not selected."""
        coordinator, second = self.frame.coordinators
        at = self.frame.at("T13")
        recorded = self.frame.at("T12", hours=30)
        ceiling = self.frame.cohort.capacity + self.frame.cohort.over_offer_allowance
        given = 0
        for position, (_, made, choice) in enumerate(ranked, start=1):
            fits = made.id in self.holders or len(self.holders) < ceiling
            if given < seats and fits:
                given += 1
                self.holders.add(made.id)
                outcome, code, state = Outcome.OFFER, "S10", S.OFFERED
                steps = [
                    ("O0", OfferState.DRAFT, Role.COORDINATOR, coordinator, recorded),
                    ("O1", OfferState.APPROVED, Role.COORDINATOR, second, recorded + timedelta(hours=1)),
                    ("O2", OfferState.PENDING, Role.COORDINATOR, coordinator, at),
                ]
                self.offers.setdefault(made.id, []).append(Made(choice, position, steps, self.frame.at("T14")))
            elif position <= seats * (1 + WAITLISTED_A_SEAT) + 2:
                outcome, code, state = Outcome.WAITLIST, "S11", S.WAITLISTED
                self.waiting.setdefault(made.id, []).append(Made(choice, position, []))
            else:
                outcome, code, state = Outcome.NOT_SELECT, "S9", S.NOT_SELECTED
                choice.values["exited_at"] = at
            choice.steps.append((code, state, Role.SYSTEM, coordinator, at))
            decide(self.rows, self.frame, made, outcome, recorded, self.batch_id, stream_application_id=choice.id)

    def answer(self, made: Draft, deferred_to: int) -> None:
        """What one applicant did with what they got, and how the application stands since."""
        offers = self.offers.get(made.id, [])
        at = self.frame.at("T13", hours=self.random.uniform(2, 90))
        what = self.random.choices(
            ("accept", "decline", "pending", "lapse", "vacate", "rescind", "defer", "confirm"),
            weights=(30, 12, 30, 5, 4, 3, 4, 12),
        )[0]
        if offers and what in {"accept", "confirm", "vacate", "defer"}:
            self._accept(made, offers, at, what, deferred_to)
        elif offers and what in {"decline", "lapse", "rescind"}:
            for offer in offers:
                self._refuse(made, offer, at, what)
        if made.steps[-1][1] is A.IN_STREAMS and all("exited_at" in choice.values for choice in made.choices):
            reason = C.OFFERS_DECLINED if offers and what != "rescind" else C.NOT_SELECTED
            closed = max(choice.values["exited_at"] for choice in made.choices)
            self._close(made, "A11", reason, Role.SYSTEM, None, max(closed, self.frame.at("T13")))
        for offer in offers:
            self._write_offer(made, offer)
        for entry in self.waiting.get(made.id, []):
            self._write_waiting(made, entry)

    def _accept(self, made: Draft, offers: list[Made], at: datetime, what: str, deferred_to: int) -> None:
        person, coordinator = made.person_id, self.frame.coordinators[0]
        taken = offers[0]
        taken.responded = at
        taken.steps.append(("O3", OfferState.ACCEPTED, Role.APPLICANT, person, at))
        taken.choice.steps.append(("S14", S.ACCEPTED, Role.APPLICANT, person, at))
        taken.fellowship = [("F1", FellowshipState.PLACED, Role.SYSTEM, None, at)]
        for other in offers[1:]:
            other.steps.append(("O7", OfferState.SUPERSEDED, Role.SYSTEM, None, at))
        for choice in made.choices:
            if choice is not taken.choice and "exited_at" not in choice.values:
                choice.steps.append(("S19", S.RELEASED_BY_PLACEMENT, Role.SYSTEM, None, at))
                choice.values["exited_at"] = at
        self._close(made, "A10", C.PLACED, Role.SYSTEM, None, at)
        later = min(at + timedelta(hours=20), self.until)
        match what:
            case "confirm":
                taken.steps.append(("O8", OfferState.CONFIRMED, Role.COORDINATOR, coordinator, later))
            case "vacate":
                taken.steps.append(("O9", OfferState.VACATED, Role.SYSTEM, person, later))
                self._leave_place(taken, later)
                self._close(made, "A9p", C.WITHDRAWN, Role.APPLICANT, person, later)
            case "defer":
                taken.steps.append(("O10", OfferState.DEFERRED, Role.ADMIN, coordinator, later))
                self._leave_place(taken, later)
                self._close(made, "A12", C.DEFERRED, Role.ADMIN, coordinator, later)
                self.rows.add(
                    Deferral,
                    later,
                    application_id=made.id,
                    to_cohort_id=deferred_to,
                    state=DeferralState.GRANTED,
                    reason="A degree ends two months later.",
                    decided_by_id=coordinator,
                )
            case _:
                pass

    def _leave_place(self, taken: Made, at: datetime) -> None:
        taken.choice.values |= {"exited_at": at, "state_before_exit": S.ACCEPTED}
        taken.choice.steps.append(("S17a", S.WITHDRAWN, Role.SYSTEM, None, at))
        if taken.fellowship is not None:
            taken.fellowship.append(("F3", FellowshipState.ENDED, Role.SYSTEM, None, at))

    def _refuse(self, made: Draft, offer: Made, at: datetime, what: str) -> None:
        person, coordinator = made.person_id, self.frame.coordinators[0]
        offer.choice.values["exited_at"] = at
        match what:
            case "decline":
                offer.responded = at
                offer.steps.append(("O4", OfferState.DECLINED, Role.APPLICANT, person, at))
                offer.choice.steps.append(("S15", S.DECLINED, Role.APPLICANT, person, at))
            case "lapse":
                offer.expires = at
                offer.steps.append(("O5", OfferState.LAPSED, Role.SYSTEM, None, at))
                offer.choice.steps.append(("S16", S.LAPSED, Role.SYSTEM, None, at))
            case _:
                offer.steps.append(("O11", OfferState.RESCINDED, Role.ADMIN, coordinator, at))
                offer.choice.steps.append(("S20", S.RESCINDED, Role.ADMIN, coordinator, at))

    def _close(self, made: Draft, code: str, reason: C, role: Role, actor: int | None, at: datetime) -> None:
        before = made.steps[-1][1]
        made.steps.append((code, A.CLOSED, role, actor, at))
        made.values |= {"close_reason": reason, "closed_at": at, "state_before_close": before}

    def _write_offer(self, made: Draft, offer: Made) -> None:
        state = offer.steps[-1][1]
        coordinator, second = self.frame.coordinators
        key = self.rows.add(
            Offer,
            self.frame.at("T12"),
            cohort_id=self.frame.id,
            person_id=made.person_id,
            application_id=made.id,
            stream_application_id=offer.choice.id,
            stream_id=offer.choice.stream.id,
            state=state,
            terms_version=1,
            terms="",
            approved_by_id=coordinator,
            second_approver_id=second,
            batch_id=self.batch_id,
            released_at=self.frame.at("T13"),
            expires_at=offer.expires,
            responded_at=offer.responded,
            decline_reason="",
            over_seats_reason="",
        )
        self.rows.walk(Machine.OFFER, key, made.id, self.frame.id, offer.steps)
        if offer.fellowship is not None:
            fellowship = self.rows.add(
                Fellowship,
                offer.fellowship[0][4],
                person_id=made.person_id,
                cohort_id=self.frame.id,
                stream_id=offer.choice.stream.id,
                offer_id=key,
                phase=FellowshipPhase.MAIN,
                state=offer.fellowship[-1][1],
            )
            self.rows.walk(Machine.FELLOWSHIP, fellowship, made.id, self.frame.id, offer.fellowship)

    def _write_waiting(self, made: Draft, entry: Made) -> None:
        at = self.frame.at("T13")
        steps = [("W1", WaitlistState.ACTIVE, Role.SYSTEM, None, at)]
        if (left := entry.choice.values.get("exited_at")) is not None:
            steps.append(("W4", WaitlistState.LEFT, Role.SYSTEM, None, left))
        key = self.rows.add(
            WaitlistEntry,
            at,
            stream_application_id=entry.choice.id,
            stream_id=entry.choice.stream.id,
            position=entry.position,
            state=steps[-1][1],
            skip_reason="",
        )
        self.rows.walk(Machine.WAITLIST, key, made.id, self.frame.id, steps)
