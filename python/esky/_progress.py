"""Progress and cancellation: the events of the modern face, the status dictionaries of the original, and the bridge
between them.

A caller's `progress` function and `CancelToken` are kept in a context variable while its call runs.  So they reach the
finder through every overridable method, without being part of the original's signatures.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

from . import _esky
from .errors import Error

Status = dict[str, Any]
"""What the original passes to a callback: `{"status": "downloading", "size": …, "received": …}` and the like."""

RawEvent = tuple[str, int, "int | None", "str | None", "str | None"]


@dataclass(frozen=True)
class Event:
    """One step of an update.

    `phase` is one of searching, clock behind, found, planned, downloading, retrying, unpacking, verifying, ready,
    installing, cleaning up, left behind, kept, done.  `bytes_total` is None while it is not known; for planned it is
    what will travel.
    `message` says how for planned, why for retrying and left behind, where for ready and kept, and what for clock
    behind.
    """

    phase: str
    bytes_done: int = 0
    bytes_total: int | None = None
    version: str | None = None
    message: str | None = None

    @property
    def fraction(self) -> float | None:
        """How much of this phase is done, from 0 to 1; None while the total is not known."""
        if self.bytes_total is None:
            return None
        return min(self.bytes_done / self.bytes_total, 1.0) if self.bytes_total else 1.0


Progress = Callable[[Event], object]
Callback = Callable[[Status], object]


@dataclass(frozen=True)
class Monitor:
    """Who watches the call that is running, and what may stop it."""

    progress: Progress | None = None
    cancel: _esky.CancelToken | None = None

    def emit(self, event: Event) -> None:
        """Tells the watcher, and stops here if the call was cancelled."""
        self.check()
        self.tell(event)

    def tell(self, event: Event) -> None:
        """Tells the watcher."""
        if self.progress is not None:
            self.progress(event)

    def check(self) -> None:
        """Raises `CancelledError` if the call was cancelled."""
        if self.cancel is not None:
            self.cancel.check()


_MONITOR: ContextVar[Monitor] = ContextVar("esky_monitor", default=Monitor())  # noqa: B039 (frozen)


def current_monitor() -> Monitor:
    """The monitor of the call that is running."""
    return _MONITOR.get()


@contextmanager
def monitored(progress: Progress | None, cancel: _esky.CancelToken | None) -> Iterator[Monitor]:
    """Makes `progress` and `cancel` those of the calls inside."""
    monitor = Monitor(progress, cancel)
    token = _MONITOR.set(monitor)
    try:
        monitor.check()
        yield monitor
    finally:
        _MONITOR.reset(token)


def run(task: _esky.Task, monitor: Monitor | None = None, callback: Callback | None = None) -> Any:
    """Runs a native task to its end, passing its events on, and returns its result.

    `callback` gets the original's status dictionary of each event that the original knew.
    """
    watcher = monitor if monitor is not None else current_monitor()
    with task:
        for told in task:
            status = tell(told, watcher)
            if status is not None and callback is not None:
                callback(status)
        return task.result()


def tell(told: RawEvent | Status, watcher: Monitor) -> Status | None:
    """Passes a step of a task on; returns its status dictionary if the original had one for it.

    A step of the native core is a tuple.  A finder written in Python has told its dictionary to `watcher` itself.
    """
    if isinstance(told, dict):
        return told
    event = Event(*told)
    if event.phase == "done":
        # Told without a check of `cancel`: it is done now, whatever the token says.
        watcher.tell(event)
    else:
        watcher.emit(event)
    return status_of(told)


def status_of(raw: RawEvent) -> Status | None:
    """The original's status dictionary for an event, or None if the original had none for it."""
    phase, done, total, _version, message = raw
    if phase == "downloading":
        return {"status": "downloading", "size": total, "received": done}
    if phase == "retrying":
        return {"status": "retrying", "size": None, "exception": Error(message)}
    if phase == "ready":
        return {"status": "ready", "path": message}
    return None


def event_of(status: Status, version: str | None) -> Event:
    """The event for a status dictionary, as finders written in Python give them."""
    name = str(status.get("status", ""))
    message = status.get("path") if name == "ready" else status.get("exception")
    return Event(
        phase=name,
        bytes_done=int(status.get("received") or 0),
        bytes_total=status.get("size"),
        version=status.get("new_version", version),
        message=None if message is None else str(message),
    )


def ignore(_status: Status) -> None:
    """The callback of those who gave none."""
