"""The page on which an application is read and scored, and where it leads."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import flash, redirect, render_template, request, url_for

from matsapply.pages.account.viewer import signed_in
from matsapply.pages.guard import actor
from matsapply.pages.public.caching import kept_value
from matsapply.pages.readings import SCORE, checked
from matsapply.pages.reviewer.forms import ReviewForm
from matsapply.pages.reviewer.frame import differing, held_by, hint_of, kept, named, version_of
from matsapply.platform import clock
from matsapply.platform.db import new_public_id
from matsapply.platform.flask_db import session
from matsapply.reviews import queries
from matsapply.rules.scoring import weighted_total
from matsapply.showcase.queries import titles_of_track

if TYPE_CHECKING:
    from collections.abc import Sequence

    from flask.typing import ResponseReturnValue

    from matsapply.reviews.actions import Entered
    from matsapply.reviews.models import ReviewAssignment
    from matsapply.reviews.reading import Reading
    from matsapply.showcase.queries import PaperTitle

PAPERS, PAPERS_KEPT = 4, 60.0  # beside an application; seconds
CHANGED_ELSEWHERE = (
    "This review was saved in another window in the meantime. The form holds what you entered here; above it stands"
    " what was saved there. Save again to keep what the form holds."
)
LONGEST_KEY = 60


def question_mode() -> dict[str, str]:
    """What the address says where one question is read across applications: its key, and the key of the track that asks
    it (none for everybody's). Empty where whole applications are read."""
    wanted = {name: request.args.get(name, "")[:LONGEST_KEY] for name in ("question", "track")}
    return {name: value for name, value in wanted.items() if value} if wanted["question"] else {}


def following_of(ref: str) -> str | None:
    """The reading after this one; asked before an act takes this one out of the order."""
    return queries.next_open(session(), actor(), ref, question_mode().get("track", ""))


def onwards(following: str | None, said: str) -> ResponseReturnValue:
    """On to the next reading, or to the queue where there is none."""
    if following is None:
        flash(f"{said} That was the last one.", "good")
        return redirect(url_for("reviewer.queue"), 303)
    flash(said, "good")
    return redirect(url_for("reviewer.read", ref=following, **question_mode()), 303)


def as_kept(found: Reading, extra: Sequence[str] = (), comment: str = "") -> str:
    """The page with what the server holds: the review in force, or else the draft."""
    held = kept(found)
    form = ReviewForm(formdata=None, data={"note": held.note, "feedback": held.feedback})
    return page(found, form, held, extra=extra, comment=comment)


def page(
    found: Reading,
    form: ReviewForm,
    sent: Entered,
    *,
    problems: dict[str, str] | None = None,
    extra: Sequence[str] = (),
    elsewhere: dict[str, str] | None = None,
    comment: str = "",
) -> str:
    """The page with what was ``sent``; ``comment`` is one that was refused, to be sent again."""
    now = clock.now()
    mode = question_mode()
    only = next((each for each in found.answers if each.question.key == mode.get("question")), None)
    order = queries.open_order(session(), actor(), mode.get("track", "") if only else "")
    place = order.index(found.public_id) if found.public_id in order else None
    wrong = problems or {}
    labels = {criterion.key: criterion.label for criterion in found.rubric.criteria}
    lines = [(f"{SCORE}{key}-0", f"{labels[key]}: {said}") for key, said in wrong.items() if key in labels]
    said = [*extra, CHANGED_ELSEWHERE] if elsewhere else extra
    whole = checked(found.rubric, sent)
    return render_template(
        "reviewer/read.html",
        reading=found,
        form=form,
        scores=sent.scores,
        confidence=sent.confidence,
        problems=wrong,
        extra=[*((None, each) for each in said), *lines],
        elsewhere=named(elsewhere or {}, labels),
        total=weighted_total(whole.scores, found.weights) if whole.complete else None,
        place=place,
        count=len(order),
        previous=order[place - 1] if place else None,
        following=order[(place + 1) % len(order)] if place is not None and len(order) > 1 else None,
        hints={criterion.key: hint_of(criterion, found) for criterion in found.rubric.criteria},
        account_ref=signed_in().person_public_id,
        version=version_of(found),
        open_still=found.closed_at is None or now < found.closed_at,
        only=only,
        mode=mode if only else {},
        comment=comment,
        post_key=new_public_id(),
        now=now,
        papers=_papers(found),
    )


def _papers(found: Reading) -> tuple[PaperTitle, ...]:
    """What past fellows wrote in the track that the application is weighed for; a minute old at most."""
    track = found.first_track
    if track is None:
        return ()
    return kept_value(
        ("papers of a track", track.key), PAPERS_KEPT, lambda: titles_of_track(session(), track.key, PAPERS)
    )


def saved_elsewhere(assignment: ReviewAssignment, sent: Entered) -> dict[str, str]:
    """The fields in which what was saved since this page was opened differs from what the page holds."""
    version, held = held_by(assignment)
    return {} if request.form.get("version", "") == version else differing(held, sent)
