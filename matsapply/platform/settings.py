"""Settings: ``config/default.toml``, then the file named by MATSAPPLY_CONFIG, then environment variables.

Each setting ``name`` can be given as ``MATSAPPLY_NAME``. A wrong or missing value raises ``SettingsError`` with one
line that says what to do; the command turns it into exit status 2.
"""

from __future__ import annotations

import os
import secrets
import tomllib
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import sqlalchemy as sa

ROOT = Path(__file__).resolve().parents[2]


# What a setting may be: one of these words, an address that begins so, a number from and to.
WORDS = {"mail": ("file", "smtp"), "jobs": ("thread", "worker", "none")}
SCHEMES = {
    "base_url": ("http", "https"),
    "database_url": ("sqlite", "postgresql", "postgresql+psycopg"),
    "storage_url": ("file", "s3"),
    "jobs_url": ("redis", "rediss"),
    "limits_url": ("redis", "rediss"),
}
NUMBERS = {"smtp_port": (1, 65535), "proxies": (0, 10), "workers": (1, 256), "threads": (1, 256)}


class SettingsError(Exception):
    """A configuration that cannot work, in one line that says what to do."""


@dataclass(frozen=True, slots=True)
class Settings:
    data: Path = ROOT / "data"
    demo: bool = False
    database_url: str = ""
    secret_key: str = ""
    password_salt: str = ""
    hosts: tuple[str, ...] = ("localhost", "127.0.0.1")
    base_url: str = "http://localhost:8000"
    storage_url: str = ""
    mail: str = "file"  # file (data/mail and the in-site mailbox) or smtp
    mail_from: str = "admissions@demo.example"
    smtp_host: str = "localhost"
    smtp_port: int = 25
    smtp_user: str = ""
    smtp_password: str = ""
    smtp_starttls: bool = False
    jobs: str = "thread"  # thread (in the web process), worker (a separate process), none (tests)
    jobs_url: str = ""  # the queue: a file in the data folder, or redis://… where web and workers are several machines
    limits_url: str = ""  # counters of tries: a file in the data folder, or redis://… shared by several machines
    proxies: int = 0  # reverse proxies in front whose X-Forwarded-For and -Proto are believed
    workers: int = 2
    threads: int = 4

    @property
    def database(self) -> str:
        """The SQLAlchemy address; an SQLite file in the data folder where none is given."""
        return self.database_url or f"sqlite:///{self.data / 'matsapply.db'}"

    @property
    def storage(self) -> str:
        return self.storage_url or f"file://{self.data / 'files'}"

    @property
    def secure(self) -> bool:
        """Whether people reach the site over https, as the base address says."""
        return self.base_url.startswith("https://")


def load(environ: dict[str, str] | None = None, **overrides: Any) -> Settings:
    """Read the settings. ``overrides`` (from the command line) win over everything."""
    environ = dict(os.environ) if environ is None else environ
    values = _read_toml(ROOT / "config" / "default.toml", missing_ok=True)
    if extra := environ.get("MATSAPPLY_CONFIG"):
        values |= _read_toml(Path(extra), missing_ok=False)
    known = {field.name: field for field in fields(Settings)}
    if unknown := sorted(set(values) - set(known)):
        raise SettingsError(f"configuration: unknown setting {unknown[0]!r}; known are {', '.join(sorted(known))}")
    for name in known:
        if (text := environ.get(f"MATSAPPLY_{name.upper()}")) is not None:
            values[name] = text
    values |= {name: value for name, value in overrides.items() if value is not None}
    settings = Settings(**{name: _convert(name, value) for name, value in values.items()})
    _check(settings)
    return _with_secrets(settings)


def _check(settings: Settings) -> None:
    """Raise ``SettingsError`` where a value is of the right kind and yet cannot work."""
    for name, words in WORDS.items():
        if (value := getattr(settings, name)) not in words:
            raise _wrong(name, value, f"choose one of {', '.join(words)}")
    for name, (least, most) in NUMBERS.items():
        if not least <= (value := getattr(settings, name)) <= most:
            raise _wrong(name, value, f"give a number from {least} to {most}")
    for name, schemes in SCHEMES.items():
        value = getattr(settings, name)
        if (value or name == "base_url") and value.partition(":")[0] not in schemes:
            begins = " or ".join(f"{each}://" for each in schemes)
            raise _wrong(name, _without_password(value), f"begin it with {begins}")
    try:
        sa.make_url(settings.database)
    except (sa.exc.ArgumentError, ValueError):
        raise _wrong("database_url", "", "write it as postgresql+psycopg://user@host/database") from None
    if not urlsplit(settings.base_url).hostname:
        raise _wrong("base_url", settings.base_url, "give the address people use, such as https://apply.example.org")
    if not any(settings.hosts):
        raise _wrong("hosts", ",".join(settings.hosts), "name the hosts that people use, such as apply.example.org")


def _wrong(name: str, value: object, advice: str) -> SettingsError:
    said = f" is {str(value)!r}" if value != "" else ""
    return SettingsError(f"setting {name} (MATSAPPLY_{name.upper()}){said}: {advice}")


def _without_password(url: str) -> str:
    """An address as it may stand in a log."""
    place = url.rpartition("@")[2]
    return url if place == url else f"…@{place}"


def _read_toml(path: Path, *, missing_ok: bool) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        if missing_ok:
            return {}
        raise SettingsError(f"configuration file {path} does not exist; correct MATSAPPLY_CONFIG") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, OSError) as error:
        raise SettingsError(f"configuration file {path} cannot be read: {error}") from None


def _convert(name: str, value: Any) -> Any:
    default = next(field for field in fields(Settings) if field.name == name).default
    try:
        match default:
            case bool():
                return value if isinstance(value, bool) else _boolean(str(value))
            case int():
                return int(value)
            case tuple():
                return tuple(part.strip() for part in value.split(",")) if isinstance(value, str) else tuple(value)
            case Path():
                return Path(value).expanduser().resolve()
            case _:
                return str(value)
    except ValueError:
        raise _wrong(name, value, f"give {'yes or no' if isinstance(default, bool) else 'a whole number'}") from None


def _boolean(text: str) -> bool:
    match text.strip().lower():
        case "1" | "true" | "yes" | "on":
            return True
        case "0" | "false" | "no" | "off" | "":
            return False
    raise ValueError(text)


def _with_secrets(settings: Settings) -> Settings:
    """In the demo and on a developer's SQLite the secrets are made once and kept in the data folder; elsewhere they
    must be given, because machines that share a database must share them."""
    kept: dict[str, Any] = {}
    for name in ("secret_key", "password_salt"):
        if getattr(settings, name):
            continue
        if settings.database_url and not settings.demo:
            raise SettingsError(f"MATSAPPLY_{name.upper()} is not set; give a long random text, the same everywhere")
        try:
            kept[name] = _kept_secret(settings.data / name)
        except OSError as error:
            raise unusable_data(settings, error) from None
    return replace(settings, **kept)


def unusable_data(settings: Settings, error: OSError) -> SettingsError:
    """What to say where the data folder cannot be used."""
    said = f"the data folder {settings.data} cannot be used ({error.strerror})"
    return SettingsError(f"{said}; give another in MATSAPPLY_DATA")


def _kept_secret(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii")
    except FileNotFoundError:
        path.parent.mkdir(parents=True, exist_ok=True)
        scratch = path.with_name(f".{path.name}.{os.getpid()}")
        scratch.write_text(secrets.token_urlsafe(48), encoding="ascii")
        scratch.chmod(0o600)
        try:
            os.link(scratch, path)  # atomic: of two processes that start together, one wins
        except FileExistsError:
            pass
        finally:
            scratch.unlink()
        return path.read_text(encoding="ascii")
