"""Cutting bytes into lines."""

from __future__ import annotations

import random

import pytest

from backends.lines import BLOCK, MAX_LINE, LineBuffer


def cut(data: bytes, sizes: list[int]) -> tuple[list[bytes], list[int]]:
    """Lines and the offsets after each feed."""
    buffer = LineBuffer()
    lines: list[bytes] = []
    offsets = []
    at = 0
    for size in sizes:
        buffer.feed(data[at : at + size])
        at += size
        lines += buffer.take()
        offsets.append(buffer.offset)
        assert buffer.end == min(at, len(data))
    return lines + buffer.flush(), offsets


@pytest.mark.parametrize("seed", range(20))
def test_lines_are_the_same_wherever_the_blocks_end(seed: int) -> None:
    chance = random.Random(seed)
    lines = [bytes(chance.choices(range(14, 256), k=chance.choice((0, 1, 30, 300)))) for _ in range(50)]
    data = b"".join(line + chance.choice((b"\n", b"\r\n")) for line in lines)
    sizes = [chance.randrange(1, 200) for _ in range(len(data))]
    got, offsets = cut(data, sizes)
    assert got == lines
    assert offsets[-1] == len(data)
    assert all(offset == 0 or data[offset - 1 : offset] == b"\n" for offset in offsets)


def test_at_most_the_lines_asked_for_are_taken_and_the_offset_stands_behind_them() -> None:
    buffer = LineBuffer(100)
    buffer.feed(b"one\ntwo\r\nthree\nfo")
    assert buffer.take(2) == [b"one", b"two"]
    assert buffer.offset == 109
    assert buffer.take(0) == []
    assert buffer.take(5) == [b"three"]
    assert buffer.take(5) == []
    assert (buffer.offset, buffer.end) == (115, 117)
    assert buffer.flush() == [b"fo"]
    assert buffer.offset == 117


@pytest.mark.parametrize("length", [MAX_LINE - 1, MAX_LINE, MAX_LINE + 1, 3 * MAX_LINE + 17])
@pytest.mark.parametrize("block", [BLOCK, 70_000])
def test_of_an_overlong_line_the_beginning_is_kept_and_the_lines_around_it_are_whole(length: int, block: int) -> None:
    long = bytes(97 + n % 26 for n in range(length))
    data = b"before\n" + long + b"\nafter\nunfinished"
    got, offsets = cut(data, [block] * (len(data) // block + 1))
    assert got == [b"before", long[:MAX_LINE], b"after", b"unfinished"]
    assert offsets[-1] == len(data) - len("unfinished")


def test_memory_stays_bounded_in_a_line_that_never_ends() -> None:
    buffer = LineBuffer()
    for _ in range(50):
        buffer.feed(b"x" * BLOCK)
        assert buffer.take() == []
        assert len(buffer._data) <= MAX_LINE
    assert (buffer.offset, buffer.end) == (0, 50 * BLOCK)
    assert buffer.flush() == [b"x" * MAX_LINE]
    assert buffer.offset == 50 * BLOCK
