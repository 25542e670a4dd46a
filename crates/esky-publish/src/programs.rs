//! Which files are the programs, and what platform they are for.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use esky_archive::collision_key;
use esky_format::layout::{APPDATA_DIR, LOCKED_DIR, STATE_DIR, UPDATES_DIR};
use esky_format::name::{AppVersion, check_release, current_platform};

use crate::error::{Error, Fault, Result};
use crate::executable::{self, Executable};
use crate::freezer::{Freezer, Top};
use crate::options::PackOptions;
use crate::scan::{LONGEST_PATH, NodeKind, Tree, read_head};

/// The programs of an app.
pub(crate) struct Programs {
    /// Where they are in the directory, sorted.
    pub(crate) paths: Vec<String>,
    /// What sits on top of the app directory for them, in the same order.
    pub(crate) tops: Vec<Top>,
    /// What they are made for, with the first program that says so.
    platform: Option<(String, String)>,
}

impl Programs {
    /// The start-up programs, relative to the app directory.
    pub(crate) fn names(&self) -> Vec<String> {
        self.tops.iter().map(|top| top.start_up.clone()).collect()
    }

    /// What the app directory is called in the package; empty if the package is the app directory.
    pub(crate) fn folder(&self) -> &str {
        self.tops.first().map_or("", |top| &top.folder)
    }

    /// Files of the frozen app that are needed on top too: where, and which.
    pub(crate) fn copies(&self) -> BTreeMap<String, String> {
        self.tops
            .iter()
            .flat_map(|top| top.copies.iter().cloned())
            .collect()
    }
}

/// Takes the programs that were asked for, or all that the freezer made. Adds to the tree's faults.
pub(crate) fn choose(options: &PackOptions, tree: &mut Tree, freezer: &dyn Freezer) -> Programs {
    let (mut paths, mut faults) = (Vec::new(), Vec::new());
    match &options.programs {
        None => paths = freezer.programs(tree),
        Some(wanted) => {
            for name in wanted {
                match find(name, tree, freezer) {
                    Wanted::Program(path) => paths.push(path),
                    Wanted::Copy => {}
                    Wanted::Nothing => faults.push(Fault::MissingProgram {
                        name: name.clone(),
                        found: freezer.programs(tree),
                    }),
                }
            }
        }
    }
    paths.sort();
    paths.dedup();
    let tops: Vec<Top> = paths
        .iter()
        .map(|path| freezer.on_top(path, tree))
        .collect();
    for (path, top) in paths.iter().zip(&tops) {
        if executable_at(path, tree).is_none() {
            faults.push(Fault::NotExecutable(path.clone()));
        }
        if is_reserved(&top.start_up) {
            faults.push(Fault::Reserved(path.clone()));
        }
        if top.folder != tops[0].folder {
            faults.push(Fault::OtherBundle(path.clone()));
        }
    }
    tree.faults.append(&mut faults);
    let platform = paths
        .iter()
        .find_map(|path| match executable_at(path, tree) {
            Some(Executable::Native(platform)) => Some((platform.clone(), path.clone())),
            _ => None,
        });
    Programs {
        paths,
        tops,
        platform,
    }
}

/// What a name that was asked for stands for.
enum Wanted {
    Program(String),
    /// A file beside a start-up program: it is there whether it is asked for or not.
    Copy,
    Nothing,
}

/// A program is meant by its name at the top of the directory, or by that on top of the app directory.
fn find(name: &str, tree: &Tree, freezer: &dyn Freezer) -> Wanted {
    let with_suffix = format!("{name}.exe");
    let is_at_top = |path: &str| !path.contains('/') && tree.has_file(path);
    if let Some(path) = [name, &with_suffix]
        .into_iter()
        .find(|path| is_at_top(path))
    {
        return Wanted::Program(path.to_owned());
    }
    for path in freezer.programs(tree) {
        let top = freezer.on_top(&path, tree);
        if top.start_up == name || (path.contains('/') && path.ends_with(&format!("/{name}"))) {
            return Wanted::Program(path);
        }
        if top.copies.iter().any(|(place, _)| place == name) {
            return Wanted::Copy;
        }
    }
    Wanted::Nothing
}

fn executable_at<'a>(path: &str, tree: &'a Tree) -> Option<&'a Executable> {
    let node = tree.nodes.iter().find(|node| node.path == path)?;
    match &node.kind {
        NodeKind::File { executable, .. } => executable.as_ref(),
        _ => None,
    }
}

/// The top of the app directory has these already.
fn is_reserved(name: &str) -> bool {
    let key = collision_key(name);
    [APPDATA_DIR, UPDATES_DIR, LOCKED_DIR, STATE_DIR].contains(&key.as_str())
}

/// Name, version and platform of the package, after a look at every program's own platform.
pub(crate) fn app_version(
    options: &PackOptions,
    tree: &Tree,
    programs: &Programs,
) -> Result<AppVersion> {
    let platform = match (&options.platform, &programs.platform) {
        (Some(platform), _) => platform.clone(),
        (None, Some((platform, _))) => platform.clone(),
        (None, None) => current_platform().to_owned(),
    };
    for path in &programs.paths {
        if let Some(Executable::Native(found)) = executable_at(path, tree) {
            expect_platform(options.directory.join(path), &platform, found)?;
        }
    }
    check_bootstrap(&options.bootstrap, &platform)?;
    let app = AppVersion {
        name: options.name.clone(),
        version: options.version.clone(),
        platform,
    };
    check_release(&app)?;
    check_lengths(options, tree, &app)?;
    Ok(app)
}

/// Windows programs open short paths only, and somebody's own directory stands before each of these.
fn check_lengths(options: &PackOptions, tree: &Tree, app: &AppVersion) -> Result<()> {
    if !app.platform.starts_with("win") {
        return Ok(());
    }
    let before = app.directory_name().len() + 1;
    let length = |path: &str| before + path.encode_utf16().count();
    let too_long = tree
        .nodes
        .iter()
        .filter(|node| length(&node.path) > LONGEST_PATH);
    let faults: Vec<Fault> = too_long
        .map(|node| Fault::PathTooLong {
            path: node.path.clone(),
            length: length(&node.path),
        })
        .collect();
    if faults.is_empty() {
        return Ok(());
    }
    Err(Error::Faults {
        directory: options.directory.clone(),
        faults,
    })
}

fn expect_platform(path: PathBuf, expected: &str, found: &str) -> Result<()> {
    if executable::fits(found, expected) {
        return Ok(());
    }
    Err(Error::WrongPlatform {
        path,
        expected: expected.to_owned(),
        found: found.to_owned(),
    })
}

fn check_bootstrap(path: &Path, platform: &str) -> Result<()> {
    let found = esky_fs::metadata(path)?;
    if found.is_none() {
        return Err(Error::MissingBootstrap {
            path: path.to_owned(),
        });
    }
    if found.is_some_and(|found| found.kind == esky_fs::Kind::Directory) {
        return Err(Error::BadBootstrap {
            path: path.to_owned(),
        });
    }
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    match executable::inspect(&name, &read_head(path)?) {
        Some(Executable::Native(found)) if !executable::fits(&found, platform) => {
            Err(Error::BootstrapPlatform {
                path: path.to_owned(),
                expected: platform.to_owned(),
                found,
            })
        }
        Some(Executable::Native(_)) => Ok(()),
        Some(Executable::Script) => Ok(()),
        None => Err(Error::BadBootstrap {
            path: path.to_owned(),
        }),
    }
}
