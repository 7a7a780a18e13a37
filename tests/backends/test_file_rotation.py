"""The rotations that a log goes through, one by one."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Protocol

import pytest
from backend_contract import drain, last_positions, lines_of, numbered
from rotating_log import RotatingLog

from backends import Backend, Batch, open_backend
from backends.file.backend import FileBackend
from backends.file.position import Position
from backends.file.source import Source
from backends.lines import BLOCK


class Clock:
    """A clock that moves only when it is slept on."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture
def log(tmp_path: Path) -> Iterator[RotatingLog]:
    log = RotatingLog(tmp_path / "access.log")
    yield log
    log.close()


@pytest.fixture
def backend(log: RotatingLog) -> Iterator[Backend]:
    backend = open_backend(log.url)
    backend.assign({})
    yield backend
    backend.close()


def drain_patiently(backend: Backend) -> list[Batch]:
    """A file that is gone is believed to be gone only at the second look."""
    return backend.read(1, 0) + drain(backend)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def patient(log: RotatingLog, clock: Clock) -> Iterator[Backend]:
    """A backend with a grace period in which no time passes but that of `clock`; files were always changed just now."""
    backend = FileBackend(Source(str(log.path)), clock=clock, wall=lambda: 0.0, sleep=clock.sleep)
    backend.assign({})
    yield backend
    backend.close()


class Reopen(Protocol):
    def __call__(self, positions: dict[str, str]) -> Backend: ...


@pytest.fixture
def reopened(log: RotatingLog) -> Iterator[Reopen]:
    """Another process that starts behind stored positions."""
    opened: list[Backend] = []

    def reopen(positions: dict[str, str]) -> Backend:
        opened.append(open_backend(log.url))
        opened[-1].assign(positions)
        return opened[-1]

    yield reopen
    for backend in opened:
        backend.close()


def test_a_rotated_file_is_finished_before_the_new_one_starts(log: RotatingLog, backend: Backend) -> None:
    log.write(numbered(0, 20))
    backend.read(5, 0)
    log.rename()
    log.write(numbered(20, 20))
    assert lines_of(drain(backend, 6)) == numbered(5, 35)


def test_several_rotations_while_nobody_read_are_caught_up_with_in_order(
    log: RotatingLog, backend: Backend, reopened: Reopen
) -> None:
    log.write(numbered(0, 20))
    stored = last_positions(backend.read(5, 0))
    for begin in (20, 40, 60):
        log.rename()
        log.write(numbered(begin, 20))
    log.compress(keep_newest=True)
    assert sorted(p.name for p in log.path.parent.iterdir()) == [
        "access.log",
        "access.log.1",
        "access.log.2.gz",
        "access.log.3.gz",
    ]
    batches = drain(reopened(stored), 7)
    assert lines_of(batches) == numbered(5, 75)
    assert all(batch.gaps == () for batch in batches)


def test_older_rotated_files_are_not_read(log: RotatingLog, reopened: Reopen) -> None:
    log.write(numbered(0, 5))
    log.rename()
    log.write(numbered(5, 5))
    assert lines_of(drain(reopened({}))) == numbered(5, 5)


def test_what_nginx_still_writes_to_the_renamed_file_comes_before_the_new_file(
    log: RotatingLog, clock: Clock, patient: Backend
) -> None:
    log.write(numbered(0, 5))
    assert lines_of(drain(patient)) == numbered(0, 5)
    log.rename(reopen=False)
    new = RotatingLog(log.path)  # one worker has reopened its log, the other has not
    new.write(numbered(90, 1))
    assert patient.read(10, 4.0) == []
    log.write(numbered(5, 2))
    assert lines_of(patient.read(10, 0)) == numbered(5, 2)
    waited_from = clock.now
    assert lines_of(patient.read(10, 60)) == numbered(90, 1)
    assert 5.0 <= clock.now - waited_from < 5.5
    new.close()


def test_a_partition_that_waits_for_the_grace_period_does_not_claim_to_be_at_its_end(
    log: RotatingLog, patient: Backend
) -> None:
    log.write(numbered(0, 1))
    drain(patient)
    log.rename()
    assert [batch.at_end for batch in patient.read(10, 0)] == [True]  # the new file is empty
    log.write(numbered(1, 1))
    assert patient.read(10, 0) == []


def test_a_file_that_was_empty_when_it_was_renamed_still_gets_its_grace_period(
    log: RotatingLog, patient: Backend
) -> None:
    log.write(numbered(0, 1))
    drain(patient)
    log.rename()
    log.append(b"")
    log.rename(reopen=False)
    new = RotatingLog(log.path)
    new.write(numbered(2, 1))
    assert patient.read(10, 0) == []
    log.write(numbered(1, 1))
    assert lines_of(patient.read(10, 30)) == numbered(1, 1)
    assert lines_of(patient.read(10, 30)) == numbered(2, 1)
    new.close()


def test_lines_written_to_a_file_that_was_left_are_reported_as_lost(log: RotatingLog, patient: Backend) -> None:
    log.write(numbered(0, 1))
    drain(patient)
    log.rename(reopen=False)
    new = RotatingLog(log.path)
    new.write(numbered(1, 1))
    assert lines_of(patient.read(10, 30)) == numbered(1, 1)
    log.append(b"too late\n")
    (batch,) = patient.read(10, 0)
    assert [(g.kind, g.lost, g.unit) for g in batch.gaps] == [("left-behind", 9, "bytes")]
    assert patient.read(10, 0)[0].gaps == ()
    new.close()


def test_after_a_restart_nobody_waits_for_a_file_that_was_rotated_long_ago(log: RotatingLog, reopened: Reopen) -> None:
    log.url = f"file://{log.path}?grace=3600"
    log.write(numbered(0, 5))
    stored = last_positions(drain(reopened({})))
    log.rename()
    log.write(numbered(5, 5))
    tomorrow = FileBackend(Source(str(log.path), grace=3600), wall=lambda: log.path.stat().st_mtime + 86400)
    tomorrow.assign(stored)
    assert lines_of(drain(tomorrow)) == numbered(5, 5)
    tomorrow.close()


def test_the_unread_rest_of_a_copytruncated_file_is_read_from_the_copy(log: RotatingLog, backend: Backend) -> None:
    log.write(numbered(0, 20))
    backend.read(5, 0)
    log.copy_truncate()
    log.write(numbered(20, 20))
    batches = drain(backend, 6)
    assert lines_of(batches) == numbered(5, 35)
    assert all(batch.gaps == () for batch in batches)


def test_the_copy_that_copytruncate_made_is_not_read_again(log: RotatingLog, backend: Backend) -> None:
    log.write(numbered(0, 20))
    drain(backend)
    log.copy_truncate()
    assert lines_of(drain(backend)) == []
    log.write(numbered(20, 3))
    assert lines_of(drain(backend)) == numbered(20, 3)


def test_a_copy_that_is_not_truncated_yet_is_not_taken_for_a_file_of_its_own(
    log: RotatingLog, backend: Backend
) -> None:
    log.write(numbered(0, 5))
    drain(backend)
    log.rename()
    log.write(numbered(5, 40))
    copy = log.begin_copy(0.7)
    assert lines_of(drain(backend, 6)) == numbered(5, 40)
    log.finish_copy(copy)
    log.write(numbered(45, 5))
    assert lines_of(drain(backend)) == numbered(45, 5)


def test_truncation_is_noticed_although_the_file_has_grown_past_the_position(
    log: RotatingLog, backend: Backend
) -> None:
    log.write(numbered(0, 5))
    drain(backend)
    os.truncate(log.path, 0)
    log.write(numbered(5, 50))
    assert lines_of(drain_patiently(backend)) == numbered(5, 50)


def test_truncation_is_noticed_although_the_file_has_exactly_its_old_size(log: RotatingLog, backend: Backend) -> None:
    log.write(numbered(100, 5))
    drain(backend)
    os.truncate(log.path, 0)
    log.write(numbered(200, 5))
    os.utime(log.path)  # a tick of the file system's clock may be as long as this test
    assert lines_of(drain_patiently(backend)) == numbered(200, 5)


def test_truncation_without_a_copy_reports_the_bytes_that_were_unread(log: RotatingLog, backend: Backend) -> None:
    log.write([b"x" * 1000] * 3000)
    backend.read(1, 0)
    size = log.path.stat().st_size
    os.truncate(log.path, 0)
    log.write([b"new"])
    batches = drain_patiently(backend)
    (gap,) = [gap for batch in batches for gap in batch.gaps]
    assert (gap.kind, gap.unit) == ("truncated", "bytes")
    assert gap.lost == size - BLOCK  # one block was in memory, and its cut last line counts as a line
    assert lines_of(batches) == [*[b"x" * 1000] * (BLOCK // 1001 - 1), b"x" * (BLOCK % 1001), b"new"]


def test_truncation_of_a_file_that_was_read_to_its_end_is_no_loss(log: RotatingLog, backend: Backend) -> None:
    log.write(numbered(0, 20))
    backend.read(5, 0)  # small enough to be in memory as a whole
    os.truncate(log.path, 0)
    log.write([b"new"])
    batches = drain_patiently(backend)
    assert lines_of(batches) == [*numbered(5, 15), b"new"]
    assert all(batch.gaps == () for batch in batches)


def test_a_loss_is_reported_once_also_after_a_restart(log: RotatingLog, backend: Backend, reopened: Reopen) -> None:
    log.write([b"x" * 1000] * 3000)
    backend.read(1, 0)
    os.truncate(log.path, 0)
    batches = drain(backend)
    assert sum(len(batch.gaps) for batch in batches) == 1
    again = drain(reopened(last_positions(batches)))
    assert sum(len(batch.gaps) for batch in again) == 0
    log.write([b"new"])
    assert lines_of(drain(backend)) == [b"new"]


def test_a_file_that_was_truncated_and_filled_with_the_same_lines_is_read_again(
    log: RotatingLog, backend: Backend
) -> None:
    log.write(numbered(0, 5))
    drain(backend)
    os.truncate(log.path, 0)
    drain_patiently(backend)
    log.write(numbered(0, 5))
    assert lines_of(drain(backend)) == numbered(0, 5)


def test_truncation_while_nobody_read_is_reported(log: RotatingLog, backend: Backend, reopened: Reopen) -> None:
    log.write(numbered(0, 20))
    stored = last_positions(backend.read(5, 0))
    os.truncate(log.path, 0)
    log.write([b"new"])
    batches = drain_patiently(reopened(stored))
    assert lines_of(batches) == [b"new"]
    (gap,) = [gap for batch in batches for gap in batch.gaps]
    assert gap.kind == "truncated"
    assert gap.lost == sum(len(line) + 1 for line in numbered(5, 15))


def test_a_rotated_file_that_vanished_unfinished_is_reported(
    log: RotatingLog, backend: Backend, reopened: Reopen
) -> None:
    log.write(numbered(0, 20))
    stored = last_positions(backend.read(5, 0))
    log.rename().unlink()
    log.write([b"new"])
    log.rename()
    log.write([b"newer"])
    batches = drain_patiently(reopened(stored))
    assert lines_of(batches) == [b"new", b"newer"]
    (gap,) = [gap for batch in batches for gap in batch.gaps]
    assert gap.kind == "vanished"
    assert gap.lost == sum(len(line) + 1 for line in numbered(5, 15))
    assert sum(len(b.gaps) for b in drain_patiently(reopened(last_positions(batches)))) == 0


def test_a_file_deleted_while_it_is_read_is_read_to_its_end(log: RotatingLog, backend: Backend) -> None:
    log.write(numbered(0, 20))
    backend.read(5, 0)
    log.path.unlink()
    log.reopen()
    log.write(numbered(20, 5))
    batches = drain(backend, 4)
    assert lines_of(batches) == numbered(5, 20)
    assert all(batch.gaps == () for batch in batches)


def test_an_inode_that_is_used_again_is_not_mistaken_for_the_old_file(
    log: RotatingLog, backend: Backend, reopened: Reopen
) -> None:
    log.write(numbered(0, 20))
    stored = Position.decode("", backend.read(5, 0)[0].next)
    assert stored is not None
    log.rename()
    log.compress()
    log.write(numbered(20, 30))
    reused = replace(stored, ino=log.path.stat().st_ino, dev=log.path.stat().st_dev)
    assert lines_of(drain(reopened({str(log.path): reused.encode()}))) == numbered(5, 45)


def test_a_position_holds_although_the_disk_has_another_device_number_after_a_reboot(
    log: RotatingLog, backend: Backend, reopened: Reopen
) -> None:
    log.write(numbered(0, 20))
    stored = Position.decode("", backend.read(5, 0)[0].next)
    assert stored is not None
    moved = replace(stored, dev=stored.dev + 1)
    assert lines_of(drain(reopened({str(log.path): moved.encode()}))) == numbered(5, 15)


def test_a_log_that_lost_its_end_in_a_power_failure_is_not_read_twice(
    log: RotatingLog, backend: Backend, reopened: Reopen
) -> None:
    log.write(numbered(0, 100))
    stored = last_positions(drain(backend))
    os.truncate(log.path, sum(len(line) + 1 for line in numbered(0, 90)))
    again = reopened(stored)
    batches = again.read(100, 0)
    assert lines_of(batches) == []
    assert [gap.kind for batch in batches for gap in batch.gaps] == ["truncated"]
    log.write([b"after"])
    assert lines_of(drain(again)) == [b"after"]


def test_a_log_that_becomes_shorter_while_it_is_read_goes_on_at_its_end(log: RotatingLog, backend: Backend) -> None:
    log.write(numbered(0, 100))
    drain(backend)
    os.truncate(log.path, sum(len(line) + 1 for line in numbered(0, 90)))
    assert [(b.lines, [g.kind for g in b.gaps]) for b in backend.read(100, 0)] == [([], ["truncated"])]
    log.write([b"after"])
    assert lines_of(drain(backend)) == [b"after"]


def test_when_a_file_is_gone_the_ones_before_it_are_not_read_again(
    log: RotatingLog, backend: Backend, reopened: Reopen
) -> None:
    log.write(numbered(0, 5))
    older = log.rename()
    os.utime(older, (1, 1))
    log.write(numbered(5, 5))
    stored = last_positions(backend.read(2, 0))
    log.path.unlink()
    log.reopen()
    log.write(numbered(10, 5))
    batches = drain_patiently(reopened(stored))
    assert lines_of(batches) == numbered(10, 5)
    assert [gap.kind for batch in batches for gap in batch.gaps] == ["vanished"]


def test_a_log_that_is_copied_and_truncated_just_before_it_is_opened_loses_nothing(
    log: RotatingLog, reopened: Reopen
) -> None:
    log.write(numbered(0, 5))
    stored = last_positions(drain(reopened({})))
    log.rename()
    log.write(numbered(5, 5))
    begun: list[Path] = []

    def between() -> float:
        """Is asked for the time after the next file was chosen and before it is opened."""
        if not begun:
            begun.append(log.copy_truncate())
            log.write(numbered(10, 5))
        return 1e12

    backend = FileBackend(Source(str(log.path)), wall=between)
    backend.assign(stored)
    lines = lines_of(backend.read(100, 5)) + lines_of(drain(backend))
    backend.close()
    assert begun
    assert lines == numbered(5, 10)


@pytest.mark.parametrize("unfinished", [b"half a li", b"half a line, windows\r"])
def test_an_unfinished_line_is_handed_out_only_when_its_file_is_left(
    log: RotatingLog, backend: Backend, unfinished: bytes
) -> None:
    log.write([b"whole"])
    log.append(unfinished)
    batches = drain(backend)
    assert lines_of(batches) == [b"whole"]
    assert batches[-1].at_end
    log.rename()
    assert lines_of(drain(backend)) == []
    log.write([b"next"])
    assert lines_of(drain(backend)) == [unfinished.rstrip(b"\r"), b"next"]


def test_a_damaged_compressed_file_gives_what_can_be_read_and_a_gap(
    log: RotatingLog, backend: Backend, reopened: Reopen
) -> None:
    log.write(numbered(0, 1000))
    stored = last_positions(backend.read(5, 0))
    log.rename()
    log.write(numbered(1000, 5))
    log.rename()
    log.compress()
    packed = log.path.with_name("access.log.2.gz")
    packed.write_bytes(packed.read_bytes()[:-200])
    batches = drain(reopened(stored))
    (gap,) = [gap for batch in batches for gap in batch.gaps]
    assert gap.kind == "damaged"
    lines = lines_of(batches)
    assert lines[-5:] == numbered(1000, 5)
    assert lines[:-5] == numbered(5, len(lines) - 5)
    assert len(lines) > 100
    log.write([b"next"])
    assert [b.gaps for b in drain(reopened(last_positions(batches))) if b.gaps] == []


def test_a_file_compressed_with_an_unknown_tool_is_a_gap(log: RotatingLog, backend: Backend, reopened: Reopen) -> None:
    log.write(numbered(0, 5))
    stored = last_positions(drain(backend))
    log.rename()
    log.write(numbered(5, 5))
    rotated = log.rename()
    rotated.rename(rotated.with_name(rotated.name + ".zst"))
    log.write(numbered(10, 5))
    batches = drain(reopened(stored))
    assert lines_of(batches) == numbered(10, 5)
    assert [gap.kind for batch in batches for gap in batch.gaps] == ["unreadable"]


@pytest.mark.parametrize("suffix", [".bz2", ".xz"])
def test_other_compressions_of_logrotate_are_read(
    log: RotatingLog, backend: Backend, suffix: str, reopened: Reopen
) -> None:
    import bz2
    import lzma

    log.write(numbered(0, 50))
    stored = last_positions(backend.read(5, 0))
    rotated = log.rename()
    packed = (bz2 if suffix == ".bz2" else lzma).compress(rotated.read_bytes())
    rotated.with_name(rotated.name + suffix).write_bytes(packed)
    rotated.unlink()
    log.write(numbered(50, 5))
    assert lines_of(drain(reopened(stored))) == numbered(5, 50)


def test_empty_rotated_files_are_stepped_over_compressed_or_not(log: RotatingLog, backend: Backend) -> None:
    log.write(numbered(0, 5))
    drain(backend)
    for _ in range(4):
        log.rename()
    log.compress(keep_newest=True)
    assert [batch.at_end for batch in backend.read(10, 0)] == [True]
    log.write(numbered(5, 5))
    assert lines_of(drain(backend)) == numbered(5, 5)


def test_rotation_to_another_folder_is_followed_when_the_url_names_it(log: RotatingLog, reopened: Reopen) -> None:
    old = log.path.parent / "old"
    old.mkdir()
    log.url += "&olddir=old"
    log.write(numbered(0, 20))
    stored = last_positions(reopened({}).read(5, 0))
    shutil.move(log.rename(), old / "access.log.1")
    log.write(numbered(20, 5))
    assert lines_of(drain(reopened(stored))) == numbered(5, 20)


def test_a_position_stored_before_there_was_any_line_misses_nothing(
    log: RotatingLog, backend: Backend, reopened: Reopen
) -> None:
    log.path.touch()
    stored = last_positions(drain(backend) + backend.read(1, 0))
    assert stored[str(log.path)] != ""
    log.write(numbered(0, 5))
    log.rename()
    log.compress()
    log.write(numbered(5, 5))
    assert lines_of(drain(reopened(stored))) == numbered(0, 10)
