"""Settings: environment (`TOCSIN_...`), `TOCSIN_..._FILE` for what is secret, and a TOML file. Read once, at start.

What decides about incidents (rules, services, routes, channels) is not here but in the rulebook, which changes while
running.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict, TomlConfigSettingsSource

from incidents.domain.errors import BadSetting

PREFIX = "TOCSIN_"
CONFIG_FILE = Path("/etc/tocsin/tocsin.toml")
SECRET = ("database_url", "broker_url", "source")

Port = Annotated[int, Field(ge=0, le=65535)]


def data_folder() -> Path:
    """Where the default database lives: XDG's data directory of this user."""
    return Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share") / "tocsin"


class ApiSettings(BaseModel):
    """Where the API listens. Without a token it answers programs on this machine only, or nobody at all."""

    model_config = ConfigDict(extra="forbid")
    host: str = "127.0.0.1"
    port: Port = 8600
    local_without_token: bool = True


class ClockSettings(BaseModel):
    """One scaled clock for every role, for demos and compressed runs: at `real` seconds since the epoch it shows
    `shown`, and runs `scale` times as fast. The default is the plain clock."""

    model_config = ConfigDict(extra="forbid")
    scale: float = Field(default=1.0, gt=0)
    real: float = 0.0
    shown: float = 0.0


class Settings(BaseSettings):
    """Every setting with its default. Durations are seconds."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, env_nested_delimiter="__", extra="forbid")

    source: str = Field(
        "file:///var/log/nginx/access.log", description="Where log lines come from: a queue's URL or a path."
    )
    log_format: str = Field("auto", description="auto, json, combined, common, or a log_format as nginx writes it.")
    database_url: str = Field(
        default_factory=lambda: f"sqlite:///{data_folder() / 'tocsin.db'}", description="SQLite or PostgreSQL."
    )
    broker_url: str = Field("memory://", description="Celery's broker: memory:// (one machine) or redis://...")
    rulebook: Path | None = Field(
        None, description="The rulebook, a YAML file; looked at every 10 s. None: built-in rules."
    )
    lateness: int = Field(5, ge=0, le=600, description="Seconds of event time that a minute waits for stragglers.")
    flush_every: float = Field(1.0, gt=0, le=60, description="Seconds between two flushes of the collector.")
    tick: float = Field(
        2.0, gt=0, le=60, description="Seconds between two looks for minutes to close and messages to send."
    )
    send_deadline: float = Field(20.0, gt=0, le=600, description="Real seconds that sending one message may take.")
    worker_threads: int = Field(8, ge=1, le=64, description="Threads of one worker.")
    shards: int = Field(1, ge=1, le=256, description="Parts that services are divided into for evaluation.")
    retain_minutes_days: int = Field(30, ge=1, description="Days that closed minutes and evidence lines are kept.")
    external_url: str = Field("", description="Where people reach Tocsin: links in messages begin with it.")
    root_path: str = Field("", description="The path under which a proxy serves Tocsin.")
    log_level: str = Field("info", description="debug, info, warning or error.")
    log_json: bool = Field(False, description="Write Tocsin's own log as JSON lines.")
    api: ApiSettings = Field(default_factory=ApiSettings)
    clock: ClockSettings = Field(default_factory=ClockSettings)

    @field_validator("source", "log_format", "broker_url", "database_url")
    @classmethod
    def _not_empty(cls, value: str) -> str:
        if not value.strip():
            raise ValueError("may not be empty")
        return value.strip()

    @field_validator("log_level")
    @classmethod
    def _known_level(cls, value: str) -> str:
        if value.lower() not in ("debug", "info", "warning", "error"):
            raise ValueError("expected debug, info, warning or error")
        return value.lower()

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        toml = TomlConfigSettingsSource(settings_cls, toml_file=os.environ.get("TOCSIN_CONFIG") or CONFIG_FILE)
        return init_settings, env_settings, toml


def load_settings(**given: Any) -> Settings:
    """The settings in force; `given` (options of the command line) win. Raises BadSetting with one line."""
    named = os.environ.get("TOCSIN_CONFIG")
    if named and not Path(named).is_file():
        raise BadSetting(f"TOCSIN_CONFIG names {named}, and there is no such file")
    _refuse_unknown()
    try:
        return Settings(**_from_files() | {name: value for name, value in given.items() if value is not None})
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        shown = "" if where in SECRET else f" (got {str(first['input'])[:80]!r})"
        variable = PREFIX + where.upper().replace(".", "__")
        message = first["msg"].removeprefix("Value error, ")
        raise BadSetting(f"setting {where} ({variable}): {message}{shown}") from None
    except OSError as error:
        raise BadSetting(f"the settings file cannot be read: {error}") from None
    except ValueError as error:
        raise BadSetting(f"the settings file {named or CONFIG_FILE} is not valid TOML: {error}") from None


_OTHER_VARIABLES = frozenset(
    {"TOCSIN_CONFIG", "TOCSIN_INSTANCE", "TOCSIN_PARENT_FD", "TOCSIN_REQUIRE_SERVICES", "TOCSIN_TEST_REDIS_URL"}
)


def _refuse_unknown() -> None:
    """A misspelt variable would silently do nothing: say so."""
    known = {PREFIX + name.upper() for name in Settings.model_fields}
    for name in os.environ:
        if not name.startswith(PREFIX) or name in _OTHER_VARIABLES:
            continue
        base = name.removesuffix("_FILE")
        if base not in known and base.split("__", maxsplit=1)[0] not in known:
            raise BadSetting(f"there is no setting {name}; `tocsin doctor` lists them all")


def _from_files() -> dict[str, Any]:
    """TOCSIN_DATABASE_URL_FILE=/run/secrets/url gives TOCSIN_DATABASE_URL: secrets need not be in the environment."""
    found: dict[str, Any] = {}
    for name in Settings.model_fields:
        path = os.environ.get(f"{PREFIX}{name.upper()}_FILE")
        if path:
            try:
                found[name] = Path(path).read_text(encoding="utf-8").strip()
            except OSError as error:
                raise BadSetting(f"{PREFIX}{name.upper()}_FILE: {path}: {error.strerror}") from None
    return found
