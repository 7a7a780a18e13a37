"""The rulebook that a command talks about: a file that was named, or the one in force here."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from incidents.domain.rulebook import Rulebook
    from incidents.settings import Settings


def read(path: Path) -> bytes:
    """The document's bytes, or BadInput in one line."""
    from incidents.domain.errors import BadInput

    try:
        return path.read_bytes()
    except OSError as error:
        hint = "; name a YAML file" if path.is_dir() or not path.exists() else "; check its owner and mode"
        raise BadInput(f"rulebook {path}: {error.strerror}{hint}") from None


def from_file(path: Path) -> Rulebook:
    """The rulebook of a file. Raises BadRulebook with file and line."""
    from incidents.channels import open_channel
    from incidents.configcentre import load

    return load(read(path), str(path), opens=open_channel)


def in_force(settings: Settings) -> tuple[Rulebook, str]:
    """The rulebook in force and where it is from.

    The database's newest version; before there is one, the file that the settings name; else what is built in.
    """
    from incidents.cli.store import exists, opened
    from incidents.configcentre import load
    from incidents.store import rulebooks

    if exists(settings.database_url):
        with opened(settings) as store, store.read() as tx:
            version = rulebooks.latest(tx)
        if version is not None:
            number = version.version or 0
            return load(version.text, version.source, number), f"version {number}, from {version.source}"
    if settings.rulebook is not None:
        return from_file(settings.rulebook), f"{settings.rulebook}, not applied yet"
    return load("", "built-in"), "built in"
