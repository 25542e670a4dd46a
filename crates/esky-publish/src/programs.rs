//! Which files are the programs, and what platform they are for.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use esky_archive::collision_key;
use esky_format::layout::{APPDATA_DIR, BIN_DIR, LOCKED_DIR, STATE_DIR, UPDATES_DIR};
use esky_format::name::{AppVersion, check_release, current_platform};

use crate::error::{Error, Fault, Result};
use crate::executable::{self, Executable};
use crate::freezer::{Freezer, Top, name_in_bin};
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
                    Ok(Wanted::Program(path)) => paths.push(path),
                    Ok(Wanted::Copy) => {}
                    Err(fault) => faults.push(fault),
                }
            }
        }
    }
    paths.sort();
    paths.dedup();
    let tops: Vec<Top> = paths.iter().map(|path| top(path, tree, freezer)).collect();
    for (path, top) in paths.iter().zip(&tops) {
        if executable_at(path, tree).is_none() {
            faults.push(match tree.find(path) {
                Some(kind) if kind.is_program_without_permission() => {
                    Fault::NoPermission(path.clone())
                }
                _ => Fault::NotExecutable(path.clone()),
            });
        }
        faults.extend(name_is_taken(path, top, tree));
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
}

/// A program is meant by its path in the directory, by its name in `bin/`, or by the name of its start-up program.
fn find(name: &str, tree: &Tree, freezer: &dyn Freezer) -> Result<Wanted, Fault> {
    let name = name.replace('\\', "/");
    let spellings = |path: &str| [path.to_owned(), format!("{path}.exe")].into_iter();
    let at_top = || spellings(&name).find(|path| !path.contains('/') && tree.has_file(path));
    let in_bin = || {
        let name = name_in_bin(&name).unwrap_or(&name);
        spellings(&format!("{BIN_DIR}/{name}"))
            .find(|path| name_in_bin(path).is_some() && tree.has_file(path))
    };
    if let Some(path) = at_top() {
        return Ok(Wanted::Program(path));
    }
    for path in freezer.programs(tree) {
        let top = top(&path, tree, freezer);
        if top.start_up == name || (path.contains('/') && path.ends_with(&format!("/{name}"))) {
            return Ok(Wanted::Program(path));
        }
        if top.copies.iter().any(|(place, _)| *place == name) {
            return Ok(Wanted::Copy);
        }
    }
    in_bin()
        .map(Wanted::Program)
        .ok_or_else(|| not_a_program(name, tree, freezer))
}

/// Why there is no program by this name.
fn not_a_program(name: String, tree: &Tree, freezer: &dyn Freezer) -> Fault {
    let found = [freezer.programs(tree), tree.executables_in_bin()].concat();
    match tree.find(&name) {
        Some(NodeKind::Symlink { target }) => Fault::LinkedProgram {
            path: name,
            target: target.clone(),
        },
        Some(NodeKind::File { .. }) => Fault::DeepProgram { path: name, found },
        _ => Fault::MissingProgram { name, found },
    }
}

fn top(path: &str, tree: &Tree, freezer: &dyn Freezer) -> Top {
    match name_in_bin(path) {
        Some(_) => Top::start_up(path),
        None => freezer.on_top(path, tree),
    }
}

/// The start-up program of a program in `bin/` looks at the top first.
fn name_is_taken(path: &str, top: &Top, tree: &Tree) -> Option<Fault> {
    name_in_bin(path)?;
    let key = collision_key(&top.start_up);
    let mut nodes = tree.nodes.iter();
    let taken = nodes.find(|node| collision_key(&node.path) == key)?;
    Some(Fault::NameTaken {
        path: path.to_owned(),
        other: taken.path.clone(),
    })
}

fn executable_at<'a>(path: &str, tree: &'a Tree) -> Option<&'a Executable> {
    tree.find(path)?.executable()
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
