"""The command line, `tocsin`. One file a noun; `program.py` puts them together, `running.py` ends them decently.

Nothing heavy is imported before a command runs: `tocsin --help` has to answer at once.
"""

from __future__ import annotations

import sys
from typing import NoReturn

from incidents.cli.running import run


def main() -> NoReturn:
    """The console script."""
    sys.exit(run(sys.argv[1:]))
