"""What a freezer is to bdist_esky, and how one is found by its name.

A package of its own can add a freezer: derive from :class:`Freezer`, and name the class in its metadata:

    [project.entry-points."esky.freezers"]
    icicle = "esky_icicle:IcicleFreezer"

A project can also give the class itself, or ``"package.module:Class"``, as its ``freezer_module``.
"""

from __future__ import annotations

import importlib
import importlib.metadata
import importlib.util
import os
import subprocess
import sys
import sysconfig
from dataclasses import dataclass, field
from typing import Any, Callable, ClassVar

ENTRY_POINT_GROUP = "esky.freezers"
OUTPUT_LINES_SHOWN = 40
# Freezers of the original that cannot be run from here, and the way that is left.
RUN_BY_HAND = {
    "bbfreeze": "runs on Python 2",
    "py2app": "is not run by bdist_esky",
}


class FreezeError(Exception):
    """The application cannot be frozen; the message says why and what to do."""


@dataclass(frozen=True)
class Program:
    """One program to be made from one script."""

    name: str
    """File name without ``.exe``."""
    script: str
    """Path of the script, start-up hooks included."""
    icon: str | None = None
    gui_only: bool = False
    keywords: dict[str, Any] = field(default_factory=dict)
    """What else was given to the Executable; each freezer says which it knows."""


@dataclass(frozen=True)
class FreezeJob:
    """All that a freezer needs to know."""

    name: str
    version: str
    programs: list[Program]
    freeze_dir: str
    """Existing empty directory that the frozen application is written to, programs at its top."""
    work_dir: str
    """Existing empty directory for everything in between."""
    includes: list[str]
    excludes: list[str]
    search_path: list[str]
    """Directories that modules are looked for in, before those of the running Python."""
    package_data: list[tuple[str, str]]
    """Data files of packages: absolute path, and path relative to the modules (``package/data/file.txt``)."""
    options: dict[str, Any]
    """freezer_options of the command."""
    bundle_msvcrt: bool
    warn: Callable[[str], None]
    """Tells the developer what may be wrong, while the freeze goes on."""

    def run(self, command: list[str]) -> str:
        """Run a freezer's command in the work directory; its output is shown only if it fails, and returned."""
        result = subprocess.run(
            command,
            cwd=self.work_dir,
            env=_environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            check=False,
        )
        if result.returncode != 0:
            tail = "\n".join(result.stdout.splitlines()[-OUTPUT_LINES_SHOWN:])
            raise FreezerFailed(command, result.returncode, tail)
        return result.stdout


def _environment() -> dict[str, str]:
    """The environment of a freezer's command."""
    # A fixed hash seed makes two runs give the same bytes, which keeps updates small.
    environment = {"PYTHONHASHSEED": "0", **os.environ}
    # Relative entries would mean something else in the work directory.
    if environment.get("PYTHONPATH"):
        entries = environment["PYTHONPATH"].split(os.pathsep)
        environment["PYTHONPATH"] = os.pathsep.join(map(os.path.abspath, entries))
    # Tools installed beside Python are found also when its virtual environment is not activated.
    environment["PATH"] = os.pathsep.join([sysconfig.get_path("scripts"), environment.get("PATH", os.defpath)])
    return environment


class FreezerFailed(FreezeError):
    """A freezer's own command ended with an error."""

    def __init__(self, command: list[str], code: int, output: str) -> None:
        super().__init__(f"the freezer failed with exit code {code}: {' '.join(command)}\n{output}")
        self.output = output


class Freezer:
    """Turns scripts into a directory with programs. Derive from it to add a freezer.

    ``name`` is what ``freezer_module`` says, ``aliases`` are other spellings of it, ``module`` is what must be
    importable for the freezer to be there, ``install`` is what to tell pip to get it. ``private_variables`` are
    environment variables that its programs set for themselves: esky takes them out before it starts another version.
    ``recognised_as`` is what ``esky pack`` calls its output, if it knows it.
    """

    name: ClassVar[str]
    aliases: ClassVar[tuple[str, ...]] = ()
    module: ClassVar[str]
    install: ClassVar[str]
    private_variables: ClassVar[tuple[str, ...]] = ()
    recognised_as: ClassVar[tuple[str, ...]] = ()

    @classmethod
    def is_installed(cls) -> bool:
        """Whether the freezer can be used by the running Python."""
        return importlib.util.find_spec(cls.module) is not None

    def programs(self, job: FreezeJob) -> list[str]:
        """Names of the programs at the top of ``freeze_dir``, in the order of ``job.programs``."""
        suffix = ".exe" if sys.platform == "win32" else ""
        names = [program.name for program in job.programs]
        return [name if name.endswith(suffix) else name + suffix for name in names]

    def freeze(self, job: FreezeJob) -> None:
        """Write the frozen application to ``job.freeze_dir``, each program at its top under its name.

        Raises :class:`FreezeError` with a message for the developer.
        """
        raise NotImplementedError


def refuse_unknown(freezer: str, what: str, given: Any, known: Any) -> None:
    """Raise FreezeError when ``given`` has a key that is not among ``known``."""
    unknown = sorted(set(given) - set(known))
    if unknown:
        raise FreezeError(
            f"{freezer} has no {what} {', '.join(map(repr, unknown))}; known are: {', '.join(sorted(known))}"
        )


def absolute_sources(values: Any) -> list[Any]:
    """Make paths absolute, seen from the directory of ``setup.py``; of a tuple, the first item is the path.

    Freezers run in their work directory, where a relative path would mean something else.
    """
    return [
        os.path.abspath(value) if isinstance(value, (str, os.PathLike)) else (os.path.abspath(value[0]), *value[1:])
        for value in values or ()
    ]


def known_freezers() -> list[type[Freezer]]:
    """Our own freezers in the order of preference, then those of other packages by name."""
    from .cx_freeze import CxFreezeFreezer
    from .nuitka import NuitkaFreezer
    from .py2exe import Py2exeFreezer
    from .pyinstaller import PyInstallerFreezer

    found = _entry_points()
    others = [entry_point.load() for entry_point in sorted(found, key=lambda entry_point: entry_point.name)]
    return [PyInstallerFreezer, CxFreezeFreezer, Py2exeFreezer, NuitkaFreezer, *others]


def _entry_points() -> list[Any]:
    if sys.version_info >= (3, 10):
        return list(importlib.metadata.entry_points(group=ENTRY_POINT_GROUP))
    return list(importlib.metadata.entry_points().get(ENTRY_POINT_GROUP, ()))


def find_freezer(wanted: Any) -> Freezer:
    """The freezer of that name or class, or the first installed one."""
    if wanted is None:
        return _first_installed()
    if isinstance(wanted, type):
        return _usable(wanted)
    if not isinstance(wanted, str):
        raise FreezeError(f"freezer_module must be a name or a Freezer class, not {wanted!r}")
    for freezer in known_freezers():
        if wanted in (freezer.name, *freezer.aliases):
            return _usable(freezer)
    if ":" in wanted:
        return _usable(_imported(wanted))
    if wanted in RUN_BY_HAND:
        raise FreezeError(
            f"{wanted} {RUN_BY_HAND[wanted]}: freeze with it as you always did, then pack its output directory with "
            "`esky pack DIRECTORY`"
        )
    names = ", ".join(freezer.name for freezer in known_freezers())
    raise FreezeError(
        f"freezer_module {wanted!r} is not known; there are: {names}. Any other freezer's output directory can be "
        "packed with `esky pack DIRECTORY`"
    )


def _first_installed() -> Freezer:
    freezers = known_freezers()
    for freezer in freezers:
        if freezer.is_installed():
            return freezer()
    choices = " or ".join(f"`pip install {freezer.install}`" for freezer in freezers)
    raise FreezeError(f"no freezer is installed: {choices}")


def _imported(wanted: str) -> type:
    module, _colon, name = wanted.partition(":")
    try:
        found = getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError, ValueError) as error:
        raise FreezeError(f"freezer_module {wanted!r} cannot be imported: {error}") from error
    return found if isinstance(found, type) else type(found)


def _usable(freezer: type) -> Freezer:
    if not issubclass(freezer, Freezer):
        raise FreezeError(f"{freezer.__name__} is no freezer: derive it from esky.bdist_esky.Freezer")
    if not freezer.is_installed():
        raise FreezeError(f"{freezer.name} is not installed: `pip install {freezer.install}`")
    return freezer()
