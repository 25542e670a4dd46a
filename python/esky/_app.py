"""`Esky`: an installed app and what can be done with its versions."""

from __future__ import annotations

import atexit
import os
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import NoReturn

from . import _esky, _progress, _relaunch, _startup, sudo, util
from ._decisions import Decisions, Rollback, from_native
from ._frozen import is_frozen, program_path
from ._progress import Callback, Event, Progress, Status, current_monitor, event_of, monitored, run
from ._source import source_of
from ._update import Update
from .errors import EskyLockedError, InstallPermissionError
from .finder import VersionFinder, _NativeVersionFinder, as_finder, local_path


class Esky:
    """An app directory and the versions in it.

    The first argument is the app directory, or the frozen program that is running (`sys.executable`).  The second says
    where new versions come from: the address of a page that links to packages, a local directory of packages, or a
    `VersionFinder`.  For an app that was released with `esky release` it is the address or directory of the signed
    repository; such an app takes nothing that is not signed.

    It has the attributes `appdir`, `name` and `platform`; `version`, the best version on disk; and `active_version`,
    the one that is running, or None if an app directory was given.

    The short way to update is `auto_update`, or step by step:

        update = app.check()
        if update is not None:
            update.download(progress=show)
            update.install()
    """

    lock_timeout = 60 * 60
    """Kept for old code.  The lock of a process that has died is free at once, that of a living one is never broken."""

    appdir: str
    name: str
    platform: str
    version: str
    active_version: str | None

    def __init__(
        self,
        appdir_or_exe: str | os.PathLike[str],
        version_finder: VersionFinder | str | os.PathLike[str] | None = None,
    ) -> None:
        self._guard = threading.RLock()
        self._lock: _esky.UpdateLock | None = None
        self._lock_owner: int | None = None
        self._lock_count = 0
        self._finder: VersionFinder | None = None
        self._at_exit: Callable[[], None] | None = None
        self.sudo_proxy: sudo.SudoProxy | None = None
        self.keep_sudo_proxy_alive = False
        path = os.path.abspath(local_path(appdir_or_exe))
        self._native = _esky.App(path)
        if is_frozen() and path == os.path.abspath(program_path()):
            _startup.begin_without_hooks()
        self.active_version = self._native.active_version
        self.appdir = self._native.root
        self._init_from_appdir()
        self.version_finder = version_finder

    def _init_from_appdir(self) -> None:
        """Reads name, platform and version from the app directory.  Subclasses may do it in their own way."""
        best = self._native.best()
        self.name, self.platform, self.version = best.name, best.platform, best.version

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name} {self.version} at {self.appdir}>"

    @property
    def version_finder(self) -> VersionFinder | None:
        """Where new versions come from.  An address or a directory may be assigned as well."""
        return self._finder

    @version_finder.setter
    def version_finder(self, finder: VersionFinder | str | os.PathLike[str] | None) -> None:
        self._finder = as_finder(finder, self._native)

    def reinitialize(self) -> None:
        """Looks again which version is the best one on disk."""
        self._native.reinitialize()
        self._init_from_appdir()

    def get_abspath(self, relpath: str | os.PathLike[str]) -> str:
        """The absolute path of something inside the running version (or the best one, when none is running)."""
        return os.path.join(self._version_dir(self.active_version or self.version), relpath)

    def _get_versions_dir(self) -> str:
        return self._native.versions_dir

    def _version_dir(self, version: str) -> str:
        name = util.join_app_version(self.name, version, self.platform)
        # An app with `appdata` may still hold a version from before at the top.
        places = [os.path.join(parent, name) for parent in (self._native.versions_dir, self.appdir)]
        return next(filter(os.path.isdir, places), places[0])

    # --- Locking

    def lock(self, num_retries: int = 0) -> bool:
        """Keeps other processes and threads from updating this app until `unlock`.  Calls are counted.

        It does not wait: `EskyLockedError` is raised if someone else is updating.
        """
        self._enter()
        try:
            with self._guard:
                if self._lock is None:
                    self._lock = self._native.lock()
        except BaseException:
            self._leave()
            raise
        return True

    def unlock(self) -> None:
        """Undoes one `lock` of this thread; without one it does nothing."""
        if self._lock_owner == threading.get_ident():
            self._leave()

    def _enter(self) -> None:
        """Keeps other threads out.  Other processes are kept out by the native core, where it changes something."""
        with self._guard:
            me = threading.get_ident()
            if self._lock_count and self._lock_owner != me:
                raise EskyLockedError("another thread is updating this app", path=self.appdir)
            self._lock_owner = me
            self._lock_count += 1

    def _leave(self) -> None:
        with self._guard:
            self._lock_count -= 1
            if self._lock_count == 0:
                self._lock_owner = None
                if self._lock is not None:
                    self._lock.release()
                    self._lock = None

    @contextmanager
    def _alone(self) -> Iterator[None]:
        self._enter()
        try:
            yield
        finally:
            # An iterator may be carried on by another thread than the one that began with it.
            self._leave()

    @contextmanager
    def _locked(self) -> Iterator[None]:
        self.lock()
        try:
            yield
        finally:
            self._leave()

    # --- Rights

    def has_root(self) -> bool:
        """Whether this process runs as root or administrator."""
        return sudo.has_root()

    def get_root(self) -> None:
        """Raises `InstallPermissionError` unless this process has root already."""
        if not self.has_root():
            raise sudo.no_rights()

    def drop_root(self) -> None:
        """Does nothing: rights are never taken."""

    # --- The original's way

    def find_update(self) -> str | None:
        """The newest version there is, if it is newer than what is on disk; else None.

        A version that is held or skipped does not count, and when one is pinned no other does.  One that is on disk and
        cannot be started, because files of it are damaged, counts as newer: fetching it repairs it.
        """
        found: str | None = run(self._native.find_update(self._source(), self.version, current_monitor().cancel))
        return found

    def fetch_version(self, version: str, callback: Callback | None = None) -> str:
        """Fetches and unpacks a version, and returns the directory it is in.  The running version is not touched."""
        source = self._source(self._observer(version, callback))
        with self._alone():
            task = self._native.fetch_version(source, version, current_monitor().cancel)
            return str(run(task, callback=callback))

    def fetch_version_iter(self, version: str) -> Iterator[Status]:
        """Fetches a version, yielding a status dictionary at each step.

        The last one is `{"status": "ready", "path": …}`.
        """
        monitor = current_monitor()
        with self._alone(), self._native.fetch_version(self._source(), version, monitor.cancel) as task:
            for told in task:
                status = _progress.tell(told, monitor)
                if status is not None and status.get("status") != "ready":
                    yield status
            yield {"status": "ready", "path": task.result()}

    def install_version(self, version: str) -> None:
        """Makes a version the one that starts next, fetching it first if need be.

        A crash at any instant leaves the old or the new version working.
        """
        source = self._source(self._observer(version, None))
        with self._alone():
            run(self._native.install_version(source, version, current_monitor().cancel))

    def uninstall_version(self, version: str) -> None:
        """Removes a version that nobody uses; `VersionLockedError` otherwise."""
        with self._locked():
            run(self._native.uninstall(version))

    def needs_cleanup(self) -> bool:
        """Whether `cleanup` would do anything."""
        return bool(run(self._native.needs_cleanup(self._source())))

    def cleanup(self) -> bool:
        """Finishes what was interrupted and removes old versions and fetched files.

        Returns False if something must wait because it is in use.  When there is nothing to do, nothing is written, so
        that it can be called in an app that is read-only for this user.
        """
        with self._alone():
            return bool(run(self._native.cleanup(source_of(self._finder, self, cleans_up=True))))

    def cleanup_at_exit(self) -> None:
        """Cleans up when this program has ended, from another process, because its own version is in use till then.

        In a frozen program `run_startup_hooks` must have been called, else this is an `OSError`.
        """
        _startup.check_hooks()
        if self._at_exit is None:
            appdir = self.appdir

            def spawn() -> None:
                _startup.spawn_cleanup(appdir)

            self._at_exit = spawn
            atexit.register(spawn)

    def auto_update(self, callback: Callback | None = None) -> str | None:
        """Finds, fetches and installs the newest version if there is one, and cleans up.

        Returns the version that was installed, or None.  `callback` gets a status dictionary at each step: searching,
        found, downloading, ready, installing, cleaning up, done; and error before an exception is raised.

        As in the original, each step is a method that a subclass may override.
        """
        tell = callback if callback is not None else _progress.ignore
        try:
            installed, cleaned_up = self._auto_update(tell)
        except Exception as error:
            tell({"status": "error", "exception": error})
            raise
        if not cleaned_up and self.needs_cleanup() and _startup.can_clean_up_at_exit():
            self.cleanup_at_exit()
        return installed

    def _auto_update(self, tell: Callback) -> tuple[str | None, bool]:
        tell({"status": "searching"})
        version = self.find_update()
        installed = None
        if version is not None:
            tell({"status": "found", "new_version": version})
            installed = self._update_to(version, tell)
        tell({"status": "cleaning up"})
        cleaned_up = self._clean_up_if_possible()
        tell({"status": "done"})
        return installed, cleaned_up

    def _clean_up_if_possible(self) -> bool:
        """Returns False if it makes sense to try again later."""
        try:
            return self.cleanup()
        except EskyLockedError:
            # Someone else is at it, such as the process that the last run of this app has left for this.
            return False
        except InstallPermissionError:
            # The one who installs the updates cleans up too.
            return True

    def _update_to(self, version: str, tell: Callback) -> str | None:
        with self._locked():
            # Another process may have been quicker since the search.
            is_wanted = run(self._native.is_still_wanted(version))
            if is_wanted:
                self.fetch_version(version, tell)
                tell({"status": "installing", "new_version": version})
                self.install_version(version)
            self.reinitialize()
            return version if is_wanted else None

    def _source(self, observe: Callback | None = None) -> _esky.Source | None:
        return source_of(self._finder, self, observe)

    def _observer(self, version: str, callback: Callback | None) -> Callback:
        """Passes on the statuses that a finder written in Python tells."""
        monitor = current_monitor()
        # What a finder fetches by the native core is told to the monitor there.
        tells_itself = isinstance(self._finder, _NativeVersionFinder)

        def observe(status: Status) -> None:
            # The finder's own `ready` names the directory before it was adopted; the core tells the final one.
            if status.get("status") == "ready":
                return
            if callback is not None:
                callback(status)
            if not tells_itself:
                monitor.emit(event_of(status, version))

        return observe

    # --- The modern way

    def check(self, progress: Progress | None = None, cancel: _esky.CancelToken | None = None) -> Update | None:
        """Looks for a newer version: an `Update` that can be downloaded and installed, or None."""
        with monitored(progress, cancel) as monitor:
            monitor.emit(Event("searching"))
            version = self.find_update()
            if version is None:
                return None
            monitor.emit(Event("found", version=version))
            return Update(self, version)

    def versions(self) -> list[_esky.InstalledVersion]:
        """The versions on disk, best first."""
        return self._native.versions()

    def kept_files(self) -> list[_esky.KeptFiles]:
        """The files that did not come with the app and were in versions that have been removed.

        Settings, plug-ins and the like that the user or the app has written into a version are never deleted with it:
        they are moved below `kept` in the app directory.
        """
        return self._native.kept_files()

    def verify(
        self,
        version: str | None = None,
        progress: Progress | None = None,
        cancel: _esky.CancelToken | None = None,
    ) -> _esky.VerifyReport:
        """Compares every file of a version with its file list.  Without `version`, the one that is to start."""
        with monitored(progress, cancel) as monitor:
            report: _esky.VerifyReport = run(self._native.verify(version or self._wanted(), monitor.cancel), monitor)
            return report

    def repair(
        self,
        version: str | None = None,
        progress: Progress | None = None,
        cancel: _esky.CancelToken | None = None,
    ) -> list[str]:
        """Fetches what is damaged or missing in a version, and nothing else; returns the paths that were mended.

        Without `version`, the one that is to start.  The version may be running.
        """
        with monitored(progress, cancel) as monitor, self._alone():
            task = self._native.repair(self._source(), version or self._wanted(), monitor.cancel)
            return list(run(task, monitor))

    def _install_update(self, version: str) -> None:
        source = self._source(self._observer(version, None))
        with self._alone():
            run(self._native.install_update(source, version, current_monitor().cancel))
        self.reinitialize()

    def _wanted(self) -> str:
        """The version that is to start, even if it is so damaged that another one takes its place."""
        return self._native.wanted().version

    # --- Trials, and what the user decides

    def confirm(self) -> bool:
        """Says that the running version has come up, so that its trial is over.  False if it is not on trial."""
        return self._native.confirm()

    def decisions(self) -> Decisions:
        """What was decided about versions so far: the trial that is going on, held and skipped versions, a pin."""
        return from_native(self._native.decisions())

    def last_rollback(self) -> Rollback | None:
        """The last time that a version was undone, with the reason; to tell the user, or the developer."""
        return self.decisions().last_rollback

    def roll_back(self, version: str | None = None, reason: str = "the user went back") -> str:
        """Goes back to another version, without `version` to the one before; returns the version that starts now.

        The version that started until now is held: it is not offered again until `unhold`.
        """
        with self._locked():
            now: str = run(self._native.roll_back(version, reason))
            self.reinitialize()
            return now

    def pin(self, version: str | None = None) -> None:
        """Stays at an installed version (the best one unless given) and starts it; no other is offered then."""
        with self._locked():
            run(self._native.pin(version or self.version))
            self.reinitialize()

    def unpin(self) -> None:
        """Lets the app update again."""
        with self._locked():
            run(self._native.pin(None))

    def skip(self, version: str) -> None:
        """Does not want a version.  A newer one is offered."""
        with self._locked():
            run(self._native.skip(version))

    def unhold(self, version: str) -> bool:
        """Allows a version again that is held or skipped.  False if it was neither."""
        with self._locked():
            return bool(run(self._native.unhold(version)))

    def relaunch(self, arguments: Sequence[str] | None = None) -> NoReturn:
        """Ends this program and starts the app anew, so that the newest version runs.

        `arguments` are those of this run unless given.  Functions registered with `atexit` are called first.
        """
        words = sys.argv[1:] if arguments is None else list(arguments)
        running = _startup.running_app()
        if running is None:
            _relaunch.relaunch(program_path(), words, beside=sys.platform == "win32")
        _relaunch.relaunch(running.launcher, words, beside=running.starts_beside)
