//! Which chain of packages leads from one version to another most cheaply. Versions are nodes, packages are links;
//! the empty version can be reached from anywhere for nothing, and a full package starts there.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap, HashMap};

/// Packages as links between versions.
#[derive(Debug, Clone, Default)]
pub struct VersionGraph {
    /// source -> target -> name of the link -> cost
    links: BTreeMap<String, BTreeMap<String, BTreeMap<String, u64>>>,
    /// name of a link -> the sources and targets that it has
    ends: HashMap<String, Vec<(String, String)>>,
}

/// The cheapest known way to a version.
#[derive(Clone, Copy, Default)]
struct Reached<'a> {
    cost: u64,
    /// The version before it and the link from there; `None` for where the search started.
    last: Option<(&'a str, &'a str)>,
    /// Whether no way is cheaper.
    is_settled: bool,
}

impl VersionGraph {
    /// A graph without links.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a way from `source` (empty for a full package) to `target`. The same link again takes the new cost.
    pub fn add_link(&mut self, source: &str, target: &str, via: &str, cost: u64) {
        let targets = self.links.entry(source.to_owned()).or_default();
        let links = targets.entry(target.to_owned()).or_default();
        if links.insert(via.to_owned(), cost).is_none() {
            let ends = self.ends.entry(via.to_owned()).or_default();
            ends.push((source.to_owned(), target.to_owned()));
        }
    }

    /// Forgets a package that proved unusable.
    pub fn remove_all_links(&mut self, via: &str) {
        for (source, target) in self.ends.remove(via).unwrap_or_default() {
            let targets = self.links.get_mut(&source);
            if let Some(links) = targets.and_then(|targets| targets.get_mut(&target)) {
                links.remove(via);
            }
        }
    }

    /// Versions that can be reached from `source`, itself excluded, in the order of their text.
    pub fn get_versions(&self, source: &str) -> Vec<String> {
        let reached = self.search(source, None);
        let mut versions: Vec<&str> = reached.into_keys().collect();
        versions.retain(|version| !version.is_empty() && *version != source);
        versions.sort_unstable();
        versions.into_iter().map(str::to_owned).collect()
    }

    /// The cheapest links from `source` to `target`; `None` if there are none.
    pub fn get_best_path(&self, source: &str, target: &str) -> Option<Vec<String>> {
        path_to(target, &self.search(source, Some(target)))
    }

    /// The cheapest links from `source` to every version known; `None` for those out of reach.
    pub fn get_best_paths(&self, source: &str) -> BTreeMap<String, Option<Vec<String>>> {
        let reached = self.search(source, None);
        let nodes = self.nodes(source).into_iter();
        nodes
            .map(|node| (node.to_owned(), path_to(node, &reached)))
            .collect()
    }

    /// Whether a version is the start or the end of a link, or was of one that was removed.
    pub fn knows(&self, version: &str) -> bool {
        self.links.contains_key(version)
            || self
                .links
                .values()
                .any(|targets| targets.contains_key(version))
    }

    /// The packages to try next: the cheapest way, or, where patches are not to be tried, the full package.
    pub(crate) fn next_path(
        &self,
        source: &str,
        target: &str,
        patches: bool,
    ) -> Option<Vec<String>> {
        let path = match patches {
            true => self.get_best_path(source, target)?,
            false => {
                let (via, _) = cheapest(self.links.get("")?.get(target)?)?;
                vec![via.to_owned()]
            }
        };
        (!path.is_empty()).then_some(path)
    }

    /// Every version that can be reached, until that of `target` is settled. Among ways of the same cost the one counts
    /// that was found first, from versions in the order of cost and text.
    fn search<'a>(
        &'a self,
        source: &'a str,
        target: Option<&str>,
    ) -> HashMap<&'a str, Reached<'a>> {
        let mut reached = HashMap::from([("", Reached::default()), (source, Reached::default())]);
        let mut queue: BinaryHeap<_> = reached.keys().map(|node| Reverse((0_u64, *node))).collect();
        while let Some(Reverse((cost, node))) = queue.pop() {
            let known = reached.entry(node).or_default();
            if std::mem::replace(&mut known.is_settled, true) {
                continue;
            }
            if target == Some(node) {
                break;
            }
            for (next, via, step) in self.steps(node) {
                let cost = cost.saturating_add(step);
                if reached.get(next).is_none_or(|known| cost < known.cost) {
                    let last = Some((node, via));
                    let is_settled = false;
                    let found = Reached {
                        cost,
                        last,
                        is_settled,
                    };
                    reached.insert(next, found);
                    queue.push(Reverse((cost, next)));
                }
            }
        }
        reached
    }

    fn nodes<'a>(&'a self, source: &'a str) -> BTreeSet<&'a str> {
        let mut nodes = BTreeSet::from([source, ""]);
        for (from, targets) in &self.links {
            nodes.insert(from);
            nodes.extend(targets.keys().map(String::as_str));
        }
        nodes
    }

    /// The cheapest link to each neighbour.
    fn steps<'a>(&'a self, node: &str) -> impl Iterator<Item = (&'a str, &'a str, u64)> {
        let targets = self.links.get(node).into_iter().flatten();
        targets.filter_map(|(target, links)| {
            let (via, cost) = cheapest(links)?;
            Some((target.as_str(), via, cost))
        })
    }
}

/// The cheapest link; among equals the one whose text comes first.
fn cheapest(links: &BTreeMap<String, u64>) -> Option<(&str, u64)> {
    let (via, cost) = links.iter().min_by_key(|(via, cost)| (**cost, *via))?;
    Some((via, *cost))
}

/// The links to a version, in order.
fn path_to(target: &str, reached: &HashMap<&str, Reached<'_>>) -> Option<Vec<String>> {
    let mut path = Vec::new();
    let mut last = reached.get(target)?.last;
    while let Some((before, via)) = last {
        path.push(via.to_owned());
        last = reached.get(before)?.last;
    }
    path.reverse();
    Some(path)
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
    fn many_links_are_added_removed_and_searched_in_no_time() {
        let mut graph = VersionGraph::new();
        let links = 20_000;
        for number in 0..links {
            let (version, next) = (number.to_string(), (number + 1).to_string());
            graph.add_link("", &version, &format!("f{number}"), 40);
            graph.add_link(&version, &next, &format!("p{number}"), 1);
        }
        assert_eq!(graph.get_versions("0").len(), links);
        let last = links.to_string();
        let path = ["f19999", "p19999"].map(str::to_owned).to_vec();
        assert_eq!(graph.get_best_path("0", &last), Some(path));
        for number in 0..links {
            graph.remove_all_links(&format!("p{number}"));
        }
        assert_eq!(graph.get_best_path("0", &last), None);
        assert!(graph.knows(&last) && !graph.knows("x"));
    }

    #[test]
    fn without_patches_only_the_full_package_is_left() {
        let mut graph = VersionGraph::new();
        graph.add_link("1", "2", "patch", 1);
        graph.add_link("", "2", "full", 40);
        let next = |patches| graph.next_path("1", "2", patches).unwrap();
        assert_eq!(
            (next(true), next(false)),
            (vec!["patch".into()], vec!["full".into()])
        );
        assert_eq!(graph.next_path("2", "2", true), None);
        assert_eq!(graph.next_path("1", "3", false), None);
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
