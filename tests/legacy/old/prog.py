"""The app as it was, for Python 2.7 and the original esky."""

import sys

import esky

VERSION = "0.1"


def main():
    if sys.argv[1:2] == ["update"]:
        app = esky.Esky(sys.executable, sys.argv[2])
        app.auto_update()
        print("updated to " + app.version)
    else:
        print("running " + VERSION)


main()
