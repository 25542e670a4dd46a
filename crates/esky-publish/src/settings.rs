//! What the developer decides for the version: who confirms that it comes up, and whether it is tested first.

use esky_format::settings::{SelfTest, Settings};

use crate::error::{Error, Result};
use crate::freezer::name_in_bin;
use crate::options::{PackOptions, TrialOptions};

/// The settings file of the version.
pub(crate) fn of(options: &PackOptions, programs: &[String]) -> Result<Settings> {
    let TrialOptions {
        confirm,
        confirm_after,
        max_tries,
        self_test,
        self_test_seconds,
    } = &options.trial;
    let settings = Settings {
        confirm: *confirm,
        confirm_after: *confirm_after,
        max_tries: *max_tries,
        self_test: self_test
            .as_ref()
            .map(|program| self_test_of(program, *self_test_seconds, programs))
            .transpose()?,
        channel: options.trust.as_ref().map(|trust| trust.channel.clone()),
    };
    // Its own text must be readable to every client: that checks all ranges at once.
    match Settings::parse(settings.write().as_bytes()) {
        Ok(read) if read == settings => Ok(settings),
        Ok(_) => Err(Error::BadTrial {
            line: settings.write(),
        }),
        Err(fault) => Err(Error::BadTrial {
            line: fault.to_string(),
        }),
    }
}

/// An empty name stands for the first program.
fn self_test_of(program: &str, seconds: u32, programs: &[String]) -> Result<SelfTest> {
    let with_suffix = format!("{program}.exe");
    let is_called = |name: &str| name == program || name == with_suffix;
    let found = programs.iter().find(|path| {
        program.is_empty() || is_called(path) || name_in_bin(path).is_some_and(is_called)
    });
    match found {
        Some(program) => Ok(SelfTest {
            program: program.clone(),
            seconds,
        }),
        None => Err(Error::UnknownSelfTest {
            program: program.to_owned(),
            programs: programs.to_vec(),
        }),
    }
}
