"""The API as a role: `python -m workers.serve`, or `tocsin serve`."""

from __future__ import annotations

import sys

from incidents.api.serve import serve
from workers.role import Role, run_role


def work(role: Role) -> None:
    serve(role.app)
    role.stopping.set()


if __name__ == "__main__":
    sys.exit(run_role("api", work, watch=False, signals=False))
