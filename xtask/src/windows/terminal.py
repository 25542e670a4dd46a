"""Runs a program at a terminal of its own and presses Ctrl-C once it has said "ready"; ends as the program does.

python terminal.py SECONDS PROGRAM [ARGUMENT]…
"""

import os
import pty
import re
import select
import signal
import sys
import time

# The terminal is told where the cursor goes, between any two letters.
CURSOR = re.compile(rb"\x1b\[[?0-9;]*[A-Za-z]")


def main() -> int:
    patience, command = float(sys.argv[1]), sys.argv[2:]
    process, terminal = pty.fork()
    if process == 0:
        os.execvp(command[0], command)
    shown, pressed = b"", False
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline:
        piece = read(terminal)
        if piece is None:
            break
        shown += piece
        if not pressed and b"ready" in CURSOR.sub(b"", shown):
            os.write(terminal, b"\x03")
            pressed = True
    else:
        os.kill(process, signal.SIGKILL)
        sys.stderr.write(f"not ended after {patience} seconds; it showed {CURSOR.sub(b'', shown)!r}\n")
    return os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])


def read(terminal: int) -> "bytes | None":
    """What came within a moment; None when the other side is closed."""
    if not select.select([terminal], [], [], 0.2)[0]:
        return b""
    try:
        return os.read(terminal, 4096) or None
    except OSError:
        return None


if __name__ == "__main__":
    sys.exit(main())
