"""The contract of a queue backend. Every backend is held to it by the suite in tests/backends/contract.py."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Self


@dataclass(frozen=True, slots=True)
class Gap:
    """Positive evidence that lines existed which nobody will see.

    kind is one word for programs ("truncated", "vanished", ...), detail a sentence for people. lost is how much is
    known to be missing, in `unit` ("bytes" or "lines"); None when only the fact is known.
    """

    kind: str
    detail: str
    lost: int | None
    unit: str


@dataclass(frozen=True, slots=True)
class Batch:
    """What one read took from one partition.

    partition   its name, stable across restarts (for a file: the path)
    start       the position these lines were read from: the previous batch's `next`, or what assign() gave, or ""
    next        the position after the last line: opaque text, to be stored and handed back, never looked into
    lines       without the newline, nor the carriage return before it
    at_end      nothing more was there when reading stopped: the reader has caught up
    backlog     how much is still unread, in the backend's `unit`; None where it cannot be known
    gaps        what is known to be lost between `start` and `next`
    """

    partition: str
    start: str
    next: str
    lines: list[bytes]
    at_end: bool
    backlog: int | None
    gaps: tuple[Gap, ...] = ()


class Backend(ABC):
    """A place that log lines are read from, in one or several partitions.

    A backend sees bytes and positions. It stores nothing: the caller writes each batch's `next` in the transaction
    that counts its lines, and that row is the only truth about what was read. Hence:

    Order.      Within a partition, lines come in the order they were written. Between partitions there is none.
    Chain.      Each batch of a partition starts where the one before ended: `start == previous.next`. The caller may
                compare positions for equality, and that is all it may do.
    Replay.     After assign() reading goes on behind the given positions, as if everything later had never been read.
                A position stays good for as long as the lines behind it exist, in another process too.
    Once.       Reading on from any stored position gives every line behind it exactly once.
    Loss.       Lines that are known to have existed and cannot be read are reported as a Gap, once, in the batch that
                steps over them. Nothing is skipped silently. A batch may hold gaps and no lines, and a batch without
                lines may still move `next` on: store it like any other.
    Catching up. A partition with nothing to read yields a batch without lines and with at_end, so that the caller's
                watermark may move on. A partition that waits for something (a file that is not there, a broker that
                does not answer) yields no batch at all: silence is not the same as nothing to read. problems() says
                what is being waited for.
    Whole lines. A line is handed out when its newline has arrived, never in pieces. Memory is bounded: of a line
                longer than `lines.MAX_LINE` the beginning is handed out and the rest is dropped.

    An object belongs to one thread, and must be made after a fork.
    """

    unit: ClassVar[str]
    """What backlog and losses are counted in: "bytes" or "lines"."""

    @classmethod
    @abstractmethod
    def from_url(cls, url: str) -> Self:
        """Make one from its URL. Raises BadURLError; touches no file and no network."""

    @abstractmethod
    def assign(self, positions: Mapping[str, str]) -> None:
        """Start, or start again, behind these positions.

        Forgets everything that was read. A partition that is not named starts where the URL says. A name that is no
        partition of this URL is ignored. Raises BadPositionError.
        """

    @abstractmethod
    def read(self, max_lines: int, timeout: float) -> list[Batch]:
        """Read what is there: at most one batch a partition, at most `max_lines` lines together.

        Waits up to `timeout` seconds for the first line and returns as soon as one (or a gap) is there. What cannot
        be read for the moment is retried by the next call and named by problems(), it does not raise.
        """

    @abstractmethod
    def problems(self) -> list[str]:
        """What keeps lines from arriving right now, one line for each, for people; empty when all is well."""

    @abstractmethod
    def check(self) -> None:
        """Raise the BackendError that a person should mend before starting to read, if there is one."""

    @abstractmethod
    def close(self) -> None:
        """Let go of files and connections. May be called twice."""
