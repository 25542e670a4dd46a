//! Showing that work goes on: one bar on a terminal, one line per phase in a log, nothing when nobody listens.

use std::io::{self, Write};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

const BYTES: &str = "{msg} [{bar:30}] {decimal_bytes}/{decimal_total_bytes}, {eta} left";
const BYTES_WITHOUT_TOTAL: &str = "{msg} {spinner} {decimal_bytes}";
const NOTHING_TO_COUNT: &str = "{msg} {spinner}";
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
    Lines,
    Silent,
}

impl Progress {
    pub(crate) fn bar() -> Self {
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
        Self::new(Display::Bar(bar))
    }

    pub(crate) fn lines() -> Self {
        Self::new(Display::Lines)
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
            Display::Lines => write_line(text),
            Display::Silent => {}
        }
    }

    /// How far the phase is, in bytes.
    pub(crate) fn bytes(&self, done: u64, total: Option<u64>) {
        let Display::Bar(bar) = &self.display else {
            return;
        };
        if bar.length() != total || bar.position() == 0 {
            total.inspect(|total| bar.set_length(*total));
            bar.set_style(style(if total.is_some() {
                BYTES
            } else {
                BYTES_WITHOUT_TOTAL
            }));
        }
        bar.set_position(done);
    }

    /// Something worth a line of its own, such as a failed try.
    pub(crate) fn note(&self, text: &str) {
        match &self.display {
            Display::Bar(bar) => bar.suspend(|| write_line(text)),
            Display::Lines => write_line(text),
            Display::Silent => {}
        }
    }
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
    bar.set_style(style(NOTHING_TO_COUNT));
    bar.set_message(text.to_owned());
    bar.set_position(0);
    bar.unset_length();
    bar.reset_eta();
    if is_first {
        bar.enable_steady_tick(REDRAW);
    }
}

fn style(template: &str) -> ProgressStyle {
    let style =
        ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
    style
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
        for template in [BYTES, BYTES_WITHOUT_TOTAL, NOTHING_TO_COUNT] {
            assert!(ProgressStyle::with_template(template).is_ok(), "{template}");
        }
    }

    #[test]
    fn a_phase_that_is_reported_again_is_the_same_phase() {
        let progress = Progress::silent();
        progress.phase("Unpacking");
        progress.phase("Unpacking");
        assert_eq!(*progress.phase.lock().unwrap(), "Unpacking");
    }
}
