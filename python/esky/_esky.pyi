"""The native core.  Use the names of `esky` instead; these may change."""

from collections.abc import Callable, Mapping, Sequence
from types import TracebackType
from typing import Any, final

from typing_extensions import disjoint_base

__all__ = [
    "App",
    "CancelToken",
    "Decisions",
    "Finder",
    "InstalledVersion",
    "KeptFiles",
    "RunningApp",
    "Source",
    "Task",
    "UpdateLock",
    "UrlStream",
    "VerifyReport",
    "VersionGraph",
    "VersionLock",
    "ZipFile",
    "__version__",
    "check_release",
    "clean_environment",
    "clean_up_patiently",
    "get_platform",
    "join_app_version",
    "pack",
    "parse_version",
    "run_command",
    "run_startup_hooks",
    "split_app_version",
]

__version__: str

@final
class CancelToken:
    """Stops the work it was given to, from any thread."""

    def __new__(cls) -> CancelToken: ...
    def cancel(self) -> None:
        """Stops the work at the next safe point."""

    def is_cancelled(self) -> bool:
        """Whether `cancel` was called."""

    def check(self) -> None:
        """Raises `CancelledError` if `cancel` was called."""

@final
class Task:
    """Work on a thread of its own.  Iterate over its events, then ask for its result."""

    def __iter__(self) -> Task: ...
    def __next__(self) -> tuple[str, int, int | None, str | None, str | None] | dict[str, Any]:
        """A tuple for a step of the native core, a dictionary for a status of a finder written in Python."""

    def __enter__(self) -> Task: ...
    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None, /
    ) -> None: ...
    def result(self) -> Any:
        """Waits for the end and returns the result, or raises what went wrong."""

    def cancel(self) -> None:
        """Stops the work at the next safe point, and waits a moment for it."""

@final
class InstalledVersion:
    """A version on disk."""

    @property
    def name(self) -> str: ...
    @property
    def version(self) -> str: ...
    @property
    def platform(self) -> str: ...
    @property
    def path(self) -> str: ...
    @property
    def complete(self) -> bool: ...
    @property
    def in_use(self) -> bool: ...
    @property
    def current(self) -> bool: ...
    @property
    def obstacle(self) -> str | None: ...

@final
class KeptFiles:
    """Files that did not come with a version, and were in it when it was removed."""

    @property
    def version(self) -> str: ...
    @property
    def directory(self) -> str: ...
    @property
    def files(self) -> int: ...
    @property
    def bytes(self) -> int: ...

@final
class VerifyReport:
    """What `Esky.verify` found."""

    @property
    def checked(self) -> int: ...
    @property
    def damaged(self) -> list[str]: ...
    @property
    def missing(self) -> list[str]: ...
    @property
    def extra(self) -> list[str]: ...
    @property
    def ok(self) -> bool:
        """Nothing is damaged or missing."""

@final
class Decisions:
    """What was decided about versions."""

    @property
    def trial(self) -> tuple[str, int, int, int, bool] | None: ...
    @property
    def fallback(self) -> str | None: ...
    @property
    def held(self) -> list[tuple[str, str, int]]: ...
    @property
    def skipped(self) -> list[str]: ...
    @property
    def pinned(self) -> str | None: ...
    @property
    def last_rollback(self) -> tuple[str, str, int] | None: ...

@final
class UpdateLock:
    """The right to change an app directory."""

    def release(self) -> None: ...

@final
class VersionLock:
    """A version in use."""

    @staticmethod
    def shared(version_dir: str) -> VersionLock: ...
    @staticmethod
    def try_exclusive(version_dir: str) -> VersionLock | None: ...
    @staticmethod
    def is_held(version_dir: str) -> bool: ...
    def release(self) -> None: ...

@final
class ZipFile:
    """A zip file whose index was checked.  It is extracted once."""

    @property
    def names(self) -> list[str]: ...
    @staticmethod
    def open(path: str, name: str) -> ZipFile: ...
    def extract(self, target: str, paths: Sequence[str | None]) -> None: ...
    def close(self) -> None: ...

@final
class RunningApp:
    """The app that the running program belongs to.  Its version is in use as long as this lives."""

    @property
    def launcher(self) -> str: ...
    @property
    def starts_beside(self) -> bool: ...
    def confirm(self) -> bool: ...
    def clean_up_at_exit(self) -> None: ...

@final
class App:
    """An app directory and the version in it that is running, if any."""

    def __new__(cls, path: str) -> App: ...
    @property
    def root(self) -> str: ...
    @property
    def versions_dir(self) -> str: ...
    @property
    def updates_dir(self) -> str: ...
    @property
    def downloads_dir(self) -> str: ...
    @property
    def name(self) -> str: ...
    @property
    def platform(self) -> str: ...
    @property
    def active_version(self) -> str | None: ...
    def reinitialize(self) -> None: ...
    def versions(self) -> list[InstalledVersion]: ...
    def kept_files(self) -> list[KeptFiles]: ...
    def best(self) -> InstalledVersion: ...
    def wanted(self) -> InstalledVersion: ...
    def lock(self) -> UpdateLock: ...
    def find_update(self, source: Source | None, present: str, cancel: CancelToken | None = None) -> Task: ...
    def is_still_wanted(self, version: str) -> Task: ...
    def fetch_version(self, source: Source | None, version: str, cancel: CancelToken | None = None) -> Task: ...
    def install_version(self, source: Source | None, version: str, cancel: CancelToken | None = None) -> Task: ...
    def install_update(self, source: Source | None, version: str, cancel: CancelToken | None = None) -> Task: ...
    def repair(self, source: Source | None, version: str, cancel: CancelToken | None = None) -> Task: ...
    def uninstall(self, version: str) -> Task: ...
    def confirm(self) -> bool: ...
    def is_signed(self) -> bool: ...
    def decisions(self) -> Decisions: ...
    def has_failed_trial(self) -> bool: ...
    def record_rollback(self) -> Task: ...
    def roll_back(self, to: str | None, reason: str) -> Task: ...
    def pin(self, version: str | None) -> Task: ...
    def skip(self, version: str) -> Task: ...
    def unhold(self, version: str) -> Task: ...
    def needs_cleanup(self, source: Source | None) -> Task: ...
    def cleanup(self, source: Source | None) -> Task: ...
    def verify(self, version: str, cancel: CancelToken | None = None) -> Task: ...

@final
class Finder:
    """A native version finder."""

    @staticmethod
    def http(url: str, proxy: str | None, timeout: float, retries: int, limit_rate: int | None) -> Finder: ...
    @staticmethod
    def signed(
        url: str,
        channel: str | None,
        how: tuple[str | None, float, int],
        limit_rate: int | None,
        download_limit: int | None,
    ) -> Finder: ...
    @staticmethod
    def local(directory: str) -> Finder: ...
    def notes(self, version: str) -> str | None: ...
    def set_headers(self, headers: Mapping[str, str] | Callable[[str], Mapping[str, str]] | None) -> None: ...
    def graph(self) -> VersionGraph: ...
    def open_url(self, url: str) -> UrlStream: ...
    def find_versions(
        self, app: App, cancel: CancelToken | None = None, open_url: Callable[[str], Any] | None = None
    ) -> Task: ...
    def fetch_version(
        self,
        app: App,
        version: str,
        cancel: CancelToken | None = None,
        open_url: Callable[[str], Any] | None = None,
    ) -> Task: ...
    def has_version(self, app: App, version: str) -> str | None: ...
    def needs_cleanup(self, app: App) -> bool: ...
    def cleanup(self, app: App) -> Task: ...

@final
class Source:
    """The finder of one call of the native core."""

    @staticmethod
    def native(finder: Finder, open_url: Callable[[str], Any] | None) -> Source: ...
    @staticmethod
    def python(
        finder: object, is_verified: bool, base: Finder | None, open_url: Callable[[str], Any] | None
    ) -> Source: ...

@final
class UrlStream:
    """The answer of a server."""

    @property
    def size(self) -> int | None:
        """The length of the body, if the server said it."""

    @property
    def url(self) -> str:
        """The address after redirects."""

    def geturl(self) -> str:
        """The address after redirects."""

    def read(self, size: int = -1) -> bytes:
        """Up to `size` bytes, or all that is left; empty at the end."""

    def close(self) -> None:
        """Ends the connection."""

    def __enter__(self) -> UrlStream: ...
    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None, /
    ) -> None: ...

@disjoint_base
class VersionGraph:
    """Versions, the links between them and what each link costs."""

    def __new__(cls) -> VersionGraph: ...
    def add_link(self, source: str, target: str, via: str, cost: int) -> None:
        """Adds a way from one version to another; the empty version stands for having nothing."""

    def remove_all_links(self, via: str) -> None:
        """Removes every link that goes by `via`."""

    def get_versions(self, source: str) -> list[str]:
        """The versions that can be reached from a version."""

    def get_best_path(self, source: str, target: str) -> list[str] | None:
        """The cheapest way, as a list of `via`; None if there is none, `KeyError` if a version is not known."""

    def get_best_paths(self, source: str) -> dict[str, list[str] | None]:
        """The cheapest way to every version."""

def get_platform() -> str: ...
def split_app_version(name: str) -> tuple[str, str, str]: ...
def join_app_version(name: str, version: str, platform: str) -> str: ...
def parse_version(version: str) -> tuple[str, ...]: ...
def check_release(name: str, version: str) -> None: ...
def run_startup_hooks(
    executable: str,
    arguments: Sequence[str],
    variables: Sequence[tuple[str, str]],
    freezer_directory: str | None,
    confirm: bool,
) -> tuple[int | None, RunningApp | None]: ...
def clean_up_patiently(appdir_or_exe: str) -> bool: ...
def clean_environment(
    variables: Sequence[tuple[bytes, bytes]],
    app_directory: bytes | None = None,
    freezer_directory: bytes | None = None,
) -> list[tuple[bytes, bytes | None]]: ...
def run_command(arguments: Sequence[str], bootstraps: str, owns_process: bool) -> int: ...
def pack(
    directory: str,
    name: str,
    version: str,
    *,
    output_dir: str,
    programs: Sequence[str] | None = None,
    platform: str | None = None,
    appdata_dir: bool = False,
    compress: bool = True,
    index: bool = False,
    bootstrap: str | None = None,
) -> dict[str, Any]: ...
