"""Says its version; `update URL` has it update itself and start anew."""

import os
import sys

import esky

VERSION = "@VERSION@"


def main(arguments):
    if arguments[:1] != ["update"]:
        print(f"hello {VERSION}", flush=True)
        return
    program = sys.executable if os.path.exists(sys.executable or "") else os.path.abspath(sys.argv[0])
    app = esky.Esky(program, arguments[1])
    app.auto_update()
    print(f"hello {VERSION}: installed {app.version}", flush=True)
    app.relaunch(["run"])


if __name__ == "__main__":
    main(sys.argv[1:])
