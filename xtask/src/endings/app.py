"""A program that ends in the way that it is told, after starting children in the way that it is told.

`app WAY CHILDREN` is for the table of endings; `app daemon DIRECTORY LOG LAST` updates and starts itself
anew until it is LAST.
"""

import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time

import esky

STAYS_UP = 30.0
CHILD_STAYS_UP = 2.5


def end(way):
    if way == "return":
        return
    if way == "sys.exit(0)":
        sys.exit(0)
    if way == "sys.exit(3)":
        sys.exit(3)
    if way == "SystemExit(1)":
        raise SystemExit(1)
    if way == "SystemExit('fatal')":
        raise SystemExit("fatal")
    if way == "SystemExit in asyncio":
        import asyncio

        async def main():
            raise SystemExit(1)

        asyncio.run(main())
    if way == "exception":
        raise RuntimeError("broken")
    if way == "exception in an exit function":
        import atexit

        atexit.register(lambda: 1 / 0)
        return
    if way == "exception in a thread, then 0":
        thread = threading.Thread(target=lambda: 1 / 0)
        thread.start()
        thread.join()
        return
    if way == "os._exit(0)":
        os._exit(0)
    if way == "os._exit(4)":
        os._exit(4)
    if way == "exit code of an event loop":
        sys.exit(event_loop())
    if way == "segmentation fault":
        import faulthandler

        faulthandler.enable()
        os.kill(os.getpid(), signal.SIGSEGV)
    if way == "SIGKILL":
        os.kill(os.getpid(), signal.SIGKILL)
    if way == "stays up":
        time.sleep(STAYS_UP)
    raise SystemExit(f"unknown way to end: {way}")


def event_loop():
    """What a GUI toolkit's loop gives back when it could not open a display."""
    return 1


def stay_up():
    time.sleep(CHILD_STAYS_UP)


def start(children):
    if children == "none":
        return
    if children == "multiprocessing":
        multiprocessing.get_context("spawn").Process(target=stay_up).start()
        time.sleep(0.5)
        # What waits for them at the end would keep this program from ending.
        multiprocessing.process._children.clear()
        return
    if children == "fork":
        if os.fork() == 0:
            stay_up()
            sys.exit(0)
        return
    if children == "the same program":
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        subprocess.Popen([program(), "child"], **quiet)
        return
    if children == "double fork":
        if os.fork() == 0:
            os.setsid()
            if os.fork() == 0:
                stay_up()
            os._exit(0)
        return
    raise SystemExit(f"unknown children: {children}")


def program():
    return sys.executable if os.path.exists(sys.executable or "") else os.path.abspath(sys.argv[0])


def daemon(source, log, last):
    app = esky.Esky(program(), source)
    libraries = os.environ.get("LD_LIBRARY_PATH", "")
    original = os.environ.get("LD_LIBRARY_PATH_ORIG", "")
    with open(log, "a", encoding="utf-8") as file:
        file.write(f"{app.active_version}\t{os.getpid()}\t{os.getppid()}\t{libraries}\t{original}\n")
    while app.decisions().trial is not None:
        time.sleep(0.05)
    if app.active_version == last:
        app.cleanup()
        with open(log, "a", encoding="utf-8") as file:
            file.write("done\n")
        time.sleep(STAYS_UP)
        return
    app.cleanup()
    while app.find_update() is None:
        time.sleep(0.05)
    app.install_version(app.find_update())
    app.relaunch()


if __name__ == "__main__":
    multiprocessing.freeze_support()
    esky.run_startup_hooks()
    if sys.argv[1:2] == ["daemon"]:
        daemon(*sys.argv[2:5])
    elif sys.argv[1:2] == ["child"]:
        stay_up()
    else:
        start(sys.argv[2])
        end(sys.argv[1])
