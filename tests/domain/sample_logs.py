"""Lines of the test data, and requests as plain tuples that can be compared."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import msgspec

from incidents.domain.access_log import Request

DATA = Path(__file__).parent.parent / "data"


def lines_of(name: str) -> list[bytes]:
    """The lines of a file in tests/data, without their ends."""
    path = DATA / name
    whole = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    return whole.splitlines()


def odd_pairs() -> dict[str, tuple[bytes, bytes]]:
    """By kind: one odd request as its JSON line and as its text line."""
    pairs = map(json.loads, lines_of("odd_lines.jsonl"))
    return {pair["kind"]: (pair["json"].encode("latin-1"), pair["text"].encode("latin-1")) for pair in pairs}


def facts(request: Request) -> tuple[object, ...]:
    """All fields in order; the time in whole seconds, which is all that text logs have."""
    fields = msgspec.structs.asdict(request)
    fields["time"] = int(fields["time"])
    return tuple(fields.values())
