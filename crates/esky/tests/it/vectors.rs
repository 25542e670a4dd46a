//! The original's own answers about links and paths.

use esky::{VersionGraph, scrape};
use serde_json::Value;

const NAME: &str = "demo";
const PLATFORM: &str = "linux-x86_64";
const PRESENT: &str = "0.1";

/// The original overlooks these links, for it looks for no encoded dash and no plus. They lead to packages all the same.
const OVERLOOKED: [(&str, &str); 2] = [
    ("<a href=\"demo%2D0.2.linux-x86_64.zip\">", "0.2"),
    ("<a href=\"demo-0.2+x.linux-x86_64.zip\">", "0.2+x"),
];

fn vectors(key: &str) -> Vec<Value> {
    let text = include_str!("../data/vectors-head.json");
    let all: Value = serde_json::from_str(text).unwrap();
    all[key].as_array().unwrap().clone()
}

fn texts(value: &Value) -> Vec<String> {
    let list = value.as_array().unwrap().iter();
    list.map(|text| text.as_str().unwrap().to_owned()).collect()
}

#[test]
fn links_are_scraped_as_the_original_scrapes_them() {
    let vectors = vectors("scrape");
    assert_eq!(vectors.len(), 28);
    for vector in &vectors {
        let page = vector[0].as_str().unwrap();
        let mut graph = VersionGraph::new();
        for link in scrape::find_links(page.as_bytes(), NAME, PLATFORM).unwrap() {
            graph.add_link(
                link.kind.source(),
                &link.version,
                &link.href,
                link.kind.cost(),
            );
        }
        if let Some((_, version)) = OVERLOOKED.iter().find(|(link, _)| *link == page) {
            assert_eq!(graph.get_versions(PRESENT), [*version]);
            continue;
        }
        assert_eq!(graph.get_versions(PRESENT), texts(&vector[1]), "{page}");
        for (version, path) in vector[2].as_object().unwrap() {
            assert_eq!(
                graph.get_best_path(PRESENT, version),
                Some(texts(path)),
                "{page}"
            );
        }
    }
}

#[test]
fn paths_through_the_graph_are_those_of_the_original() {
    let vectors = vectors("graph");
    assert_eq!(vectors.len(), 8);
    for vector in &vectors {
        let mut graph = VersionGraph::new();
        for link in vector["links"].as_array().unwrap() {
            let text = |at: usize| link[at].as_str().unwrap();
            let cost = link[3].as_u64().unwrap();
            graph.add_link(text(0), text(1), text(2), cost);
        }
        let source = vector["source"].as_str().unwrap();
        let mut versions = texts(&vector["versions"]);
        versions.sort();
        assert_eq!(graph.get_versions(source), versions, "{vector}");
        let expected = vector["best_paths"].as_object().unwrap();
        let found = graph.get_best_paths(source);
        assert_eq!(found.len(), expected.len(), "{vector}");
        for (version, path) in expected {
            let path = (!path.is_null()).then(|| texts(path));
            assert_eq!(found[version], path, "{version} in {vector}");
        }
    }
}
