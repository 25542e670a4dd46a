//! What esky says about a target: which app, version, platform and channel it is for (`custom.esky`).
//!
//! The same stands in the target's path, `APP/CHANNEL/PLATFORM/FILE`. Both are compared with what was asked for, so that
//! no signed package can be passed off as another.

use esky_format::path::check_relative;

use crate::error::{Malformed, Shown};
use crate::json::{Json, Object};
use crate::metadata::{Fields, Hashes, TargetFile};

/// Longest name of an app, version, platform or channel, in bytes.
const LONGEST_NAME: usize = 100;
/// Longest text for people, in bytes.
const LONGEST_TEXT: usize = 64 << 10;

/// A package of one version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Release {
    /// Name of the app.
    pub app: String,
    /// The version that the package leads to.
    pub version: String,
    /// The platform that it runs on.
    pub platform: String,
    /// The channel that offers it.
    pub channel: String,
    /// What the package is.
    pub kind: PackageKind,
    /// What is new, for people: data, never markup.
    pub notes: Option<String>,
    /// No version below this one may be installed any more. The highest of all releases of an app counts.
    pub minimum_version: Option<String>,
    /// Why the version is not offered any more, if it is not.
    pub yanked: Option<String>,
}

/// What a package is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PackageKind {
    /// The whole version as a zip, which is an app when it is extracted.
    Full,
    /// The whole version as the patch from nothing, from which single files can be had.
    Compact {
        /// The beginning of the package, which tells what is in it.
        index: PackageIndex,
    },
    /// What turns another version into this one.
    Patch {
        /// That version.
        from: String,
    },
}

/// The beginning of a package: signed by itself, so that it can be believed before the rest is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PackageIndex {
    /// Its size in bytes.
    pub length: u64,
    /// Its hash.
    pub sha256: [u8; 32],
}

/// What an app asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wanted<'a> {
    /// Its name.
    pub app: &'a str,
    /// Its platform.
    pub platform: &'a str,
    /// The channel it follows.
    pub channel: &'a str,
}

/// Why a target is no release.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ReleaseFault {
    /// What is said of it is incomplete or makes no sense.
    #[error("{}: {fault}", Shown(path))]
    Malformed {
        /// The target.
        path: String,
        /// What is wrong.
        #[source]
        fault: Malformed,
    },
    /// Its path says something else than what is said of it.
    #[error("{} is said to be {}", Shown(path), Shown(said))]
    Contradiction {
        /// The target.
        path: String,
        /// The app, channel and platform that it is said to be for.
        said: String,
    },
}

/// The path of a package: `APP/CHANNEL/PLATFORM/FILE`.
pub fn release_path(wanted: Wanted<'_>, file: &str) -> String {
    format!("{}/{file}", directory(wanted))
}

fn directory(wanted: Wanted<'_>) -> String {
    format!("{}/{}/{}", wanted.app, wanted.channel, wanted.platform)
}

impl Release {
    /// Reads what is said of a target; `None` if esky says nothing of it.
    pub fn read(path: &str, file: &TargetFile) -> Result<Option<Self>, ReleaseFault> {
        let members = file.custom.as_ref().and_then(Json::as_object);
        let Some(said) = members.and_then(|members| members.get("esky")) else {
            return Ok(None);
        };
        let release = Self::from_json(said.clone()).map_err(|fault| ReleaseFault::Malformed {
            path: path.to_owned(),
            fault,
        })?;
        let said = directory(release.wanted());
        let place = path.rsplit_once('/').map(|(place, _)| place);
        if place != Some(said.as_str()) || check_relative(path).is_err() {
            let path = path.to_owned();
            return Err(ReleaseFault::Contradiction { path, said });
        }
        Ok(Some(release))
    }

    /// Whether it is for the app, platform and channel that ask.
    pub fn is_for(&self, wanted: Wanted<'_>) -> bool {
        self.wanted() == wanted
    }

    /// Whom it is for.
    pub fn wanted(&self) -> Wanted<'_> {
        Wanted {
            app: &self.app,
            platform: &self.platform,
            channel: &self.channel,
        }
    }

    /// What to put into [`TargetFile::custom`]; fails if it could not be read back.
    pub fn to_custom(&self) -> Result<Json, Malformed> {
        let said = self.to_json();
        Self::from_json(said.clone())?;
        Ok(Json::Object(Object::from([("esky".to_owned(), said)])))
    }

    fn to_json(&self) -> Json {
        let mut said = Object::new();
        let mut put = |name: &str, value: Json| said.insert(name.to_owned(), value);
        put("app", self.app.as_str().into());
        put("version", self.version.as_str().into());
        put("platform", self.platform.as_str().into());
        put("channel", self.channel.as_str().into());
        match &self.kind {
            PackageKind::Full => put("kind", "full".into()),
            PackageKind::Compact { index } => {
                let hash = Hashes::from_sha256(&index.sha256);
                put(
                    "index_sha256",
                    hash.file_name_prefix().unwrap_or_default().into(),
                );
                put("kind", "compact".into());
                put("index_length", index.length.into())
            }
            PackageKind::Patch { from } => {
                put("from", from.as_str().into());
                put("kind", "patch".into())
            }
        };
        let optional = [
            ("notes", &self.notes),
            ("minimum_version", &self.minimum_version),
            ("yanked", &self.yanked),
        ];
        for (name, text) in optional {
            if let Some(text) = text {
                put(name, text.as_str().into());
            }
        }
        Json::Object(said)
    }

    fn from_json(said: Json) -> Result<Self, Malformed> {
        let mut fields = Fields::new("custom.esky", said)?;
        let kind = match fields.text("kind")?.as_str() {
            "full" => PackageKind::Full,
            "compact" => PackageKind::Compact {
                index: PackageIndex {
                    length: fields.length("index_length")?,
                    sha256: sha256(&mut fields, "index_sha256")?,
                },
            },
            "patch" => {
                let from = name(&mut fields, "from")?;
                PackageKind::Patch { from }
            }
            _ => return Err(fields.unexpected("kind", "\"full\", \"compact\" or \"patch\"")),
        };
        let minimum_version = optional_text(&mut fields, "minimum_version")?;
        if minimum_version
            .as_deref()
            .is_some_and(|version| !is_name(version))
        {
            return Err(fields.unexpected("minimum_version", A_NAME));
        }
        Ok(Self {
            app: name(&mut fields, "app")?,
            version: name(&mut fields, "version")?,
            platform: name(&mut fields, "platform")?,
            channel: name(&mut fields, "channel")?,
            kind,
            notes: optional_text(&mut fields, "notes")?,
            minimum_version,
            yanked: optional_text(&mut fields, "yanked")?,
        })
    }
}

fn sha256(fields: &mut Fields, member: &str) -> Result<[u8; 32], Malformed> {
    let text = fields.text(member)?;
    let digits = text.as_bytes().chunks_exact(2);
    let byte = |pair: &[u8]| {
        let is_small = |digit: &u8| matches!(digit, b'0'..=b'9' | b'a'..=b'f');
        let digits = std::str::from_utf8(pair).ok()?;
        let value = u8::from_str_radix(digits, 16).ok()?;
        pair.iter().all(is_small).then_some(value)
    };
    let bytes: Option<Vec<u8>> = digits.map(byte).collect();
    let bytes = bytes.filter(|_| text.len() == 64);
    bytes
        .and_then(|bytes| bytes.try_into().ok())
        .ok_or_else(|| fields.unexpected(member, "a SHA-256 of 64 small hexadecimal digits"))
}

const A_NAME: &str = "a name of at most 100 bytes that can be part of a file name";

fn name(fields: &mut Fields, member: &str) -> Result<String, Malformed> {
    let text = fields.text(member)?;
    match is_name(&text) {
        true => Ok(text),
        false => Err(fields.unexpected(member, A_NAME)),
    }
}

fn is_name(text: &str) -> bool {
    text.len() <= LONGEST_NAME && !text.contains('/') && check_relative(text).is_ok()
}

fn optional_text(fields: &mut Fields, member: &str) -> Result<Option<String>, Malformed> {
    let text = fields.optional_text(member)?;
    match &text {
        Some(long) if long.len() > LONGEST_TEXT => {
            Err(fields.unexpected(member, "a text of at most 64 KiB"))
        }
        _ => Ok(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn release() -> Release {
        Release {
            app: "hello".into(),
            version: "1.1".into(),
            platform: "linux-x86_64".into(),
            channel: "stable".into(),
            kind: PackageKind::Patch { from: "1.0".into() },
            notes: Some("Faster.\n\u{1b}[2J".into()),
            minimum_version: Some("0.9".into()),
            yanked: None,
        }
    }

    fn target(release: &Release) -> TargetFile {
        TargetFile {
            custom: Some(release.to_custom().unwrap()),
            ..TargetFile::describe(b"x")
        }
    }

    const PATH: &str = "hello/stable/linux-x86_64/hello-1.1.patch";

    #[test]
    fn a_release_survives_the_round_trip() {
        let release = release();
        assert_eq!(release_path(release.wanted(), "hello-1.1.patch"), PATH);
        let read = Release::read(PATH, &target(&release));
        assert_eq!(read, Ok(Some(release)));
    }

    #[test]
    fn a_compact_package_tells_how_its_index_is_known() {
        let index = PackageIndex {
            length: 1234,
            sha256: [0xa5; 32],
        };
        let release = Release {
            kind: PackageKind::Compact { index },
            ..release()
        };
        let read = Release::read(PATH, &target(&release));
        assert_eq!(read, Ok(Some(release.clone())));
        let release = Release {
            notes: None,
            ..release
        };
        let said = String::from_utf8(release.to_custom().unwrap().canonical()).unwrap();
        for bad in [
            said.replace("a5a5", "A5A5"),
            said.replace("a5a5", "a5"),
            said.replace("a5a5", "+5a5"),
            said.replace("1234", "-1"),
            said.replace("index_length", "other"),
        ] {
            let custom = Json::parse(bad.as_bytes()).ok();
            let target = TargetFile {
                custom,
                ..TargetFile::describe(b"x")
            };
            assert!(Release::read(PATH, &target).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_package_of_another_app_channel_or_platform_is_not_taken_for_ours() {
        let target = target(&release());
        for path in [
            "other/stable/linux-x86_64/hello-1.1.patch",
            "hello/beta/linux-x86_64/hello-1.1.patch",
            "hello/stable/win-amd64/hello-1.1.patch",
            "hello/stable/linux-x86_64/x/hello-1.1.patch",
            "hello-1.1.patch",
            "hello/stable/linux-x86_64/..",
        ] {
            let read = Release::read(path, &target);
            assert!(
                matches!(read, Err(ReleaseFault::Contradiction { .. })),
                "{path}"
            );
        }
        let wanted = Wanted {
            app: "hello",
            platform: "win-amd64",
            channel: "stable",
        };
        assert!(!release().is_for(wanted));
    }

    #[test]
    fn targets_of_other_tools_are_no_releases() {
        let plain = TargetFile::describe(b"x");
        assert_eq!(Release::read("x", &plain), Ok(None));
        let custom = Json::parse(br#"{"user": null, "tufup": {"required": true}}"#).ok();
        let foreign = TargetFile { custom, ..plain };
        assert_eq!(Release::read("x", &foreign), Ok(None));
    }

    #[test]
    fn what_makes_no_sense_is_refused_in_reading_and_writing() {
        let bad = |change: fn(&mut Release)| {
            let mut release = release();
            change(&mut release);
            assert!(release.to_custom().is_err(), "{release:?}");
        };
        bad(|release| release.app = "a/b".into());
        bad(|release| release.version = "..".into());
        bad(|release| release.platform = "x".repeat(101));
        bad(|release| release.channel = String::new());
        bad(|release| release.kind = PackageKind::Patch { from: "1\n".into() });
        bad(|release| release.notes = Some("x".repeat(LONGEST_TEXT + 1)));
        bad(|release| release.minimum_version = Some("a:b".into()));
    }
}
