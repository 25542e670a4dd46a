//! What clients refuse is refused here already, before anybody has it installed and waits for updates.

use std::collections::BTreeMap;
use std::path::Path;

use esky_archive::{Limits, Package, PackageFault};
use esky_format::layout::CONTROL_DIR;
use esky_format::path::check_relative;

use crate::error::{Error, Fault, Result};
use crate::scan::{Node, NodeKind, Tree};

/// Files that esky adds, at most: they are few, and their names are short.
const ADDED: usize = 16;

/// Checks what will be in a package. `prefix` stands before all paths of the tree in it.
pub(crate) fn check(directory: &Path, tree: &Tree, prefix: &str) -> Result<()> {
    let path = |node: &Node| match node.kind {
        NodeKind::Directory { .. } => format!("{prefix}{}/", node.path),
        _ => format!("{prefix}{}", node.path),
    };
    let paths: Vec<String> = tree.nodes.iter().map(path).collect();
    check_paths(directory, tree, &paths)?;
    let added = std::iter::repeat_n(CONTROL_DIR, ADDED);
    let all = paths.iter().map(String::as_str).chain(added);
    Limits::default()
        .check(all, tree.size())
        .map_err(|fault| Error::BeyondLimits {
            directory: directory.to_owned(),
            part: largest_part(tree, &fault),
            fault,
        })
}

/// Opens a package as clients do.
pub(crate) fn check_package(file: &Path, path: &Path) -> Result<()> {
    let reader = esky_fs::open_for_read(file)?;
    let opened = Package::open(path.display().to_string(), reader, &Limits::default());
    opened.map(drop).map_err(|source| Error::Archive {
        path: path.to_owned(),
        source,
    })
}

fn check_paths(directory: &Path, tree: &Tree, paths: &[String]) -> Result<()> {
    let faults = paths.iter().zip(&tree.nodes).filter_map(|(path, node)| {
        let fault = check_relative(path.trim_end_matches('/')).err()?;
        let path = node.path.clone();
        Some(Fault::Path { path, fault })
    });
    let faults: Vec<Fault> = faults.collect();
    match faults.is_empty() {
        true => Ok(()),
        false => Err(Error::Faults {
            directory: directory.to_owned(),
            faults,
        }),
    }
}

/// Where most of it is: the deepest directory with more than half of what is counted, else the one at the top with the most.
fn largest_part(tree: &Tree, fault: &PackageFault) -> String {
    let weight = |node: &Node| match (fault, &node.kind) {
        (PackageFault::TooLarge { .. }, NodeKind::File { size, .. }) => *size,
        (PackageFault::TooLarge { .. }, _) => 0,
        (PackageFault::IndexTooLarge { .. }, _) => node.path.len() as u64,
        _ => 1,
    };
    let unit = match fault {
        PackageFault::TooManyEntries { .. } => "files and directories",
        _ => "bytes",
    };
    let mut weights: BTreeMap<&str, u64> = BTreeMap::new();
    let mut total = 0;
    for node in &tree.nodes {
        let weight = weight(node);
        total += weight;
        for (end, _) in node.path.match_indices('/') {
            *weights.entry(&node.path[..end]).or_default() += weight;
        }
    }
    let heavy = weights.iter().filter(|(_, weight)| **weight > total / 2);
    let at_top = weights.iter().filter(|(path, _)| !path.contains('/'));
    let deepest = heavy.max_by_key(|(path, _)| path.len());
    match deepest.or_else(|| at_top.max_by_key(|(_, weight)| **weight)) {
        Some((path, weight)) => format!("{weight} {unit} of it are in {path}"),
        None => "all of it is at the top".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(files: &[(&str, usize, u64)]) -> Tree {
        let mut nodes = Vec::new();
        for &(directory, count, size) in files {
            nodes.extend((0..count).map(|number| Node {
                path: format!("{directory}/{number}"),
                kind: NodeKind::File {
                    mode: 0o644,
                    size,
                    executable: None,
                },
            }));
        }
        Tree {
            nodes,
            faults: Vec::new(),
        }
    }

    #[track_caller]
    fn is_refused(tree: &Tree, words: &[&str]) {
        let error = check(Path::new("dist"), tree, "app-1.0.x/").unwrap_err();
        let hint = error.hint().unwrap();
        assert!(hint.contains("leave out"), "{hint}");
        for word in words {
            assert!(error.to_string().contains(word), "{error}");
        }
    }

    #[test]
    fn more_files_than_clients_unpack_are_refused_with_where_they_are() {
        let nearly = tree(&[("lib", 65_000, 1)]);
        assert!(check(Path::new("dist"), &nearly, "app-1.0.x/").is_ok());
        let many = tree(&[("lib", 30_000, 1), ("data/icons", 40_000, 1)]);
        is_refused(
            &many,
            &[
                "70016 entries",
                "40000 files and directories of it are in data/icons",
            ],
        );
    }

    #[test]
    fn more_bytes_than_clients_unpack_are_refused_with_where_they_are() {
        let large = tree(&[("lib", 5, 1 << 20), ("models", 2, 5 << 30)]);
        is_refused(&large, &["10742661120 bytes", "in models"]);
    }

    #[test]
    fn longer_paths_than_clients_read_are_refused() {
        let long = "d".repeat(120);
        let path = [long.as_str(); 8].join("/");
        is_refused(&tree(&[(&path, 20_000, 1)]), &["bytes of index and paths"]);
    }

    #[test]
    fn the_prefix_of_the_package_counts() {
        let deep = ["d"; 62].join("/");
        assert!(check(Path::new("dist"), &tree(&[(&deep, 1, 1)]), "app-1.0.x/").is_ok());
        let error = check(
            Path::new("dist"),
            &tree(&[(&deep, 1, 1)]),
            "appdata/app-1.0.x/",
        );
        assert!(
            error
                .unwrap_err()
                .to_string()
                .contains("directories in one another")
        );
    }
}
