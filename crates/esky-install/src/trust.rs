//! Whom an app believes about updates, also after the files that say so were damaged.
//!
//! The list of files knows the hash of `root.json` and `settings.txt`. A file that has another hash, or is lost, is not used: a copy
//! of it is, if there is one with the right hash, in another installed version or (of `root.json`) among the metadata that was
//! fetched. So no root is believed but the one that was packed with the version.
//!
//! If the list itself is lost or damaged, no hash is known. Then all roots that are there are handed out, and the first one that has
//! signed itself counts: the version's own, that of another version (by its list, if it has one), the newest that was fetched.
//! There is always one of them if the app has ever taken a signed update, so the loss makes no app believe whoever answers.
//! Nothing is written here; `repair` does that.

use esky_format::file_list::{FileList, Kind};
use esky_format::layout::{CONTROL_DIR, SETTINGS, TRUST_ROOT};
use esky_format::settings::{SETTINGS_LIMIT, Settings};
use esky_fs::Place;
use sha2::{Digest, Sha256};

use crate::appdir::View;
use crate::error::{Damage, Error, Result};
use crate::version_dir::VersionDir;

/// A root holds a few keys.
const TRUST_ROOT_LIMIT: u64 = 512 << 10;
/// The newest root among the metadata that was fetched: it was verified before it was written there.
const FETCHED_ROOT: &str = "root.json";

/// Whom an app believes about updates.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trust {
    /// Root metadata of its repository: the one that was packed with the app. Several if it is not known which of them that is,
    /// because the list of files was lost; the first one that is a root counts then.
    pub roots: Vec<Vec<u8>>,
    /// The channel whose releases it takes.
    pub channel: Option<String>,
}

/// Whom the version that starts believes; `None` for apps that believe whoever answers.
pub(crate) fn of(view: &View, metadata: &Place) -> Result<Option<Trust>> {
    let Some(best) = view.best() else {
        return Ok(None);
    };
    let version = Version {
        dir: &best.dir,
        list: best.dir.read_file_list().ok().flatten(),
        others: view.order.iter().skip(1).map(|other| &other.dir).collect(),
    };
    let (roots, channel) = match version.list {
        Some(_) => {
            let channel = version.channel()?;
            let root = version.root(metadata)?;
            (root.into_iter().collect(), channel)
        }
        None => version.without_list(metadata),
    };
    if roots.is_empty() {
        // A file that was lost must not turn an app that verifies into one that does not.
        return match channel {
            Some(_) => Err(version.lost(TRUST_ROOT, Damage::Missing)),
            None => Ok(None),
        };
    }
    Ok(Some(Trust { roots, channel }))
}

struct Version<'a> {
    dir: &'a VersionDir,
    list: Option<FileList>,
    /// Installed versions of the same app that may have copies, the newest first.
    others: Vec<&'a VersionDir>,
}

impl Version<'_> {
    fn root(&self, metadata: &Place) -> Result<Option<Vec<u8>>> {
        let names = esky_fs::read_dir_names(metadata).unwrap_or_default();
        let fetched = names.into_iter().map(|name| metadata.join(name)).collect();
        self.read(TRUST_ROOT, TRUST_ROOT_LIMIT, fetched)
    }

    /// Which channel it is says nothing about whom to believe: that of another version will do.
    fn channel(&self) -> Result<Option<String>> {
        match self.read(SETTINGS, SETTINGS_LIMIT as u64, Vec::new()) {
            Ok(None) => Ok(None),
            Ok(Some(bytes)) => {
                let settings = Settings::parse(&bytes);
                let path = self.dir.control().join(SETTINGS).path().to_owned();
                Ok(settings
                    .map_err(|fault| Error::BadSettings { path, fault })?
                    .channel)
            }
            Err(Error::TrustLost { .. }) => Ok(self.channel_of_others()),
            Err(error) => Err(error),
        }
    }

    fn channel_of_others(&self) -> Option<String> {
        let mut others = self.others.iter().filter_map(|other| other.settings().ok());
        others.find_map(|settings| settings.channel)
    }

    /// All roots that are there, the likeliest first, and the channel.
    fn without_list(&self, metadata: &Place) -> (Vec<Vec<u8>>, Option<String>) {
        let read = |place: &Place, limit| esky_fs::read_optional(place, limit).ok().flatten();
        let control = self.dir.control();
        let own = read(&control.join(TRUST_ROOT), TRUST_ROOT_LIMIT);
        let others = self.others.iter().filter_map(|other| {
            let version = Version {
                dir: other,
                list: other.read_file_list().ok().flatten(),
                others: Vec::new(),
            };
            version.root(metadata).ok().flatten()
        });
        let fetched = read(&metadata.join(FETCHED_ROOT), TRUST_ROOT_LIMIT);
        let roots = own.into_iter().chain(others).chain(fetched).collect();
        let settings = read(&control.join(SETTINGS), SETTINGS_LIMIT as u64);
        let channel = match settings.map(|bytes| Settings::parse(&bytes)) {
            Some(Ok(settings)) => settings.channel,
            _ => self.channel_of_others(),
        };
        (roots, channel)
    }

    /// The content of a file of the control directory: its own, unless that is not what the list says, else that of a copy.
    fn read(&self, name: &str, limit: u64, more: Vec<Place>) -> Result<Option<Vec<u8>>> {
        let own = esky_fs::read_optional(&self.dir.control().join(name), limit);
        let Some(expected) = self.expected(name) else {
            return Ok(own?);
        };
        let is_right = |bytes: &Vec<u8>| Sha256::digest(bytes)[..] == expected;
        let fault = match own {
            Ok(Some(bytes)) if is_right(&bytes) => return Ok(Some(bytes)),
            Ok(None) => Damage::Missing,
            _ => Damage::Content,
        };
        let others = self.others.iter().map(|other| other.control().join(name));
        let mut copies = others
            .chain(more)
            .filter_map(|path| esky_fs::read_optional(&path, limit).ok().flatten());
        match copies.find(is_right) {
            Some(copy) => Ok(Some(copy)),
            None => Err(self.lost(name, fault)),
        }
    }

    /// The hash that the list has for a file.
    fn expected(&self, name: &str) -> Option<[u8; 32]> {
        let path = format!("{CONTROL_DIR}/{name}");
        let mut entries = self.list.as_ref()?.entries.iter();
        match entries.find(|entry| entry.path == path)?.kind {
            Kind::File { sha256, .. } => Some(sha256),
            _ => None,
        }
    }

    fn lost(&self, name: &str, fault: Damage) -> Error {
        let path = self.dir.control().join(name).path().to_owned();
        Error::TrustLost { path, fault }
    }
}
