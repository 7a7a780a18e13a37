"""Cutting bytes into lines at the speed of bytes.split, with bounded memory and exact offsets."""

from __future__ import annotations

MAX_LINE = 1 << 20
"""Longest line handed out, in bytes; of a longer one the rest is dropped."""

BLOCK = 1 << 20
"""Most bytes that may be fed at once. Not more than MAX_LINE: see feed()."""


class LineBuffer:
    """Bytes that were read and not yet handed out as lines.

    `offset` is where the first byte not handed out stands in the file: a reader that starts there again gets exactly
    the lines that are still missing, so it is what a position holds. `end` is where reading goes on.
    """

    def __init__(self, offset: int = 0) -> None:
        self.offset = offset
        self._data = b""
        self._dropped = 0  # bytes of an overlong first line that were left out of _data

    @property
    def end(self) -> int:
        return self.offset + len(self._data) + self._dropped

    @property
    def pending(self) -> bool:
        """Whether there are bytes that were not handed out."""
        return bool(self._data)

    def feed(self, data: bytes) -> None:
        """Append at most BLOCK bytes; only after take() has emptied the buffer of complete lines.

        Under these two conditions only the first line can exceed MAX_LINE, so that no other has to be looked at.
        """
        if self._dropped:  # inside an overlong line, all but its end is dropped
            newline = data.find(b"\n")
            cut = len(data) if newline < 0 else newline
            self._dropped += cut
            self._data += data[cut:]
            return
        self._data = self._data + data if self._data else data
        if len(self._data) > MAX_LINE:
            newline = self._data.find(b"\n")
            cut = len(self._data) if newline < 0 else newline
            if cut > MAX_LINE:
                self._dropped = cut - MAX_LINE
                self._data = self._data[:MAX_LINE] + self._data[cut:]

    def take(self, limit: int = -1) -> list[bytes]:
        """The complete lines, at most `limit` of them (all, if negative)."""
        if limit == 0:
            return []
        data = self._data
        lines = data.split(b"\n", limit)
        rest = lines.pop()
        if lines:
            self.offset += len(data) - len(rest) + self._dropped
            self._dropped = 0
            self._data = rest
            if b"\r" in data:  # rare, so it may cost more
                lines = [line.removesuffix(b"\r") for line in lines]
        return lines

    def flush(self) -> list[bytes]:
        """The unfinished last line, when no more will come."""
        if not self._data:
            return []
        line = self._data.removesuffix(b"\r")
        self.offset = self.end
        self._data = b""
        self._dropped = 0
        return [line]
