"""Which logs a URL stands for, and what keeps them from being read."""

from __future__ import annotations

import os
import socket
import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from backend_contract import drain, last_positions, lines_of, numbered

from backends import open_backend
from backends.errors import BackendError, BadURLError, LogForbiddenError, LogMissingError, NotALogError
from backends.file.rotation import rotated_name
from backends.file.source import Source


def write(path: Path, lines: list[bytes]) -> None:
    with path.open("ab") as file:
        file.writelines(line + b"\n" for line in lines)


@pytest.mark.parametrize(
    ("url", "source"),
    [
        ("file:///var/log/nginx/access.log", Source("/var/log/nginx/access.log")),
        ("file://localhost/a.log", Source("/a.log")),
        ("FILE:///a.log", Source("/a.log")),
        ("/a.log", Source("/a.log")),
        ("/logs/../a.log", Source("/a.log")),
        ("file:///with%20space%3Fand%25.log", Source("/with space?and%.log")),
        ("/with%20percent.log", Source("/with%20percent.log")),
        ("/logs/*.access.log", Source("/logs/*.access.log")),
        ("/logs/node?.log", Source("/logs/node?.log")),
        ("/logs/node?.log?from=end&grace=0.5", Source("/logs/node?.log", from_end=True, grace=0.5)),
        ("file:///a.log?poll=1s&olddir=old&olddir=/b", Source("/a.log", poll=1.0, olddirs=("/old", "/b"))),
    ],
)
def test_a_url_says_which_logs_and_how(url: str, source: Source) -> None:
    assert Source.from_url(url) == source


def test_a_relative_path_means_the_current_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert Source.from_url("access.log").pattern == str(tmp_path / "access.log")
    assert Source.from_url("file:logs/access.log").pattern == str(tmp_path / "logs/access.log")


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("file://access.log", "'access.log' would be a host"),
        ("file://", "names no log file"),
        ("file:", "names no log file"),
        ("", "names no log file"),
        ("/var/log/nginx/", "names no log file"),
        ("/a.log?from=middle", "from=start or from=end"),
        ("/a.log?grace=soon", "grace=soon is no number of seconds"),
        ("/a.log?grace=-1", "from 0 on"),
        ("/a.log?grace=nan", "no number of seconds"),
        ("/a.log?poll=0", "from 0.01 on"),
        ("/a.log?form=end", "unknown option 'form'; known are: from=start|end"),
    ],
)
def test_a_wrong_url_is_refused_with_one_line_that_says_what_is_expected(url: str, says: str) -> None:
    with pytest.raises(BadURLError) as raised:
        open_backend(url)
    assert says in str(raised.value)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("name", "log", "number", "date"),
    [
        ("access.log.1", "access.log", 1, None),
        ("access.log.12.gz", "access.log", 12, None),
        ("access.log.gz", "access.log", None, None),
        ("access.log-20261123", "access.log", None, "20261123"),
        ("access.log-20261123.gz", "access.log", None, "20261123"),
        ("access.log-2026112310", "access.log", None, "2026112310"),
        ("access.log-20261123-1795415683", "access.log", None, "202611231795415683"),
        ("access.log.2026-11-23_10", "access.log", None, "2026112310"),
        ("access.log-1795415683", "access.log", None, "1795415683"),
        ("access-20261123.log", "access.log", None, "20261123"),
        ("access.1.log.xz", "access.log", 1, None),
        ("shop.example.com.access.log.2", "shop.example.com.access.log", 2, None),
    ],
)
def test_a_rotated_name_tells_its_log_and_its_place(name: str, log: str, number: int | None, date: str | None) -> None:
    rotated = rotated_name(name)
    assert rotated is not None
    assert (rotated.log, rotated.number, rotated.date) == (log, number, date)


@pytest.mark.parametrize(
    "name", ["access.log", "node1.log", "node-10.log", "api-v2.access.log", "shop.example.com", "a-1234.log", "80"]
)
def test_a_name_with_a_number_in_it_is_no_rotated_name(name: str) -> None:
    assert rotated_name(name) is None


def test_a_pattern_takes_each_log_once_and_no_rotated_file(tmp_path: Path) -> None:
    logs = ["access.log", "node1.log", "node-2.log", "shop.log"]
    rotated = [
        "access.log.1",
        "access.log.2.gz",
        "access.log-20261123",
        "shop-20261122.log",
        "shop.log.zst",
        "shop.1.log",
    ]
    for name in logs + rotated:
        write(tmp_path / name, numbered(0, 1))
    (tmp_path / "folder.log").mkdir()
    for pattern in ("*", "*.log*"):
        found = Source.from_url(str(tmp_path / pattern)).paths()
        assert [Path(path).name for path in found] == sorted(logs)


def test_a_rotated_file_is_none_of_its_own_while_its_log_is_away(tmp_path: Path) -> None:
    write(tmp_path / "access.log.1", numbered(0, 1))
    assert Source.from_url(str(tmp_path / "access.log*")).paths() == []
    assert Source.from_url(str(tmp_path / "access.log.*")).paths() == [str(tmp_path / "access.log.1")]


def test_dated_names_that_nginx_writes_itself_are_logs(tmp_path: Path) -> None:
    for day in (22, 23):
        write(tmp_path / f"access-202611{day}.log", numbered(day, 1))
    with closing(open_backend(str(tmp_path / "access-*.log"))) as backend:
        backend.assign({})
        assert sorted(lines_of(drain(backend))) == sorted(numbered(22, 2))


def test_logs_of_a_pattern_are_partitions_of_their_own_and_keep_their_places(tmp_path: Path) -> None:
    for n, name in enumerate("abc"):
        write(tmp_path / f"{name}.log", numbered(100 * n, 50))
    url = f"file://{tmp_path}/*.log"
    with closing(open_backend(url)) as backend:
        backend.assign({})
        first = backend.read(30, 0)
        assert [len(batch.lines) for batch in first] == [10, 10, 10]
        rest = drain(backend, 30)
    with closing(open_backend(url)) as backend:
        backend.assign(last_positions(first))
        again = drain(backend)
    for n, name in enumerate("abc"):
        path = str(tmp_path / f"{name}.log")
        assert lines_of([b for b in [*first, *rest] if b.partition == path]) == numbered(100 * n, 50)
        assert lines_of([b for b in again if b.partition == path]) == numbered(100 * n + 10, 40)


def test_a_partition_far_behind_does_not_starve_the_others(tmp_path: Path) -> None:
    write(tmp_path / "busy.log", numbered(0, 5000))
    write(tmp_path / "quiet.log", numbered(0, 1))
    with closing(open_backend(f"{tmp_path}/*.log")) as backend:
        backend.assign({})
        assert {batch.partition: len(batch.lines) for batch in backend.read(10, 0)} == {
            str(tmp_path / "busy.log"): 5,
            str(tmp_path / "quiet.log"): 1,
        }


def test_a_file_that_appears_later_is_picked_up_and_read_from_its_beginning(tmp_path: Path) -> None:
    write(tmp_path / "old.log", numbered(0, 5))
    with closing(open_backend(f"{tmp_path}/*.log?from=end&poll=0.05")) as backend:
        backend.assign({})
        assert lines_of(drain(backend)) == []
        write(tmp_path / "new.log", numbered(5, 5))
        assert lines_of(backend.read(10, 10)) == numbered(5, 5)


def test_a_rotation_does_not_make_a_new_partition_of_the_renamed_file(tmp_path: Path) -> None:
    write(tmp_path / "a.log", numbered(0, 5))
    with closing(open_backend(f"{tmp_path}/*log*?grace=0")) as backend:
        backend.assign({})
        drain(backend)
        (tmp_path / "a.log").rename(tmp_path / "a.log.1")
        backend._looked = -1e9  # type: ignore[attr-defined] # look around now, rather than in a second
        assert {batch.partition for batch in backend.read(10, 0)} == {str(tmp_path / "a.log")}


def test_from_end_starts_at_the_last_whole_line_and_keeps_that_place(tmp_path: Path) -> None:
    log = tmp_path / "access.log"
    write(log, numbered(0, 5))
    with log.open("ab") as file:
        file.write(b"be")
    with closing(open_backend(f"{log}?from=end")) as backend:
        backend.assign({})
        batches = drain(backend) + backend.read(1, 0)
        assert lines_of(batches) == []
    write(log, [b"gun", b"new"])
    with closing(open_backend(f"{log}?from=end")) as backend:
        backend.assign(last_positions(batches))
        assert lines_of(drain(backend)) == [b"begun", b"new"]


def test_a_missing_log_is_waited_for_and_read_when_it_comes(tmp_path: Path) -> None:
    log = tmp_path / "later" / "access.log"
    with closing(open_backend(f"{log}?from=end")) as backend:
        with pytest.raises(LogMissingError, match="no such file; check the path"):
            backend.check()
        backend.assign({})
        assert backend.read(10, 0) == []
        assert backend.problems() == [f"{log}: no such file, waiting for it"]
        log.parent.mkdir()
        write(log, numbered(0, 3))
        assert lines_of(backend.read(10, 10)) == numbered(0, 3)
        assert backend.problems() == []


def test_a_pattern_that_fits_nothing_says_so(tmp_path: Path) -> None:
    with closing(open_backend(f"{tmp_path}/*.log")) as backend:
        with pytest.raises(LogMissingError):
            backend.check()
        backend.assign({})
        assert backend.read(10, 0) == []
        assert backend.problems() == [f"{tmp_path}/*.log: no file fits this pattern, waiting for one"]


@pytest.fixture
def forbidden() -> Iterator[Path]:
    """A log that the user may not read; root, who may read everything, is nobody for the while."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        log = Path(folder) / "access.log"
        write(log, numbered(0, 3))
        log.chmod(0)
        root = os.geteuid() == 0
        if root:
            os.seteuid(65534)
        try:
            yield log
        finally:
            if root:
                os.seteuid(0)


def allow(log: Path) -> None:
    if os.getuid() == 0:
        os.seteuid(0)
    log.chmod(0o644)


def test_a_log_without_permission_names_the_user_and_the_remedy(forbidden: Path) -> None:
    with pytest.raises(LogForbiddenError, match=r"access\.log: user \w[\w ]* may not read it; try: sudo ") as raised:
        open_backend(str(forbidden)).check()
    assert "\n" not in str(raised.value)


def test_a_log_without_permission_is_a_problem_until_it_may_be_read(forbidden: Path) -> None:
    with closing(open_backend(str(forbidden))) as backend:
        backend.assign({})
        assert backend.read(10, 0) == []
        assert "may not read it" in backend.problems()[0]
        allow(forbidden)
        assert lines_of(backend.read(10, 0)) == numbered(0, 3)
        assert backend.problems() == []


def test_what_is_no_regular_file_is_named_and_does_not_hang(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    with closing(socket.socket(socket.AF_UNIX)) as unix:
        unix.bind(str(tmp_path / "socket"))
        for name, what in (("folder", "a directory"), ("pipe", "a named pipe"), ("socket", "not readable")):
            with pytest.raises(NotALogError, match=what):
                open_backend(str(tmp_path / name)).check()
    (tmp_path / "access.log").symlink_to("/dev/null")
    with pytest.raises(NotALogError, match="a device"):
        open_backend(str(tmp_path / "access.log")).check()


def test_a_log_that_is_a_link_is_followed_by_its_own_name(tmp_path: Path) -> None:
    write(tmp_path / "real-20261123.log", numbered(0, 3))
    (tmp_path / "access.log").symlink_to("real-20261123.log")
    with closing(open_backend(f"{tmp_path}/access.log?grace=0")) as backend:
        backend.assign({})
        assert {b.partition for b in backend.read(10, 0)} == {str(tmp_path / "access.log")}
        (tmp_path / "access.log").unlink()
        write(tmp_path / "real-20261123.log", numbered(3, 1))
        write(tmp_path / "real-20261124.log", numbered(4, 1))
        (tmp_path / "access.log").symlink_to("real-20261124.log")
        assert lines_of(drain(backend)) == numbered(3, 2)


def test_a_file_whose_name_looks_like_a_pattern_is_taken_by_its_name(tmp_path: Path) -> None:
    write(tmp_path / "access[1].log", numbered(0, 2))
    with closing(open_backend(str(tmp_path / "access[1].log"))) as backend:
        backend.assign({})
        assert lines_of(drain(backend)) == numbered(0, 2)


def test_every_error_is_a_backend_error_of_one_line(tmp_path: Path) -> None:
    for error in (LogMissingError("/x"), LogForbiddenError(str(tmp_path)), NotALogError("/x", "a directory")):
        assert isinstance(error, BackendError)
        assert "\n" not in str(error)


def test_a_batch_without_lines_that_moves_on_is_not_kept_back(tmp_path: Path) -> None:
    """Dropped while waiting for lines, it would break the chain: the next batch starts where nobody has stored."""
    log = tmp_path / "access.log"
    log.touch()
    backend = open_backend(str(log))
    backend.assign({})
    (first,) = backend.read(10, timeout=0.5)
    assert (first.start, first.lines) == ("", [])
    log.write_bytes(b"one\n")
    (second,) = backend.read(10, timeout=0.5)
    assert (second.start, second.lines) == (first.next, [b"one"])
    backend.close()
