//! A Windows command line, which is one string: where its first argument ends, and what stands there instead.
//!
//! The rest is handed on unit by unit and never taken apart, so that there is no quoting to get wrong: whatever the
//! inner program reads from it is what it would have read had it been started itself.

use alloc::vec::Vec;

const QUOTE: u16 = b'"' as u16;

/// What stands behind the first argument, with the blanks in front of it.
///
/// The first argument is a path: it ends at the first blank outside quotation marks, and a backslash in it means nothing
/// but itself.
pub(super) fn behind_program(line: &[u16]) -> &[u16] {
    let mut quoted = false;
    let end = line.iter().position(|unit| {
        quoted ^= *unit == QUOTE;
        !quoted && is_blank(*unit)
    });
    &line[end.unwrap_or(line.len())..]
}

/// The longest command line that the system takes, with its NUL.
const LONGEST: usize = 32_767;

/// The same line for another program, with NUL at its end. A path cannot hold a quotation mark.
///
/// If that would be too long for the system, the line stays as it is: which program is started is said elsewhere, and the first
/// argument is only what it is told about that.
pub(super) fn for_program(program: &[u16], line: &[u16]) -> Vec<u16> {
    if program.len() + behind_program(line).len() + 3 > LONGEST {
        return line.iter().copied().chain([0]).collect();
    }
    let mut other = Vec::with_capacity(program.len() + line.len() + 3);
    other.push(QUOTE);
    other.extend_from_slice(program);
    other.push(QUOTE);
    other.extend_from_slice(behind_program(line));
    other.push(0);
    other
}

/// Whether the argument behind the program begins so.
pub(super) fn first_argument_begins_with(line: &[u16], wanted: &str) -> bool {
    let skipped = |unit: &&u16| is_blank(**unit) || **unit == QUOTE;
    let mut found = behind_program(line).iter().skip_while(skipped);
    wanted
        .encode_utf16()
        .all(|unit| found.next() == Some(&unit))
}

fn is_blank(unit: u16) -> bool {
    unit == u16::from(b' ') || unit == u16::from(b'\t')
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::String;
    use proptest::collection::vec;
    use proptest::prelude::*;

    const BACKSLASH: u16 = b'\\' as u16;

    fn wide(text: &str) -> Vec<u16> {
        text.encode_utf16().collect()
    }

    /// How a caller makes a line of arguments, by the rules that Microsoft documents for `CommandLineToArgvW`.
    fn quoted(argument: &[u16]) -> Vec<u16> {
        let mut line = vec![QUOTE];
        let mut backslashes = 0;
        for unit in argument {
            match *unit {
                BACKSLASH => backslashes += 1,
                // Every backslash before it twice, and one for the mark itself.
                QUOTE => {
                    line.extend(core::iter::repeat_n(BACKSLASH, backslashes + 1));
                    backslashes = 0;
                }
                _ => backslashes = 0,
            }
            line.push(*unit);
        }
        line.extend(core::iter::repeat_n(BACKSLASH, backslashes));
        line.push(QUOTE);
        line
    }

    /// `CommandLineToArgvW`, written from its documentation.
    fn parsed(line: &[u16]) -> Vec<Vec<u16>> {
        let mut rest = line.strip_suffix(&[0]).unwrap_or(line);
        let mut arguments = vec![parse_program(&mut rest)];
        loop {
            while rest.first().is_some_and(|unit| is_blank(*unit)) {
                rest = &rest[1..];
            }
            if rest.is_empty() {
                return arguments;
            }
            arguments.push(parse_argument(&mut rest));
        }
    }

    fn parse_program(rest: &mut &[u16]) -> Vec<u16> {
        let ends_with = |unit: &u16| *unit == QUOTE;
        if let Some(inside) = rest.strip_prefix(&[QUOTE]) {
            let end = inside.iter().position(ends_with).unwrap_or(inside.len());
            *rest = inside.get(end + 1..).unwrap_or_default();
            return inside[..end].to_vec();
        }
        let end = rest.iter().position(|unit| is_blank(*unit));
        let (program, behind) = rest.split_at(end.unwrap_or(rest.len()));
        *rest = behind;
        program.to_vec()
    }

    fn parse_argument(rest: &mut &[u16]) -> Vec<u16> {
        let (mut argument, mut in_quotes) = (Vec::new(), false);
        while let Some(unit) = rest.first().copied() {
            let backslashes = rest.iter().take_while(|unit| **unit == BACKSLASH).count();
            if backslashes > 0 {
                *rest = &rest[backslashes..];
                let before_quote = rest.first() == Some(&QUOTE);
                let kept = if before_quote {
                    backslashes / 2
                } else {
                    backslashes
                };
                argument.extend(core::iter::repeat_n(BACKSLASH, kept));
                if before_quote && backslashes % 2 == 1 {
                    argument.push(QUOTE);
                    *rest = &rest[1..];
                }
                continue;
            }
            if is_blank(unit) && !in_quotes {
                break;
            }
            *rest = &rest[1..];
            match unit {
                QUOTE if in_quotes && rest.first() == Some(&QUOTE) => {
                    argument.push(QUOTE);
                    *rest = &rest[1..];
                }
                QUOTE => in_quotes = !in_quotes,
                _ => argument.push(unit),
            }
        }
        argument
    }

    /// Any units but NUL, with those that matter often.
    fn unit() -> impl Strategy<Value = u16> {
        prop_oneof![
            Just(QUOTE),
            Just(BACKSLASH),
            Just(u16::from(b' ')),
            Just(u16::from(b'\t')),
            1_u16..,
        ]
    }

    /// What a path can be made of.
    fn path() -> impl Strategy<Value = Vec<u16>> {
        vec(
            unit().prop_filter("no path has it", |unit| *unit != QUOTE && *unit != 9),
            1..20,
        )
    }

    proptest! {
        #[test]
        fn every_argument_arrives_as_it_was_given(
            caller in path(),
            program in path(),
            arguments in vec(vec(unit(), 0..12), 0..6),
        ) {
            let mut line = [[QUOTE].as_slice(), &caller, &[QUOTE]].concat();
            for argument in &arguments {
                line.push(u16::from(b' '));
                line.extend(quoted(argument));
            }
            let mut expected = vec![program.clone()];
            expected.extend(arguments);
            prop_assert_eq!(parsed(&for_program(&program, &line)), expected);
        }

        #[test]
        fn whatever_stands_behind_the_program_stays_unit_for_unit(
            caller in vec(1_u16.., 1..9).prop_filter("one word", |units| {
                !units.iter().any(|unit| is_blank(*unit) || *unit == QUOTE)
            }),
            behind in vec(unit(), 0..30),
        ) {
            let behind = [&[u16::from(b' ')], behind.as_slice()].concat();
            let line = [caller.as_slice(), &behind].concat();
            prop_assert_eq!(behind_program(&line), behind.as_slice());
        }
    }

    #[test]
    fn a_line_that_the_longer_path_would_make_too_long_stays_as_it_is() {
        let program = wide(r"C:\app\demo-1.0.win-amd64\prog.exe");
        let line = |length: usize| {
            let mut line = wide("prog ");
            line.resize(length, u16::from(b'a'));
            line
        };
        let behind = line(100).len() - 4;
        let room = LONGEST - program.len() - 3 - behind;
        assert_eq!(for_program(&program, &line(100 + room)).len(), LONGEST);
        let longest = line(LONGEST - 1);
        let kept = for_program(&program, &longest);
        assert_eq!(kept.split_last(), Some((&0, longest.as_slice())));
    }

    #[test]
    fn a_program_ends_at_the_first_blank_outside_quotation_marks() {
        for (line, behind) in [
            (r#""C:\Program Files\app\prog.exe" a "b c""#, r#" a "b c""#),
            (r"C:\app\prog.exe a", " a"),
            ("prog\t-x", "\t-x"),
            (r#"C:\"Program Files"\prog.exe a"#, " a"),
            (r#""C:\ends with a backslash\" a"#, " a"),
            ("prog", ""),
            ("", ""),
            (r#""never closed a"#, ""),
        ] {
            let rest = String::from_utf16(behind_program(&wide(line))).unwrap();
            assert_eq!(rest, behind, "{line}");
        }
    }

    #[test]
    fn esky_own_arguments_are_known_with_and_without_quotation_marks() {
        let begins = |line: &str| first_argument_begins_with(&wide(line), "--esky-s");
        assert!(begins("prog --esky-spawn-cleanup"));
        assert!(begins(r#""a prog"  "--esky-spawn-cleanup" x"#));
        assert!(!begins("prog --esky"));
        assert!(!begins("--esky-spawn-cleanup"));
    }
}
