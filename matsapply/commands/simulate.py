"""``matsapply simulate``: what a review would bring and cost, before it is planned for real."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import click

from matsapply.commands.context import Stop
from matsapply.demo.simulation import OF_FIVE, Outcome, Setting, picture, repeated
from matsapply.rules.calibration import Variances

MOST_READERS = 6


@click.group()
def simulate() -> None:
    """Try a review out on invented applications."""


@simulate.command()
@click.option("--applications", default=600, show_default=True, type=click.IntRange(2, 50_000))
@click.option("--reviewers", default=30, show_default=True, type=click.IntRange(1, 2_000))
@click.option("--readers", default=(2,), show_default=True, multiple=True, type=click.IntRange(1, MOST_READERS),
              help="Readers of each application; give it several times to compare.")  # fmt: skip
@click.option("--places", type=click.IntRange(1), help="How many are chosen.  [default: a tenth]")
@click.option("--third", default=2.0, show_default=True, type=click.FloatRange(0),
              help="Points apart at which one more reader comes; 0 for never.")  # fmt: skip
@click.option("--extra", default=0, show_default=True, type=click.IntRange(0, 100_000),
              help="More readings, where they change most.")  # fmt: skip
@click.option("--minutes", default=10.0, show_default=True, type=click.FloatRange(0.1, 600), help="Of one reading.")
@click.option("--quality", default=OF_FIVE.quality, show_default=True, type=click.FloatRange(0, 100), help="Variance.")
@click.option(
    "--severity", default=OF_FIVE.severity, show_default=True, type=click.FloatRange(0, 100), help="Variance."
)
@click.option("--noise", default=OF_FIVE.noise, show_default=True, type=click.FloatRange(0, 100), help="Variance.")
@click.option("--seed", default=1, show_default=True, type=int)
@click.option("--times", default=5, show_default=True, type=click.IntRange(1, 500), help="Reviews to take the mean of.")
@click.option("--picture", "file", type=click.Path(dir_okay=False, path_type=Path), help="Write an SVG there.")
def review(
    applications: int,
    reviewers: int,
    readers: tuple[int, ...],
    places: int | None,
    third: float,
    extra: int,
    minutes: float,
    quality: float,
    severity: float,
    noise: float,
    seed: int,
    times: int,
    file: Path | None,
) -> None:
    """Central review by the real rules: precision, agreement, load and hours for so many readers each."""
    each = sorted(set(readers))
    chosen = places or max(1, applications // 10)
    if each[-1] > reviewers:
        raise Stop(f"{reviewers} reviewers cannot be {each[-1]} readers of one application; give more --reviewers")
    if chosen >= applications:
        raise Stop(f"{chosen} of {applications} applications are no choice; give fewer --places")
    if quality <= 0:
        raise Stop("applications that do not differ cannot be told apart; give a --quality above 0")
    variances = Variances(quality, severity, noise)
    setting = Setting(applications, reviewers, each[0], chosen, third or None, extra, minutes, variances)
    found = [(number, repeated(replace(setting, readers=number), seed, times)) for number in each]
    click.echo(f"{applications:,} applications, {reviewers:,} reviewers, the best {chosen:,}; mean of {times} reviews")
    for number, outcome in found:
        click.echo("\n" + "\n".join(_lines(number, outcome)))
    if file is not None:
        title = f"Share of the truly best {chosen:,} of {applications:,} found, by {reviewers:,} reviewers"
        file.write_text(picture(title, found), encoding="utf-8")
        click.echo(f"\nwrote {file}")


def _lines(readers: int, found: Outcome) -> list[str]:
    apart = "–" if found.apart is None else f"{found.apart:.2f} points apart, {found.agree:.0%} on the same side"
    return [
        f"{readers} reader{'s' if readers > 1 else ''} each",
        f"  precision  {found.precision_calibrated:.1%} calibrated, {found.precision_raw:.1%} by raw means",
        f"  agreement  {apart}; {found.third:,} third readings, {found.grey:,} in the grey area",
        f"  load       {found.load_least:,} to {found.load_most:,} readings a reviewer, {found.readings:,} in all",
        f"  hours      {found.hours:,.0f} in all, up to {found.hours_most:.1f} a reviewer",
    ]
