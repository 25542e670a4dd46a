//! `esky-files/settings.txt`: what the developer decided when the version was packed.
//!
//! ```text
//! esky-settings 1
//! confirm app
//! confirm-after 60
//! max-tries 3
//! self-test hello
//! self-test-seconds 30
//! channel stable
//! ```
//!
//! The file is part of the version and stands in its list of files. Lines with unknown keys are ignored, so that an older
//! client can install a newer package. A version without the file was packed by the original: nothing in it would
//! confirm a trial, so it gets none.

use alloc::format;
use alloc::string::{String, ToString};
use core::fmt;

/// The most that is read, in bytes.
pub const SETTINGS_LIMIT: usize = 4096;

const HEADER: &str = "esky-settings 1";
const DAY: u32 = 24 * 60 * 60;

/// What the developer decided when the version was packed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Who shows that a new version comes up.
    pub confirm: Confirm,
    /// Seconds after which a version that is still running counts as confirmed: 1 to 86,400.
    pub confirm_after: u32,
    /// Unconfirmed starts after which a trial has failed: 1 to 100.
    pub max_tries: u32,
    /// A run of the new version before it becomes the one that starts.
    pub self_test: Option<SelfTest>,
    /// The channel whose releases the app takes, unless it asks for another.
    pub channel: Option<String>,
}

/// Who shows that a new version comes up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Confirm {
    /// Esky inside the app: after a time, at a clean exit, or when the app says so.
    App,
    /// The bootstrap, which watches the program while the version is on trial.
    Bootstrap,
    /// Nobody: the version is trusted at once.
    Nobody,
}

/// A run of the new version before it becomes the one that starts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SelfTest {
    /// Name of the program, relative to the version directory. It gets `--esky-selftest` and must exit with 0.
    pub program: String,
    /// Seconds that it may take: 1 to 3600.
    pub seconds: u32,
}

/// Why a text is no settings file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SettingsFault {
    /// Not UTF-8, or not begun as a settings file is.
    NotSettings,
    /// A line whose value cannot be read or is out of its range.
    BadLine {
        /// The line.
        line: String,
    },
}

impl fmt::Display for SettingsFault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotSettings => formatter.write_str("this is no settings file of esky"),
            Self::BadLine { line } => write!(formatter, "the line {line:?} cannot be used"),
        }
    }
}

impl core::error::Error for SettingsFault {}

impl Default for Settings {
    fn default() -> Self {
        Self {
            confirm: Confirm::App,
            confirm_after: 60,
            max_tries: 3,
            self_test: None,
            channel: None,
        }
    }
}

impl Settings {
    /// The settings of a version that has none: trusted at once.
    pub fn absent() -> Self {
        Self {
            confirm: Confirm::Nobody,
            ..Self::default()
        }
    }

    /// Reads the file.
    pub fn parse(bytes: &[u8]) -> Result<Self, SettingsFault> {
        let text = core::str::from_utf8(bytes).map_err(|_| SettingsFault::NotSettings)?;
        let mut lines = text.lines();
        if lines.next() != Some(HEADER) {
            return Err(SettingsFault::NotSettings);
        }
        let mut settings = Self::default();
        let mut seconds = 30;
        for line in lines {
            settings
                .read_line(line, &mut seconds)
                .ok_or_else(|| SettingsFault::BadLine {
                    line: line.to_string(),
                })?;
        }
        if let Some(test) = &mut settings.self_test {
            test.seconds = seconds;
        }
        Ok(settings)
    }

    /// The text of the file; the same settings always give the same text.
    pub fn write(&self) -> String {
        let confirm = match self.confirm {
            Confirm::App => "app",
            Confirm::Bootstrap => "bootstrap",
            Confirm::Nobody => "nobody",
        };
        let Self {
            confirm_after,
            max_tries,
            ..
        } = self;
        let mut text = format!(
            "{HEADER}\nconfirm {confirm}\nconfirm-after {confirm_after}\nmax-tries {max_tries}\n"
        );
        if let Some(SelfTest { program, seconds }) = &self.self_test {
            text += &format!("self-test {program}\nself-test-seconds {seconds}\n");
        }
        if let Some(channel) = &self.channel {
            text += &format!("channel {channel}\n");
        }
        text
    }

    fn read_line(&mut self, line: &str, seconds: &mut u32) -> Option<()> {
        let (key, value) = line.split_once(' ')?;
        match key {
            "confirm" => self.confirm = Confirm::parse(value)?,
            "confirm-after" => self.confirm_after = number(value, DAY)?,
            "max-tries" => self.max_tries = number(value, 100)?,
            "self-test-seconds" => *seconds = number(value, 3600)?,
            "self-test" => {
                crate::path::check_relative(value).ok()?;
                self.self_test = Some(SelfTest {
                    program: value.to_string(),
                    seconds: 0,
                });
            }
            "channel" => {
                let is_name = !value.contains('/') && crate::path::check_relative(value).is_ok();
                self.channel = is_name.then(|| value.to_string());
                self.channel.as_ref()?;
            }
            _ => {}
        }
        Some(())
    }
}

impl Confirm {
    fn parse(word: &str) -> Option<Self> {
        match word {
            "app" => Some(Self::App),
            "bootstrap" => Some(Self::Bootstrap),
            "nobody" => Some(Self::Nobody),
            _ => None,
        }
    }
}

fn number(text: &str, most: u32) -> Option<u32> {
    let number = text.parse().ok()?;
    (1..=most).contains(&number).then_some(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn full() -> Settings {
        Settings {
            confirm: Confirm::Bootstrap,
            confirm_after: 5,
            max_tries: 2,
            self_test: Some(SelfTest {
                program: "my app".into(),
                seconds: 9,
            }),
            channel: Some("stable".into()),
        }
    }

    #[test]
    fn settings_survive_the_round_trip() {
        for settings in [full(), Settings::default(), Settings::absent()] {
            assert_eq!(Settings::parse(settings.write().as_bytes()), Ok(settings));
        }
    }

    #[test]
    fn keys_of_a_later_esky_are_ignored() {
        let text = full().write() + "novelty yes\n";
        assert_eq!(Settings::parse(text.as_bytes()), Ok(full()));
    }

    #[test]
    fn numbers_out_of_range_and_programs_outside_the_version_are_refused() {
        for line in [
            "confirm-after 0",
            "confirm-after 86401",
            "max-tries 101",
            "max-tries -1",
            "confirm never",
            "self-test ../evil",
            "self-test-seconds 4000",
            "channel a/b",
            "channel ..",
            "",
        ] {
            let text = format!("{HEADER}\n{line}\n");
            let fault = SettingsFault::BadLine { line: line.into() };
            assert_eq!(Settings::parse(text.as_bytes()), Err(fault), "{line:?}");
        }
    }

    #[test]
    fn other_files_are_refused() {
        for bytes in [&b""[..], b"\xff", b"esky-state 1\n", b"esky-settings 2\n"] {
            assert_eq!(Settings::parse(bytes), Err(SettingsFault::NotSettings));
        }
    }
}
