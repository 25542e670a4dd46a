"""`python -m esky` and the `esky` command."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from . import _esky

INTERRUPTED = 130
"""What shells report for a program ended by Ctrl-C."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command line and returns the exit code.

    Without ``arguments`` this process is the command: run by root, it becomes the owner of the app directory.
    """
    is_command = arguments is None
    words = list(sys.argv[1:] if arguments is None else arguments)
    try:
        return _esky.run_command(words, bootstraps(), is_command)
    except KeyboardInterrupt:
        return INTERRUPTED


def bootstraps() -> str:
    """The directory of the start-up programs that come with this package."""
    return os.path.join(os.path.dirname(os.path.abspath(__file__)), "bootstraps")


if __name__ == "__main__":
    sys.exit(main())
