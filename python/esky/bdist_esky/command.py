"""The setuptools command ``bdist_esky``."""

from __future__ import annotations

import importlib
import logging
import os
import shutil
import tempfile
from collections.abc import Mapping
from typing import Any, Callable, ClassVar

from setuptools import Command
from setuptools.errors import ExecError, OptionError

from . import packing
from .executable import Executable, with_startup_hooks
from .freezer import FreezeError, FreezeJob, Program, find_freezer

LOG = logging.getLogger(__name__)
BOOTSTRAP_CODE_ADVICE = (
    "{option} is no longer possible: the start-up program is native and runs no Python. What takes its place: to see "
    "that a new version works before it is used, the option self_test (its program is run with --esky-selftest, as "
    "verify() was); to decide whether it is kept, esky.confirm() in the application, or confirm_after and max_tries; "
    "code that has to run first belongs at the top of the script"
)
# 1 January 1980 and a day, since zip files know no earlier time and times are local there.
SCRIPT_TIME = 315_619_200
# Options of the original that have nothing left to do, and why.
IGNORED_OPTIONS = {
    "compile_bootstrap_exes": "the start-up program is always native",
    "detached_bootstrap_library": "the start-up program has no library",
    "force_bootstrap_library": "the start-up program has no library",
}
COMPRESS_VALUES: dict[str, bool | None] = {
    "zip": True, "true": True, "1": True, "yes": True,
    "false": False, "0": False, "no": False, "store": False,
    "none": None,
}  # fmt: skip


class bdist_esky(Command):
    """Freeze the scripts of ``setup()`` and pack them as a release.

    From ``setup()`` it takes ``name``, ``version``, ``scripts`` (paths or ``Executable``), ``packages``,
    ``package_data`` (found beside the modules), and ``data_files`` (copied beside the programs).
    """

    description = "freeze the application and pack it as a release for automatic updates"

    user_options: ClassVar[list[tuple[str, str | None, str]]] = [
        ("dist-dir=", "d", "directory to put the release in [default: dist]"),
        ("freezer-module=", None, "freezer to use [default: the first that is installed]"),
        ("freezer-options=", None, "mapping of options for the freezer"),
        ("includes=", None, "modules to include in any case (comma-separated)"),
        ("excludes=", None, "modules to leave out (comma-separated)"),
        ("bootstrap-module=", None, "no longer possible: the start-up program is native"),
        ("bootstrap-code=", None, "no longer possible: the start-up program is native"),
        ("compile-bootstrap-exes", None, "accepted and ignored: the start-up program is always native"),
        ("dont-run-startup-hooks", None, "do not call esky.run_startup_hooks() at the top of every script"),
        ("bundle-msvcrt", None, "have the freezer bundle the Visual C++ runtime (Windows)"),
        ("pre-freeze-callback=", None, "function, or its dotted name, to call with the command before freezing"),
        ("pre-zip-callback=", None, "function, or its dotted name, to call with the command before packing"),
        ("enable-appdata-dir", None, "put the version directory under appdata/ in the release"),
        ("detached-bootstrap-library", None, "accepted and ignored: the start-up program has no library"),
        ("force-bootstrap-library", None, "accepted and ignored: the start-up program has no library"),
        ("confirm=", None, "who confirms a new version: bootstrap, app or nobody [default: bootstrap]"),
        ("confirm-after=", None, "seconds after which a new version that still runs counts as good [default: 60]"),
        ("max-tries=", None, "unconfirmed starts after which a new version is undone [default: 3]"),
        ("self-test=", None, "program to run with --esky-selftest before a new version is installed"),
        ("compress=", "c", "zip (default), false (store the files), or none (leave a directory)"),
    ]
    boolean_options: ClassVar[list[str]] = [
        "bundle-msvcrt", "compile-bootstrap-exes", "detached-bootstrap-library", "dont-run-startup-hooks",
        "enable-appdata-dir", "force-bootstrap-library",
    ]  # fmt: skip

    dist_dir: str
    bootstrap_dir: str
    """What becomes the top of the release; callbacks may look, files beside ``freeze_dir`` are refused."""
    freeze_dir: str
    """The frozen application; callbacks may change what is in it."""

    def initialize_options(self) -> None:
        self.dist_dir = None  # type: ignore[assignment]
        self.freezer_module: Any = None
        self.freezer_options: Any = {}
        self.includes: Any = []
        self.excludes: Any = []
        self.bootstrap_module: Any = None
        self.bootstrap_code: Any = None
        self.compile_bootstrap_exes: Any = False
        self.dont_run_startup_hooks: Any = False
        self.bundle_msvcrt: Any = False
        self.pre_freeze_callback: Any = None
        self.pre_zip_callback: Any = None
        self.enable_appdata_dir: Any = False
        self.detached_bootstrap_library: Any = False
        self.force_bootstrap_library: Any = False
        self.confirm: Any = None
        self.confirm_after: Any = None
        self.max_tries: Any = None
        self.self_test: str | None = None
        self.compress: Any = "zip"

    def finalize_options(self) -> None:
        self._refuse_bootstrap_code()
        self.dist_dir = os.path.abspath(self.dist_dir or "dist")
        self.ensure_string_list("includes")
        self.ensure_string_list("excludes")
        if not isinstance(self.freezer_options, Mapping):
            raise OptionError(
                f"freezer_options must be a mapping, not {self.freezer_options!r}: give it in setup(options=…)"
            )
        value = str(self.compress).lower()
        if value not in COMPRESS_VALUES:
            raise OptionError(f"compress must be zip, false or none, not {self.compress!r}")
        self._deflate = COMPRESS_VALUES[value]
        self.pre_freeze_callback = _callback("pre_freeze_callback", self.pre_freeze_callback)
        self.pre_zip_callback = _callback("pre_zip_callback", self.pre_zip_callback)
        try:
            self._freezer = find_freezer(self.freezer_module)
        except FreezeError as error:
            raise OptionError(str(error)) from error

    def _refuse_bootstrap_code(self) -> None:
        for option in ("bootstrap_module", "bootstrap_code"):
            if getattr(self, option) is not None:
                raise OptionError(BOOTSTRAP_CODE_ADVICE.format(option=option))
        for option, reason in IGNORED_OPTIONS.items():
            if getattr(self, option):
                LOG.warning("%s is ignored: %s", option, reason)

    def run(self) -> None:
        with tempfile.TemporaryDirectory(prefix="bdist_esky-") as self.tempdir:
            try:
                self._freeze_and_pack()
            except FreezeError as error:
                raise ExecError(str(error)) from error

    def _freeze_and_pack(self) -> None:
        self._check_names()
        self._make_directories()
        if self.pre_freeze_callback is not None:
            self.pre_freeze_callback(self)
        LOG.info("freezing %s with %s", self._app_name, self._freezer.name)
        job = self._job()
        self._freezer.freeze(job)
        self._check_programs(job)
        self._copy_data_files()
        if self.pre_zip_callback is not None:
            self.pre_zip_callback(self)
        self._pack()
        shutil.rmtree(self.bootstrap_dir)
        if self._deflate is None:
            packing.unpack(self._package, self.bootstrap_dir)
        LOG.info("packed %s", self._result())
        self.distribution.dist_files.append(("bdist_esky", "", self._result()))

    def _check_names(self) -> None:
        # setuptools makes up what is missing, and every release would have the same version.
        for argument in ("name", "version"):
            if not getattr(self.distribution.metadata, argument):
                raise FreezeError(f"a release needs a {argument}: give it in setup({argument}=…)")
        packing.check_names(self.distribution.get_name(), self.distribution.get_version())

    def _make_directories(self) -> None:
        version = self.distribution.get_version()
        self._app_name = self.distribution.get_name()
        directory = packing.version_directory(self._app_name, version)
        self.bootstrap_dir = os.path.join(self.dist_dir, directory)
        inside = ("appdata", directory) if self.enable_appdata_dir else (directory,)
        self.freeze_dir = os.path.join(self.bootstrap_dir, *inside)
        if os.path.exists(self.bootstrap_dir):
            shutil.rmtree(self.bootstrap_dir)
        os.makedirs(self.freeze_dir)

    def get_executables(self) -> list[Executable]:
        """The scripts of ``setup()``, each as an ``Executable``."""
        scripts = self.distribution.scripts or []
        return [script if isinstance(script, Executable) else Executable(script) for script in scripts]

    def _job(self) -> FreezeJob:
        work_dir = os.path.join(self.tempdir, "work")
        os.mkdir(work_dir)
        return FreezeJob(
            name=self._app_name,
            version=self.distribution.get_version(),
            programs=self._programs(),
            freeze_dir=self.freeze_dir,
            work_dir=work_dir,
            # esky finds its updates in every frozen application, and this command in none.
            includes=[*self.includes, "esky"],
            excludes=[*self.excludes, "esky.bdist_esky"],
            search_path=self._search_path(),
            package_data=self._package_data(),
            options=dict(self.freezer_options),
            bundle_msvcrt=bool(self.bundle_msvcrt),
            warn=LOG.warning,
        )

    def _programs(self) -> list[Program]:
        executables = self.get_executables()
        if not executables:
            raise FreezeError("there is nothing to freeze: name the application's scripts in setup(scripts=[…])")
        stems = [executable.stem for executable in executables]
        repeated = sorted({stem for stem in stems if stems.count(stem) > 1})
        if repeated:
            raise FreezeError(f"two programs have the name {repeated[0]!r}: give one Executable another name")
        directory = os.path.join(self.tempdir, "scripts")
        os.mkdir(directory)
        return [self._program(executable, directory) for executable in executables]

    def _program(self, executable: Executable, directory: str) -> Program:
        try:
            source = executable.source()
            if not self.dont_run_startup_hooks:
                source = with_startup_hooks(source, str(executable), self._freezer.private_variables)
        except (OSError, SyntaxError, ValueError) as error:
            raise FreezeError(f"the script of {executable.stem} cannot be used: {error}") from error
        script = os.path.join(directory, f"{executable.stem}.py")
        with open(script, "wb") as file:
            file.write(source)
        # Some freezers copy the time into the release: two freezes of the same script should give the same bytes.
        os.utime(script, (SCRIPT_TIME, SCRIPT_TIME))
        return Program(
            name=executable.stem,
            script=script,
            icon=executable.icon,
            gui_only=executable.gui_only,
            keywords=executable.freezer_keywords,
        )

    def _search_path(self) -> list[str]:
        """Where scripts look for modules: their own directories, and the roots of the project's packages."""
        scripts = [executable.script for executable in self.get_executables() if isinstance(executable.script, str)]
        roots = [os.path.dirname(os.path.abspath(script)) for script in scripts]
        package_dir = self.distribution.package_dir or {}
        roots.append(os.path.abspath(package_dir.get("", ".")))
        return list(dict.fromkeys(roots))

    def _package_data(self) -> list[tuple[str, str]]:
        if not self.distribution.packages:
            return []
        build = self.get_finalized_command("build_py")
        return [
            (
                os.path.abspath(os.path.join(source_dir, name)),
                f"{package.replace('.', '/')}/{name.replace(os.sep, '/')}",
            )
            for package, source_dir, _build_dir, names in build.data_files
            for name in names
        ]

    def _check_programs(self, job: FreezeJob) -> None:
        for name in self._freezer.programs(job):
            if not os.path.isfile(os.path.join(self.freeze_dir, name)):
                raise FreezeError(f"{self._freezer.name} made no program {name} in {job.freeze_dir}")

    def _copy_data_files(self) -> None:
        for entry in self.distribution.data_files or []:
            directory, files = ("", [entry]) if isinstance(entry, str) else entry
            target = os.path.join(self.freeze_dir, directory)
            os.makedirs(target, exist_ok=True)
            for file in files:
                shutil.copy2(file, target)

    def _pack(self) -> None:
        packing.refuse_strangers(self.bootstrap_dir, self.freeze_dir)
        executables = self.get_executables()
        output = self.tempdir if self._deflate is None else self.dist_dir
        self._package, found = packing.pack(
            self.freeze_dir,
            name=self._app_name,
            version=self.distribution.get_version(),
            programs=[executable.name for executable in executables if executable.include_in_bootstrap_env],
            output=output,
            appdata_dir=bool(self.enable_appdata_dir),
            compress=bool(self._deflate),
            trial=self._trial(),
        )
        expected = self._freezer.recognised_as
        if expected and found not in expected:
            LOG.warning("the frozen application does not look like one of %s: `esky pack` finds %s", expected[0], found)

    def _trial(self) -> list[str]:
        """What a new version must show before it is trusted, as options of ``esky pack``."""
        options = []
        for option in ("confirm", "confirm_after", "max_tries"):
            value = getattr(self, option)
            if value is not None:
                options.append(f"--{option.replace('_', '-')}={value}")
        if self.self_test is not None:
            options.append(f"--self-test={self.self_test}")
        return options

    def _result(self) -> str:
        return self.bootstrap_dir if self._deflate is None else self._package


def _callback(option: str, value: Any) -> Callable[[Any], object] | None:
    """The function itself, or the one that a dotted name stands for."""
    if value is None:
        return None
    function = value if callable(value) else _named(option, str(value))
    if not callable(function):
        raise OptionError(f"{option} {value!r} is no function")
    chosen: Callable[[Any], object] = function
    return chosen


def _named(option: str, dotted_name: str) -> Any:
    module, _dot, name = dotted_name.rpartition(".")
    try:
        return getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError, ValueError) as error:
        raise OptionError(f"{option} {dotted_name!r} is no function that can be imported: {error}") from error
