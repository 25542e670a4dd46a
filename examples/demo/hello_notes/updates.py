"""Everything that the application does about updates."""

import sys

import esky


def clean_up():
    """Remove what updates left behind; says so if there was anything."""
    if not getattr(sys, "frozen", False):
        return
    app = esky.Esky(sys.executable)
    if app.needs_cleanup():
        done = app.cleanup()
        say("cleaned up" if done else "cleaned up, but an older version is still running")


def update_from(url):
    """Install the newest version that is offered at the URL."""
    app = esky.Esky(sys.executable, url)
    update = app.check()
    if update is None:
        say(f"{app.active_version} is the newest version")
        return
    say(f"{app.active_version}: found {update.version}")
    update.download(progress=ProgressLines())
    update.install()
    say(f"{app.active_version}: installed {update.version}, it runs at the next start")


class ProgressLines:
    """Called with every event of an update; prints a line when a phase begins and for each quarter of it."""

    def __init__(self):
        self.last = None

    def __call__(self, event):
        quarters = int((event.fraction or 0) * 4)
        if (event.phase, quarters) != self.last:
            self.last = (event.phase, quarters)
            done = "" if event.fraction is None else f" {quarters * 25} % of {event.bytes_total:,} bytes"
            how = f": {event.message}" if event.phase in ("planned", "retrying") else ""
            say(f"  {event.phase}{how}{done}")


def say(text):
    """Print at once, also when nobody but a pipe is listening."""
    print(text, flush=True)
