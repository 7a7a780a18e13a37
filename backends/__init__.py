"""Queue backends: where log lines come from. `open_backend(url)` picks one by the URL's scheme."""

from __future__ import annotations

import re
from importlib.metadata import EntryPoint, entry_points

from backends.base import Backend, Batch, Gap
from backends.errors import BackendError, BadURLError, UnknownSchemeError

__all__ = ["Backend", "BackendError", "Batch", "Gap", "known_schemes", "open_backend"]

GROUP = "tocsin.backends"
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):")


def open_backend(url: str) -> Backend:
    """The backend of this URL; a plain path is a file. Nothing is opened yet.

    Backends are found by the entry point group `tocsin.backends`, where the name is the scheme, and only the one
    asked for is imported: nobody needs Kafka's client to read a file. Raises BadURLError and UnknownSchemeError.
    """
    matched = _SCHEME.match(url)
    scheme = matched[1].lower() if matched else "file"
    found = _installed()
    if scheme not in found:
        raise UnknownSchemeError(scheme, found)
    entry = found[scheme]
    try:
        backend = entry.load()
    except ImportError as error:
        raise BadURLError(f"queue backend '{scheme}:' ({entry.value}) cannot be loaded: {error}") from error
    if not (isinstance(backend, type) and issubclass(backend, Backend)):
        raise BadURLError(f"queue backend '{scheme}:' ({entry.value}) is not a subclass of backends.base.Backend")
    return backend.from_url(url)


def known_schemes() -> list[str]:
    """The schemes that open_backend() takes."""
    return sorted(_installed())


def _installed() -> dict[str, EntryPoint]:
    found: dict[str, EntryPoint] = {}
    for entry in entry_points(group=GROUP):
        # The same package may be seen twice (an editable install beside a wheel); two owners of a name are a mistake.
        if entry.name in found and found[entry.name].value != entry.value:
            raise BadURLError(
                f"two packages provide queue backend '{entry.name}:' ({found[entry.name].value} and {entry.value}); "
                "uninstall one"
            )
        found[entry.name] = entry
    return found
