"""What every queue backend must do, whatever is behind it. See the class docstring of `backends.base.Backend`.

A backend joins by a test class that inherits from BackendContract and has a fixture `place`, which is given the real
thing (a file, a server) and knows how to write to it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol

import pytest

from backends import Backend, Batch, open_backend
from backends.errors import BackendError, BadPositionError


class Place(Protocol):
    """Where lines are written to, and the URL under which they are read. One partition is enough."""

    url: str

    def write(self, lines: Sequence[bytes]) -> None: ...


def numbered(first: int, count: int) -> list[bytes]:
    return [
        f'10.0.0.{n % 250} - - [23/Nov/2026:10:00:{n % 60:02}] "GET /{n} HTTP/1.1" 200'.encode()
        for n in range(first, first + count)
    ]


def drain(backend: Backend, max_lines: int = 1000) -> list[Batch]:
    """Read until every partition that answers is at its end."""
    batches: list[Batch] = []
    for _ in range(10_000):
        found = backend.read(max_lines, 0)
        batches += found
        if all(batch.at_end and not batch.lines and not batch.gaps for batch in found):
            return batches
    raise AssertionError("never came to the end")


def lines_of(batches: Sequence[Batch]) -> list[bytes]:
    return [line for batch in batches for line in batch.lines]


def last_positions(batches: Sequence[Batch]) -> dict[str, str]:
    return {batch.partition: batch.next for batch in batches}


class BackendContract:
    @pytest.fixture
    def place(self) -> Place:
        raise NotImplementedError

    @pytest.fixture
    def backend(self, place: Place) -> Iterator[Backend]:
        backend = open_backend(place.url)
        yield backend
        backend.close()

    def test_lines_come_in_the_order_they_were_written(self, place: Place, backend: Backend) -> None:
        place.write(numbered(0, 500))
        backend.assign({})
        assert lines_of(drain(backend, 37)) == numbered(0, 500)

    def test_each_batch_starts_where_the_one_before_ended(self, place: Place, backend: Backend) -> None:
        place.write(numbered(0, 200))
        backend.assign({})
        batches = drain(backend, 30)
        place.write(numbered(200, 50))
        batches += drain(backend, 30)
        assert batches[0].start == ""
        assert [b.start for b in batches[1:]] == [b.next for b in batches[:-1]]
        assert len({b.partition for b in batches}) == 1

    def test_no_batch_holds_more_lines_than_were_asked_for(self, place: Place, backend: Backend) -> None:
        place.write(numbered(0, 100))
        backend.assign({})
        counts = [len(batch.lines) for batch in drain(backend, 7)]
        assert max(counts) == 7
        assert sum(counts) == 100

    def test_reading_goes_on_behind_any_stored_position(self, place: Place, backend: Backend) -> None:
        place.write(numbered(0, 120))
        backend.assign({})
        read = 0
        for batch in drain(backend, 25):
            read += len(batch.lines)
            with_another = open_backend(place.url)
            with_another.assign({batch.partition: batch.next})
            assert lines_of(drain(with_another)) == numbered(read, 120 - read)
            with_another.close()

    def test_what_was_read_and_not_stored_is_read_again(self, place: Place, backend: Backend) -> None:
        place.write(numbered(0, 60))
        backend.assign({})
        stored = backend.read(20, 0)[0]
        backend.read(20, 0)
        backend.assign({stored.partition: stored.next})
        batches = drain(backend)
        assert lines_of(batches) == numbered(20, 40)
        assert batches[0].start == stored.next

    def test_a_partition_with_nothing_to_read_says_that_it_is_at_its_end(self, place: Place, backend: Backend) -> None:
        place.write(numbered(0, 5))
        backend.assign({})
        end = drain(backend)[-1]
        (batch,) = backend.read(10, 0)
        assert (batch.lines, batch.at_end, batch.backlog, batch.gaps) == ([], True, 0, ())
        assert batch.start == batch.next == end.next

    def test_what_is_written_later_is_read_later(self, place: Place, backend: Backend) -> None:
        place.write(numbered(0, 5))
        backend.assign({})
        drain(backend)
        place.write(numbered(5, 5))
        assert lines_of(drain(backend)) == numbered(5, 5)

    def test_a_partition_that_is_behind_is_not_at_its_end_and_tells_its_backlog(
        self, place: Place, backend: Backend
    ) -> None:
        place.write(numbered(0, 50))
        backend.assign({})
        (batch,) = backend.read(10, 0)
        assert not batch.at_end
        assert batch.backlog is not None
        assert batch.backlog > 0

    def test_a_read_returns_before_its_timeout_when_there_is_a_line(self, place: Place, backend: Backend) -> None:
        place.write(numbered(0, 1))
        backend.assign({})
        assert lines_of(backend.read(10, 3600)) == numbered(0, 1)

    def test_bytes_that_are_not_text_pass_unchanged(self, place: Place, backend: Backend) -> None:
        lines = [b"\xff\xfe broken \x80", b"nul \x00 and bell \x07", "全角 ü".encode(), b" spaces  ", b"tab\t"]
        place.write(lines)
        backend.assign({})
        assert lines_of(drain(backend)) == lines

    def test_a_position_of_something_else_is_refused_with_one_line(self, place: Place, backend: Backend) -> None:
        place.write(numbered(0, 1))
        backend.assign({})
        partition = drain(backend)[0].partition
        for wrong in ("nonsense", "f1:1", "42", "f1:x:y:z:1:2:3:4"):
            with pytest.raises(BadPositionError) as raised:
                backend.assign({partition: wrong})
            assert "\n" not in str(raised.value)

    def test_a_healthy_queue_has_no_problems(self, place: Place, backend: Backend) -> None:
        place.write(numbered(0, 1))
        backend.check()
        backend.assign({})
        drain(backend)
        assert backend.problems() == []

    def test_closing_twice_is_fine(self, place: Place, backend: Backend) -> None:
        place.write(numbered(0, 1))
        backend.assign({})
        drain(backend)
        backend.close()
        backend.close()

    def test_an_unknown_option_in_the_url_is_named(self, place: Place) -> None:
        with pytest.raises(BackendError, match="colour"):
            open_backend(place.url + "?colour=blue")
