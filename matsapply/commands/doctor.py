"""``matsapply doctor``: looks at everything the system stands on and says what to do."""

from __future__ import annotations

import secrets
import smtplib
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import click
import sqlalchemy as sa
from sqlalchemy.orm import Session

from matsapply.cohorts.models import Cohort
from matsapply.commands.context import load_settings, make_engine
from matsapply.mail import queries
from matsapply.platform import clock, migrate
from matsapply.platform.settings import Settings, SettingsError
from matsapply.platform.storage import Storage, UnavailableError
from matsapply.process.invariants import violations
from matsapply.reviews.aggregates import recompute_check
from matsapply.reviews.standings import calibration_check

MAIL_WAIT = 5  # seconds
OUTBOX_WAIT = timedelta(minutes=15)  # a sweep each minute sends what is due
CLOCKS_MAY_DIFFER = timedelta(seconds=5)


@dataclass(frozen=True, slots=True)
class Finding:
    """What one look found: fine where ``advice`` is empty."""

    what: str
    seen: str
    advice: str = ""


@click.command()
@click.option("--deep", is_flag=True, help="Also check every invariant of the process against the data.")
def doctor(deep: bool) -> None:
    """Check configuration, database, migrations, storage, mail, outbox and clock; say what to do.

    Status 1 if anything is wrong.
    """
    try:
        settings = load_settings()
    except SettingsError as error:
        _show(Finding("configuration", str(error), "correct it as the line says, then run doctor again"))
        sys.exit(1)
    findings = [look(settings) for look in (*LOOKS, *([_invariants] if deep else []))]
    for finding in findings:
        _show(finding)
    wrong = sum(bool(finding.advice) for finding in findings)
    click.echo(f"\n{wrong} of {len(findings)} need attention" if wrong else "\nall is well")
    sys.exit(1 if wrong else 0)


def _show(finding: Finding) -> None:
    mark = "!!" if finding.advice else "ok"
    click.echo(f"{mark}  {finding.what:<14} {finding.seen}")
    if finding.advice:
        click.echo(f"{'':<19}→ {finding.advice}")


def _configuration(settings: Settings) -> Finding:
    seen = f"data in {settings.data}, base address {settings.base_url}" + (", demo" if settings.demo else "")
    if not settings.demo and not settings.secure and "localhost" not in settings.base_url:
        return Finding("configuration", seen, "set MATSAPPLY_BASE_URL to the https:// address people use")
    if len(settings.secret_key) < 32:
        return Finding("configuration", seen, "set MATSAPPLY_SECRET_KEY to at least 32 random letters")
    return Finding("configuration", seen)


def _database(settings: Settings) -> Finding:
    engine = make_engine(settings)
    try:
        with engine.connect() as connection:
            query = "SELECT sqlite_version()" if engine.dialect.name == "sqlite" else "SHOW server_version"
            version = connection.scalar(sa.text(query))
        return Finding("database", f"{engine.dialect.name} {version} answers")
    except sa.exc.SQLAlchemyError as error:
        reason = str(error).splitlines()[0]
        return Finding("database", reason, "start it, or correct MATSAPPLY_DATABASE_URL")
    finally:
        engine.dispose()


def _migrations(settings: Settings) -> Finding:
    try:
        migrate.check(settings.database)
    except migrate.MigrationError as error:
        return Finding("migrations", str(error), "matsapply db upgrade")
    except sa.exc.SQLAlchemyError:
        return Finding("migrations", "the database does not answer", "mend the database first")
    return Finding("migrations", f"at revision {migrate.current(settings.database)}")


def _storage(settings: Settings) -> Finding:
    key = f"doctor/{secrets.token_hex(8)}"
    try:
        storage = Storage(settings.storage)
        storage.put(key, b"doctor")
        same = storage.get(key) == b"doctor"
        storage.delete(key)
    except (UnavailableError, OSError) as error:
        return Finding("storage", str(error), "make the place writable, or correct MATSAPPLY_STORAGE_URL")
    if not same:
        return Finding("storage", f"{settings.storage} gives other bytes back", "replace this store before going on")
    return Finding("storage", f"{settings.storage} takes, gives and deletes")


def _mail(settings: Settings) -> Finding:
    if settings.mail == "file":
        advice = "" if settings.demo or not settings.secure else "set MATSAPPLY_MAIL=smtp: nobody gets messages now"
        return Finding("mail", f"written to {settings.data / 'mail'}, sent to nobody", advice)
    try:
        with smtplib.SMTP(settings.smtp_host, settings.smtp_port, timeout=MAIL_WAIT) as server:
            server.noop()
    except (OSError, smtplib.SMTPException) as error:
        return Finding(
            "mail", f"{settings.smtp_host}:{settings.smtp_port}: {error}", "correct MATSAPPLY_SMTP_HOST and _PORT"
        )
    return Finding("mail", f"{settings.smtp_host}:{settings.smtp_port} answers")


def _outbox(settings: Settings) -> Finding:
    engine = make_engine(settings)
    try:
        with Session(engine) as session:
            late = queries.waiting(session, clock.now() - OUTBOX_WAIT)
            lost = len(queries.undelivered(session))
    except sa.exc.SQLAlchemyError:
        return Finding("outbox", "cannot be read", "mend the database first")
    finally:
        engine.dispose()
    seen = f"{late} messages are late, {lost} were not delivered (matsapply mail undelivered lists them)"
    return Finding("outbox", seen, "start matsapply worker, or see why mail is refused" if late else "")


def _clock(settings: Settings) -> Finding:
    here = datetime.now(UTC)
    if settings.demo:
        return Finding("clock", f"{here:%Y-%m-%d %H:%M:%S} UTC; the demo shows {clock.now():%Y-%m-%d %H:%M} UTC")
    engine = make_engine(settings)
    try:
        with engine.connect() as connection:
            if engine.dialect.name == "sqlite":
                return Finding("clock", f"{here:%Y-%m-%d %H:%M:%S} UTC")
            there = connection.scalar(sa.text("SELECT clock_timestamp()"))
    except sa.exc.SQLAlchemyError:
        return Finding("clock", f"{here:%Y-%m-%d %H:%M:%S} UTC; the database's is not known")
    finally:
        engine.dispose()
    apart = abs(there - here)
    seen = f"{here:%Y-%m-%d %H:%M:%S} UTC, {apart.total_seconds():.1f} s from the database's"
    return Finding("clock", seen, "set both clocks by NTP" if apart > CLOCKS_MAY_DIFFER else "")


def _invariants(settings: Settings) -> Finding:
    engine = make_engine(settings)
    try:
        with Session(engine) as session:
            found = violations(session)
            for cohort_id in session.scalars(sa.select(Cohort.id)):
                found += [str(mismatch) for mismatch in recompute_check(session, cohort_id)]
                found += calibration_check(session, cohort_id)
    except sa.exc.SQLAlchemyError as error:
        return Finding("invariants", str(error).splitlines()[0], "mend the database first")
    finally:
        engine.dispose()
    if found:
        return Finding("invariants", f"{len(found)} broken, first: {found[0]}", "stop writing, and look at the log")
    return Finding("invariants", "all hold")


LOOKS: tuple[Callable[[Settings], Finding], ...] = (
    _configuration,
    _database,
    _migrations,
    _storage,
    _mail,
    _outbox,
    _clock,
)
