"""Reading whole logs once."""

from __future__ import annotations

import gzip
import io
import sys
from pathlib import Path

import pytest
from backend_contract import numbered

from backends.errors import DamagedLogError, LogMissingError, NotALogError
from backends.lines import MAX_LINE
from backends.replay import read_logs, total_size


def joined(lines: list[bytes]) -> bytes:
    return b"".join(line + b"\n" for line in lines)


def read(*paths: Path | str, block: int = 1 << 20) -> list[bytes]:
    return [line for lines, _ in read_logs([str(path) for path in paths], block) for line in lines]


def stdin(monkeypatch: pytest.MonkeyPatch, data: bytes) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))


@pytest.mark.parametrize("block", [1, 7, 4096, 1 << 20])
def test_logs_are_read_in_the_order_given_plain_and_compressed_alike(tmp_path: Path, block: int) -> None:
    one, two, three = tmp_path / "one", tmp_path / "two.gz", tmp_path / "three.log"
    one.write_bytes(joined(numbered(20, 20)))
    two.write_bytes(gzip.compress(joined(numbered(0, 20))))
    three.write_bytes(joined(numbered(40, 5)))
    assert read(one, two, three, block=block) == [*numbered(20, 20), *numbered(0, 20), *numbered(40, 5)]


def test_compression_is_told_by_the_content_not_by_the_name(tmp_path: Path) -> None:
    (tmp_path / "plain.gz").write_bytes(joined(numbered(0, 3)))
    (tmp_path / "packed.log").write_bytes(gzip.compress(joined(numbered(3, 3))))
    assert read(tmp_path / "plain.gz", tmp_path / "packed.log") == numbered(0, 6)


def test_a_gzip_file_of_several_members_is_read_to_its_end(tmp_path: Path) -> None:
    packed = b"".join(gzip.compress(joined(numbered(n, 10))) for n in (0, 10, 20))
    (tmp_path / "a.gz").write_bytes(packed + bytes(512))  # padded with zeros, as a tape leaves it
    assert read(tmp_path / "a.gz") == numbered(0, 30)


@pytest.mark.parametrize("packed", [False, True])
def test_a_last_line_without_a_newline_is_a_line_of_its_own(tmp_path: Path, packed: bool) -> None:
    data = joined(numbered(0, 2)) + b"no newline"
    (tmp_path / "a").write_bytes(gzip.compress(data) if packed else data)
    (tmp_path / "b").write_bytes(b"next")
    assert read(tmp_path / "a", tmp_path / "b") == [*numbered(0, 2), b"no newline", b"next"]


@pytest.mark.parametrize("data", [b"", b"\n", b"x", gzip.compress(b"")])
def test_an_empty_log_is_fine(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "a").write_bytes(data)
    assert read(tmp_path / "a") == ([b""] if data == b"\n" else [b"x"] if data == b"x" else [])


@pytest.mark.parametrize("packed", [False, True])
def test_standard_input_is_read_too(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, packed: bool) -> None:
    (tmp_path / "a").write_bytes(joined(numbered(0, 2)))
    data = joined(numbered(2, 50))
    stdin(monkeypatch, gzip.compress(data) if packed else data)
    assert read(tmp_path / "a", "-") == numbered(0, 52)
    assert total_size([str(tmp_path / "a"), "-"]) is None


def test_progress_runs_up_to_the_total_size(tmp_path: Path) -> None:
    (tmp_path / "a.gz").write_bytes(gzip.compress(joined(numbered(0, 20_000))))
    (tmp_path / "b").write_bytes(joined(numbered(0, 20_000)))
    paths = [str(tmp_path / "a.gz"), str(tmp_path / "b")]
    consumed = [count for _, count in read_logs(paths, 10_000)]
    assert consumed == sorted(consumed)
    assert len(set(consumed)) > 20
    assert consumed[-1] == total_size(paths) == sum(Path(path).stat().st_size for path in paths)


@pytest.mark.parametrize("damage", ["cut", "flipped", "tail"])
def test_a_damaged_log_gives_the_whole_lines_before_the_damage_and_then_an_error(tmp_path: Path, damage: str) -> None:
    lines = numbered(0, 50_000)
    packed = bytearray(gzip.compress(joined(lines)))
    if damage == "cut":
        del packed[-len(packed) // 3 :]
    elif damage == "flipped":
        packed[len(packed) // 2] ^= 0xFF
    else:
        packed += b"something else"
    (tmp_path / "a.gz").write_bytes(packed)
    got: list[bytes] = []
    with pytest.raises(DamagedLogError, match=r"a\.gz: damaged .*get the file again") as raised:
        for some, _ in read_logs([str(tmp_path / "a.gz")]):
            got += some
    assert "\n" not in str(raised.value)
    assert len(got) > 10_000
    if damage != "flipped":  # what follows a flipped bit decompresses to something else before it is noticed
        assert got == lines[: len(got)]


def test_a_wrong_path_is_found_out_before_the_first_line_is_read(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"x\n")
    with pytest.raises(LogMissingError, match="b: no such file"):
        next(read_logs([str(tmp_path / "a"), str(tmp_path / "b")]))
    with pytest.raises(NotALogError, match="a directory"):
        next(read_logs([str(tmp_path / "a"), str(tmp_path)]))


def test_an_overlong_line_is_cut_and_counts_once(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"before\n" + b"x" * (3 * MAX_LINE) + b"\nafter\n")
    assert read(tmp_path / "a") == [b"before", b"x" * MAX_LINE, b"after"]
