//! `index.html`: the page that makes a plain static host a place to find versions.

use std::cmp::Ordering;
use std::fmt::Write;
use std::path::{Path, PathBuf};

use esky_format::name::AppVersion;
use esky_format::{percent, version};

use crate::error::{Error, Result};

const INDEX: &str = "index.html";
const INDEX_MODE: u32 = 0o644;
const MAX_INDEX: u64 = 16 << 20;
/// Tells our page from someone else's.
const MARK: &str = "<meta name=\"generator\" content=\"esky\">";

/// Writes or refreshes `index.html` in a directory: links to all packages and patches in it, the
/// newest version of an app first. A page that esky did not write is left alone, as an error.
///
/// Several may do this at once, each after it has put a package there: the page is written again until it lists what is
/// there after it was written, so the last one to write lists the packages of all. A crash leaves the old page or the new
/// one, whole.
pub fn write_index(directory: &Path) -> Result<PathBuf> {
    let path = directory.join(INDEX);
    if let Some(old) = esky_fs::read_optional(&path, MAX_INDEX)?
        && !contains(&old, MARK.as_bytes())
    {
        return Err(Error::ForeignIndex { path });
    }
    let mut wanted = page(&list(directory)?);
    loop {
        esky_fs::write_durable(&path, wanted.as_bytes(), INDEX_MODE)?;
        let written = std::mem::replace(&mut wanted, page(&list(directory)?));
        if written == wanted {
            return Ok(path);
        }
    }
}

/// The newest version of an app for a platform of which there is a package in a directory, if `app` is not newer.
pub(crate) fn not_newer_than(directory: &Path, app: &AppVersion) -> Result<Option<String>> {
    let same = |listed: &Listed| listed.app.name == app.name && listed.app.platform == app.platform;
    let newest = list(directory)?.into_iter().find(same);
    let is_newer = |other: &str| version::compare(&app.version, other).is_gt();
    let newest = newest.map(|listed| listed.app.version);
    Ok(newest.filter(|newest| !is_newer(newest)))
}

fn list(directory: &Path) -> Result<Vec<Listed>> {
    let names = esky_fs::read_dir_names(directory)?;
    let found = names
        .iter()
        .filter_map(|name| Listed::from_name(name.to_str()?));
    let mut listed: Vec<Listed> = found.collect();
    listed.sort_by(Listed::order);
    Ok(listed)
}

fn contains(text: &[u8], part: &[u8]) -> bool {
    text.windows(part.len()).any(|window| window == part)
}

/// A package, or a patch that leads to one.
struct Listed {
    file: String,
    app: AppVersion,
}

impl Listed {
    fn from_name(file: &str) -> Option<Self> {
        let directory = match file.strip_suffix(".zip") {
            Some(directory) => directory,
            None => file.strip_suffix(".patch")?.rsplit_once(".from-")?.0,
        };
        let hidden = file.starts_with('.');
        let app = AppVersion::parse_directory(directory).filter(|_| !hidden)?;
        Some(Self {
            file: file.to_owned(),
            app,
        })
    }

    fn order(&self, other: &Self) -> Ordering {
        let (a, b) = (&self.app, &other.app);
        a.name
            .cmp(&b.name)
            .then_with(|| version::compare(&b.version, &a.version))
            .then_with(|| self.file.cmp(&other.file))
    }
}

fn page(listed: &[Listed]) -> String {
    let mut text = format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n{MARK}\n\
         <title>Packages</title>\n</head>\n<body>\n<ul>\n"
    );
    for Listed { file, .. } in listed {
        let (link, shown) = (percent::encode(file), escaped(file));
        // Writing to a string cannot fail.
        let _ = writeln!(text, "<li><a href=\"{link}\">{shown}</a></li>");
    }
    text.push_str("</ul>\n</body>\n</html>\n");
    text
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_are_quoted_and_percent_encoded() {
        let listed: Vec<_> = ["My & App (Pro)-1.0.linux-x86_64.zip"]
            .into_iter()
            .filter_map(Listed::from_name)
            .collect();
        let page = page(&listed);
        let link =
            "<a href=\"My%20%26%20App%20%28Pro%29-1.0.linux-x86_64.zip\">My &amp; App (Pro)-";
        assert!(page.contains(link), "{page}");
    }

    #[test]
    fn only_packages_and_patches_are_listed() {
        for name in [
            "index.html",
            "notes.zip",
            ".app-1.0.linux-x86_64.zip.7.new",
            ".app-1.0.linux-x86_64.zip",
            "app-1.0.linux-x86_64",
        ] {
            assert!(Listed::from_name(name).is_none(), "{name}");
        }
        let patch = Listed::from_name("app-1.1.linux-x86_64.from-1.0.patch").unwrap();
        assert_eq!(patch.app.version, "1.1");
    }
}
