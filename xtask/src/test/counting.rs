//! Reads what test runners print, so that their tests, failures and skips are counted one by one.

use crate::report::Group;

/// Adds the tests of a `cargo test` run. A test that finds out only when it runs that this machine lacks something
/// prints `SKIPPED what: why`; cargo counts it as passed, we do not.
pub(crate) fn count_cargo(group: &mut Group, heard: &str, succeeded: bool) {
    let mut failures = 0;
    let mut passed = 0;
    for line in heard.lines() {
        if let Some(counts) = line.strip_prefix("test result: ") {
            passed += number_before(counts, " passed") as isize;
        } else if let Some((what, why)) = skip_line(line) {
            passed -= 1;
            group.skip(what, reason_or_default(why));
        } else if let Some((name, outcome)) = test_line(line) {
            if outcome.starts_with("FAILED") {
                failures += 1;
                group.fail(name);
            } else if let Some(reason) = outcome.strip_prefix("ignored") {
                group.skip(name, reason_or_default(reason.trim_start_matches(", ")));
            }
        }
    }
    group.pass(usize::try_from(passed).unwrap_or(0));
    if !succeeded && failures == 0 {
        group.fail("cargo test did not run to its end (see above)");
    }
}

/// Adds the tests of a `pytest -ra` run.
pub(crate) fn count_pytest(group: &mut Group, heard: &str, succeeded: bool) {
    let mut failures = 0;
    for line in heard.lines() {
        if let Some(test) = line
            .strip_prefix("FAILED ")
            .or_else(|| line.strip_prefix("ERROR "))
        {
            failures += 1;
            group.fail(test);
        } else if let Some(skipped) = line.strip_prefix("SKIPPED [") {
            count_pytest_skip(group, skipped);
        } else if let Some(expected) = line.strip_prefix("XFAIL ") {
            group.skip(expected, "expected to fail");
        }
    }
    group.pass(heard.lines().rev().find_map(pytest_passed).unwrap_or(0));
    if !succeeded && failures == 0 {
        group.fail("pytest did not run to its end (see above)");
    }
}

/// `test path::name ... outcome`
fn test_line(line: &str) -> Option<(&str, &str)> {
    let (name, outcome) = line.strip_prefix("test ")?.split_once(" ... ")?;
    Some((name, outcome))
}

/// `SKIPPED what: why`
fn skip_line(line: &str) -> Option<(&str, &str)> {
    line.strip_prefix("SKIPPED ")?.split_once(": ")
}

/// `2] tests/file.py:7: the reason`: one line stands for as many tests as it says.
fn count_pytest_skip(group: &mut Group, skipped: &str) {
    let (count, rest) = skipped.split_once("] ").unwrap_or(("1", skipped));
    let (place, reason) = rest.split_once(": ").unwrap_or((rest, ""));
    for _ in 0..count.parse().unwrap_or(1) {
        group.skip(place, reason_or_default(reason));
    }
}

fn reason_or_default(reason: &str) -> &str {
    if reason.is_empty() {
        "no reason given"
    } else {
        reason
    }
}

/// The closing line ends with the time taken: `12 passed, 1 skipped in 0.50s`.
fn pytest_passed(line: &str) -> Option<usize> {
    let is_closing =
        line.contains(" in ") && line.trim_end_matches([' ', '=']).ends_with(['s', ')']);
    (is_closing && line.contains(" passed")).then(|| number_before(line, " passed"))
}

fn number_before(text: &str, word: &str) -> usize {
    let number = text
        .split_once(word)
        .and_then(|(before, _)| before.rsplit(' ').next());
    number.and_then(|digits| digits.parse().ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cargo_tests_are_counted_over_all_binaries() {
        let heard = "\
test a::b ... ok
test a::c ... FAILED
test a::d ... ignored, needs a printer
test result: FAILED. 1 passed; 1 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.00s
test e ... ok
test result: ok. 1 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s
";
        let mut group = Group::new("example");
        count_cargo(&mut group, heard, false);
        assert_eq!(group.line(), "2 passed, 1 failed, 1 skipped");
    }

    #[test]
    fn a_test_that_could_not_run_here_is_skipped_and_not_passed() {
        let heard = "\
test a::b ... ok
SKIPPED power lost on xfs: mkfs.xfs: not found
test a::c ... ok
test result: ok. 2 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s
";
        let mut group = Group::new("example");
        count_cargo(&mut group, heard, true);
        assert_eq!(group.line(), "1 passed, 0 failed, 1 skipped");
    }

    #[test]
    fn a_run_that_does_not_compile_is_one_failure() {
        let mut group = Group::new("example");
        count_cargo(&mut group, "", false);
        assert_eq!(group.line(), "0 passed, 1 failed, 0 skipped");
    }

    #[test]
    fn python_tests_are_counted_with_their_skips() {
        let heard = "\
SKIPPED [2] tests/python/test_a.py:7: needs a printer
FAILED tests/python/test_a.py::test_b - assert 1 == 2
1 failed, 12 passed, 2 skipped in 0.50s
";
        let mut group = Group::new("example");
        count_pytest(&mut group, heard, false);
        assert_eq!(group.line(), "12 passed, 1 failed, 2 skipped");
    }
}
