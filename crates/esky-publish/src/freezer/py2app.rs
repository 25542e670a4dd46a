//! py2app (macOS): a bundle `NAME.app`. Written against the documented layout; no such app has been run.
//!
//! The app directory is a bundle too, so that it is one icon to the user: the start-up program takes the place of the
//! program in it, and what the Finder reads of a bundle is copied beside it.

use esky_format::relaunch::Traces;

use super::{Freezer, Frozen, Top};
use crate::error::Result;
use crate::scan::Tree;

const BUNDLE: &str = ".app";
const PROGRAMS: &str = "/Contents/MacOS/";
/// What py2app's own programs run first.
const BOOT: &str = "Contents/Resources/__boot__.py";
/// The library with the interpreter is below it.
const FRAMEWORK: &str = "Contents/Frameworks/Python.framework/Versions/";
/// The interpreter for subprocesses.
const INTERPRETER: &str = "python";
const ICON: &str = ".icns";

pub(crate) struct Py2app;

impl Freezer for Py2app {
    fn name(&self) -> &'static str {
        "py2app"
    }

    fn made(&self, frozen: &Frozen<'_>) -> Result<bool> {
        let boots = |bundle: &str| frozen.tree.has_file(&format!("{bundle}/{BOOT}"));
        let bundles = frozen.tree.nodes.iter().filter_map(|node| {
            let path = node.path.as_str();
            (path.ends_with(BUNDLE) && !path.contains('/')).then_some(path)
        });
        Ok(bundles.into_iter().any(boots))
    }

    fn programs(&self, tree: &Tree) -> Vec<String> {
        let is_program = |path: &str| {
            path.split_once(PROGRAMS).is_some_and(|(bundle, name)| {
                bundle.ends_with(BUNDLE)
                    && !bundle.contains('/')
                    && !name.contains('/')
                    && name != INTERPRETER
            })
        };
        let paths = tree.nodes.iter().map(|node| node.path.as_str());
        paths
            .filter(|path| is_program(path))
            .map(str::to_owned)
            .collect()
    }

    fn on_top(&self, program: &str, tree: &Tree) -> Top {
        let (bundle, inside) = program.split_once('/').unwrap_or(("", program));
        let is_read_by_the_finder = |inside: &str| {
            matches!(inside, "Contents/Info.plist" | "Contents/PkgInfo")
                || inside
                    .strip_prefix("Contents/Resources/")
                    .is_some_and(|name| name.ends_with(ICON) && !name.contains('/'))
        };
        let copies = tree.nodes.iter().filter_map(|node| {
            let inside = node.path.strip_prefix(bundle)?.strip_prefix('/')?;
            is_read_by_the_finder(inside).then(|| (inside.to_owned(), node.path.clone()))
        });
        Top {
            folder: bundle.to_owned(),
            start_up: inside.to_owned(),
            copies: copies.collect(),
        }
    }

    fn start_files(&self, tree: &Tree) -> Vec<String> {
        let is_loaded = |path: &&str| {
            let inside = path
                .split_once('/')
                .filter(|(bundle, _)| bundle.ends_with(BUNDLE));
            inside.is_some_and(|(_, inside)| {
                inside == BOOT
                    || inside == "Contents/Info.plist"
                    || (inside.starts_with(FRAMEWORK) && inside.ends_with("/Python"))
            })
        };
        let files = tree.nodes.iter().map(|node| node.path.as_str());
        files.filter(is_loaded).map(str::to_owned).collect()
    }

    fn traces(&self) -> Traces {
        Traces::PY2APP
    }
}
