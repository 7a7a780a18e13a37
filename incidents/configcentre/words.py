"""Names, patterns, statuses and other words of a rulebook. Readers raise ValueError that says what was expected."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterable
from itertools import islice

_STATUS = re.compile(r"[1-5](?:[0-9][0-9]|xx)")
_NAME = re.compile(r"\w[\w.-]{0,63}")
_IPV6 = re.compile(r"\[([0-9a-fA-F.*?]*:[0-9a-fA-F:.*?%]*)\]")
_SHOWN = 60


def quoted(text: str) -> str:
    """The text as it is shown in an error: short, and never over several lines."""
    shown = text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."
    return f'"{shown}"'


def closest(word: str, known: Iterable[str], cutoff: float = 0.6) -> str:
    """`; did you mean ...?` when one of the known words is close, else what there is to choose from."""
    known = list(islice(known, 200))  # enough for a hint; comparing with thousands would take seconds
    near = difflib.get_close_matches(word.lower(), known, n=1, cutoff=cutoff)
    if near:
        return f"; did you mean `{near[0]}`?"
    return f" (known: {', '.join(known[:20])})" if known else ""


def text_of(given: object) -> str:
    """One value as text, without spaces around it."""
    if isinstance(given, str):
        return given.strip()
    if given is None:
        raise ValueError("expected a value, and there is none")
    raise ValueError(f"expected a single value, not {'a list' if isinstance(given, list) else 'a mapping'}")


def filled(given: object) -> str:
    text = text_of(given)
    if not text:
        raise ValueError("expected some text, and there is none")
    return text


def one_or_more(given: object) -> list[object]:
    """A list, or one value that stands for a list of one."""
    if isinstance(given, dict):
        raise ValueError("expected a value or a list of them, not a mapping")
    found = given if isinstance(given, list) else [given]
    if not found:
        raise ValueError("expected at least one value, and the list is empty")
    return found


def one_of(*known: str) -> Callable[[object], str]:
    """A reader of one word out of these."""

    def read(given: object) -> str:
        text = text_of(given)
        if text not in known:
            choice = ", ".join(known[:-1]) + f" or {known[-1]}" if len(known) > 1 else known[0]
            raise ValueError(f"expected {choice}, not {quoted(text)}")
        return text

    return read


def switch(given: object) -> bool:
    text = text_of(given).lower()
    if text in ("true", "yes", "on"):
        return True
    if text in ("false", "no", "off"):
        return False
    raise ValueError(f"expected true or false, not {quoted(text)}")


def is_off(given: object) -> bool:
    return isinstance(given, str) and given.strip().lower() in ("off", "false", "no")


def status(given: object) -> str:
    """A status code or class."""
    text = text_of(given).lower()
    if not _STATUS.fullmatch(text):
        raise ValueError(f"expected a status such as 503 or a class such as 5xx, not {quoted(text)}")
    return text


def name(given: str) -> str:
    """The name of a rule, channel or label: it stands in URLs, metrics and on the command line."""
    if not _NAME.fullmatch(given):
        raise ValueError(f"{quoted(given)} is not a name: use letters, digits, `_`, `.` and `-`, at most 64")
    return given


def unpatterned(given: str) -> str:
    """The name of a service, which is met exactly as the log has it."""
    if len(given) > 200:
        raise ValueError("a service name has at most 200 characters")
    if given in ("-", "_"):
        raise ValueError(f"{quoted(given)} is what nginx writes for no name; such lines belong to `__other__`")
    if re.search(r"[*?\[\]]", given) or given.startswith(("^", "~")):
        raise ValueError(
            f"the service name {quoted(given)} is not a pattern; give it a plain name, patterns go to `hosts`"
        )
    return given


def pattern(given: object) -> str:
    """A pattern with `*` (any text), `?` (one character) and `[ab]` (one of these), matched against all of a name."""
    text = text_of(given)
    if not text:
        raise ValueError("bad matcher: an empty pattern matches nothing; write * for everything")
    if text.startswith(("^", "~")) or text.endswith("$") or "\\" in text:
        raise ValueError(f"bad matcher: {quoted(text)} looks like a regular expression; a pattern knows only * and ?")
    if _unbalanced(text):
        raise ValueError(f"bad matcher: {quoted(text)} has a bracket without its partner")
    return text


def node_pattern(given: object) -> str:
    """A pattern of node addresses. The brackets of an IPv6 address are meant as they stand, not as one-of-these."""
    text = text_of(given)
    return _IPV6.sub(r"[[]\1]", text) if _IPV6.search(text) and not _unbalanced(text) else pattern(text)


def _unbalanced(text: str) -> bool:
    literal = text.count("[[]")  # an opening bracket that is meant as such may have a closing one
    at = 0
    while at < len(text):
        if text[at] == "]":
            if not literal:
                return True
            literal -= 1
        elif text[at] == "[":
            start = at + 2 if text[at + 1 : at + 2] == "!" else at + 1
            at = text.find("]", start + 1)  # a first `]` inside belongs to the class, as in fnmatch
            if at < 0:
                return True
        at += 1
    return False
