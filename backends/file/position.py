"""The position in a followed log: which file it was, and how far it was read."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from typing import Self

from backends.errors import BadPositionError

_VERSION = "f1"
_ORIGIN = f"{_VERSION}:origin"


@dataclass(frozen=True, slots=True)
class Position:
    """How far one file was read.

    Device and inode find a renamed file at once. They do not prove anything: an inode is used again as soon as it is
    free, a copytruncated file keeps its inode and loses its lines, a compressed one gets a new inode. Proof is the
    fingerprint of the file's first `head_length` bytes, which hold at least its first whole line (or HEAD bytes of it).
    A file that was shorter than HEAD grows later, hence the length.

    offset      of the first byte that was not handed out
    done        nothing more of this file will be read: it is only the place in the chain of files to go on from
    mtime, size as last seen: they order files when this one is gone, and tell how much went with it
    """

    dev: int
    ino: int
    offset: int
    head_length: int
    digest: str
    mtime: int
    size: int
    done: bool = False

    def fits(self, head: bytes) -> bool:
        """Whether a file that begins with `head` is this one."""
        return len(head) >= self.head_length and digest(head[: self.head_length]) == self.digest

    def finished(self) -> Position:
        return replace(self, done=True)

    def encode(self) -> str:
        offset = "end" if self.done else str(self.offset)
        numbers = (offset, self.head_length, self.digest, self.mtime, self.size)
        return ":".join((_VERSION, f"{self.dev:x}", f"{self.ino:x}", *map(str, numbers)))

    @classmethod
    def decode(cls, partition: str, text: str) -> Self | None:
        """Raises BadPositionError. None stands for the place before all files: there were none to begin with."""
        if text == _ORIGIN:
            return None
        try:
            version, dev, ino, offset, length, digest_, mtime, size = text.split(":")
            if version != _VERSION:
                raise ValueError(version)
            done = offset == "end"
            begin, length_, when, bytes_ = map(int, ("0" if done else offset, length, mtime, size))
            return cls(int(dev, 16), int(ino, 16), begin, length_, digest_, when, bytes_, done)
        except ValueError as error:
            raise BadPositionError(partition, text) from error


def encode(position: Position | None) -> str:
    return _ORIGIN if position is None else position.encode()


def digest(head: bytes) -> str:
    return hashlib.blake2b(head, digest_size=12).hexdigest()
