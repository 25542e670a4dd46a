"""bdist_esky: options, the scripts it makes, the data it copies, and freezers of other packages."""

from __future__ import annotations

import errno
import os
import shutil
import stat
import sys
import types
import zipfile
from pathlib import Path

import pytest
from setuptools import Distribution
from setuptools.errors import ExecError, OptionError, PackageDiscoveryError

from esky.bdist_esky import Executable, FreezeError, Freezer, bdist_esky, packing
from esky.bdist_esky import freezer as freezers
from esky.bdist_esky.discovery import allow_any_layout

STARTUP_HOOKS = "import esky; esky.run_startup_hooks()"


class CopyingFreezer(Freezer):
    """Makes each program a copy of the running Python, with the script beside it."""

    name = "copying"
    aliases = ("copy",)
    module = "shutil"
    install = "copying-freezer"
    jobs: list = []  # noqa: RUF012 (each test starts with a new list)

    def freeze(self, job):
        self.jobs.append(job)
        suffix = ".exe" if sys.platform == "win32" else ""
        for program in job.programs:
            shutil.copy(os.path.realpath(sys.executable), os.path.join(job.freeze_dir, program.name + suffix))
            shutil.copy(program.script, os.path.join(job.freeze_dir, f"{program.name}.script"))


class FakeEntryPoint:
    def __init__(self, name, value):
        self.name = name
        self.value = value

    def load(self):
        return self.value


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A small project as the current directory, and the copying freezer from another package."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(freezers, "_entry_points", lambda: [FakeEntryPoint("copying", CopyingFreezer)])
    monkeypatch.setattr(CopyingFreezer, "jobs", [])
    (tmp_path / "hello.py").write_text('"""Says hello."""\n\nprint("hello")\n')
    package = tmp_path / "greetings"
    (package / "data").mkdir(parents=True)
    (package / "__init__.py").write_text("")
    (package / "data" / "words.txt").write_text("good morning\n")
    return tmp_path


def command_for(options=None, **metadata):
    """The command, as setup() makes it."""
    attributes = {"name": "hello", "version": "1.0", "scripts": ["hello.py"], "packages": [], **metadata}
    attributes["options"] = {"bdist_esky": {"freezer_module": "copying", **(options or {})}}
    attributes["cmdclass"] = {"bdist_esky": bdist_esky}
    return Distribution(attributes).get_command_obj("bdist_esky")


def run(options=None, **metadata):
    command = command_for(options, **metadata)
    command.ensure_finalized()
    command.run()
    return command


def release(project):
    """Names in the only release, as seen from its version directory."""
    (package,) = (project / "dist").glob("*.zip")
    return package


def inside(package):
    with zipfile.ZipFile(package) as archive:
        top = package.name[: -len(".zip")] + "/"
        return {name[len(top) :] for name in archive.namelist() if name.startswith(top)}


def test_a_release_has_the_programs_on_top_and_the_frozen_app_below(project):
    run()
    package = release(project)
    assert package.name == packing.version_directory("hello", "1.0") + ".zip"
    program = Executable("hello.py").name
    with zipfile.ZipFile(package) as archive:
        assert program in archive.namelist()
    assert {program, "hello.script", "esky-files/bootstrap-manifest.txt"} <= inside(package)
    assert os.listdir(project / "dist") == [package.name]


def test_modules_beside_the_script_need_no_mention_in_setup(project):
    (project / "helper.py").write_text("")
    (project / "manual").mkdir()
    (project / "manual" / "__init__.py").write_text("")
    setup = {"name": "hello", "version": "1.0", "scripts": ["hello.py"]}
    options = {"bdist_esky": {"freezer_module": "copying"}}
    distribution = Distribution({**setup, "options": options, "script_args": ["--quiet", "bdist_esky"]})
    allow_any_layout(distribution)
    distribution.run_command("bdist_esky")
    assert release(project).exists()
    library = Distribution({**setup, "script_args": ["build"]})
    allow_any_layout(library)
    with pytest.raises(PackageDiscoveryError):
        library.run_command("build")


@pytest.mark.parametrize("argument", ["name", "version"])
def test_a_release_without_a_name_or_version_is_refused(project, argument):
    with pytest.raises(ExecError, match=f"needs a {argument}"):
        run(**{argument: None})


@pytest.mark.parametrize(
    ("name", "version", "advice"),
    [
        ("my-app-2", "1.0", '"my_app_2" would do: the name of an app begins with'),
        ("hello", "1.0" + ".1" * 60, "longer than 57 bytes"),
    ],
)
def test_names_that_no_release_can_have_are_refused_before_the_freeze(project, name, version, advice):
    with pytest.raises(ExecError, match=advice):
        run(name=name, version=version)
    assert CopyingFreezer.jobs == []


def test_a_version_of_setuptools_scm_is_released_as_it_is(project):
    run(version="1.2.3.dev4+gabc")
    assert release(project).name == packing.version_directory("hello", "1.2.3.dev4+gabc") + ".zip"


def test_the_appdata_layout_is_an_option(project):
    run({"enable_appdata_dir": True})
    package = release(project)
    with zipfile.ZipFile(package) as archive:
        assert f"appdata/{package.stem}/hello.script" in archive.namelist()


@pytest.mark.parametrize("compress", ["zip", "ZIP", True])
def test_compressed_releases_are_deflated(project, compress):
    run({"compress": compress})
    with zipfile.ZipFile(release(project)) as archive:
        assert zipfile.ZIP_DEFLATED in {entry.compress_type for entry in archive.infolist()}


def test_a_release_can_be_stored_only(project):
    run({"compress": "false"})
    with zipfile.ZipFile(release(project)) as archive:
        assert {entry.compress_type for entry in archive.infolist()} == {zipfile.ZIP_STORED}


def test_without_compression_the_release_is_a_directory_that_could_run(project):
    run({"compress": "none"})
    (directory,) = (project / "dist").iterdir()
    program = Executable("hello.py").name
    assert (directory / program).stat().st_mode & stat.S_IXUSR
    assert (directory / directory.name / program).stat().st_mode & stat.S_IXUSR


def test_data_files_stand_beside_the_programs_and_package_data_goes_to_the_freezer(project):
    (project / "readme.txt").write_text("read me")
    run(
        data_files=["readme.txt", ("manual/en", ["readme.txt"])],
        packages=["greetings"],
        package_data={"greetings": ["data/*.txt"]},
    )
    assert {"readme.txt", "manual/en/readme.txt"} <= inside(release(project))
    (job,) = CopyingFreezer.jobs
    assert job.package_data == [(str(project / "greetings" / "data" / "words.txt"), "greetings/data/words.txt")]


def test_callbacks_see_the_command_and_may_change_the_frozen_app(project):
    seen = []

    def before(command):
        seen.append(os.listdir(command.freeze_dir))

    def after(command):
        Path(command.freeze_dir, "added.txt").write_text(os.path.basename(command.bootstrap_dir))

    run({"pre_freeze_callback": before, "pre_zip_callback": after})
    assert seen == [[]]
    assert "added.txt" in inside(release(project))


def test_a_callback_may_be_named(project, monkeypatch):
    (project / "release_steps.py").write_text("def check(command):\n    open('checked', 'w').close()\n")
    monkeypatch.syspath_prepend(str(project))
    run({"pre_freeze_callback": "release_steps.check"})
    assert (project / "checked").exists()


@pytest.mark.parametrize("name", ["no_such_module.check", "os.no_such_function", "nodots"])
def test_a_callback_that_does_not_exist_is_refused(project, name):
    with pytest.raises(OptionError, match=name):
        command_for({"pre_zip_callback": name}).ensure_finalized()


def test_files_beside_the_version_directory_are_refused_and_not_lost_silently(project):
    def after(command):
        Path(command.bootstrap_dir, "stranger.txt").write_text("")

    with pytest.raises(ExecError, match=r"stranger\.txt.*beside the version directory"):
        run({"pre_zip_callback": after})


def test_unknown_options_are_refused_by_name(project):
    with pytest.raises(OptionError, match="no_such_option"):
        command_for({"no_such_option": 1})


@pytest.mark.parametrize("option", ["bootstrap_module", "bootstrap_code"])
def test_custom_bootstrap_code_is_refused_with_what_replaces_it(project, option):
    with pytest.raises(OptionError, match=f"{option}.*native.*self_test.*confirm.*script"):
        command_for({option: "x = 1"}).ensure_finalized()


@pytest.mark.parametrize("option", ["compile_bootstrap_exes", "detached_bootstrap_library", "force_bootstrap_library"])
def test_options_with_nothing_left_to_do_are_accepted_with_a_note(project, caplog, option):
    command_for({option: True}).ensure_finalized()
    assert f"{option} is ignored" in caplog.text


def test_options_of_the_wrong_kind_are_refused(project):
    with pytest.raises(OptionError, match="mapping"):
        command_for({"freezer_options": "strip"}).ensure_finalized()
    with pytest.raises(OptionError, match="compress"):
        command_for({"compress": "bzip2"}).ensure_finalized()


def test_an_unknown_freezer_is_refused_with_the_known_ones(project):
    with pytest.raises(OptionError, match=r"'icicle' is not known.*PyInstaller, cx_Freeze, py2exe, Nuitka, copying"):
        command_for({"freezer_module": "icicle"}).ensure_finalized()


@pytest.mark.parametrize("name", ["bbfreeze", "py2app"])
def test_freezers_of_the_original_that_cannot_be_run_from_here_say_what_to_do(project, name):
    with pytest.raises(OptionError, match=f"{name}.*esky pack DIRECTORY"):
        command_for({"freezer_module": name}).ensure_finalized()


def test_a_freezer_may_be_a_class_of_the_project(project, monkeypatch):
    monkeypatch.setattr(freezers, "_entry_points", list)
    (project / "our_freezer.py").write_text(f"from {__name__} import CopyingFreezer\n")
    monkeypatch.syspath_prepend(str(project))
    for named in (CopyingFreezer, "our_freezer:CopyingFreezer"):
        run({"freezer_module": named})
        assert release(project).exists()
        shutil.rmtree(project / "dist")


@pytest.mark.parametrize(
    ("named", "reason"),
    [(dict, "no freezer"), (3, "a name or a Freezer class"), ("os:nothing", "imported"), ("nowhere:It", "imported")],
)
def test_what_is_no_freezer_is_refused(project, named, reason):
    with pytest.raises(OptionError, match=reason):
        command_for({"freezer_module": named}).ensure_finalized()


def test_variables_of_a_freezer_go_into_the_start_up_hooks(project, monkeypatch):
    monkeypatch.setattr(CopyingFreezer, "private_variables", ("COPIED",), raising=False)
    run()
    assert "run_startup_hooks(private_variables=('COPIED',))" in script_in(release(project))


def test_output_that_looks_like_another_freezers_is_noticed(project, monkeypatch, caplog):
    monkeypatch.setattr(CopyingFreezer, "recognised_as", ("Copies",))
    run()
    assert "does not look like one of Copies" in caplog.text


def test_a_freezer_that_is_not_installed_says_how_to_get_it(project, monkeypatch):
    monkeypatch.setattr(CopyingFreezer, "module", "surely_not_installed")
    with pytest.raises(OptionError, match="pip install copying-freezer"):
        command_for({"freezer_module": "copy"}).ensure_finalized()


def test_unknown_freezer_options_are_refused_by_name():
    with pytest.raises(FreezeError, match=r"Ice has no option 'cold'; known are: dry, wet"):
        freezers.refuse_unknown("Ice", "option", {"cold": 1, "wet": 2}, {"wet", "dry"})


def test_without_scripts_there_is_nothing_to_freeze(project):
    with pytest.raises(ExecError, match=r"scripts=\["):
        run(scripts=[])


def test_two_programs_of_one_name_are_refused(project):
    with pytest.raises(ExecError, match="'hello'"):
        run(scripts=["hello.py", Executable(["pass"], name="hello")])


def test_a_script_that_is_not_there_or_not_python_is_named(project):
    (project / "broken.py").write_text("def\n")
    with pytest.raises(ExecError, match="missing"):
        run(scripts=["missing.py"])
    with pytest.raises(ExecError, match="broken"):
        run(scripts=["broken.py"])


def test_a_program_without_a_start_up_program_is_frozen_but_not_on_top(project):
    helper = Executable(["print('helper')"], name="helper", include_in_bootstrap_env=False)
    run(scripts=["hello.py", helper])
    package = release(project)
    assert helper.name in inside(package)
    with zipfile.ZipFile(package) as archive:
        assert helper.name not in archive.namelist()


def test_startup_hooks_are_called_unless_the_developer_says_no(project):
    run()
    assert STARTUP_HOOKS in script_in(release(project))
    shutil.rmtree(project / "dist")
    run({"dont_run_startup_hooks": True})
    assert STARTUP_HOOKS not in script_in(release(project))


def script_in(package):
    with zipfile.ZipFile(package) as archive:
        return archive.read(f"{package.stem}/hello.script").decode()


def greet():
    print("hello")


def test_an_executable_may_be_code(tmp_path):
    file = tmp_path / "code.txt"
    file.write_text("a = 1\n")
    with file.open() as opened:
        executable = Executable(["import os", None, opened, greet], name="code")
        source = executable.source().decode()
    assert "import os" in source
    assert "a = 1" in source
    assert "def greet()" in source
    assert not source.rstrip().endswith("greet()")
    assert Executable(greet, name="code").source().decode().rstrip().endswith("\ngreet()")


def test_code_needs_a_name():
    with pytest.raises(TypeError, match="name"):
        Executable(greet)


def test_names_and_windows_of_executables():
    suffix = ".exe" if sys.platform == "win32" else ""
    assert Executable("tools/hello.py").name == "hello" + suffix
    assert not Executable("hello.py").gui_only
    window = Executable("hello.pyw", icon="hello.ico", version="v")
    assert (window.stem, window.gui_only, window.icon) == ("hello", True, "hello.ico")
    assert window.freezer_keywords == {"version": "v"}
    assert not Executable("hello.pyw", gui_only=False).gui_only
    again = Executable(Executable(greet, name="one", gui_only=True))
    assert (again.stem, again.gui_only) == ("one", True)
    assert os.path.exists(str(again))


def test_modules_of_the_command_reach_the_freezer(project):
    run({"includes": "one,two", "excludes": ["three"], "freezer_options": {"strip": True}, "bundle_msvcrt": True})
    (job,) = CopyingFreezer.jobs
    assert job.includes[:2] == ["one", "two"]
    assert "esky" in job.includes
    assert "three" in job.excludes
    assert job.options == {"strip": True}
    assert job.bundle_msvcrt
    assert str(project) in job.search_path


@pytest.mark.parametrize("mover", ["PyInstaller", "Nuitka"])
def test_frozen_files_reach_a_project_on_another_file_system(tmp_path, monkeypatch, mover):
    from esky.bdist_esky import nuitka

    def crosses(*_arguments):
        raise OSError(errno.EXDEV, "Invalid cross-device link")

    source, target = tmp_path / "work", tmp_path / "frozen"
    (source / "lib").mkdir(parents=True)
    (source / "prog").write_text("1")
    (source / "lib" / "data").write_text("2")
    target.mkdir()
    if mover == "Nuitka":
        monkeypatch.setattr(os, "rename", crosses)
        monkeypatch.setattr(os, "replace", crosses)
        nuitka._merge(str(source), str(target))
    else:
        from esky.bdist_esky import pyinstaller

        (source / "dist").mkdir()
        os.rename(source / "lib", source / "dist" / "lib")
        os.rename(source / "prog", source / "dist" / "prog")
        monkeypatch.setattr(os, "rename", crosses)
        monkeypatch.setattr(os, "replace", crosses)
        job = types.SimpleNamespace(
            options={"onefile": True},
            work_dir=str(source),
            freeze_dir=str(target),
            programs=[],
            run=lambda _command: "",
        )
        monkeypatch.setattr(pyinstaller, "_spec", lambda _job, _options: "")
        pyinstaller.PyInstallerFreezer().freeze(job)
    assert (target / "prog").read_text() == "1"
    assert (target / "lib" / "data").read_text() == "2"
