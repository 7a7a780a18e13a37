"""Runs one command to its end: exit codes, and one line for whatever went wrong."""

from __future__ import annotations

import io
import os
import sys
import traceback
from collections.abc import Sequence
from typing import TYPE_CHECKING

from incidents.cli.words import one_line

if TYPE_CHECKING:
    from typer import TyperException

FINE, FOUND, WRONG_USE, INTERRUPTED = 0, 1, 2, 130


class Invocation:
    """What the global options of this run are. `verbose`: the traceback of an unexpected error is wanted."""

    def __init__(self) -> None:
        self.verbose = False


def run(arguments: Sequence[str]) -> int:
    """Runs `tocsin ARGUMENTS`; the exit code: 0 fine, 1 found or failed, 2 wrong use, 130 interrupted."""
    invocation = Invocation()
    _take_any_character()
    try:
        code = _run(arguments, invocation)
        sys.stdout.flush()
    except KeyboardInterrupt:
        _say("interrupted")
        return INTERRUPTED
    except BrokenPipeError:
        # `tocsin ... | head` has seen enough. What is still buffered must go nowhere, or Python complains at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FOUND
    except Exception as error:  # noqa: BLE001  (the last line of defence: everything ends as one line for a person)
        return _failed(error, invocation)
    return code


def _run(arguments: Sequence[str], invocation: Invocation) -> int:
    from typer.main import get_command

    from incidents.cli.program import program

    code = get_command(program).main(
        args=list(arguments), prog_name="tocsin", standalone_mode=False, obj=invocation
    )  # not standalone: otherwise wrong use is told in four lines, and errors in a traceback
    if code == INTERRUPTED:
        raise KeyboardInterrupt
    return code if isinstance(code, int) else FINE


def _failed(error: Exception, invocation: Invocation) -> int:
    from typer import Abort, TyperException

    from backends import BackendError
    from incidents.domain.errors import TocsinError

    if isinstance(error, TyperException):
        return _wrong_use(error)
    if isinstance(error, Abort):
        _say("aborted")
    elif isinstance(error, TocsinError | BackendError):
        _say(str(error))
    elif isinstance(error, MemoryError):
        _say("out of memory")
    else:
        if invocation.verbose:
            traceback.print_exception(error)
        hint = "" if invocation.verbose else "; `tocsin -v ...` shows where, please report it with that"
        _say(f"unexpected {type(error).__name__}: {error}{hint}")
    return FOUND


def _wrong_use(error: TyperException) -> int:
    """What Typer found wrong, as one line; a command that was given nothing at all shows its help instead."""
    context = getattr(error, "ctx", None)
    if type(error).__name__ == "NoArgsIsHelpError":
        print(error.format_message(), file=sys.stderr)  # noqa: T201
    else:
        where = f"; see `{context.command_path} --help`" if context is not None else ""
        _say(error.format_message().rstrip(".") + where)
    return error.exit_code


def _say(message: str) -> None:
    print(f"tocsin: {one_line(message)}", file=sys.stderr)  # noqa: T201


def _take_any_character() -> None:
    """A terminal in an old encoding must not end a command at the first arrow or Chinese name."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
