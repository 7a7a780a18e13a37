"""The exception tree, drawn once.

TocsinError                 what a person can mend; the CLI prints it as one line, without a traceback
+-- BadInput                a document, log or setting that is wrong: says where, what was expected, how to mend it
|   +-- BadRulebook         file, line, what was expected
|   +-- UnknownFormat       no log format fits these lines
|   +-- BadSetting          a setting or URL that cannot be used
+-- SourceError             the log cannot be read (missing, no permission)
+-- StoreError              the database cannot be used (wrong URL, locked for too long, disk full)
|   +-- Fenced              somebody else moved this position or claim on: re-read and go on
+-- DeliveryError           a message did not leave; carries `permanent`, `ambiguous` and `retry_after`
"""

from __future__ import annotations


class TocsinError(Exception):
    """What a person can mend. `str()` is one line that says what is wrong and how to mend it."""


class BadInput(TocsinError):
    """A document, log or setting is wrong."""


class BadRulebook(BadInput):
    """One mistake in a rulebook: where it stands, what was expected.

    `line` counts from 1; 0 means that the document as a whole is meant.
    """

    def __init__(self, source: str, line: int, message: str) -> None:
        self.source = source
        self.line = line
        self.message = message
        super().__init__(f"{source}:{line}: {message}" if line else f"{source}: {message}")


class UnknownFormat(BadInput):
    """No log format fits the lines that were seen."""


class BadSetting(BadInput):
    """A setting or a URL cannot be used as it stands."""


class SourceError(TocsinError):
    """The log cannot be read."""


class StoreError(TocsinError):
    """The database cannot be used."""


class Fenced(StoreError):
    """A compare-and-set hit no row: another process owns this now. Roll back, re-read, go on."""


class DeliveryError(TocsinError):
    """A message did not leave, or nobody knows whether it did.

    permanent: trying again cannot help. ambiguous: the receiver may have it although the answer was lost.
    retry_after: seconds the service asked for, if it did. answer: what the service said, shortened and without secrets.
    """

    def __init__(
        self,
        message: str,
        *,
        permanent: bool = False,
        ambiguous: bool = False,
        retry_after: float | None = None,
        answer: str = "",
    ) -> None:
        self.permanent = permanent
        self.ambiguous = ambiguous
        self.retry_after = retry_after
        self.answer = answer
        super().__init__(message)
