//! Showing that work goes on: one bar on a terminal, one line per phase in a log, nothing when nobody listens.

use std::fmt;
use std::io::{self, Write};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};
use terminal_size::{Width, terminal_size_of};

use crate::text;

/// What a bar shows, by how much is known. No line is longer than the terminal is wide: what wraps cannot be drawn over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shown {
    /// How much is done of how much.
    Amount,
    /// How much is done.
    AmountSoFar,
    /// That work goes on.
    Life,
}

impl Shown {
    /// How a bar is drawn in a terminal of this width. Where there is room for everything it is `wide`, else the end of the
    /// message is cut off.
    fn template(self, message: &str, columns: usize) -> &'static str {
        let (wide, narrow, others) = match self {
            Self::Amount => (
                "{msg} [{wide_bar}] {percent}%, {rate}, {eta} left",
                "{wide_msg} {percent}%, {eta} left",
                AMOUNTS + SMALLEST_BAR,
            ),
            Self::AmountSoFar => ("{msg} {spinner} {size}", "{wide_msg} {size}", AMOUNTS),
            Self::Life => ("{msg} {spinner}", "{wide_msg} {spinner}", SPINNER),
        };
        match message.chars().count() + others <= columns {
            true => wide,
            false => narrow,
        }
    }
}

/// Columns that ` [] 100%, 999.9 MB/s, 59m left` takes.
const AMOUNTS: usize = 31;
/// Columns from which on a bar says more than nothing.
const SMALLEST_BAR: usize = 8;
/// Columns of a spinner, with the space before it.
const SPINNER: usize = 2;
/// Columns of a terminal that does not tell.
const USUAL_COLUMNS: usize = 80;
/// How often a line tells how far a phase is where no bar can be drawn.
const LINE_EVERY: Duration = Duration::from_secs(20);
const REDRAW: Duration = Duration::from_millis(100);
/// Draws in plain characters, which every terminal and font has.
const BAR_CHARACTERS: &str = "=> ";
const SPINNER_CHARACTERS: &str = "|/-\\ ";

/// The display of one piece of work, which goes through phases.
///
/// Phases and amounts may be reported from any thread.
#[derive(Debug)]
pub(crate) struct Progress {
    display: Display,
    phase: Mutex<String>,
}

#[derive(Debug)]
enum Display {
    Bar(ProgressBar),
    Lines(Mutex<Lines>),
    Silent,
}

impl Progress {
    pub(crate) fn bar() -> Self {
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
        Self::new(Display::Bar(bar))
    }

    pub(crate) fn lines() -> Self {
        Self::new(Display::Lines(Mutex::new(Lines::new())))
    }

    pub(crate) fn silent() -> Self {
        Self::new(Display::Silent)
    }

    fn new(display: Display) -> Self {
        Self {
            display,
            phase: Mutex::default(),
        }
    }

    /// A new phase begins, unless it is the one that is under way.
    pub(crate) fn phase(&self, text: &str) {
        let mut phase = self.phase.lock().unwrap_or_else(PoisonError::into_inner);
        if *phase == text {
            return;
        }
        let is_first = phase.is_empty();
        text.clone_into(&mut phase);
        match &self.display {
            Display::Bar(bar) => begin(bar, text, is_first),
            Display::Lines(lines) => {
                *lines.lock().unwrap_or_else(PoisonError::into_inner) = Lines::new();
                write_line(text);
            }
            Display::Silent => {}
        }
    }

    /// How far the phase is, in bytes.
    pub(crate) fn bytes(&self, done: u64, total: Option<u64>) {
        if let Display::Lines(lines) = &self.display {
            let phase = self.phase.lock().unwrap_or_else(PoisonError::into_inner);
            let mut lines = lines.lock().unwrap_or_else(PoisonError::into_inner);
            if lines.is_due() {
                write_line(&so_far(&phase, done, total, lines.begun.elapsed()));
            }
        }
        let Display::Bar(bar) = &self.display else {
            return;
        };
        if bar.length() != total || bar.position() == 0 {
            total.inspect(|total| bar.set_length(*total));
            let shown = match total {
                Some(_) => Shown::Amount,
                None => Shown::AmountSoFar,
            };
            bar.set_style(style(shown, &bar.message()));
        }
        bar.set_position(done);
    }

    /// Something worth a line of its own, such as a failed try.
    pub(crate) fn note(&self, text: &str) {
        match &self.display {
            Display::Bar(bar) => bar.suspend(|| write_line(text)),
            Display::Lines(_) => write_line(text),
            Display::Silent => {}
        }
    }
}

/// When lines are written about a phase.
#[derive(Debug)]
struct Lines {
    begun: Instant,
    last: Instant,
}

impl Lines {
    fn new() -> Self {
        let now = Instant::now();
        Self {
            begun: now,
            last: now,
        }
    }

    fn is_due(&mut self) -> bool {
        let due = self.last.elapsed() >= LINE_EVERY;
        if due {
            self.last = Instant::now();
        }
        due
    }
}

/// How far a phase is, how fast it is, and when it may end.
fn so_far(phase: &str, done: u64, total: Option<u64>, elapsed: Duration) -> String {
    let rate = done as f64 / elapsed.as_secs_f64().max(0.001);
    let shown_rate = text::bytes(rate as u64);
    let Some(total) = total else {
        return format!("{phase}: {}, {shown_rate}/s", text::bytes(done));
    };
    let of = format!("{} of {}", text::bytes(done), text::bytes(total));
    if done == 0 {
        return format!("{phase}: {of}");
    }
    let seconds = total.saturating_sub(done) as f64 / rate;
    let left = match seconds as u64 {
        seconds @ 0..=99 => text::count(seconds, "second"),
        seconds => text::count(seconds.div_ceil(60), "minute"),
    };
    format!("{phase}: {of}, {shown_rate}/s, about {left} left")
}

/// The bar goes away with the work: what remains on the screen is the result.
impl Drop for Progress {
    fn drop(&mut self) {
        if let Display::Bar(bar) = &self.display {
            bar.finish_and_clear();
        }
    }
}

/// Every change may be drawn at once. The style comes first, so that no frame shows half of the old phase; and nothing
/// ticks before it is set.
fn begin(bar: &ProgressBar, text: &str, is_first: bool) {
    bar.set_style(style(Shown::Life, text));
    bar.set_message(text.to_owned());
    bar.set_position(0);
    bar.unset_length();
    bar.reset_eta();
    if is_first {
        bar.enable_steady_tick(REDRAW);
    }
}

fn style(shown: Shown, message: &str) -> ProgressStyle {
    let columns =
        terminal_size_of(io::stderr()).map_or(USUAL_COLUMNS, |(Width(columns), _)| columns.into());
    let style = ProgressStyle::with_template(shown.template(message, columns))
        .unwrap_or_else(|_| ProgressStyle::default_bar());
    style
        .with_key("size", |state: &ProgressState, out: &mut dyn fmt::Write| {
            let _ = write!(out, "{}", text::bytes(state.pos()));
        })
        .with_key("rate", |state: &ProgressState, out: &mut dyn fmt::Write| {
            let _ = write!(out, "{}/s", text::bytes(state.per_sec() as u64));
        })
        .progress_chars(BAR_CHARACTERS)
        .tick_chars(SPINNER_CHARACTERS)
}

fn write_line(text: &str) {
    let _ = writeln!(io::stderr().lock(), "{text}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_templates_are_ones_that_the_bar_understands() {
        for shown in [Shown::Amount, Shown::AmountSoFar, Shown::Life] {
            for columns in [20, 80] {
                let template = shown.template("Checking every file", columns);
                assert!(ProgressStyle::with_template(template).is_ok(), "{template}");
            }
        }
    }

    #[test]
    fn a_line_tells_rate_and_what_is_left() {
        let after =
            |seconds, done, total| so_far("Making", done, total, Duration::from_secs(seconds));
        assert_eq!(
            after(10, 1_000_000, Some(28_000_000)),
            "Making: 1.0 MB of 28.0 MB, 100.0 KB/s, about 5 minutes left"
        );
        assert_eq!(
            after(10, 27_000_000, Some(28_000_000)),
            "Making: 27.0 MB of 28.0 MB, 2.7 MB/s, about 0 seconds left"
        );
        assert_eq!(after(10, 0, Some(28_000_000)), "Making: 0 bytes of 28.0 MB");
        assert_eq!(after(2, 2_000, None), "Making: 2.0 KB, 1.0 KB/s");
    }

    #[test]
    fn a_phase_that_is_reported_again_is_the_same_phase() {
        let progress = Progress::silent();
        progress.phase("Unpacking");
        progress.phase("Unpacking");
        assert_eq!(*progress.phase.lock().unwrap(), "Unpacking");
    }
}
