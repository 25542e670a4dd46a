"""What our freezers are told: the generated spec and script, run against stand-ins for the freezers."""

from __future__ import annotations

import os
import sys
import types

import pytest

from esky.bdist_esky import cx_freeze, nuitka, py2exe, pyinstaller
from esky.bdist_esky.freezer import FreezeError, FreezeJob, FreezerFailed, Program


def job_for(tmp_path, programs, options=None, **changes):
    values = {
        "name": "hello",
        "version": "1.0",
        "programs": programs,
        "freeze_dir": str(tmp_path / "frozen"),
        "work_dir": str(tmp_path),
        "includes": ["esky"],
        "excludes": ["tkinter"],
        "search_path": ["/sources"],
        "package_data": [("/sources/greetings/data/words.txt", "greetings/data/words.txt")],
        "options": options or {},
        "bundle_msvcrt": False,
        "warn": print,
    }
    return FreezeJob(**{**values, **changes})


def spec_calls(job):
    """The calls that the spec makes, as PyInstaller would see them."""
    calls = []

    def recorder(name):
        def record(*arguments, **keywords):
            calls.append((name, arguments, keywords))
            return types.SimpleNamespace(pure=(), scripts=name, binaries=(), datas=())

        return record

    names = {name: recorder(name) for name in ("Analysis", "PYZ", "EXE", "COLLECT")}
    exec(pyinstaller._spec(job, dict(job.options)), names)
    return calls


def test_pyinstaller_gets_one_analysis_for_each_script_and_one_directory(tmp_path):
    window = Program("window", "/scripts/window.py", gui_only=True, keywords={"uac_admin": True})
    job = job_for(tmp_path, [Program("hello", "/scripts/hello.py"), window], {"strip": True})
    calls = spec_calls(job)
    assert [name for name, _, _ in calls] == ["Analysis", "PYZ", "EXE", "Analysis", "PYZ", "EXE", "COLLECT"]
    analysis, exe = calls[3], calls[5]
    assert analysis[1] == (["/scripts/window.py"],)
    assert analysis[2]["hiddenimports"] == ["esky"]
    assert analysis[2]["excludes"] == ["tkinter"]
    assert analysis[2]["pathex"] == ["/sources"]
    assert analysis[2]["datas"] == [("/sources/greetings/data/words.txt", "greetings/data")]
    assert exe[2] == {"name": "window", "console": False, "exclude_binaries": True, "strip": True, "uac_admin": True}
    assert calls[2][2]["console"]
    assert calls[6][2] == {"name": "collected", "strip": True}


def test_relative_paths_are_seen_from_the_setup_script(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "hello.ico").write_bytes(b"")
    options = {"datas": [("words", ".")], "hookspath": ["hooks"]}
    program = Program("hello", "/scripts/hello.py", icon="hello.ico")
    calls = spec_calls(job_for(tmp_path, [program], options))
    assert calls[0][2]["datas"][0] == (str(tmp_path / "words"), ".")
    assert calls[0][2]["hookspath"] == [str(tmp_path / "hooks")]
    assert calls[2][2]["icon"] == str(tmp_path / "hello.ico")


def test_options_that_pyinstaller_does_not_have_are_refused(tmp_path):
    job = job_for(tmp_path, [Program("hello", "/scripts/hello.py")], {"zip_includes": []})
    with pytest.raises(FreezeError, match=r"PyInstaller has no freezer option 'zip_includes'"):
        pyinstaller.PyInstallerFreezer().freeze(job)
    with pytest.raises(FreezeError, match=r"Executable keyword 'base'"):
        spec_calls(job_for(tmp_path, [Program("hello", "/scripts/hello.py", keywords={"base": "gui"})]))


@pytest.mark.parametrize(
    "output",
    [
        "ERROR: Python was built without a shared library, which is required by PyInstaller.",
        "ERROR: ERROR: Python shared library ('libpython3.11.so.1.0') was not found!",
    ],
)
def test_a_python_without_shared_library_is_explained(output):
    failure = FreezerFailed(["pyinstaller"], 1, output)
    assert "--enable-shared" in str(pyinstaller._explained(failure))
    other = FreezerFailed(["pyinstaller"], 1, "SyntaxError")
    assert pyinstaller._explained(other) is other


def cx_setup(job, monkeypatch):
    """The arguments of cx_Freeze's setup(), and the executables in them."""
    seen = {}
    stand_in = types.ModuleType("cx_Freeze")
    stand_in.Executable = lambda **keywords: keywords
    stand_in.setup = lambda **arguments: seen.update(arguments)
    monkeypatch.setitem(sys.modules, "cx_Freeze", stand_in)
    monkeypatch.setattr(sys, "path", list(sys.path))
    exec(cx_freeze._script(job, dict(job.options)), {})
    return seen


def test_cx_freeze_gets_all_programs_in_one_build(tmp_path, monkeypatch):
    programs = [Program("hello", "/scripts/hello.py"), Program("window", "/scripts/window.py", gui_only=True)]
    seen = cx_setup(job_for(tmp_path, programs, {"optimize": 1}, bundle_msvcrt=True), monkeypatch)
    assert [executable["target_name"] for executable in seen["executables"]] == ["hello", "window"]
    assert [executable["base"] for executable in seen["executables"]] == ["console", "gui"]
    options = seen["options"]["build_exe"]
    assert options["build_exe"] == str(tmp_path / "frozen")
    assert options["include_files"] == [
        ("/sources/greetings/data/words.txt", os.path.join("lib", "greetings", "data", "words.txt"))
    ]
    assert (options["includes"], options["excludes"]) == (["esky"], ["tkinter"])
    assert options["optimize"] == 1
    assert options["include_msvcr"]
    assert seen["script_args"] == ["build_exe"]


def test_options_that_cx_freeze_does_not_have_are_refused(tmp_path):
    job = job_for(tmp_path, [Program("hello", "/scripts/hello.py")], {"hiddenimports": []})
    with pytest.raises(FreezeError, match=r"cx_Freeze has no freezer option 'hiddenimports'"):
        cx_freeze.CxFreezeFreezer().freeze(job)


def test_the_end_of_a_failing_freezers_output_is_shown(tmp_path):
    job = job_for(tmp_path, [])
    code = "print('\\n'.join(map(str, range(100)))); raise SystemExit(3)"
    with pytest.raises(FreezerFailed, match=r"exit code 3(.|\n)*\n99") as caught:
        job.run([sys.executable, "-c", code])
    assert "\n50\n" not in str(caught.value)


def test_pyinstaller_makes_one_file_per_program_on_request(tmp_path):
    programs = [Program("hello", "/scripts/hello.py"), Program("window", "/scripts/window.py")]
    calls = spec_calls(job_for(tmp_path, programs, {"onefile": True, "runtime_tmpdir": "/var/tmp"}))
    assert [name for name, _, _ in calls] == ["Analysis", "PYZ", "EXE"] * 2
    for _name, arguments, keywords in (calls[2], calls[5]):
        assert len(arguments) == 4
        assert "exclude_binaries" not in keywords
        assert keywords["runtime_tmpdir"] == "/var/tmp"


def test_nuitka_is_told_everything_on_its_command_line(tmp_path):
    program = Program("hello", "/scripts/hello.py", keywords={"company_name": "Ice"})
    options = {"enable_plugin": ["tk-inter", "numpy"], "lto": "no", "low_memory": True, "show_scons": False}
    command = nuitka._command(job_for(tmp_path, [program], options), program, "/out")
    assert command[-1] == "/scripts/hello.py"
    assert {"--standalone", "--output-dir=/out", "--include-module=esky", "--nofollow-import-to=tkinter"} <= set(
        command
    )
    assert "--include-data-files=/sources/greetings/data/words.txt=greetings/data/words.txt" in command
    expected = ["--enable-plugin=tk-inter", "--enable-plugin=numpy", "--lto=no", "--low-memory", "--company-name=Ice"]
    assert command[-6:-1] == expected


def test_nuitka_options_that_bdist_esky_sets_are_refused(tmp_path):
    program = Program("hello", "/scripts/hello.py")
    with pytest.raises(FreezeError, match="'output-dir' is set by bdist_esky"):
        nuitka._command(job_for(tmp_path, [program], {"output-dir": "x"}), program, "/out")
    odd = Program("hello", "/scripts/hello.py", keywords={"base": "gui"})
    with pytest.raises(FreezeError, match="Executable keyword 'base'"):
        nuitka._command(job_for(tmp_path, [odd]), odd, "/out")


def test_directories_of_several_nuitka_programs_become_one(tmp_path):
    for number, name in enumerate(["hello", "window"]):
        directory = tmp_path / f"{number}.dist" / "shared"
        directory.mkdir(parents=True)
        (directory / "library.so").write_text("same")
        (directory.parent / name).write_text(name)
        nuitka._merge(str(directory.parent), str(tmp_path / "frozen"))
    names = sorted(str(path.relative_to(tmp_path / "frozen")) for path in (tmp_path / "frozen").rglob("*"))
    assert names == ["hello", "shared", os.path.join("shared", "library.so"), "window"]


def py2exe_call(job, monkeypatch):
    """The arguments of py2exe's freeze()."""
    seen = {}
    stand_in = types.ModuleType("py2exe")
    stand_in.freeze = lambda **arguments: seen.update(arguments)
    monkeypatch.setitem(sys.modules, "py2exe", stand_in)
    monkeypatch.setattr(sys, "path", list(sys.path))
    exec(py2exe._script(job), {})
    return seen


def test_py2exe_gets_consoles_and_windows(tmp_path, monkeypatch):
    programs = [
        Program("hello", "/scripts/hello.py"),
        Program("window", "/scripts/window.py", icon="ice.ico", gui_only=True, keywords={"uac_info": "asInvoker"}),
    ]
    seen = py2exe_call(job_for(tmp_path, programs, {"bundle-files": 1, "zipfile": None}), monkeypatch)
    assert seen["console"] == [{"script": "/scripts/hello.py", "dest_base": "hello"}]
    (window,) = seen["windows"]
    assert window["icon_resources"] == [(1, os.path.abspath("ice.ico"))]
    assert window["uac_info"] == "asInvoker"
    assert seen["zipfile"] is None
    options = seen["options"]
    assert options["bundle_files"] == 1
    assert options["dist_dir"] == str(tmp_path / "frozen")
    assert (options["includes"], options["excludes"]) == (["esky"], ["tkinter"])
    assert seen["data_files"] == [("greetings/data", ["/sources/greetings/data/words.txt"])]


def test_options_that_py2exe_does_not_have_are_refused(tmp_path):
    with pytest.raises(FreezeError, match=r"py2exe has no freezer option 'hiddenimports'"):
        py2exe._script(job_for(tmp_path, [], {"hiddenimports": []}))


@pytest.mark.skipif(sys.platform == "win32", reason="py2exe can run here")
def test_py2exe_runs_on_windows_only(tmp_path):
    with pytest.raises(FreezeError, match="Windows"):
        py2exe.Py2exeFreezer().freeze(job_for(tmp_path, []))
