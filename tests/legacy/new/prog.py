"""The app after the move: Python 3, this esky, and no other change in how it updates."""

import sys

import esky

VERSION = "0.2"


def main() -> None:
    if sys.argv[1:2] == ["update"]:
        app = esky.Esky(sys.executable, sys.argv[2])
        app.auto_update()
        print("updated to " + app.version)
    else:
        print("running " + VERSION)


esky.run_startup_hooks()
main()
