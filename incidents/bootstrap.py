"""Wires the house: the only place that knows the wall clock, the settings and which adapters are in use."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from functools import cached_property, lru_cache

import msgspec
from sqlalchemy import Connection

from backends import open_backend
from incidents.configcentre import load
from incidents.deliver import Deliverer
from incidents.domain.minute import MINUTE
from incidents.domain.rule import Unit
from incidents.domain.rulebook import Rulebook
from incidents.evaluate import Clocks
from incidents.ingest import Ingest
from incidents.migrations import upgrade
from incidents.settings import ClockSettings, Settings, load_settings
from incidents.store import Store, rulebooks

LIMITS_OF = 5
"""Earlier versions of the rulebook whose time limits are still counted: incidents may be open by them."""


class Clock:
    """The clock of every role; scaled for demos and compressed runs."""

    def __init__(self, settings: ClockSettings) -> None:
        self.scale = settings.scale
        self._real = settings.real
        self._shown = settings.shown

    def now(self) -> float:
        """Seconds since the epoch, as this installation sees them."""
        real = time.time()
        if self.scale == 1.0 and not self._real:
            return real
        return self._shown + (real - self._real) * self.scale


class App:
    """Everything one process needs. Tests build it with their own settings, store and clock."""

    def __init__(self, settings: Settings, store: Store, clock: Callable[[], float]) -> None:
        self.settings = settings
        self.store = store
        self.now = clock
        self.clocks = Clocks(now=clock, detected=lambda minute: max(int(clock()), minute + MINUTE))
        self._rulebook: Rulebook | None = None
        self._looked_at = 0.0
        self._lock = threading.Lock()

    def rulebook_in(self, tx: Connection) -> Rulebook:
        """The rulebook in force, as this transaction sees it; without the channels' secrets."""
        number = rulebooks.latest_number(tx)
        if self._rulebook is None or self._rulebook.version != number:
            self._rulebook = _version_in(tx, number, secrets=False)
        return self._rulebook

    def rulebook(self) -> Rulebook:
        """The same, looked up at most once a second."""
        with self._lock:
            looked = time.monotonic()
            if self._rulebook is not None and looked - self._looked_at < 1.0:
                return self._rulebook
            self._looked_at = looked
            with self.store.read() as tx:
                return self.rulebook_in(tx)

    def sending_rulebook(self) -> Rulebook:
        """The rulebook in force with the channels' secrets, which only who sends messages needs. Raises BadRulebook."""
        with self.store.read() as tx:
            return self._with_secrets(rulebooks.latest_number(tx))

    @lru_cache(maxsize=1)  # noqa: B019  (one App a process)
    def _with_secrets(self, version: int) -> Rulebook:
        with self.store.read() as tx:
            return _version_in(tx, version, secrets=True)

    @lru_cache(maxsize=64)  # noqa: B019  (one App a process)
    def past_rulebook(self, version: int) -> Rulebook:
        """A version by number; versions never change, so they are kept."""
        with self.store.read() as tx:
            return _version_in(tx, version, secrets=False)

    @cached_property
    def deliverer(self) -> Deliverer:
        """What sends this installation's messages."""
        settings = self.settings
        return Deliverer(
            self.store,
            self.now,
            deadline=settings.send_deadline,
            scale=settings.clock.scale,
            external_url=settings.external_url,
        )

    @cached_property
    def source(self) -> str:
        """The key that positions are stored under: the same for every spelling of one source."""
        return source_key(self.settings.source)

    def ingest(self) -> Ingest:
        """A collector's work on the configured source."""
        settings = self.settings
        return Ingest(
            self.store,
            open_backend(settings.source),
            self.source,
            self.rulebook,
            self.now,
            log_format=settings.log_format,
            lateness=settings.lateness,
            shards=settings.shards,
        )


def source_key(url: str) -> str:
    """A source by what it names: files by their absolute path, servers without password, both without options.

    Otherwise the same log under another spelling would be another source, and be counted once more.
    """
    bare = url.split("?", 1)[0]
    scheme, separator, rest = bare.partition("://")
    if separator and scheme.lower() != "file":
        return f"{scheme.lower()}://{rest.rpartition('@')[2]}"
    path = rest if separator else bare.removeprefix("file:")
    return f"file://{os.path.abspath(path)}"  # noqa: PTH100  (Path.resolve would follow the links that rotation moves)


def _version_in(tx: Connection, number: int, *, secrets: bool) -> Rulebook:
    row = rulebooks.get(tx, number) if number else None
    if row is None:
        return load("", "built-in", 0)
    rulebook = load(row.text, row.source, number, secrets=secrets)
    limits: set[tuple[Unit, float]] = set()
    for version in range(max(1, number - LIMITS_OF), number):
        earlier = rulebooks.get(tx, version)
        if earlier is not None:
            found = load(earlier.text, earlier.source, version, secrets=False).limits
            limits.update((unit, limit) for unit, ascending in found.items() for limit in ascending)
    return msgspec.structs.replace(rulebook, earlier_limits=tuple(sorted(limits)))


def bootstrap(settings: Settings | None = None, *, migrate: bool = True) -> App:
    """The app of this process. `migrate` brings the database's schema up to date first."""
    settings = settings or load_settings()
    store = Store(settings.database_url)
    if store.in_memory:
        store.create()
    elif migrate:
        upgrade(store)
    return App(settings, store, Clock(settings.clock).now)
