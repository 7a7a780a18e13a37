"""The settings in force, and where each comes from."""

from __future__ import annotations

import os
import tomllib
from pathlib import Path
from typing import NamedTuple

from pydantic import BaseModel

from incidents.settings import CONFIG_FILE, PREFIX, Settings
from incidents.status import masked_url


class Setting(NamedTuple):
    """One setting: its dotted name, its value with secrets masked, and where it comes from."""

    name: str
    value: str
    origin: str


def settings_in_force(settings: Settings) -> list[Setting]:
    """Every setting in the order of the documentation."""
    file = Path(os.environ.get("TOCSIN_CONFIG") or CONFIG_FILE)
    try:
        document: object = tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError:
        document = {}
    return list(_walk(settings, (), document, str(file)))


def _walk(model: BaseModel, path: tuple[str, ...], document: object, file: str) -> list[Setting]:
    found = []
    for name in type(model).model_fields:
        value, here = getattr(model, name), (*path, name)
        if isinstance(value, BaseModel):
            found += _walk(value, here, document, file)
        else:
            found.append(Setting(".".join(here), _shown(value), _origin(here, document, file)))
    return found


def _origin(path: tuple[str, ...], document: object, file: str) -> str:
    variable = PREFIX + "__".join(path).upper()
    if len(path) == 1 and os.environ.get(f"{variable}_FILE"):
        return f"{variable}_FILE"
    names = {name.upper() for name in os.environ}
    if variable in names:
        return variable
    if len(path) > 1 and PREFIX + path[0].upper() in names:
        return PREFIX + path[0].upper()
    for part in path:
        if not isinstance(document, dict) or part not in document:
            return "default"
        document = document[part]
    return file


def _shown(value: object) -> str:
    return "none" if value is None else masked_url(str(value)) if str(value) else '""'
