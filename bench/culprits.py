"""Simulated faults through the real engine: how often one incident, with the right culprit, covers each.

`python -m bench.culprits [RUNS]` prints the table of docs/adr/0003.
"""

from __future__ import annotations

import json
import random
import sys
from collections import Counter
from collections.abc import Callable, Iterator

from incidents.domain.rulebook import Rulebook
from incidents.replay import replay

NODES = [f"10.0.0.{n}:80" for n in range(1, 5)]
START = 1_795_402_020
MINUTES = 32

# (status, upstream_addr, upstream_status, upstream_response_time, request_time) of one request
Answer = tuple[int, str, str, str, float]
Fault = Callable[[float, str, random.Random], Answer | None]


def _failing(status: int, share: float = 1.0, nodes: int = 4) -> Fault:
    def answer(minute: float, node: str, chance: random.Random) -> Answer | None:
        if 5.5 <= minute < 15.2 and node in NODES[:nodes] and chance.random() < share:
            return status, node, "-" if status == 499 else str(status), "0.010", 1.0 if status == 499 else 0.01
        return None

    return answer


def _slow(minute: float, node: str, chance: random.Random) -> Answer | None:
    return (200, node, "200", "4.000", 4.0) if 5.5 <= minute < 15.2 and node == NODES[0] else None


def _masked(minute: float, node: str, chance: random.Random) -> Answer | None:
    if not (5.5 <= minute < 15.2 and node == NODES[0]):
        return None
    if chance.random() < 0.3:  # passive health checks let a few requests through, and the retry saves them
        return 200, f"{node}, {NODES[1]}", "502, 200", "0.001, 0.020", 0.021
    return 200, NODES[1], "200", "0.020", 0.02


def _flapping(minute: float, node: str, chance: random.Random) -> Answer | None:
    broken = 5 <= minute < 17 and int(minute) % 2 == 1 and node == NODES[0] and chance.random() < 0.9
    return (500, node, "500", "0.010", 0.01) if broken else None


def _nothing(minute: float, node: str, chance: random.Random) -> Answer | None:
    return None


POOL: tuple[str, ...] = ()
CASES: dict[str, tuple[Fault, int, tuple[str, ...] | None]] = {
    "one node": (_failing(500, nodes=1), 4, tuple(NODES[:1])),
    "one node, half": (_failing(500, 0.5, nodes=1), 4, tuple(NODES[:1])),
    "one of two nodes": (_failing(500, nodes=1), 2, tuple(NODES[:1])),
    "two nodes together": (_failing(502, nodes=2), 4, tuple(NODES[:2])),
    "pool": (_failing(500), 4, POOL),
    "pool, 30 %": (_failing(500, 0.3), 4, POOL),
    "clients give up": (_failing(499, 0.6), 4, POOL),
    "slow node": (_slow, 4, tuple(NODES[:1])),
    "masked by retry": (_masked, 4, tuple(NODES[:1])),
    "flapping": (_flapping, 4, tuple(NODES[:1])),
    "nothing": (_nothing, 4, None),
}


def lines(rate: float, fault: Fault, nodes: int, seed: int) -> Iterator[bytes]:
    """A log of `rate` requests a minute with the traces' noise: 0.15 % random 500s, 0.06 % clients that go away."""
    chance = random.Random(seed)
    at = float(START)
    while at < START + MINUTES * 60:
        at += chance.expovariate(rate / 60)
        node = chance.choice(NODES[:nodes])
        answer = fault((at - START) / 60, node, chance)
        if answer is None:
            noise = chance.random()
            answer = (200, node, "200", "0.020", 0.02)
            if noise < 0.0015:
                answer = (500, node, "500", "0.010", 0.01)
            elif noise < 0.0021:
                answer = (499, node, "-", "0.500", 0.5)
        status, addr, upstream_status, upstream_time, request_time = answer
        yield json.dumps(
            {
                "time": round(at, 3),
                "service": "shop",
                "status": status,
                "request_time": request_time,
                "upstream_addr": addr,
                "upstream_status": upstream_status,
                "upstream_response_time": upstream_time,
                "request_id": f"{chance.getrandbits(128):032x}",
            }
        ).encode()


def outcome(rate: float, case: str, seed: int) -> str:
    """exact, none, wrong (one incident, another culprit) or many."""
    fault, nodes, wanted = CASES[case]
    result = replay([list(lines(rate, fault, nodes, seed))], Rulebook())
    culprits = [found.blame.nodes for found in result.incidents if found.state != "merged"]
    if not culprits:
        return "exact" if wanted is None else "none"
    if len(culprits) > 1:
        return "many"
    return "exact" if culprits[0] == wanted else "wrong"


def main(runs: int) -> None:
    """Prints one line for each rate and fault."""
    print(f"{'requests/min':>12}  {'fault':<20} {'exact':>6} {'none':>6} {'wrong':>6} {'many':>6}   of {runs}")
    for rate in (6, 20, 60, 300):
        total: Counter[str] = Counter()
        for case in CASES:
            seen = Counter(outcome(rate, case, seed) for seed in range(runs))
            total += seen
            print(
                f"{rate:>12}  {case:<20} " + " ".join(f"{seen[name]:>6}" for name in ("exact", "none", "wrong", "many"))
            )
        print(
            f"{rate:>12}  {'all':<20} " + " ".join(f"{total[name]:>6}" for name in ("exact", "none", "wrong", "many"))
        )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 25)
