//! The edges between crates, read from `cargo metadata`: nothing points up, and the network stays under one crate.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::tools::{cargo, output};

/// For each crate the workspace crates that it may use. A new crate says here where it stands.
const ALLOWED: [(&str, &[&str]); 20] = [
    ("esky-format", &[]),
    ("esky-fs", &[]),
    ("esky-bootstrap", &["esky-format"]),
    ("esky-install", &["esky-format", "esky-fs"]),
    ("esky-archive", &["esky-format"]),
    ("esky-delta", &[]),
    ("esky-patch", &["esky-delta", "esky-format", "esky-fs"]),
    ("esky-legacy", &["esky-delta", "esky-format", "esky-fs"]),
    (
        "esky-stage",
        &["esky-format", "esky-fs", "esky-install", "esky-patch"],
    ),
    (
        "esky-publish",
        &[
            "esky-archive",
            "esky-format",
            "esky-fs",
            "esky-install",
            "esky-legacy",
            "esky-patch",
            "esky-stage",
            "esky-trust",
        ],
    ),
    ("esky", BELOW_ESKY),
    ("esky-cli", BELOW_COMMAND),
    ("esky-python", BELOW_PYTHON),
    ("esky-trust", &["esky-format"]),
    ("esky-tuf-client", &["esky", "esky-fs", "esky-trust"]),
    ("esky-example", &["esky"]),
    ("esky-testkit", BELOW_COMMAND),
    ("esky-crashlab", BELOW_COMMAND),
    ("esky-fuzz", BELOW_COMMAND),
    ("xtask", &[]),
];

const BELOW_ESKY: &[&str] = &[
    "esky-archive",
    "esky-format",
    "esky-fs",
    "esky-install",
    "esky-legacy",
    "esky-patch",
    "esky-stage",
    "esky-trust",
];

const BELOW_COMMAND: &[&str] = &[
    "esky",
    "esky-archive",
    "esky-delta",
    "esky-format",
    "esky-fs",
    "esky-install",
    "esky-legacy",
    "esky-patch",
    "esky-publish",
    "esky-trust",
];

const BELOW_PYTHON: &[&str] = &[
    "esky",
    "esky-archive",
    "esky-cli",
    "esky-format",
    "esky-fs",
    "esky-install",
    "esky-legacy",
    "esky-patch",
    "esky-publish",
    "esky-trust",
];

/// Crates that speak on the network: only `esky`, and what is for tests, may use them.
const NETWORK: [&str; 6] = ["curl", "hyper", "reqwest", "rustls", "tokio", "ureq"];

/// The crate whose place it is to use them.
const NETWORK_USER: &str = "esky";

/// Crates that only tests may use.
const TESTS_ONLY: [&str; 3] = ["esky-crashlab", "esky-fuzz", "esky-testkit"];

/// All the crates from outside that these may use; others choose freely.
const ALLOWED_OUTSIDE: [(&str, &[&str]); 2] = [
    ("esky-format", &[]),
    ("esky-bootstrap", &["libc", "windows-sys"]),
];

/// Fails with every edge that should not be there.
pub(crate) fn check() -> Result<()> {
    let metadata = output(cargo().args([
        "metadata",
        "--format-version",
        "1",
        "--locked",
        "--all-features",
    ]))?;
    let faults = Graph::parse(&serde_json::from_str(&metadata)?)?.faults();
    if !faults.is_empty() {
        bail!("\n  {}", faults.join("\n  "));
    }
    Ok(())
}

/// Which crate uses which, tests left out.
#[derive(Debug, Default)]
struct Graph {
    members: BTreeSet<String>,
    uses: BTreeMap<String, BTreeSet<String>>,
}

impl Graph {
    fn parse(metadata: &Value) -> Result<Self> {
        let names = names_by_id(metadata).context("`cargo metadata` lists no packages")?;
        let name_of = |id: &Value| names.get(id.as_str()?).cloned();
        let mut graph = Self::default();
        for id in elements(&metadata["workspace_members"]) {
            graph.members.extend(name_of(id));
        }
        for node in elements(&metadata["resolve"]["nodes"]) {
            let Some(user) = name_of(&node["id"]) else {
                continue;
            };
            let used = elements(&node["deps"])
                .filter(|dependency| is_not_for_tests(dependency))
                .filter_map(|dependency| name_of(&dependency["pkg"]));
            graph.uses.entry(user).or_default().extend(used);
        }
        Ok(graph)
    }

    fn faults(&self) -> Vec<String> {
        let mut faults = Vec::new();
        for member in &self.members {
            let Some(allowed) = look_up(&ALLOWED, member) else {
                faults.push(format!(
                    "{member} has no place yet: give it one in xtask/src/check/edges.rs"
                ));
                continue;
            };
            for used in self.used_by(member) {
                faults.extend(self.fault_of_edge(member, used, allowed));
            }
            if !TESTS_ONLY.contains(&member.as_str()) {
                faults.extend(self.fault_of_network(member));
            }
        }
        faults
    }

    fn fault_of_edge(&self, user: &str, used: &str, allowed: &[&str]) -> Option<String> {
        if TESTS_ONLY.contains(&used) && !TESTS_ONLY.contains(&user) {
            return Some(format!("{user} uses {used}, which is for tests only"));
        }
        let permitted = if self.members.contains(used) {
            allowed.contains(&used)
        } else {
            look_up(&ALLOWED_OUTSIDE, user).is_none_or(|outside| outside.contains(&used))
        };
        (!permitted).then(|| format!("{user} must not use {used}"))
    }

    /// Follows the edges down from a crate, but not through the one that may use the network.
    fn fault_of_network(&self, member: &str) -> Option<String> {
        let mut seen = BTreeSet::from([NETWORK_USER]);
        let mut waiting = vec![member];
        while let Some(name) = waiting.pop() {
            if NETWORK.contains(&name) {
                return Some(format!("{member} reaches {name} without {NETWORK_USER}"));
            }
            if seen.insert(name) {
                waiting.extend(self.used_by(name));
            }
        }
        None
    }

    fn used_by(&self, name: &str) -> impl Iterator<Item = &str> {
        self.uses
            .get(name)
            .into_iter()
            .flatten()
            .map(String::as_str)
    }
}

fn names_by_id(metadata: &Value) -> Option<BTreeMap<&str, String>> {
    let packages = metadata["packages"].as_array()?.iter();
    packages
        .map(|package| {
            Some((
                package["id"].as_str()?,
                package["name"].as_str()?.to_owned(),
            ))
        })
        .collect()
}

fn elements(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

/// `kind` is null for an ordinary dependency, else `build` or `dev`.
fn is_not_for_tests(dependency: &Value) -> bool {
    elements(&dependency["dep_kinds"]).any(|kind| kind["kind"] != "dev")
}

fn look_up<'a>(table: &[(&str, &'a [&'a str])], name: &str) -> Option<&'a [&'a str]> {
    let row = table.iter().find(|(key, _)| *key == name);
    row.map(|(_, value)| *value)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn faults(members: &[&str], edges: &[(&str, &str)]) -> Vec<String> {
        let mut graph = Graph {
            members: members.iter().map(|name| (*name).to_owned()).collect(),
            uses: BTreeMap::new(),
        };
        for (user, used) in edges {
            let uses = graph.uses.entry((*user).to_owned()).or_default();
            uses.insert((*used).to_owned());
        }
        graph.faults()
    }

    #[test]
    fn an_edge_that_points_down_is_fine() {
        let edges = [("esky-install", "esky-fs"), ("esky-install", "sha2")];
        assert!(faults(&["esky-install", "esky-fs"], &edges).is_empty());
    }

    #[test]
    fn an_edge_that_points_up_is_a_fault() {
        let found = faults(&["esky-install", "esky-fs"], &[("esky-fs", "esky-install")]);
        assert_eq!(found, ["esky-fs must not use esky-install"]);
    }

    #[test]
    fn the_bootstrap_uses_nothing_but_the_system() {
        let edges = [("esky-bootstrap", "libc"), ("esky-bootstrap", "serde")];
        assert_eq!(
            faults(&["esky-bootstrap"], &edges),
            ["esky-bootstrap must not use serde"]
        );
    }

    #[test]
    fn the_network_is_found_behind_another_crate() {
        let edges = [("esky-archive", "helper"), ("helper", "ureq")];
        assert_eq!(
            faults(&["esky-archive"], &edges),
            ["esky-archive reaches ureq without esky"]
        );
        let edges = [("esky-cli", "esky"), ("esky", "ureq")];
        assert!(faults(&["esky", "esky-cli"], &edges).is_empty());
    }

    #[test]
    fn servers_of_tests_may_speak_on_the_network() {
        let edges = [("esky-testkit", "rustls")];
        assert!(faults(&["esky-testkit"], &edges).is_empty());
    }

    #[test]
    fn the_test_kit_is_for_tests() {
        let found = faults(&["esky", "esky-testkit"], &[("esky", "esky-testkit")]);
        assert_eq!(found, ["esky uses esky-testkit, which is for tests only"]);
    }

    #[test]
    fn a_crate_without_a_place_is_a_fault() {
        assert_eq!(faults(&["esky-new"], &[]).len(), 1);
    }

    #[test]
    fn edges_for_tests_are_left_out_of_the_graph() {
        let metadata = json!({
            "packages": [{"id": "a 1", "name": "a"}, {"id": "b 1", "name": "b"}, {"id": "c 1", "name": "c"}],
            "workspace_members": ["a 1"],
            "resolve": {"nodes": [{"id": "a 1", "deps": [
                {"pkg": "b 1", "dep_kinds": [{"kind": "dev"}]},
                {"pkg": "c 1", "dep_kinds": [{"kind": null}]},
            ]}]},
        });
        let graph = Graph::parse(&metadata).unwrap();
        assert_eq!(graph.used_by("a").collect::<Vec<_>>(), ["c"]);
        assert!(graph.members.contains("a"));
    }
}
