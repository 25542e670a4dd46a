//! Reads the report of cargo-nextest, so that tests, failures and skips are counted one by one.

use crate::report::Group;

/// Adds the tests of a run. A test that finds out only when it runs that this machine lacks something prints `SKIPPED what: why`;
/// nextest counts it as passed, we do not. Says whether any test failed.
pub(crate) fn count_junit(group: &mut Group, report: &str) -> bool {
    let mut any_failed = false;
    for case in report.split("<testcase ").skip(1) {
        let case = case.split("</testcase>").next().unwrap_or(case);
        let binary = attribute(case, "classname").unwrap_or_default();
        if case.contains("<failure") || case.contains("<error") {
            let name = attribute(case, "name").unwrap_or_default();
            group.fail(&format!("{binary} {name}"));
            any_failed = true;
            continue;
        }
        // The tests of this program print such lines to see how they are counted.
        let own = binary.starts_with(env!("CARGO_PKG_NAME"));
        match skips(case).filter(|_| !own).collect::<Vec<_>>()[..] {
            [] => group.pass(1),
            ref skips => {
                for (what, why) in skips {
                    group.skip(&plain(what), &plain(why));
                }
            }
        }
    }
    any_failed
}

/// The lines `SKIPPED what: why` in what the test printed.
fn skips(case: &str) -> impl Iterator<Item = (&str, &str)> {
    let lines = case.lines().map(|line| {
        line.trim_start()
            .trim_start_matches("<system-out>")
            .trim_start_matches("<system-err>")
    });
    lines.filter_map(|line| line.strip_prefix("SKIPPED ")?.split_once(": "))
}

fn attribute(case: &str, name: &str) -> Option<String> {
    let (_, rest) = case.split_once(&format!("{name}=\""))?;
    Some(plain(rest.split_once('"')?.0))
}

fn plain(text: &str) -> String {
    let text = text.split("</system-").next().unwrap_or(text);
    let characters = [
        ("&lt;", "<"),
        ("&gt;", ">"),
        ("&quot;", "\""),
        ("&apos;", "'"),
        ("&amp;", "&"),
    ];
    characters
        .iter()
        .fold(text.to_owned(), |text, (entity, character)| {
            text.replace(entity, character)
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    const REPORT: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
<testsuites name="nextest-run" tests="4" failures="1" errors="0">
    <testsuite name="esky::it" tests="4" disabled="0" errors="0" failures="1">
        <testcase name="a::b" classname="esky::it" time="0.009">
            <system-out>
running 1 test
test a::b ... ok
</system-out>
        </testcase>
        <testcase name="a::c" classname="esky::it" time="0.010">
            <failure type="test failure with exit code 101">1 &lt; 2</failure>
        </testcase>
        <testcase name="d" classname="esky::it" time="0.011">
            <system-err>SKIPPED power lost on &apos;xfs&apos;: mkfs.xfs: not found</system-err>
        </testcase>
        <testcase name="counted" classname="xtask" time="0.001">
            <system-out>SKIPPED third: no such machine</system-out>
        </testcase>
    </testsuite>
</testsuites>
"#;

    #[test]
    fn passed_failed_and_skipped_tests_are_told_apart() {
        let mut group = Group::new("example");
        assert!(count_junit(&mut group, REPORT));
        assert_eq!(group.line(), "2 passed, 1 failed, 1 skipped");
    }

    #[test]
    fn words_are_read_as_they_were_written() {
        assert_eq!(
            attribute(r#"name="a &lt; &amp;lt;""#, "name").as_deref(),
            Some("a < &lt;")
        );
        assert_eq!(plain("mkfs &apos;x&apos;</system-err>"), "mkfs 'x'");
    }
}
