//! Web pages that list packages.

use esky::{PackageKind, scrape};

const PLATFORM: &str = "linux-x86_64";

/// Every link is one of a file that is named as packages of this app are.
pub(crate) fn listing(bytes: &[u8]) {
    for link in scrape::find_links(bytes, "demo", PLATFORM).unwrap_or_default() {
        assert!(
            !link.version.is_empty() && !link.version.contains('/'),
            "{link:?}"
        );
        if let PackageKind::Patch { from } = &link.kind {
            assert!(!from.is_empty(), "{link:?}");
        }
    }
}

pub(crate) fn listing_seeds() -> Vec<Vec<u8>> {
    let pages = [
        "<a href=\"demo-1.0.linux-x86_64.zip\">1.0</a>",
        "<A HREF='x/demo-1.1.linux-x86_64.from-1.0.patch'>\n<a href=demo-2.linux-x86_64.zip>",
        "<pre><a href=\"../\">..</a> <a href=\"demo-1.0%2B1.linux-x86_64.zip?x&amp;y#z\">a</a><!-- <a href=\"b\"> -->",
    ];
    pages.map(|page| page.as_bytes().to_vec()).into()
}
