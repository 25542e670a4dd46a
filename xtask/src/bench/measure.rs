//! Times, memory and medians.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::tools::output;

/// What one run of a program took.
pub(super) struct Usage {
    pub(super) time: Duration,
    /// What all its threads and children spent on a processor.
    pub(super) processor: Duration,
    pub(super) peak_memory: u64,
}

/// Runs without a word; what it said is shown if it fails.
pub(super) fn quiet(command: &mut Command) -> Result<()> {
    output(command).map(drop)
}

/// Runs silently and gives the time from start to end.
pub(super) fn time(command: &mut Command) -> Result<Duration> {
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    let start = Instant::now();
    let status = command
        .status()
        .with_context(|| format!("cannot start {}", command.get_program().to_string_lossy()))?;
    let time = start.elapsed();
    if !status.success() {
        bail!(
            "{} failed ({status})",
            command.get_program().to_string_lossy()
        );
    }
    Ok(time)
}

/// Runs under a small Python script that asks the kernel for the program's time and how much memory it held at most.
///
/// The memory is never below that of Python itself, about 10 MB.
pub(super) fn time_and_memory(python: &std::path::Path, command: &Command) -> Result<Usage> {
    let script = "\
import resource, subprocess, sys, time
start = time.monotonic()
code = subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL).returncode
usage = resource.getrusage(resource.RUSAGE_CHILDREN)
print(time.monotonic() - start)
print(usage.ru_utime + usage.ru_stime)
print(usage.ru_maxrss * (1 if sys.platform == 'darwin' else 1024))
sys.exit(code)";
    let mut wrapped = Command::new(python);
    wrapped
        .args(["-c", script])
        .arg(command.get_program())
        .args(command.get_args());
    let answer = output(&mut wrapped)?;
    let mut lines = answer.lines();
    let mut seconds = || lines.next().and_then(|line| line.parse().ok());
    let (time, processor) = (seconds(), seconds());
    let peak_memory = lines.next().and_then(|line| line.parse().ok());
    Ok(Usage {
        time: Duration::from_secs_f64(time.context("no time was measured")?),
        processor: Duration::from_secs_f64(processor.context("no time was measured")?),
        peak_memory: peak_memory.context("no memory was measured")?,
    })
}

/// The middle one; of an even number the upper of the two in the middle.
pub(super) fn median(times: &[Duration]) -> Duration {
    Duration::from_secs_f64(middle(times.iter().map(Duration::as_secs_f64)))
}

/// The middle one of the ratios of times taken in pairs.
pub(super) fn median_ratio(ours: &[Duration], theirs: &[Duration]) -> f64 {
    middle(seconds_in_pairs(ours, theirs).map(|(ours, theirs)| ours / theirs))
}

/// The middle one of the differences, in seconds, of times taken in pairs.
pub(super) fn median_difference(ours: &[Duration], theirs: &[Duration]) -> f64 {
    middle(seconds_in_pairs(ours, theirs).map(|(ours, theirs)| ours - theirs))
}

fn seconds_in_pairs(ours: &[Duration], theirs: &[Duration]) -> impl Iterator<Item = (f64, f64)> {
    ours.iter()
        .zip(theirs)
        .map(|(ours, theirs)| (ours.as_secs_f64(), theirs.as_secs_f64()))
}

fn middle(values: impl Iterator<Item = f64>) -> f64 {
    let mut sorted: Vec<f64> = values.collect();
    sorted.sort_unstable_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied().unwrap_or_default()
}

/// Everything written so far is on the disk, so that no run pays for the one before it.
pub(super) fn settle() -> Result<()> {
    quiet(&mut Command::new("sync"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_the_middle_time() {
        let times = [5, 1, 9].map(Duration::from_secs);
        assert_eq!(median(&times), Duration::from_secs(5));
        assert_eq!(median(&[]), Duration::ZERO);
    }

    #[test]
    fn pairs_are_compared_round_by_round() {
        let ours = [1, 20, 3].map(Duration::from_secs);
        let theirs = [2, 10, 4].map(Duration::from_secs);
        assert_eq!(median_ratio(&ours, &theirs), 0.75);
        assert_eq!(median_difference(&ours, &theirs), -1.0);
    }
}
