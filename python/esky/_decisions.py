"""What was decided about versions, by the machine or by a person, as values."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timezone

from . import _esky


@dataclass(frozen=True)
class OnTrial:
    """A version that must still show that it comes up.

    It was started `tries` times without being confirmed; after `max_tries` it is undone.  A program that has run for
    `confirm_after` seconds counts as confirmed.
    """

    version: str
    tries: int
    max_tries: int
    confirm_after: int


@dataclass(frozen=True)
class HeldVersion:
    """A version that failed and is not offered again until `Esky.unhold`: which, why and since when."""

    version: str
    reason: str
    time: datetime


@dataclass(frozen=True)
class Rollback:
    """A version that was undone: which, why and when."""

    version: str
    reason: str
    time: datetime


@dataclass(frozen=True)
class Decisions:
    """What was decided about versions so far."""

    trial: OnTrial | None
    """The trial that is going on."""
    fallback: str | None
    """The version to go back to."""
    held: tuple[HeldVersion, ...]
    """Versions that failed."""
    skipped: tuple[str, ...]
    """Versions that the user does not want."""
    pinned: str | None
    """The version that the user wants to stay at."""
    last_rollback: Rollback | None
    """The last time that a version was undone."""


def from_native(native: _esky.Decisions) -> Decisions:
    """The values for what the native core says."""
    trial, undone = native.trial, native.last_rollback
    return Decisions(
        trial=None if trial is None else OnTrial(*trial[:4]),
        fallback=native.fallback,
        held=tuple(HeldVersion(version, reason, _time(time)) for version, reason, time in native.held),
        skipped=tuple(native.skipped),
        pinned=native.pinned,
        last_rollback=None if undone is None else Rollback(undone[0], undone[1], _time(undone[2])),
    )


def _time(seconds: int) -> datetime:
    # A clock that was set far out of range must not keep an app from starting.
    try:
        return datetime.fromtimestamp(seconds, tz=timezone.utc)
    except (OverflowError, OSError, ValueError):
        return datetime.fromtimestamp(0, tz=timezone.utc)
