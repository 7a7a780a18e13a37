"""Values that a rulebook takes from outside: `${NAME}` from the environment, `{file: ...}` from a secret's file.

Only options of channels take them. Anywhere else a value can be shown (a threshold in an error, a label on the page),
and whoever may write rules could read the environment of the server that way.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

_REFERENCE = re.compile(r"\$\$\{|\$\{([^}]*)\}?")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_CONTROL = re.compile(r"[\x00-\x1f\x7f\x85\u2028\u2029]")
MAX_FILE = 64 * 1024


def refers(text: str) -> bool:
    """Whether the text takes something from outside."""
    return any(found[0] != "$${" for found in _REFERENCE.finditer(text))


def filled_in(text: str, environ: Mapping[str, str]) -> str:
    """The text with `${NAME}` replaced; `$${` is a plain `${`. ValueError names what is missing."""

    def value(found: re.Match[str]) -> str:
        if found[0] == "$${":
            return "${"
        name = found[1]
        if not _NAME.fullmatch(name) or not found[0].endswith("}"):
            raise ValueError("expected ${NAME} with the name of an environment variable; for a plain `${` write `$${`")
        if name not in environ:
            raise ValueError(f"the environment variable {name} is not set")
        return environ[name]

    return _one_line(_REFERENCE.sub(value, text), "a value from the environment")


def escaped(text: str) -> str:
    """The reverse of `filled_in` for a text that refers to nothing."""
    return text.replace("${", "$${")


def read_secret(path: str) -> str:
    """The content of a secret's file, without the line end. ValueError says why it cannot be used."""
    if not Path(path).is_absolute():
        raise ValueError(f"expected the absolute path of a file, not {path}")
    if Path(path).exists() and not Path(path).is_file():  # reading a pipe would wait for ever
        raise ValueError(f"{path} is not a file")
    try:
        with Path(path).open("rb") as file:
            data = file.read(MAX_FILE + 1)
    except OSError as error:
        raise ValueError(f"cannot read {path}: {error.strerror or error}") from None
    if len(data) > MAX_FILE:
        raise ValueError(f"{path} is larger than {MAX_FILE // 1024} KiB: that is no secret")
    try:
        return _one_line(data.decode("utf-8").strip(), path)
    except UnicodeDecodeError:
        raise ValueError(f"{path} is not UTF-8 text") from None


def _one_line(text: str, what: str) -> str:
    # A line break in an address or a URL would become a header of its own in a mail or a request.
    if _CONTROL.search(text):
        raise ValueError(f"{what} has a line break or control character in it")
    return text
