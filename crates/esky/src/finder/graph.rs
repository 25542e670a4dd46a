//! Which chain of packages leads from one version to another most cheaply. Versions are nodes, packages are links;
//! the empty version can be reached from anywhere for nothing, and a full package starts there.

use std::collections::{BTreeMap, BTreeSet};

/// Packages as links between versions.
#[derive(Debug, Clone, Default)]
pub struct VersionGraph {
    /// source -> target -> name of the link -> cost
    links: BTreeMap<String, BTreeMap<String, BTreeMap<String, u64>>>,
}

impl VersionGraph {
    /// A graph without links.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a way from `source` (empty for a full package) to `target`. The same link again takes the new cost.
    pub fn add_link(&mut self, source: &str, target: &str, via: &str, cost: u64) {
        self.links
            .entry(source.to_owned())
            .or_default()
            .entry(target.to_owned())
            .or_default()
            .insert(via.to_owned(), cost);
    }

    /// Forgets a package that proved unusable.
    pub fn remove_all_links(&mut self, via: &str) {
        for targets in self.links.values_mut() {
            for links in targets.values_mut() {
                links.remove(via);
            }
        }
    }

    /// Versions that can be reached from `source`, itself excluded, in the order of their text.
    pub fn get_versions(&self, source: &str) -> Vec<String> {
        self.get_best_paths(source)
            .into_iter()
            .filter(|(version, path)| {
                path.is_some() && !version.is_empty() && version.as_str() != source
            })
            .map(|(version, _)| version)
            .collect()
    }

    /// The cheapest links from `source` to `target`; `None` if there are none.
    pub fn get_best_path(&self, source: &str, target: &str) -> Option<Vec<String>> {
        self.get_best_paths(source).remove(target).flatten()
    }

    /// The cheapest links from `source` to every version known; `None` for those out of reach.
    pub fn get_best_paths(&self, source: &str) -> BTreeMap<String, Option<Vec<String>>> {
        let mut nodes = self.nodes(source);
        let mut distances: BTreeMap<&str, (u64, Vec<&str>)> = BTreeMap::new();
        distances.insert(source, (0, Vec::new()));
        distances.entry("").or_insert((0, Vec::new()));
        let mut paths: BTreeMap<String, Option<Vec<String>>> = BTreeMap::new();
        while let Some(nearest) = nearest(&nodes, &distances) {
            nodes.remove(nearest);
            let (cost, path) = distances[nearest].clone();
            for (target, via, step) in self.steps(nearest) {
                let total = cost.saturating_add(step);
                if distances
                    .get(target)
                    .is_none_or(|(known, _)| total < *known)
                {
                    let mut longer = path.clone();
                    longer.push(via);
                    distances.insert(target, (total, longer));
                }
            }
            let owned = path.into_iter().map(str::to_owned).collect();
            paths.insert(nearest.to_owned(), Some(owned));
        }
        paths.extend(nodes.into_iter().map(|node| (node.to_owned(), None)));
        paths
    }

    fn nodes<'a>(&'a self, source: &'a str) -> BTreeSet<&'a str> {
        let mut nodes = BTreeSet::from([source, ""]);
        for (from, targets) in &self.links {
            nodes.insert(from);
            nodes.extend(targets.keys().map(String::as_str));
        }
        nodes
    }

    /// The cheapest link to each neighbour; among equals the one whose text comes first.
    fn steps<'a>(&'a self, node: &str) -> impl Iterator<Item = (&'a str, &'a str, u64)> {
        self.links
            .get(node)
            .into_iter()
            .flatten()
            .filter_map(|(target, links)| {
                let (via, cost) = links.iter().min_by_key(|(via, cost)| (**cost, *via))?;
                Some((target.as_str(), via.as_str(), *cost))
            })
    }
}

/// The unvisited node with the smallest cost; among equals the one whose text comes first.
fn nearest<'a>(
    nodes: &BTreeSet<&'a str>,
    distances: &BTreeMap<&str, (u64, Vec<&str>)>,
) -> Option<&'a str> {
    nodes
        .iter()
        .filter_map(|node| distances.get(node).map(|(cost, _)| (*cost, *node)))
        .min()
        .map(|(_, node)| node)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_removed_link_gives_way_to_the_next_best() {
        let mut graph = VersionGraph::new();
        graph.add_link("", "2", "b.zip", 40);
        graph.add_link("", "2", "a.zip", 40);
        assert_eq!(
            graph.get_best_path("1", "2"),
            Some(vec!["a.zip".to_owned()])
        );
        graph.remove_all_links("a.zip");
        assert_eq!(
            graph.get_best_path("1", "2"),
            Some(vec!["b.zip".to_owned()])
        );
        graph.remove_all_links("b.zip");
        assert_eq!(graph.get_best_path("1", "2"), None);
        assert!(graph.get_versions("1").is_empty());
    }

    #[test]
    fn a_chain_of_patches_beats_a_full_package_until_it_is_too_long() {
        let mut graph = VersionGraph::new();
        for step in 0..50 {
            graph.add_link(
                &step.to_string(),
                &(step + 1).to_string(),
                &format!("p{step}"),
                1,
            );
        }
        graph.add_link("", "39", "full39", 40);
        graph.add_link("", "50", "full50", 40);
        assert_eq!(
            graph.get_best_path("0", "39").map(|path| path.len()),
            Some(39)
        );
        assert_eq!(
            graph.get_best_path("0", "50"),
            Some(vec!["full50".to_owned()])
        );
    }
}
