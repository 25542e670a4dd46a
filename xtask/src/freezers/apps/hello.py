"""Says its version; `update URL` has it update itself, telling what it fetches, and start anew."""

import os
import sys

import esky

# @IMPORT@

VERSION = "@VERSION@"


def tell(event):
    """Say how the new version is fetched, and whether that has to be tried again."""
    if event.phase == "planned":
        print(f"fetching {event.message}, {event.bytes_total} bytes", flush=True)
    elif event.phase == "retrying":
        print(f"trying again: {event.message}", flush=True)


def main(arguments):
    if arguments[:1] != ["update"]:
        print(f"hello {VERSION}", flush=True)
        return
    program = sys.executable if os.path.exists(sys.executable or "") else os.path.abspath(sys.argv[0])
    app = esky.Esky(program, arguments[1])
    try:
        update = app.check()
        if update is not None:
            update.download(progress=tell)
            update.install()
            print(f"hello {VERSION}: installed {update.version}", flush=True)
    except esky.EskyLockedError:
        print("another process is updating", flush=True)
        return
    app.relaunch(["run"])


if __name__ == "__main__":
    main(sys.argv[1:])
