"""Settings of one installation: `hedgebridge.toml`, then `HEDGEBRIDGE_*` variables on top; secrets never stand in here.

What belongs to a book or a connection lives in the database; this file only says where that is and how work is done.
"""

from __future__ import annotations

import os
import tomllib
from pathlib import Path
from typing import Any, Final

from pydantic import Field, ValidationError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict, TomlConfigSettingsSource

from hedge_core.errors import InvalidInput
from messages import Message

FILE_NAME: Final = "hedgebridge.toml"


def settings_file() -> Path:
    """The settings file in force: HEDGEBRIDGE_CONFIG, else `hedgebridge.toml` in the working directory."""
    return Path(os.environ.get("HEDGEBRIDGE_CONFIG", FILE_NAME))


class Settings(BaseSettings):
    """One field per setting, with the default that suits one machine and one process."""

    model_config = SettingsConfigDict(env_prefix="HEDGEBRIDGE_", extra="forbid")

    database: str = Field("sqlite:///var/hedgebridge.db", description="SQLAlchemy URL; sqlite or postgresql+psycopg")
    database_owner: str = Field("", description="the tables' owner, for upgrade and restore, where it is another role")
    broker: str = Field("memory", description="memory, redis://… or amqp://…: what carries the row ids to workers")
    broker_queue: str = Field("hedgebridge", description="queue name: one per installation that shares a broker")
    key_file: Path = Field(Path("var/hedgebridge.key"), description="master key of the secrets kept in the database")
    vault_url: str = Field(
        "", description="read the master key from this Vault instead: https://vault.example.com:8200"
    )
    vault_path: str = Field("secret/data/hedgebridge", description="path of the key in Vault (KV version 2)")
    vault_field: str = Field("master_key", description="field of that secret which holds the key")
    vault_ca_file: str = Field("", description="CA certificates for Vault (PEM), when not the system's")
    book: str = Field("", description="the book that commands use when --book is not given")
    lang: str = Field("", description="en or zh; empty: the locale")
    worker_threads: int = Field(4, ge=1, le=64, description="deliveries at the same time in one process")
    lease_seconds: int = Field(
        420, ge=2, description="longer than all calls of one delivery together, repeated reads included"
    )
    call_seconds: float = Field(30, gt=0, description="total deadline of one call to another system")
    settle_seconds: int | None = Field(None, ge=0, description="wait before an unknown outcome is looked up")
    poll_seconds: float = Field(0.5, gt=0, description="how often the dispatcher looks for due work when idle")
    log_level: str = Field(
        "WARNING",
        pattern="^(DEBUG|INFO|WARNING|ERROR|CRITICAL)$",
        description="DEBUG, INFO, WARNING, ERROR or CRITICAL; logs go to standard error",
    )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return init_settings, env_settings, TomlConfigSettingsSource(settings_cls, settings_file())


def read_settings() -> Settings:
    """The settings in force. InvalidInput names the variable or the file and the setting that is wrong."""
    file = str(settings_file())
    try:
        return Settings()
    except tomllib.TOMLDecodeError as error:
        raise InvalidInput(file, 0, "", Message("cli.settings_file", {"reason": str(error)})) from None
    except ValidationError as invalid:
        found = invalid.errors(include_url=False)[0]
        name = str(found["loc"][0]) if found["loc"] else ""
        variable = f"HEDGEBRIDGE_{name.upper()}"
        if found["type"] == "extra_forbidden":
            reason = Message("cli.settings_unknown", {"known": ", ".join(Settings.model_fields)})
        else:
            reason = Message("cli.settings_value", {"value": found["input"], "reason": found["msg"]})
        raise InvalidInput(variable if variable in os.environ else file, 0, name, reason) from None


def settings_with_sources() -> list[tuple[str, Any, str]]:
    """(name, value, where it comes from) of every setting; a password inside a URL is hidden."""
    values = read_settings()
    in_file = TomlConfigSettingsSource(Settings, settings_file())()
    rows = []
    for name in Settings.model_fields:
        variable = f"HEDGEBRIDGE_{name.upper()}"
        source = variable if variable in os.environ else str(settings_file()) if name in in_file else "default"
        rows.append((name, hide_password(str(getattr(values, name))), source))
    return rows


def hide_password(url: str) -> str:
    """A URL without its password."""
    scheme, separator, rest = url.partition("://")
    user_info, at, host = rest.rpartition("@")
    if not (separator and at):
        return url
    user, colon, _ = user_info.partition(":")
    return f"{scheme}://{user}{':***' if colon else ''}@{host}"
