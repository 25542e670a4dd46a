"""`Esky`: an installed app and what can be done with its versions."""

from __future__ import annotations

import atexit
import os
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NoReturn

from . import _esky, _on_disk, _progress, _relaunch, _startup, sudo, util
from ._decisions import Decisions, Rollback, from_native
from ._frozen import is_frozen, program_path
from ._progress import Callback, Event, Progress, Status, current_monitor, event_of, monitored, run
from ._update import Update
from .errors import (
    EskyLockedError,
    EskyVersionError,
    InstallPermissionError,
    NoVersionFinderError,
    UnsignedSourceError,
    VerifyError,
)
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
        with self._guard:
            me = threading.get_ident()
            if self._lock_count and self._lock_owner != me:
                raise EskyLockedError("another thread is updating this app", path=self.appdir)
            if self._lock is None:
                self._lock = self._native.lock()
                self._lock_owner = me
            self._lock_count += 1
            return True

    def unlock(self) -> None:
        """Undoes one `lock` of this thread; without one it does nothing."""
        if self._lock_owner == threading.get_ident():
            self._release()

    def _release(self) -> None:
        with self._guard:
            self._lock_count -= 1
            if self._lock_count == 0 and self._lock is not None:
                self._lock.release()
                self._lock = self._lock_owner = None

    @contextmanager
    def _locked(self) -> Iterator[None]:
        self.lock()
        try:
            yield
        finally:
            # An iterator may be carried on by another thread than the one that began with it.
            if self._lock_owner == threading.get_ident():
                self.unlock()
            else:
                self._release()

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
        finder = self._need_finder()
        versions = list(finder.find_versions(self))
        if (
            self.version not in versions
            and _on_disk.damaged(self._native, self.version)
            and finder.can_repair(self, self.version)
        ):
            # Finders of packages leave out the version that starts, since it is no update as a rule.
            versions.append(self.version)
        refused = self._native.decisions(versions).refused
        offered = (version for version in versions if version not in refused)
        newest = max(offered, key=util.parse_version, default=None)
        if newest is None:
            return None
        key, present = util.parse_version(newest), util.parse_version(self.version)
        is_update = key > present or (key == present and _on_disk.damaged(self._native, newest) is not None)
        return newest if is_update else None

    def fetch_version(self, version: str, callback: Callback | None = None) -> str:
        """Fetches and unpacks a version, and returns the directory it is in.  The running version is not touched."""
        finder = self._need_finder()
        ready = _on_disk.ready(self._native, version)
        if ready is not None:
            return ready
        with self._locked():
            mended = self._mend(version)
            if mended is not None:
                return mended
            path = finder.has_version(self, version)
            if not path:
                path = finder.fetch_version(self, version, self._observer(finder, version, callback))
            return self._adopt(str(path), version)

    def fetch_version_iter(self, version: str) -> Iterator[Status]:
        """Fetches a version, yielding a status dictionary at each step.

        The last one is `{"status": "ready", "path": …}`.
        """
        finder = self._need_finder()
        ready = _on_disk.ready(self._native, version)
        if ready is not None:
            yield {"status": "ready", "path": ready}
            return
        with self._locked():
            path: Any = self._mend(version)
            if path is not None:
                yield {"status": "ready", "path": path}
                return
            path = finder.has_version(self, version)
            if not path:
                for status in finder.fetch_version_iter(self, version):
                    if status.get("status") == "ready":
                        path = status.get("path", path)
                    else:
                        yield status
                path = path or finder.has_version(self, version)
            if not path:
                raise EskyVersionError(f"version {version} was fetched but is not there")
            yield {"status": "ready", "path": self._adopt(str(path), version)}

    def install_version(self, version: str) -> None:
        """Makes a version the one that starts next, fetching it first if need be.

        A crash at any instant leaves the old or the new version working.
        """
        with self._locked():
            was_there = _on_disk.is_there(self._native, version)
            if not was_there:
                self.fetch_version(version)
            try:
                run(self._native.install(version, current_monitor().cancel))
            except VerifyError:
                # An earlier run had fetched it, and a power cut since has taken a part of it.  It was removed.
                if not was_there or self._finder is None:
                    raise
                self.fetch_version(version)
                run(self._native.install(version, current_monitor().cancel))

    def uninstall_version(self, version: str) -> None:
        """Removes a version that nobody uses; `VersionLockedError` otherwise."""
        with self._locked():
            run(self._native.uninstall(version))

    def needs_cleanup(self) -> bool:
        """Whether `cleanup` would do anything."""
        if self._finder is not None and self._finder.needs_cleanup(self):
            return True
        return self._native.needs_cleanup()

    def cleanup(self) -> bool:
        """Finishes what was interrupted and removes old versions and fetched files.

        Returns False if something must wait because it is in use.  When there is nothing to do, nothing is written, so
        that it can be called in an app that is read-only for this user.
        """
        if self._is_clean():
            return True
        with self._locked():
            done = bool(run(self._native.cleanup()))
            if self._finder is not None:
                self._finder.cleanup(self)
        return done

    def _is_clean(self) -> bool:
        # A finder written for the original may have something to do and not say so.
        says_so = self._finder is None or isinstance(self._finder, _NativeVersionFinder)
        return says_so and not self.needs_cleanup()

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

    def auto_update(self, callback: Callback | None = None) -> None:
        """Finds, fetches and installs the newest version if there is one, and cleans up.

        `callback` gets a status dictionary at each step: searching, found, downloading, ready, installing,
        cleaning up, done; and error before an exception is raised.
        """
        tell = callback if callback is not None else _progress.ignore
        self._need_finder()
        try:
            cleaned_up = self._auto_update(tell)
        except Exception as error:
            tell({"status": "error", "exception": error})
            raise
        if not cleaned_up and self.needs_cleanup() and _startup.can_clean_up_at_exit():
            self.cleanup_at_exit()

    def _auto_update(self, tell: Callback) -> bool:
        tell({"status": "searching"})
        version = self.find_update()
        if version is not None:
            tell({"status": "found", "new_version": version})
            self._update_to(version, tell)
        tell({"status": "cleaning up"})
        cleaned_up = self._clean_up_if_possible()
        tell({"status": "done"})
        return cleaned_up

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

    def _update_to(self, version: str, tell: Callback) -> None:
        with self._locked():
            if not self._is_still_wanted(version):
                self.reinitialize()
                return
            path = self.fetch_version(version, lambda status: _progress.unless_ready(status, tell))
            tell({"status": "ready", "path": path})
            tell({"status": "installing", "new_version": version})
            self.install_version(version)
            self.reinitialize()

    def _is_still_wanted(self, version: str) -> bool:
        """Another process may have been quicker since the search."""
        is_newer = util.parse_version(version) > util.parse_version(self._native.best().version)
        return is_newer and version not in self._native.decisions([version]).refused

    def _need_finder(self) -> VersionFinder:
        if self._finder is None:
            raise NoVersionFinderError()
        if not getattr(self._finder, "is_verified", False) and self._native.is_signed():
            raise UnsignedSourceError(
                f"{self.appdir} takes updates only from its signed repository",
                hint="give the address of the repository, or a SignedVersionFinder",
                path=self.appdir,
            )
        return self._finder

    def _observer(self, finder: VersionFinder, version: str, callback: Callback | None) -> Callback:
        """Passes the statuses of a finder written in Python on to a `progress` function too."""
        monitor = current_monitor()
        native = isinstance(finder, _NativeVersionFinder)

        def observe(status: Status) -> None:
            if callback is not None:
                callback(status)
            if not native:
                monitor.emit(event_of(status, version))

        return observe

    def _adopt(self, path: str, version: str) -> str:
        """Takes a directory that a finder made itself into the app directory."""
        staged = self._native.staged(version)
        if staged is not None and os.path.realpath(path) == os.path.realpath(staged):
            return staged
        return str(run(self._native.adopt(path, version)))

    def _mend(self, version: str) -> str | None:
        """Repairs a version that is installed and cannot be started; its directory then.  None: it is to be fetched."""
        damaged = _on_disk.damaged(self._native, version)
        if damaged is None:
            return None
        try:
            self._need_finder().repair_version(self, version, current_monitor())
        except NotImplementedError:
            # A finder that gives no parts of packages: the version is fetched as if it had never been there.
            run(self._native.discard(version))
            return None
        return damaged.path

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
        finder = self._need_finder()
        with monitored(progress, cancel) as monitor, self._locked():
            return finder.repair_version(self, version or self._wanted(), monitor)

    def _wanted(self) -> str:
        """The version that is to start, even if it is so damaged that another one takes its place."""
        return self._native.wanted().version

    # --- Trials, and what the user decides

    def confirm(self) -> bool:
        """Says that the running version has come up, so that its trial is over.  False if it is not on trial."""
        return self._native.confirm()

    def decisions(self) -> Decisions:
        """What was decided about versions so far: the trial that is going on, held and skipped versions, a pin."""
        return from_native(self._native.decisions([]))

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
