"""Ctrl-C, cancel tokens, threads, and the end of the interpreter."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import threading
from pathlib import Path

import pytest
from conftest import SilentServer, Site, directory_name, make_package

import esky


def run_script(body: str, *arguments: str) -> subprocess.Popen[str]:
    code = textwrap.dedent(body)
    return subprocess.Popen(
        [sys.executable, "-c", code, *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


FIND_UPDATE = """
    import sys
    import esky
    app = esky.Esky(sys.argv[1], sys.argv[2])
    try:
        app.find_update()
    except KeyboardInterrupt:
        print("interrupted", flush=True)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="SIGINT cannot be sent to another process there")
def test_ctrl_c_ends_a_wait_for_a_silent_server(app_dir: Path, silent_server: SilentServer) -> None:
    script = run_script(FIND_UPDATE, os.fspath(app_dir), silent_server.url)
    silent_server.wait_for_request()
    script.send_signal(signal.SIGINT)
    # Without our help this would take the 30 seconds of the time-out.
    out, err = script.communicate(timeout=15)
    assert (out.strip(), err) == ("interrupted", "")
    assert script.returncode == 0


@pytest.mark.skipif(sys.platform == "win32", reason="shells there ignore no signals")
def test_a_run_in_the_background_starts_programs_that_ctrl_c_reaches() -> None:
    tests = Path(__file__).parent
    code = """
        import signal, subprocess, sys
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        import conftest
        show = "import signal; print(signal.getsignal(signal.SIGINT) is signal.default_int_handler)"
        subprocess.run([sys.executable, "-c", show], check=True)
    """
    environment = {**os.environ, "PYTHONPATH": os.fspath(tests)}
    command = [sys.executable, "-c", textwrap.dedent(code)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert done.stdout == "True\n"


@pytest.mark.skipif(sys.platform == "win32", reason="SIGINT cannot be sent to another process there")
def test_ctrl_c_leaves_the_app_unlocked_and_working(app_dir: Path, silent_server: SilentServer) -> None:
    body = """
        import sys
        import esky
        app = esky.Esky(sys.argv[1], sys.argv[2])
        app.auto_update()
    """
    script = run_script(body, os.fspath(app_dir), silent_server.url)
    silent_server.wait_for_request()
    script.send_signal(signal.SIGINT)
    _out, err = script.communicate(timeout=15)
    assert err.rstrip().endswith("KeyboardInterrupt")
    other = esky.Esky(app_dir)
    assert other.lock()
    other.unlock()


def test_another_thread_may_cancel(app_dir: Path, silent_server: SilentServer) -> None:
    app = esky.Esky(app_dir, silent_server.url)
    token = esky.CancelToken()

    def cancel() -> None:
        silent_server.wait_for_request()
        token.cancel()

    thread = threading.Thread(target=cancel)
    thread.start()
    with pytest.raises(esky.CancelledError):
        app.check(cancel=token)
    thread.join()
    assert token.is_cancelled()


def test_cancelling_from_progress_stops_a_download(app: esky.Esky, site: Site) -> None:
    make_package(site.directory, "1.1", extra={"big": os.urandom(4_000_000)})
    update = app.check()
    assert update is not None
    token = esky.CancelToken()

    def progress(event: esky.Event) -> None:
        if event.phase == "downloading":
            token.cancel()

    with pytest.raises(esky.CancelledError):
        update.download(progress=progress, cancel=token)
    update.download()
    update.install()
    assert app.version == "1.1"


def test_a_cancelled_token_starts_nothing(app: esky.Esky, site: Site) -> None:
    token = esky.CancelToken()
    token.cancel()
    with pytest.raises(esky.CancelledError):
        app.check(cancel=token)
    assert site.requests == []


def test_other_threads_run_while_we_wait(app_dir: Path, silent_server: SilentServer) -> None:
    app = esky.Esky(app_dir, silent_server.url)
    token = esky.CancelToken()
    ended = threading.Event()

    def check() -> None:
        with pytest.raises(esky.CancelledError):
            app.check(cancel=token)
        ended.set()

    thread = threading.Thread(target=check)
    thread.start()
    silent_server.wait_for_request()
    # This very loop would stand still if the wait held the interpreter's lock.
    count = sum(1 for _ in range(100_000))
    token.cancel()
    assert count == 100_000
    assert ended.wait(15)
    thread.join()


def test_many_threads_may_use_one_app(app: esky.Esky) -> None:
    found: list[str | None] = []
    threads = [threading.Thread(target=lambda: found.append(app.find_update())) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == ["1.1"] * 8


def test_only_one_of_many_threads_updates(app: esky.Esky, app_dir: Path, site: Site) -> None:
    outcomes: list[str] = []
    barrier = threading.Barrier(4)

    def update() -> None:
        mine = esky.Esky(app_dir, site.url)
        barrier.wait()
        try:
            mine.auto_update()
            outcomes.append("done")
        except esky.EskyLockedError:
            outcomes.append("locked")

    threads = [threading.Thread(target=update) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(outcomes) <= {"done", "locked"}
    assert "done" in outcomes
    app.cleanup()
    app.reinitialize()
    assert app.version == "1.1"
    assert (app_dir / directory_name("1.0")).exists(), "kept to go back to"


def test_callbacks_run_in_the_thread_of_the_caller(app: esky.Esky) -> None:
    threads: set[int] = set()
    app.auto_update(lambda _status: threads.add(threading.get_ident()))
    assert threads == {threading.get_ident()}


def test_the_interpreter_may_end_in_the_middle(app_dir: Path, silent_server: SilentServer) -> None:
    body = """
        import sys, threading
        import esky
        app = esky.Esky(sys.argv[1], sys.argv[2])
        threading.Thread(target=app.find_update, daemon=True).start()
        sys.stdin.read()
    """
    script = run_script(body, os.fspath(app_dir), silent_server.url)
    silent_server.wait_for_request()
    out, err = script.communicate(timeout=15)
    assert (out, err, script.returncode) == ("", "", 0)


def test_a_half_read_iterator_may_be_left_at_the_end(app: esky.Esky, app_dir: Path, site: Site) -> None:
    body = """
        import sys
        import esky
        app = esky.Esky(sys.argv[1], sys.argv[2])
        statuses = app.fetch_version_iter("1.1")
        print(next(statuses)["status"], flush=True)
    """
    script = run_script(body, os.fspath(app_dir), site.url)
    out, err = script.communicate(timeout=15)
    assert (out.strip(), err, script.returncode) == ("downloading", "", 0)
