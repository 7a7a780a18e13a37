"""What `tocsin doctor` looks at. Each check takes the settings and returns findings, each bad one with its remedy."""

from __future__ import annotations

from typing import NamedTuple


class Finding(NamedTuple):
    """One finding. `state`: ok, note (works, but worth knowing) or failed. `remedy`: what to do about it."""

    name: str
    state: str
    detail: str
    remedy: str = ""


def ok(name: str, detail: str) -> Finding:
    return Finding(name, "ok", detail)


def note(name: str, detail: str, remedy: str = "") -> Finding:
    return Finding(name, "note", detail, remedy)


def failed(name: str, detail: str, remedy: str) -> Finding:
    return Finding(name, "failed", detail, remedy)
