"""What no Python program can be faster than: reading the file, and decoding its lines into the same struct.

python -m bench.limits read FILE       bytes in blocks of 1 MB
python -m bench.limits lines FILE      the same, cut into lines
python -m bench.limits decode FILE     the same, and msgspec makes a Request of each, 256 lines a call
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

BLOCK = 1 << 20
TOGETHER = 256


def read(path: Path) -> int:
    """Reads the file. How many lines."""
    found = 0
    with path.open("rb", buffering=0) as log:
        while block := log.read(BLOCK):
            found += block.count(b"\n")
    return found


def lines(path: Path) -> int:
    """Cuts the file into lines. How many."""
    return sum(map(len, _lines(path)))


def decode(path: Path) -> int:
    """Decodes every line into the fields that Tocsin reads, numbers in quotes included. How many."""
    import msgspec

    from incidents.domain.access_log import Request

    # The traces call every field as Request does, so that the plain struct reads them: the least that can be done.
    many = msgspec.json.Decoder(list[Request], strict=False).decode
    found = 0
    for cut in _lines(path):
        for start in range(0, len(cut), TOGETHER):
            found += len(many(b"[" + b",".join(cut[start : start + TOGETHER]) + b"]"))
    return found


def _lines(path: Path) -> Iterator[list[bytes]]:
    rest = b""
    with path.open("rb", buffering=0) as log:
        while block := log.read(BLOCK):
            cut = (rest + block).split(b"\n")
            rest = cut.pop()
            yield cut


LIMITS = {"read": read, "lines": lines, "decode": decode}


if __name__ == "__main__":
    print(LIMITS[sys.argv[1]](Path(sys.argv[2])))
