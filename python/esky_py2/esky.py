# -*- coding: utf-8 -*-
"""esky for applications on Python 2: the original's names, done by the `esky` command.

Python 2 cannot load esky's compiled module. An application of that time carries this one file, and the native `esky` command
in the directory `esky-command` beside its program:

    import sys, esky
    esky.run_startup_hooks()
    app = esky.Esky(sys.executable, "https://example.com/downloads/")
    app.auto_update()

What the command does is as safe as everywhere: signatures, trials and going back are in it and in the start-up program.
The file runs on Python 2.6 and later, Python 3 included.
"""

from __future__ import print_function

import json
import os
import re
import subprocess
import sys

__all__ = [
    "Error",
    "Esky",
    "EskyBrokenError",
    "EskyLockedError",
    "EskyVersionError",
    "NoVersionFinderError",
    "run_startup_hooks",
]

COMMAND_DIRECTORY = "esky-command"
SPAWN_CLEANUP = "--esky-spawn-cleanup"
LOCKED_EXIT_CODE = 5
NO_UPDATE_EXIT_CODE = 3
APPDATA = "appdata"
# A version directory: NAME-VERSION.PLATFORM.
VERSION_DIRECTORY = re.compile(r"^(?P<name>.+?)-(?P<version>[0-9][^-]*(?:-.*)?)\.(?P<platform>[^.]+)$")
# What freezers of Python 2 programs leave in the environment.
PRIVATE_VARIABLES = ("_MEIPASS2", "ARGVZERO", "EXECUTABLEPATH", "RESOURCEPATH")


class Error(Exception):
    """Something about updates went wrong; the text says what, and what can be done."""


class EskyBrokenError(Error):
    """There is no application where one should be, or no `esky` command in it."""


class EskyLockedError(Error):
    """Another updater is at work on the application."""


class EskyVersionError(Error):
    """There is no such version."""


class NoVersionFinderError(Error):
    """Nobody said where updates come from."""

    def __init__(self, message="give Esky an address of updates"):
        Error.__init__(self, message)


class Esky(object):
    """An installed application.

    `appdir_or_exe` is the application's directory or its running program; `version_finder` the address where updates are.
    """

    def __init__(self, appdir_or_exe, version_finder=None, command=None):
        path = os.path.abspath(appdir_or_exe)
        self.active_version = None
        if os.path.isfile(path):
            self.appdir, self.active_version = _owner(path)
            self._program = os.path.join(self.appdir, os.path.basename(path))
            beside = os.path.dirname(path)
        else:
            self.appdir, self._program, beside = path, None, path
        self.version_finder = version_finder
        self._command = command or _command_beside(beside)
        self.reinitialize()

    def reinitialize(self):
        """Look again which version is installed."""
        info = self._run("info", self.appdir)
        self.name = info["name"]
        if info.get("starts") is None:
            raise EskyBrokenError("%s has no version that starts" % (self.appdir,))
        self.version = info["starts"]["version"]
        self.platform = info["platform"]

    def find_update(self):
        """The newest version above the installed one, or None."""
        return self._run("update", "--check", self.appdir, self._source())["available"]

    def auto_update(self, callback=None):
        """Find, fetch and install the newest version, and clean up. `callback` gets the original's dictionaries."""
        tell = callback or (lambda status: None)
        try:
            tell({"status": "searching"})
            version = self.find_update()
            if version is not None:
                tell({"status": "found", "new_version": version})
                tell({"status": "installing", "new_version": version})
                self._run("update", self.appdir, self._source())
                self.reinitialize()
            tell({"status": "done"})
        except Exception as error:
            tell({"status": "error", "exception": error})
            raise

    def install_version(self, version):
        """Install a version. The command installs the newest one, so it has to be that."""
        if version == self.version:
            return
        newest = self.find_update()
        if newest != version:
            raise EskyVersionError("%s is not the newest version that is offered (%s is)" % (version, newest))
        self._run("update", self.appdir, self._source())
        self.reinitialize()

    def cleanup(self):
        """Remove versions that nobody runs. False if one is still running."""
        return bool(self._run("cleanup", self.appdir)["complete"])

    def relaunch(self, arguments=None):
        """End this program and start the application anew, so that the newest version runs."""
        if self._program is None:
            raise EskyBrokenError("%s is not a running program: give Esky sys.executable" % (self.appdir,))
        words = sys.argv[1:] if arguments is None else list(arguments)
        sys.stdout.flush()
        sys.stderr.flush()
        environment = _clean_environment()
        if sys.platform == "win32":
            subprocess.Popen([self._program] + words, env=environment, close_fds=True)
            sys.exit(0)
        os.execve(self._program, [self._program] + words, environment)

    def _source(self):
        if self.version_finder is None:
            raise NoVersionFinderError()
        return self.version_finder

    def _run(self, *words):
        """Run the command, and give back its JSON document."""
        line = [self._command, "--json"] + list(words)
        with open(os.devnull, "rb") as nothing:
            try:
                process = subprocess.Popen(line, stdin=nothing, stdout=subprocess.PIPE, env=_clean_environment())
            except OSError as error:
                raise EskyBrokenError("cannot start %s: %s" % (self._command, error))
        output = process.communicate()[0]
        try:
            answer = json.loads(output.decode("utf-8"))
        except ValueError:
            raise Error("%s ended with exit code %s and no answer" % (" ".join(line), process.returncode))
        if "error" in answer:
            raise _error(answer["error"], process.returncode)
        if process.returncode not in (0, NO_UPDATE_EXIT_CODE):
            raise Error("%s ended with exit code %s" % (" ".join(line), process.returncode))
        return answer


def run_startup_hooks():
    """Call this first thing: a program that was started only to clean up does that and ends."""
    if len(sys.argv) > 1 and sys.argv[1] == SPAWN_CLEANUP:
        try:
            Esky(sys.executable).cleanup()
        except Error:
            # The next start does it.
            sys.exit(1)
        sys.exit(0)


def _owner(program):
    """The application's directory, and the version whose directory the program is in."""
    directory = os.path.dirname(program)
    found = VERSION_DIRECTORY.match(os.path.basename(directory))
    if found is None:
        raise EskyBrokenError("%s is not in a version directory: start the program at the top" % (program,))
    above = os.path.dirname(directory)
    if os.path.basename(above) == APPDATA:
        above = os.path.dirname(above)
    return above, found.group("version")


def _command_beside(directory):
    name = "esky.exe" if sys.platform == "win32" else "esky"
    command = os.path.join(directory, COMMAND_DIRECTORY, name)
    if not os.path.isfile(command):
        raise EskyBrokenError("%s is missing: put the native esky command there when freezing" % (command,))
    return command


def _clean_environment():
    environment = dict(os.environ)
    for name in list(environment):
        if name in PRIVATE_VARIABLES or name.startswith("_PYI_"):
            del environment[name]
    return environment


def _error(told, exit_code):
    text = told.get("cause") or "unknown"
    if told.get("hint"):
        text = "%s (%s)" % (text, told["hint"])
    if exit_code == LOCKED_EXIT_CODE:
        return EskyLockedError(text)
    return Error(text)
