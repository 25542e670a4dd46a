//! Which packages lead to a version most cheaply: a pure choice, without disk and network.

use std::collections::HashSet;
use std::fmt;

use super::offers::{Offers, Package, Patch, Version};
use crate::VersionGraph;

/// A way to a version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Way {
    /// Patches, so many one after the other.
    Patches(usize),
    /// Of the compact package only the files that changed.
    ChangedFiles,
    /// The whole compact package.
    Compact,
    /// The zip.
    Full,
}

/// What is fetched, in words.
impl fmt::Display for Way {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Patches(1) => formatter.write_str("a patch"),
            Self::Patches(count) => write!(formatter, "{count} patches"),
            Self::ChangedFiles => formatter.write_str("the changed files"),
            Self::Compact | Self::Full => formatter.write_str("the whole version"),
        }
    }
}

/// A way with its packages.
#[derive(Clone, Debug)]
pub(super) struct Route<'a> {
    pub(super) packages: Packages<'a>,
    /// Bytes that will travel.
    pub(super) cost: u64,
}

/// What a way takes.
#[derive(Clone, Debug)]
pub(super) enum Packages<'a> {
    Patches(Vec<&'a Patch>),
    ChangedFiles,
    Compact(&'a Package),
    Full(&'a Package),
}

impl Route<'_> {
    pub(super) fn way(&self) -> Way {
        match &self.packages {
            Packages::Patches(patches) => Way::Patches(patches.len()),
            Packages::ChangedFiles => Way::ChangedFiles,
            Packages::Compact(_) => Way::Compact,
            Packages::Full(_) => Way::Full,
        }
    }
}

/// What is known when a way is chosen.
pub(super) struct Situation<'a, 'f> {
    pub(super) offers: &'a Offers,
    /// The version to get to, and the packages that bring all of it.
    pub(super) target: (&'a str, &'a Version),
    /// The version that patches and changed files can start from.
    pub(super) installed: Option<&'a str>,
    /// What the changed files take, if that is known.
    pub(super) changed_files: Option<u64>,
    /// Addresses of packages that have failed.
    pub(super) failed: &'f HashSet<String>,
    /// Not so many patches have failed yet that another one is not worth a try.
    pub(super) allows_patches: bool,
}

impl<'a> Situation<'a, '_> {
    /// The cheapest way that has not failed yet; among equals the one with less work.
    pub(super) fn choose(&self) -> Option<Route<'a>> {
        let ways = [
            self.patches(),
            self.changed_files.map(|cost| Route {
                packages: Packages::ChangedFiles,
                cost,
            }),
            self.compact(),
            self.full(),
        ];
        ways.into_iter().flatten().min_by_key(|route| route.cost)
    }

    /// Whether it can be that the changed files are cheaper than the best way known, so that it is worth to fetch the index
    /// of the compact package. A patch straight to the target was published only because it is smaller than they are.
    pub(super) fn changed_files_may_be_cheaper(&self, best: Option<&Route<'_>>) -> bool {
        let Some((package, index)) = &self.target.1.compact else {
            return false;
        };
        if self.installed.is_none() || self.has_failed(package) || self.changed_files.is_some() {
            return false;
        }
        match best.map(|best| (best.way(), best.cost)) {
            Some((Way::Patches(1), _)) => false,
            Some((_, cost)) => index.length.saturating_mul(2) < cost,
            None => true,
        }
    }

    fn patches(&self) -> Option<Route<'a>> {
        let installed = self.installed.filter(|_| self.allows_patches)?;
        let mut graph = VersionGraph::new();
        let usable = || {
            let patches = self.offers.patches.iter();
            patches.filter(|patch| !self.has_failed(&patch.package))
        };
        for patch in usable() {
            let Patch { from, to, package } = patch;
            graph.add_link(from, to, &package.url, package.size());
        }
        let path = graph.get_best_path(installed, self.target.0)?;
        let patches: Option<Vec<&Patch>> = path
            .iter()
            .map(|url| usable().find(|patch| patch.package.url == *url))
            .collect();
        let patches = patches.filter(|patches| !patches.is_empty())?;
        let cost = patches.iter().map(|patch| patch.package.size()).sum();
        Some(Route {
            packages: Packages::Patches(patches),
            cost,
        })
    }

    fn compact(&self) -> Option<Route<'a>> {
        let (package, _) = self.target.1.compact.as_ref()?;
        self.whole(package, Packages::Compact(package))
    }

    fn full(&self) -> Option<Route<'a>> {
        let package = self.target.1.full.as_ref()?;
        self.whole(package, Packages::Full(package))
    }

    fn whole(&self, package: &Package, packages: Packages<'a>) -> Option<Route<'a>> {
        let cost = package.size();
        (!self.has_failed(package)).then_some(Route { packages, cost })
    }

    fn has_failed(&self, package: &Package) -> bool {
        self.failed.contains(&package.url)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use esky_trust::{Hashes, PackageIndex, TargetFile};

    fn package(url: &str, length: u64) -> Package {
        let hashes = Hashes::of(url.as_bytes());
        Package {
            url: url.to_owned(),
            file: TargetFile {
                length,
                hashes,
                custom: None,
            },
        }
    }

    fn version() -> Version {
        let index = PackageIndex {
            length: 100,
            sha256: [0; 32],
        };
        Version {
            full: Some(package("full", 9000)),
            compact: Some((package("compact", 6000), index)),
            notes: None,
        }
    }

    fn offers(patches: &[(&str, &str, u64)]) -> Offers {
        let patches = patches
            .iter()
            .map(|&(from, to, length)| Patch {
                from: from.to_owned(),
                to: to.to_owned(),
                package: package(&format!("{from}-{to}"), length),
            })
            .collect();
        Offers {
            patches,
            ..Offers::default()
        }
    }

    /// The way and its cost, and whether the index is worth a look.
    fn choice(
        offers: &Offers,
        installed: Option<&str>,
        changed_files: Option<u64>,
        failed: &[&str],
    ) -> (Option<(Way, u64)>, bool) {
        let failed = failed.iter().map(|url| (*url).to_owned()).collect();
        let situation = Situation {
            offers,
            target: ("3", &version()),
            installed,
            changed_files,
            failed: &failed,
            allows_patches: true,
        };
        let best = situation.choose();
        let look = situation.changed_files_may_be_cheaper(best.as_ref());
        (best.map(|best| (best.way(), best.cost)), look)
    }

    #[test]
    fn a_patch_to_the_version_is_taken_without_looking_further() {
        let offers = offers(&[("2", "3", 500), ("1", "2", 10)]);
        let found = choice(&offers, Some("2"), None, &[]);
        assert_eq!(found, (Some((Way::Patches(1), 500)), false));
    }

    #[test]
    fn a_chain_of_patches_is_taken_when_it_is_cheapest() {
        let offers = offers(&[("2", "3", 500), ("1", "2", 700), ("1", "3", 1300)]);
        let found = choice(&offers, Some("1"), None, &[]);
        assert_eq!(found, (Some((Way::Patches(2), 1200)), true));
        let found = choice(&offers, Some("1"), Some(1199), &[]);
        assert_eq!(found, (Some((Way::ChangedFiles, 1199)), false));
    }

    #[test]
    fn patches_larger_than_the_package_are_not_taken() {
        let offers = offers(&[("1", "3", 7000)]);
        assert_eq!(
            choice(&offers, Some("1"), None, &[]),
            (Some((Way::Compact, 6000)), true)
        );
    }

    #[test]
    fn without_an_installed_version_only_whole_packages_do() {
        let offers = offers(&[("2", "3", 5)]);
        assert_eq!(
            choice(&offers, None, None, &[]),
            (Some((Way::Compact, 6000)), false)
        );
    }

    #[test]
    fn what_has_failed_gives_way_to_the_next_best() {
        let offers = offers(&[("2", "3", 500)]);
        let ways = [
            (&[][..], Some((Way::Patches(1), 500))),
            (&["2-3"], Some((Way::Compact, 6000))),
            (&["2-3", "compact"], Some((Way::Full, 9000))),
            (&["2-3", "compact", "full"], None),
        ];
        for (failed, expected) in ways {
            assert_eq!(choice(&offers, Some("2"), None, failed).0, expected);
        }
    }
}
