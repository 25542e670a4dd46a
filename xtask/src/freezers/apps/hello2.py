"""Says its version; `update URL` has it update itself and start anew. For Python 2."""

from __future__ import print_function

import sys

import esky

VERSION = "@VERSION@"


def main(arguments):
    if arguments[:1] != ["update"]:
        print("hello %s" % VERSION)
        return
    app = esky.Esky(sys.executable, arguments[1])
    app.auto_update()
    print("hello %s: installed %s" % (VERSION, app.version))
    sys.stdout.flush()
    app.relaunch(["run"])


if __name__ == "__main__":
    esky.run_startup_hooks()
    main(sys.argv[1:])
