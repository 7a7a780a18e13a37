"""The machine: Python, SQLite, room on the disk."""

from __future__ import annotations

import os
import platform
import shutil
import sqlite3
import sys
from pathlib import Path

from incidents.cli.checkup import Finding, failed, note, ok
from incidents.cli.store import sqlite_file
from incidents.cli.words import size_text
from incidents.settings import Settings

OLDEST_PYTHON = (3, 11)
LITTLE_ROOM = 1 << 30
NO_ROOM = 100 << 20


def python(_: Settings) -> list[Finding]:
    found = platform.python_version()
    if sys.version_info[:2] < OLDEST_PYTHON:
        return [failed("python", found, f"install Python {'.'.join(map(str, OLDEST_PYTHON))} or newer")]
    return [ok("python", found)]


def sqlite(_: Settings) -> list[Finding]:
    from incidents.store.engine import wal_is_safe

    found = sqlite3.sqlite_version
    if not wal_is_safe(sqlite3.sqlite_version_info):
        return [
            note(
                "sqlite",
                f"{found}: its write-ahead log can corrupt a database, so the slower rollback journal is used",
                "SQLite 3.51.3, 3.50.7 or 3.44.6 has it mended",
            )
        ]
    return [ok("sqlite", found)]


def disk(settings: Settings) -> list[Finding]:
    """Room where a SQLite database lies. Of a server's disk nothing is known here."""
    file = sqlite_file(settings.database_url)
    if file is None:
        return []
    folder = nearest_folder(file)
    try:
        free = shutil.disk_usage(folder).free
    except OSError as error:
        return [failed("disk", f"{folder}: {error.strerror}", "check the folder of the database")]
    detail = f"{size_text(free)} free at {folder}"
    if free < NO_ROOM:
        return [failed("disk", detail, "make room, or name a database elsewhere with TOCSIN_DATABASE_URL")]
    if free < LITTLE_ROOM:
        return [note("disk", detail, "make room, or keep fewer days with TOCSIN_RETAIN_MINUTES_DAYS")]
    return [ok("disk", detail)]


def nearest_folder(file: Path) -> Path:
    """The folder of a file, or the nearest one above it that exists."""
    folder = file.absolute().parent
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    return folder


def may_write(folder: Path) -> bool:
    return os.access(folder, os.W_OK | os.X_OK)
