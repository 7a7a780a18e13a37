"""The exception tree of the queue backends, drawn once.

    BackendError                what a person can mend; `str()` is one line that says how
    +-- BadURLError             the URL cannot be read: wrong form, unknown option, wrong value
    |   +-- UnknownSchemeError  no backend of that name is installed; lists those that are
    +-- BadPositionError        a stored position that this backend did not write
    +-- LogMissingError         no such file, or no file fits the pattern
    +-- LogForbiddenError       no permission to read it
    +-- NotALogError            a directory, a device, a pipe
    +-- DamagedLogError         a compressed log that ends too early or does not decompress

The tree is the backends' own: they know nothing of the programs that use them.
"""

from __future__ import annotations

import grp
import os
import pwd
import shlex
import stat
from collections.abc import Iterable
from pathlib import Path


class BackendError(Exception):
    """What a person can mend. `str()` is one line that says what is wrong and how to mend it."""


class BadURLError(BackendError):
    """The URL of a backend cannot be used as it stands."""


class UnknownSchemeError(BadURLError):
    """No backend is installed for this URL's scheme."""

    def __init__(self, scheme: str, known: Iterable[str]) -> None:
        self.scheme = scheme
        super().__init__(f"unknown queue backend '{scheme}:', installed are: {', '.join(sorted(known)) or 'none'}")


class BadPositionError(BackendError):
    """A stored position is not one that this backend wrote."""

    def __init__(self, partition: str, position: str) -> None:
        super().__init__(
            f"{partition}: the stored position {position[:60]!r} was not written by this backend; "
            "give the source another name, or delete its row to start afresh"
        )


class LogMissingError(BackendError):
    """There is no such file."""

    def __init__(self, path: str) -> None:
        super().__init__(f"{path}: no such file; check the path against the access_log directives of nginx")


class LogForbiddenError(BackendError):
    """The file, or the folder that holds it, may not be read."""

    def __init__(self, path: str) -> None:
        user = _user()
        super().__init__(f"{path}: user {user} may not read it; try: {_remedy(path, user)}")


class NotALogError(BackendError):
    """There is something of that name, but not a regular file."""

    def __init__(self, path: str, what: str) -> None:
        super().__init__(f"{path}: is {what}, not a log file; name the file that nginx writes")


class DamagedLogError(BackendError):
    """A compressed log cannot be decompressed to its end."""

    def __init__(self, path: str, why: str) -> None:
        super().__init__(
            f"{path}: damaged ({why}); the whole lines before that were read, get the file again for the rest"
        )


def _user() -> str:
    try:  # not getpass: that believes $USER, which says root under sudo -u
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:  # a uid without a passwd entry, as in many containers
        return f"uid {os.geteuid()}"


def _remedy(path: str, user: str) -> str:
    """The command that lets this user read the log. `adm` (Debian's choice for nginx) where the group is not seen."""
    try:
        status = Path(path).stat()
        group = grp.getgrgid(status.st_gid).gr_name
    except (KeyError, OSError):
        return f"sudo usermod -aG adm {user}"
    if group == "root" or not status.st_mode & stat.S_IRGRP:  # nobody should be told to join root
        return f"sudo setfacl -m u:{user}:r {shlex.quote(path)}"
    return f"sudo usermod -aG {group} {user}, and log in again"
