"""Start-up hooks, cleaning up at exit, relaunching, and the command line."""

from __future__ import annotations

import base64
import os
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest
from conftest import Site, directory_name, make_app, write_version

import esky
from esky import _frozen, _startup

POSIX_ONLY = pytest.mark.skipif(sys.platform == "win32", reason="the stand-in for a frozen program is a shell script")


def write_program(path: Path, body: str) -> None:
    """A stand-in for a frozen program: Python code that believes to be frozen, at that path."""
    code = f"import sys\nsys.frozen = True\nsys.executable = {os.fspath(path)!r}\n" + textwrap.dedent(body)
    script = path.with_suffix(".py")
    script.write_text(code)
    path.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{script}" "$@"\n')
    path.chmod(0o755)


def run(path: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([path, *arguments], capture_output=True, text=True, timeout=60, check=False)


@pytest.fixture
def program(tmp_path: Path) -> Path:
    """The inner program of an installed demo 1.0: runs the hooks, then prints its arguments."""
    make_app(tmp_path / "app", "1.0")
    path = tmp_path / "app" / directory_name("1.0") / "prog"
    write_program(path, "import esky\nesky.run_startup_hooks()\nprint('app', *sys.argv[1:])\n")
    return path


@POSIX_ONLY
def test_arguments_of_the_user_reach_the_app(program: Path) -> None:
    assert run(program, "a", "b").stdout == "app a b\n"


@POSIX_ONLY
def test_the_words_of_an_old_bootstrap_do_not(program: Path) -> None:
    assert run(program, "--esky-slave-proc", "C:\\some\\file.txt", "a").stdout == "app a\n"


@POSIX_ONLY
def test_a_request_of_old_code_for_more_rights_is_refused(program: Path) -> None:
    done = run(program, "--esky-spawn-sudo", "payload")
    assert (done.returncode, done.stdout) == (1, "")


@POSIX_ONLY
def test_old_code_may_ask_for_cleanup_and_its_pickle_is_not_read(program: Path, tmp_path: Path) -> None:
    app_dir = tmp_path / "app"
    write_version(app_dir, "0.9")
    # Loading this would make the file.
    pickled = base64.b64encode(f"cos\nmknod\n(S'{tmp_path}/evil'\ntR.".encode()).decode()
    done = run(program, "--esky-spawn-cleanup", pickled)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert not (app_dir / directory_name("0.9")).exists()
    assert (app_dir / directory_name("1.0")).exists()
    assert not (tmp_path / "evil").exists()


@POSIX_ONLY
def test_the_running_version_is_in_use_while_the_program_runs(program: Path, tmp_path: Path) -> None:
    write_program(program, "import esky\nesky.run_startup_hooks()\nprint('up', flush=True)\nsys.stdin.read()\n")
    with subprocess.Popen([program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as running:
        assert running.stdout is not None
        assert running.stdout.readline() == "up\n"
        assert esky.is_locked_version_dir(program.parent)
        write_version(tmp_path / "app", "1.1")
        app = esky.Esky(tmp_path / "app")
        assert app.cleanup() is False
        assert program.parent.exists()
        running.communicate()
    assert not esky.is_locked_version_dir(program.parent)
    assert app.cleanup() is True
    assert not program.parent.exists()


@POSIX_ONLY
def test_a_lock_inherited_from_the_bootstrap_does_not_reach_children(program: Path) -> None:
    body = """
        import os, subprocess
        import esky
        lock = os.open(os.path.join(os.path.dirname(sys.executable), "esky-files", "lockfile.txt"), os.O_RDONLY)
        os.set_inheritable(lock, True)
        esky.run_startup_hooks()
        print(os.get_inheritable(lock))
    """
    write_program(program, body)
    assert run(program).stdout == "False\n"


@POSIX_ONLY
def test_a_frozen_program_outside_any_app_starts_as_usual(tmp_path: Path) -> None:
    write_program(tmp_path / "prog", "import esky\nesky.run_startup_hooks()\nprint('app')\n")
    assert run(tmp_path / "prog").stdout == "app\n"


@POSIX_ONLY
def test_the_old_version_is_removed_after_its_program_has_ended(program: Path, tmp_path: Path) -> None:
    app_dir = tmp_path / "app"
    new = write_version(app_dir, "1.1")
    write_program(new / "prog", "import esky\nesky.run_startup_hooks()\nprint('new')\n")
    # The top of the app starts the newest version, as the start-up program does.
    (app_dir / "prog").write_text(f'#!/bin/sh\nexec "{new}/prog" "$@"\n')
    body = """
        import esky
        esky.run_startup_hooks()
        app = esky.Esky(sys.executable)
        print(app.active_version, app.cleanup())
        app.cleanup_at_exit()
    """
    write_program(program, body)
    done = run(program)
    assert (done.stdout, done.stderr) == ("1.0 False\n", "")
    deadline = time.monotonic() + 30
    while program.parent.exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not program.parent.exists()
    assert new.exists()


@POSIX_ONLY
def test_cleanup_at_exit_without_hooks_says_what_is_missing(program: Path) -> None:
    write_program(program, "import esky\nesky.Esky(sys.executable).cleanup_at_exit()\n")
    done = run(program)
    assert "run_startup_hooks" in done.stderr
    assert done.returncode == 1


def test_cleanup_at_exit_works_unfrozen_too(tmp_path: Path) -> None:
    app_dir = make_app(tmp_path / "app", "1.0", "1.1")
    code = "import sys, esky; esky.Esky(sys.argv[1]).cleanup_at_exit()"
    subprocess.run([sys.executable, "-c", code, app_dir], check=True, timeout=60)
    deadline = time.monotonic() + 30
    while (app_dir / directory_name("1.0")).exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not (app_dir / directory_name("1.0")).exists()


def test_hooks_do_nothing_in_an_unfrozen_program(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_startup, "_hooks_have_run", False)
    monkeypatch.setattr(sys, "argv", ["prog", "a"])
    esky.run_startup_hooks()
    assert sys.argv == ["prog", "a"]
    assert not _frozen.is_frozen()


@POSIX_ONLY
def test_relaunch_starts_the_newest_version_in_a_clean_environment(program: Path, tmp_path: Path) -> None:
    app_dir = tmp_path / "app"
    body = """
        import atexit, os
        import esky
        esky.run_startup_hooks()
        atexit.register(lambda: print("goodbye", flush=True))
        os.environ["_PYI_APPLICATION_HOME_DIR"] = os.path.dirname(sys.executable)
        os.environ["LD_LIBRARY_PATH"] = os.path.dirname(sys.executable)
        print("hello")
        esky.Esky(sys.executable).relaunch(["x", "y z"])
    """
    write_program(program, body)
    (app_dir / "prog").write_text('#!/bin/sh\necho new "$1" "$2" "$_PYI_APPLICATION_HOME_DIR" "$LD_LIBRARY_PATH"\n')
    done = run(program)
    assert (done.stdout, done.stderr) == ("hello\ngoodbye\nnew x y z  \n", "")


def test_an_environment_without_freezers_stays_as_it_is() -> None:
    environment = {"PATH": "/bin", "LD_LIBRARY_PATH": "/opt/lib", "NAME": "Zoë"}
    assert esky.clean_environment(environment) == environment
    assert esky.clean_environment() == dict(os.environ)


def test_what_pyinstaller_sets_is_taken_out() -> None:
    environment = {
        "_PYI_APPLICATION_HOME_DIR": "/app",
        "LD_LIBRARY_PATH": "/app",
        "LD_LIBRARY_PATH_ORIG": "/opt/lib",
        "PATH": "/bin",
    }
    cleaned = esky.clean_environment(environment)
    assert cleaned["LD_LIBRARY_PATH"] == "/opt/lib"
    assert cleaned["PATH"] == "/bin"
    assert "_PYI_APPLICATION_HOME_DIR" not in cleaned


def test_paths_into_versions_of_the_app_are_taken_out(program: Path) -> None:
    """A PyInstaller 6 program has no variable that names its own directory, only a library path into it."""
    version, old = program.parent, program.parent.parent / directory_name("0.9")
    write_program(
        program,
        f"""
        import esky, json, os
        esky.run_startup_hooks()
        sys._MEIPASS = "/tmp/_MEI1"
        os.environ["LD_LIBRARY_PATH"] = "{version}/_internal:{old}/_internal:/opt/lib"
        os.environ["LD_LIBRARY_PATH_ORIG"] = "{old}/_internal:/opt/lib"
        os.environ["TCL_LIBRARY"] = "/tmp/_MEI1/_tcl_data"
        cleaned = esky.clean_environment()
        print(json.dumps([cleaned.get("LD_LIBRARY_PATH"), "LD_LIBRARY_PATH_ORIG" in cleaned, "TCL_LIBRARY" in cleaned]))
        """,
    )
    done = run(program)
    assert (done.stdout, done.stderr) == ('["/opt/lib", false, false]\n', "")


def test_variables_of_a_freezer_from_elsewhere_are_taken_out_on_request() -> None:
    code = (
        "import esky, os; os.environ['ICICLE_HOME'] = '/app'; "
        "esky.run_startup_hooks(private_variables=('ICICLE_HOME',)); "
        "print('ICICLE_HOME' in esky.clean_environment(), 'ICICLE_HOME' in os.environ)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.stdout.strip(), done.stderr) == ("False True", "")


def test_the_command_line_is_there() -> None:
    done = subprocess.run([sys.executable, "-m", "esky", "--version"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.strip()) == (0, f"esky {esky.__version__}")
    wrong = subprocess.run([sys.executable, "-m", "esky", "--nonsense"], capture_output=True, text=True, check=False)
    assert wrong.returncode != 0
    assert "--nonsense" in wrong.stderr


def test_the_command_updates_an_app(app_dir: Path, site: Site) -> None:
    from conftest import make_package

    make_package(site.directory, "1.1")
    done = subprocess.run(
        [sys.executable, "-m", "esky", "update", app_dir, site.url], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert esky.Esky(app_dir).version == "1.1"
