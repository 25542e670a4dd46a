//! Where targets lie.

use esky_trust::{Mismatch, TargetFile, percent_encode};

use crate::Result;
use crate::fetch::SignedPackage;

/// The URL of a target. Each name in its path is encoded, so that none of them means anything in a URL.
pub(super) fn url(base: &str, path: &str, file: &TargetFile, consistent: bool) -> Result<String> {
    let (directory, name) = path.rsplit_once('/').unwrap_or(("", path));
    let mut parts: Vec<String> = directory.split('/').map(percent_encode).collect();
    parts.retain(|part| !part.is_empty());
    let name = percent_encode(name);
    parts.push(match (consistent, file.hashes.file_name_prefix()) {
        (false, _) => name,
        (true, Some(hash)) => format!("{hash}.{name}"),
        (true, None) => {
            let unknown = SignedPackage {
                url: path,
                file,
                may_be_page: true,
            };
            return Err(unknown.mismatch(Mismatch::NoKnownHash));
        }
    });
    Ok(format!("{base}{}", parts.join("/")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_name_of_a_target_means_anything_in_a_url() {
        let file = TargetFile::describe(b"x");
        let hash = file.hashes.file_name_prefix().unwrap().to_owned();
        let url = |path: &str, consistent| url("http://host/t/", path, &file, consistent);
        assert_eq!(
            url("a/b c?d#e", false).unwrap(),
            "http://host/t/a/b%20c%3Fd%23e"
        );
        assert_eq!(url("100%41", false).unwrap(), "http://host/t/100%2541");
        let expected = format!("http://host/t/a/{hash}.b");
        assert_eq!(url("a/b", true).unwrap(), expected);
        assert_eq!(url("b", true).unwrap(), format!("http://host/t/{hash}.b"));
    }
}
