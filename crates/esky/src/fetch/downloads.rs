//! The directory of downloaded packages, and which of them are of no use any more.

use std::path::Path;

use esky_format::name::AppVersion;
use esky_format::path::check_relative;
use esky_format::percent;
use esky_format::version::compare;
use esky_fs::Place;
use url::Url;

use crate::{AppDir, Error, HttpFault, Leftover, Leftovers, Result};

/// Where the package of a URL is kept: under the last part of its path, decoded if that gives a file name.
pub(crate) fn package_place(app: &AppDir, url: &str) -> Result<Place> {
    Ok(app.downloads_dir().join(file_name(url)?))
}

fn file_name(url: &str) -> Result<String> {
    let bad = |reason: String| Error::http(url, HttpFault::BadUrl(reason));
    let parsed = Url::parse(url).map_err(|error| bad(error.to_string()))?;
    let encoded = parsed.path().rsplit('/').next().unwrap_or_default();
    let is_name = |name: &String| !name.contains('/') && check_relative(name).is_ok();
    let decoded = String::from_utf8(percent::decode(encoded.as_bytes())).ok();
    if let Some(name) = decoded.filter(is_name) {
        return Ok(name);
    }
    check_relative(encoded).map_err(|fault| bad(fault.to_string()))?;
    Ok(encoded.to_owned())
}

/// Whether [`cleanup`] would remove anything.
pub(crate) fn needs_cleanup(app: &AppDir) -> Result<bool> {
    Ok(!of_no_use(app)?.is_empty())
}

/// Removes what no update will use: everything but whole and partial packages of versions still to come. Those are
/// what an interrupted update goes on with. A crash leaves some of it for the next time. What cannot be removed keeps nothing else
/// from being removed.
pub(crate) fn cleanup(app: &AppDir) -> Result<Leftovers> {
    let mut left = Leftovers::default();
    for path in of_no_use(app)? {
        if let Err(error) = esky_fs::remove_tree(&path) {
            left.refused.push(Leftover::of_disk(error)?);
        }
    }
    Ok(left)
}

fn of_no_use(app: &AppDir) -> Result<Vec<Place>> {
    let directory = app.downloads_dir();
    if !esky_fs::exists(&directory)? {
        return Ok(Vec::new());
    }
    let present = app.best()?.app.version;
    let names = esky_fs::read_dir_names(&directory)?;
    Ok(names
        .into_iter()
        .filter(|name| {
            !Path::new(name)
                .to_str()
                .is_some_and(|name| is_newer(name, &present))
        })
        .map(|name| directory.join(name))
        .collect())
}

/// Whether a file is a package, or part of one, of a version newer than the present one.
fn is_newer(file_name: &str, present: &str) -> bool {
    let package = file_name.strip_suffix(".meta").unwrap_or(file_name);
    let package = package.strip_suffix(".part").unwrap_or(package);
    let package = package.strip_suffix(".parts").unwrap_or(package);
    let endings = [".zip", ".exe", ".esky", ".patch"];
    let stem = endings
        .iter()
        .find_map(|ending| package.strip_suffix(ending));
    let stem = stem.map(|stem| stem.rsplit_once(".from-").map_or(stem, |(stem, _)| stem));
    stem.and_then(AppVersion::parse_directory)
        .is_some_and(|app| compare(&app.version, present).is_gt())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_name_is_the_last_part_of_the_path() {
        assert_eq!(
            file_name("http://host/a/b-1.0.linux.zip?x=/y").unwrap(),
            "b-1.0.linux.zip"
        );
        assert_eq!(
            file_name("http://host/a%20b%20%28c%29-1.0.linux.zip").unwrap(),
            "a b (c)-1.0.linux.zip"
        );
        for name in ["a%2Fb", "%2e%2e%2fb", "a%00b", "a%FFb"] {
            assert_eq!(file_name(&format!("http://host/{name}")).unwrap(), name);
        }
        assert!(file_name("http://host/").is_err());
        assert!(file_name("http://host/a/..").is_err());
    }

    #[test]
    fn only_packages_of_versions_to_come_are_kept() {
        assert!(is_newer("demo-1.1.linux-x86_64.zip", "1.0"));
        assert!(is_newer("demo-1.1.linux-x86_64.zip.part", "1.0"));
        assert!(is_newer("demo-1.1.linux-x86_64.zip.part.meta", "1.0"));
        assert!(is_newer("0f.demo-1.1.linux-x86_64.esky.parts", "1.0"));
        assert!(is_newer(
            "0f.demo-1.1.linux-x86_64.from-1.0.esky.part",
            "1.0"
        ));
        assert!(is_newer("demo-1.1.linux-x86_64.from-1.0.patch", "1.0"));
        assert!(!is_newer("demo-1.1.linux-x86_64.from-1.0.patch", "1.1"));
        assert!(!is_newer("0f.demo-1.1.linux-x86_64.from-1.0.esky", "1.1"));
        assert!(!is_newer("between", "1.0"));
        assert!(!is_newer("demo-1.0.linux-x86_64.zip", "1.0"));
        assert!(!is_newer("junk", "1.0"));
    }
}
