"""A log that is written, rotated and compressed by one thread while another reads it and starts again at random."""

from __future__ import annotations

import random
import threading
import time
from pathlib import Path

import pytest
from backend_contract import drain
from rotating_log import RotatingLog

from backends import Backend, Gap, open_backend


def write_and_rotate(log: RotatingLog, seed: int, seconds: float) -> None:
    chance = random.Random(seed)
    end = time.monotonic() + seconds
    number = 0
    while time.monotonic() < end:
        for _ in range(chance.randrange(1, 30)):
            log.write([b"%d %s" % (number, b"x" * chance.choice((5, 200, 2000)))])
            number += 1
        rotate = chance.random()
        if rotate < 0.15:
            log.rename(reopen=False)
            time.sleep(chance.random() * 0.003)
            log.write([b"%d late" % number])
            number += 1
            log.reopen()
        elif rotate < 0.3:
            log.copy_truncate()
        elif rotate < 0.35:
            log.compress(keep_newest=True)
        time.sleep(chance.random() * 0.005)


def check_race(folder: Path, seed: int, seconds: float) -> int:
    log = RotatingLog(folder / "access.log", dated=bool(seed % 2))
    log.write([b"first"])
    writer = threading.Thread(target=write_and_rotate, args=(log, seed, seconds))
    chance = random.Random(-seed)
    backend: Backend = open_backend(log.url + "&poll=0.01")
    backend.assign({})
    (batch,) = backend.read(1, 0)
    read = batch.lines
    stored = [(1, batch.next)]
    gaps: list[Gap] = []
    writer.start()
    while True:
        ended = not writer.is_alive()
        for batch in drain(backend) if ended else backend.read(chance.choice((1, 20, 500)), 0.01):
            read += batch.lines
            gaps += batch.gaps
            stored.append((len(read), batch.next))
        if ended:
            break
        if chance.random() < 0.02:
            del stored[max(1, len(stored) - chance.randrange(50)) :]
            count, position = stored[-1]
            del read[count:]
            backend.assign({str(log.path): position})
    writer.join()
    backend.close()
    log.close()
    assert gaps == []
    assert read == log.lines
    return len(read)


@pytest.mark.parametrize("seed", [1, 2])
def test_nothing_is_lost_or_doubled_while_a_log_is_rotated_under_the_reader(seed: int, tmp_path: Path) -> None:
    assert check_race(tmp_path, seed, 1.5) > 100
