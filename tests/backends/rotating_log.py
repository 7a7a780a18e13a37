"""A log as nginx writes it and logrotate rotates it, on real files, remembering every line."""

from __future__ import annotations

import gzip
import os
import shutil
from collections.abc import Sequence
from pathlib import Path


class RotatingLog:
    """`lines` is the truth: every whole line that was written and not destroyed, in order."""

    def __init__(self, path: Path, *, dated: bool = False) -> None:
        self.path = path
        self.url = f"file://{path}?grace=0"
        self.lines: list[bytes] = []
        self._dated = dated
        self._rotations = 0
        self._open: int | None = None

    def write(self, lines: Sequence[bytes]) -> None:
        self.append(b"".join(line + b"\n" for line in lines))
        self.lines += lines

    def append(self, data: bytes) -> None:
        """Bytes that need not be whole lines; not remembered."""
        if self._open is None:
            self._open = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        os.write(self._open, data)

    def rename(self, *, create: bool = True, reopen: bool = True) -> Path:
        """Rename and create. Without `reopen`, nginx goes on writing to the renamed file until reopen() is called."""
        target = self._make_room()
        self.path.rename(target)
        if create:
            self.path.touch()
        if reopen:
            self.reopen()
        return target

    def reopen(self) -> None:
        """What nginx does on USR1 (it creates the file if it is not there, here with the next line)."""
        self.close()

    def copy_truncate(self) -> Path:
        target = self.begin_copy()
        self.finish_copy(target)
        return target

    def begin_copy(self, share: float = 1.0) -> Path:
        """The first step of copytruncate, or a part of it."""
        target = self._make_room()
        data = self.path.read_bytes()
        target.write_bytes(data[: int(len(data) * share)])
        return target

    def finish_copy(self, target: Path) -> None:
        shutil.copyfile(self.path, target)
        os.truncate(self.path, 0)

    def compress(self, keep_newest: bool = False) -> None:
        plain = [p for p in self._rotated() if p.suffix != ".gz"]
        for path in plain[1:] if keep_newest else plain:
            packed = path.with_name(path.name + ".gz")
            with path.open("rb") as source, gzip.open(packed, "wb", compresslevel=1) as target:
                shutil.copyfileobj(source, target)
            times = path.stat()
            os.utime(packed, ns=(times.st_atime_ns, times.st_mtime_ns))  # as gzip does
            path.unlink()

    def close(self) -> None:
        if self._open is not None:
            os.close(self._open)
            self._open = None

    def _rotated(self) -> list[Path]:
        """Newest first."""
        found = [p for p in self.path.parent.iterdir() if p.name.startswith(self.path.name) and p != self.path]
        if self._dated:
            return sorted(found, reverse=True)
        return sorted(found, key=lambda p: int(p.name.removesuffix(".gz").rpartition(".")[2]))

    def _make_room(self) -> Path:
        self._rotations += 1
        if self._dated:
            return self.path.with_name(f"{self.path.name}-{20261100 + self._rotations}")
        for path in reversed(self._rotated()):
            packed = ".gz" if path.suffix == ".gz" else ""
            number = int(path.name.removesuffix(".gz").rpartition(".")[2])
            path.rename(self.path.with_name(f"{self.path.name}.{number + 1}{packed}"))
        return self.path.with_name(f"{self.path.name}.1")
