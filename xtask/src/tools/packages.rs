//! What the tests use and this machine may lack: `.ci/debian-packages.txt`, from which CI installs it.

use std::path::{Path, PathBuf};

const LIST: &str = include_str!("../../../.ci/debian-packages.txt");

/// The script that installs all of it.
pub(crate) const INSTALLER: &str = ".ci/install-packages";

/// A package of Debian.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Package {
    name: &'static str,
    /// It is there if one of these is.
    programs: &'static str,
    purpose: &'static str,
}

impl Package {
    fn parse(line: &'static str) -> Option<Self> {
        let (name, rest) = line.split_once(' ')?;
        let (programs, purpose) = rest.trim_start().split_once(' ')?;
        let purpose = purpose.trim();
        (name != "#").then_some(Self {
            name,
            programs,
            purpose,
        })
    }

    /// Name and purpose.
    pub(crate) fn words(&self) -> String {
        format!("{} ({})", self.name, self.purpose)
    }

    fn is_there(&self) -> bool {
        self.programs.split(',').any(is_program)
    }
}

/// The packages that this machine lacks.
pub(crate) fn missing() -> Vec<Package> {
    let packages = LIST.lines().filter_map(Package::parse);
    packages.filter(|package| !package.is_there()).collect()
}

/// Whether the package of this name is missing, in words.
pub(crate) fn lack_of(name: &str) -> Option<String> {
    let package = missing().into_iter().find(|package| package.name == name)?;
    Some(format!("{} is not installed", package.words()))
}

fn is_program(program: &str) -> bool {
    match program.starts_with('/') {
        true => Path::new(program).exists(),
        false => find_program(program).is_some(),
    }
}

/// Programs for administrators may be on nobody's `PATH`.
pub(crate) fn find_program(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let places = std::env::split_paths(&path).chain(["/usr/sbin".into(), "/sbin".into()]);
    let mut programs = places.map(|place| place.join(name));
    programs.find(|program| program.is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_of_the_list_is_a_comment_or_a_package() {
        for line in LIST.lines() {
            let package = Package::parse(line);
            let is_comment = line.starts_with('#');
            assert_eq!(package.is_some(), !is_comment, "{line}");
        }
        let names: Vec<&str> = LIST
            .lines()
            .filter_map(Package::parse)
            .map(|package| package.name)
            .collect();
        assert!(names.is_sorted() && names.contains(&"wine64"), "{names:?}");
    }

    #[test]
    fn programs_are_found_by_name_and_by_path() {
        assert!(is_program("/") && is_program("sh"));
        assert!(!is_program("no such program") && !is_program("/no/such/program"));
    }
}
