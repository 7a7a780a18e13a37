"""One log, followed through its rotations.

The files of a log form a chain: the rotated ones, oldest first, and the log itself last. A follower is always in one
of them. It reads that to its end, and moves on to the next one when there is something to read there and nobody has
written to the old one for the grace period (nginx writes to the renamed file until it is told to reopen its logs).
Its position stays in the old file until a line of the next one was handed out, so that a position always names a file
that had lines in it and can be recognised by them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from backends.base import Batch, Gap
from backends.errors import BackendError, LogForbiddenError, LogMissingError
from backends.file import gap, rotation
from backends.file.opening import DAMAGE, HEAD, Opened, Plain, last_line_end, look, open_log
from backends.file.position import Position, digest, encode
from backends.file.rotation import LogFile
from backends.file.source import Source
from backends.lines import BLOCK, LineBuffer

BATCH_BYTES = 8 << 20
"""About the most bytes in one batch, whatever the number of lines asked for."""

_RESCAN = 1.0
_LOOK_BACK = 60.0


@dataclass(frozen=True, slots=True)
class _Next:
    """The file to go on with, those after it, and what was lost before it."""

    file: LogFile
    later: Sequence[LogFile]
    gaps: list[Gap]


class Follower:
    """Reads one log. `problem` says what keeps it from reading, after a read() that could not."""

    def __init__(
        self, path: str, start: str, source: Source, clock: Callable[[], float], wall: Callable[[], float]
    ) -> None:
        self.path = path
        self.problem: str | None = None
        self._source = source
        self._clock = clock
        self._wall = wall
        self._text = start  # what the caller was told last
        self._fresh = not start
        self._position = Position.decode(path, start) if start else None
        self._file: Opened | None = None
        self._lines = LineBuffer()
        self._identity = (0, 0)
        self._mtime = 0
        self._size = 0
        self._between = 0  # bytes in the files between this one and the log itself
        self._grew = 0.0  # clock() when this file grew, or was opened, last
        self._succeeded: float | None = None  # clock() when a later file was first seen
        self._left: tuple[Plain, int] | None = None  # the file read before, and its size then
        self._look_back_at = 0.0
        self._not_found: tuple[int, int, str, int] | None = None
        self._idle: tuple[object, float] = (None, 0.0)
        self._caught_up = False

    def read(self, limit: int) -> Batch | None:
        """At most `limit` lines; None when there is nothing to tell the caller."""
        lines: list[bytes] = []
        gaps: list[Gap] = []
        self.problem = None
        self._caught_up = False
        try:
            self._read(limit, lines, gaps)
        except LogMissingError:
            pass  # renamed or compressed since it was listed: looked for again next time (see _missing for the log)
        except PermissionError as error:
            self.problem = str(LogForbiddenError(str(error.filename or self.path)))
        except BackendError as error:
            self.problem = str(error)
        except OSError as error:  # a failing disk, a network file system that is away: said, and tried again
            self.problem = f"{self.path}: cannot be read for the moment ({error.strerror or error})"
        if not (lines or gaps or self._caught_up):
            return None
        start, self._text = self._text, encode(self._position)
        return Batch(self.path, start, self._text, lines, self._caught_up, self._backlog(), tuple(gaps))

    def close(self) -> None:
        self._let_go()
        if self._left is not None:
            self._left[0].close()
            self._left = None

    # -- reading -------------------------------------------------------------------------------------------------

    def _read(self, limit: int, lines: list[bytes], gaps: list[Gap]) -> None:
        self._look_back(gaps)
        size = 0
        while len(lines) < limit and size < BATCH_BYTES:
            if self._file is None:
                if not self._start(gaps):
                    return
            elif taken := self._take(limit - len(lines)):
                lines += taken
                size += sum(map(len, taken))
            elif not self._fill(lines, gaps) and not self._advance(lines, gaps):
                return

    def _take(self, limit: int) -> list[bytes]:
        taken = self._lines.take(limit)
        if taken:
            self._position = self._here()
        return taken

    def _fill(self, lines: list[bytes], gaps: list[Gap]) -> bool:
        """Read a block of the open file, or find out that it cannot be read on. False at its end."""
        file = self._file
        assert file is not None  # noqa: S101 - for the type checker
        end = self._lines.end
        if not isinstance(file, Plain):
            try:
                data = file.read(end, BLOCK)
            except DAMAGE as error:
                gaps.append(gap.damaged(file.path, error))
                self._position = self._here().finished()  # half a line before the damage is part of the damage
                self._let_go()
                return True
            self._lines.feed(data)
            return bool(data)
        status = file.status()
        if status.st_size == end and status.st_mtime_ns == self._mtime:
            return False
        data = file.read(end, BLOCK) if status.st_size > end else b""
        # Only now, after reading: if the beginning is still the same, no truncation came between, whatever the size.
        head = file.read_head()
        if status.st_size < end or not head.startswith(file.head):
            self._truncated(head, status.st_size, lines, gaps)
            return True
        file.head = head
        self._mtime, self._size = status.st_mtime_ns, status.st_size
        if data:
            self._grew = self._clock()
            self._lines.feed(data)
        return bool(data)

    def _truncated(self, head: bytes, size: int, lines: list[bytes], gaps: list[Gap]) -> None:
        file = self._file
        assert file is not None  # noqa: S101
        if head.startswith(file.head):
            # Not rotated: after a power failure a log is shorter than what was read of it. To start again from its
            # beginning would count a day twice.
            gaps.append(gap.shrunk(self.path, self._lines.end - size))
            self._lines = LineBuffer(size)
            self._size = size
            self._position = self._here()
            return
        gone = self._here()
        files = self._chain()
        index = rotation.find(files, gone)
        if index is not None:
            copy = files[index]
            opened = self._open_same(copy, gone)
            opened.final = True  # it was complete before the log was truncated
            self._enter(opened, gone.offset if copy.compressed else min(gone.offset, copy.size), files[index + 1 :])
            return
        self._believe_it(gone)
        lines += self._lines.flush()
        if (lost := gone.size - self._lines.offset) > 0:
            gaps.append(gap.truncated(self.path, lost))
        self._position = gone.finished()
        self._let_go()

    def _advance(self, lines: list[bytes], gaps: list[Gap]) -> bool:
        """Move on from the end of the open file. False if there is nothing to move on to, or not yet."""
        file = self._file
        assert file is not None  # noqa: S101
        if self._is_current():
            self._caught_up = True
            return False
        found = self._choose(self._here())
        if found is None:
            return False
        status = file.status()
        if isinstance(file, Plain) and status.st_size > self._lines.end:
            return True
        if not (file.final or self._quiet(max(status.st_mtime, status.st_ctime))):
            return False
        opened = self._open_next(found, self._here())
        if self._lines.pending:  # what nobody will finish
            lines += self._lines.flush()
            self._position = self._here()
        self._look_back(gaps, at_once=True)
        if self._left is not None:
            self._left[0].close()
            self._left = None
        if isinstance(file, Plain) and not file.final:
            self._left = (file, self._lines.end)
            self._file = None  # so that it is kept open
        gaps += found.gaps
        self._enter(opened, 0, found.later)
        return True

    def _look_back(self, gaps: list[Gap], *, at_once: bool = False) -> None:
        """Say so if the file that was left grew after all: a worker that never reopened its log still writes to it."""
        if self._left is None or (self._clock() < self._look_back_at and not at_once):
            return
        file, end = self._left
        if (size := file.status().st_size) > end:
            gaps.append(gap.left_behind(file.path, size - end))
            self._left = (file, size)
            self._look_back_at = self._clock() + _LOOK_BACK  # it may go on for hours, and each gap is news to somebody

    # -- finding the place ---------------------------------------------------------------------------------------

    def _start(self, gaps: list[Gap]) -> bool:
        """Open the file that the position is in, or the first one behind it. False if there is none (yet)."""
        if self._fresh:
            self._begin()
            self._fresh = False
            if self._file is not None:
                return True
        position = self._position
        if position is None or position.done:
            found = self._choose(position)
            if found is None:
                return False
            self._enter(self._open_next(found, position), 0, found.later)
            gaps += found.gaps
            return True
        files = self._chain()
        index = rotation.find(files, position)
        if index is not None:
            self._not_found = None
            file, offset = files[index], position.offset
            if not file.compressed and file.size < offset:
                if file.identity == (position.dev, position.ino):
                    gaps.append(gap.shrunk(self.path, offset - file.size))
                offset = file.size
            self._enter(self._open_same(file, position), offset, files[index + 1 :])
            return True
        if not files or files[-1].path != self.path:
            self._missing()
            return False
        self._believe_it(position)
        gaps.append(gap.gone(self.path, position, truncated=files[-1].identity == (position.dev, position.ino)))
        self._position = position.finished()
        return True

    def _begin(self) -> None:
        """The place of a log that is read for the first time.

        Where it has no whole line yet, that is behind the rotated file before it, which can be recognised later.
        """
        files = self._chain()
        if files and files[-1].path == self.path and files[-1].size:
            opened = self._open_same(files[-1])
            if b"\n" in opened.head or len(opened.head) == HEAD:
                self._enter(opened, last_line_end(opened) if self._source.from_end else 0, ())
                self._position = self._here()
                return
            opened.close()
        for file in reversed([f for f in files if f.path != self.path]):
            if head := rotation.head_of(file):
                self._position = Position(
                    file.dev, file.ino, 0, len(head), digest(head), file.mtime, file.size, done=True
                )
                return

    def _choose(self, position: Position | None) -> _Next | None:
        """The next file with something in it. Sets `_caught_up` if there is none."""
        current = look(self.path)
        state = current and (current.st_dev, current.st_ino, current.st_mtime_ns, current.st_ctime_ns)
        if current and not current.st_size and self._idle[0] == state and self._clock() < self._idle[1]:
            self._caught_up = True  # rotated at night, and no visitor yet: no need to list the folder at every poll
            return None
        files = rotation.behind(self._chain(), self.path, position)
        log = files[-1] if files and files[-1].path == self.path else None
        empty, lost = [], []
        for place, file in enumerate(files):
            if rotation.is_empty(file):
                empty.append(file)
            elif rotation.is_lost(file):
                lost.append(file)
            elif log is None or file is log or not rotation.is_copy(file, log):
                if self._succeeded is None:
                    self._succeeded = self._clock()
                if not all(f.compressed or self._quiet(f.changed) for f in empty):
                    return None  # just renamed while empty: the lines of its last moments may still come
                return _Next(file, files[place + 1 :], [gap.unreadable(f.path) for f in lost])
        self._idle = (state, self._clock() + _RESCAN)
        if log is None:
            self._missing()
        # A log that is missing from the start is waited for; one that was rotated away was read to its end.
        self._caught_up = log is not None or self._file is not None
        return None

    def _quiet(self, changed: float) -> bool:
        """Whether a file that has a successor was left alone for the grace period.

        By the wall clock if that says so, which saves the wait after a restart; else by what was seen here, which no
        wrong clock can hold up. Renaming counts as a change: it is what the grace period begins with.
        """
        if self._wall() - changed >= self._source.grace:
            return True
        seen = max(self._grew, self._clock() if self._succeeded is None else self._succeeded)
        return self._clock() - seen >= self._source.grace

    # -- small things --------------------------------------------------------------------------------------------

    def _chain(self) -> list[LogFile]:
        return rotation.chain(self.path, self._source.olddirs)

    def _open_same(self, file: LogFile, position: Position | None = None) -> Opened:
        """Open a file that was listed. Raises LogMissingError if it is another one, or no longer fits, by now."""
        opened = open_log(file.path)
        status = opened.status()
        same = (status.st_dev, status.st_ino) == file.identity and opened.head
        if not same or (position is not None and not position.fits(opened.head)):
            opened.close()
            raise LogMissingError(file.path)
        return opened

    def _open_next(self, found: _Next, position: Position | None) -> Opened:
        """Open the file that was chosen. Raises LogMissingError if it would not be chosen any more.

        Between choosing and opening, the log may be copied and truncated: it is the same file then, and what should
        be read next is in the copy. Once it is open its beginning is known, and a truncation is noticed by that.
        """
        opened = self._open_same(found.file)
        try:
            again = self._choose(position)
            if again is None or again.file.identity != found.file.identity:
                raise LogMissingError(found.file.path)
        except BaseException:
            opened.close()
            raise
        return opened

    def _believe_it(self, position: Position) -> None:
        """Raise LogMissingError at the first try: in the middle of a rotation, not found does not prove gone."""
        place = (position.dev, position.ino, position.digest, position.offset)
        if self._not_found != place:
            self._not_found = place
            raise LogMissingError(self.path)
        self._not_found = None

    def _enter(self, opened: Opened, offset: int, later: Sequence[LogFile]) -> None:
        self._let_go()
        status = opened.status()
        self._file = opened
        self._lines = LineBuffer(offset)
        self._identity = (status.st_dev, status.st_ino)
        self._mtime, self._size = status.st_mtime_ns if not isinstance(opened, Plain) else 0, status.st_size
        self._between = sum(f.size for f in later if f.path != self.path)
        self._grew = self._clock()
        self._succeeded = None

    def _let_go(self) -> None:
        if self._file is not None:
            self._file.close()
        self._file = None

    def _here(self) -> Position:
        file = self._file
        assert file is not None  # noqa: S101
        offset = self._lines.offset
        size = max(offset, self._size) if isinstance(file, Plain) else offset
        mtime = self._mtime or file.status().st_mtime_ns
        return Position(*self._identity, offset, len(file.head), digest(file.head), mtime, size)

    def _is_current(self) -> bool:
        current = look(self.path)
        if current is None:
            self._missing()
        return current is not None and (current.st_dev, current.st_ino) == self._identity

    def _backlog(self) -> int | None:
        if self._file is None:
            return 0
        if not isinstance(self._file, Plain):
            return None
        current = look(self.path)
        ahead = 0
        if current is not None and (current.st_dev, current.st_ino) != self._identity:
            ahead = self._between + current.st_size
        return max(0, self._file.status().st_size - self._lines.offset) + ahead

    def _missing(self) -> None:
        self.problem = f"{self.path}: no such file, waiting for it"
