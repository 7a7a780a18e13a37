"""What a file URL asks for: which logs, and the options to read them with."""

from __future__ import annotations

import fnmatch
import glob
import math
import os
import re
from collections.abc import Container
from dataclasses import dataclass
from pathlib import Path
from typing import Self
from urllib.parse import parse_qsl, unquote

from backends.errors import BadURLError
from backends.file.rotation import is_partition

_OPTIONS = re.compile(r"\?(?=[A-Za-z_]+=)")  # a bare ? is a wildcard, in a path as in a shell
_HELP = "known are: from=start|end, grace=SECONDS, poll=SECONDS, olddir=FOLDER"

GRACE = 5.0
POLL = 0.2


@dataclass(frozen=True, slots=True)
class Source:
    """One file URL.

    pattern   absolute path, perhaps with wildcards
    from_end  read only what comes after the first look (`?from=end`), else each log from its beginning
    grace     seconds that nobody must have written to a rotated file before it is left
    poll      seconds between two looks
    olddirs   folders besides the log's own that it is rotated to (logrotate's `olddir`)
    """

    pattern: str
    from_end: bool = False
    grace: float = GRACE
    poll: float = POLL
    olddirs: tuple[str, ...] = ()

    @classmethod
    def from_url(cls, url: str) -> Self:
        """`file:///var/log/nginx/*.access.log?from=end`, `file:access.log`, or a plain path. Raises BadURLError."""
        path, options = _take_apart(url)
        values: dict[str, list[str]] = {}
        for name, value in parse_qsl(options, keep_blank_values=True):
            values.setdefault(name, []).append(value)
        if unknown := values.keys() - {"from", "grace", "poll", "olddir"}:
            raise BadURLError(f"{url}: unknown option '{min(unknown)}'; {_HELP}")
        begin = values.get("from", ["start"])[-1]
        if begin not in ("start", "end"):
            raise BadURLError(f"{url}: from={begin} means nothing; it is from=start or from=end")
        pattern = os.path.abspath(path)  # noqa: PTH100 - resolve() follows links; the name is the partition
        return cls(
            pattern=pattern,
            from_end=begin == "end",
            grace=_seconds(url, "grace", values, GRACE, 0.0),
            poll=_seconds(url, "poll", values, POLL, 0.01),
            olddirs=tuple(str(Path(pattern).parent / folder) for folder in values.get("olddir", [])),
        )

    @property
    def is_pattern(self) -> bool:
        """Whether it stands for several logs. A file that is really called like that is taken by its name."""
        return glob.has_magic(self.pattern) and not os.path.lexists(self.pattern)

    def paths(self, known: Container[str] = ()) -> list[str]:
        """The logs that are there now, in order; without a pattern the one log, whether it is there or not."""
        if not self.is_pattern:
            return [self.pattern]
        found = glob.glob(self.pattern, recursive=True)  # noqa: PTH207 - Path.glob takes no absolute pattern
        return sorted(p for p in found if not Path(p).is_dir() and is_partition(p, self.pattern, known))

    def covers(self, path: str) -> bool:
        """Whether this path would be one of its logs, be it there or not."""
        return path == self.pattern or (self.is_pattern and fnmatch.fnmatchcase(path, self.pattern))


def _take_apart(url: str) -> tuple[str, str]:
    """Path and options of a URL or a plain path."""
    scheme, colon, rest = url.partition(":")
    is_url = bool(colon) and scheme.lower() == "file"
    path, *options = _OPTIONS.split(rest if is_url else url, maxsplit=1)
    if is_url:
        path = unquote(path)
        if path.startswith("//"):
            host, slash, path = path[2:].partition("/")
            if host not in ("", "localhost"):
                raise BadURLError(f"{url}: '{host}' would be a host; write file:///absolute/path or file:relative/path")
            path = slash + path
    if not path or path.endswith("/") or "\0" in path:
        raise BadURLError(f"{url or 'an empty URL'}: names no log file; write file:///var/log/nginx/access.log, say")
    return path, "".join(options)


def _seconds(url: str, name: str, values: dict[str, list[str]], default: float, least: float) -> float:
    if name not in values:
        return default
    text = values[name][-1].removesuffix("s")
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if not least <= seconds < math.inf:  # false for nan, too
        raise BadURLError(f"{url}: {name}={values[name][-1]} is no number of seconds from {least:g} on")
    return seconds
