//! The developer's side of the demo: an environment with esky and a freezer, and one release for each version.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;
use std::{fs, thread};

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;
use tempfile::TempDir;

use crate::tools::{self, Built, Extent, Server, Venv};

/// What the demo's app needs from the package index, beside the freezer. PyInstaller puts symbolic links to Pillow's libraries into it.
const APP_DEPENDENCIES: [&str; 2] = ["msgpack>=1.0", "pillow>=11"];
/// What the broken release says before it ends.
pub(crate) const BROKEN: &str = "this release is broken";
const VERSION_LINE: &str = "VERSION = \"1.0\"";

/// An environment in which the app can be frozen, and a signed repository to release it into.
pub(crate) struct Workshop {
    environment: Venv,
    /// Keys have no place in a git tree, which the demo's own directory is in.
    keys: TempDir,
    freezer: String,
    root: PathBuf,
}

impl Workshop {
    /// Builds esky, unless there is a wheel, and makes the environment under `root`; what an earlier demo left there is removed.
    ///
    /// What the environment needs is downloaded while esky is compiled.
    pub(crate) fn set_up(freezer: &str, root: &Path, wheel: Option<PathBuf>) -> Result<Self> {
        fs::create_dir_all(root)?;
        for leftover in ["project", "installed", "sources"] {
            remove_if_there(&root.join(leftover))?;
        }
        let (environment, wheel) = thread::scope(|scope| {
            let environment = scope.spawn(|| environment(freezer, root));
            let wheel = match wheel {
                Some(wheel) => wheel,
                None => Built::new(Extent::Module)?.wheel,
            };
            anyhow::Ok((tools::joined(environment)?, wheel))
        })?;
        environment.put_in_anew(&wheel)?;
        let workshop = Self {
            environment,
            keys: tempfile::tempdir()?,
            freezer: freezer.to_owned(),
            root: root.to_path_buf(),
        };
        workshop.init()?;
        Ok(workshop)
    }

    /// Whether the app gets symbolic links, which an update has to carry over.
    pub(crate) fn freezer_makes_links(&self) -> bool {
        cfg!(unix) && self.freezer == "PyInstaller"
    }

    /// `esky init`: keys and a repository.
    fn init(&self) -> Result<()> {
        fs::create_dir_all(self.project())?;
        println!("   $ esky init --app hello");
        let made = tools::output(self.esky().args(["init", "--app", "hello"]))?;
        let first = made.lines().next().unwrap_or_default();
        println!("   | {first}");
        ensure!(
            made.contains("ESKY-SIGNING-KEY-1"),
            "`esky init` showed no key"
        );
        Ok(())
    }

    /// `esky release`: signs a package and publishes it; the result is the signed package.
    pub(crate) fn release(&self, release: &Release) -> Result<PathBuf> {
        println!("   $ esky release {}", release.file_name());
        let mut command = self.esky();
        let told = tools::output(command.arg("release").arg(&release.package).arg("--json"))?;
        let told: Value = serde_json::from_str(&told)?;
        let path = told["path"]
            .as_str()
            .context("`esky release` names no package")?;
        println!(
            "   | {} for {} is signed",
            told["version"], told["platform"]
        );
        for patch in told["patches"].as_array().into_iter().flatten() {
            let size = patch["size"].as_u64().unwrap_or(0);
            println!(
                "   | a patch from {}: {}",
                patch["from"],
                tools::human_size(size)
            );
        }
        Ok(PathBuf::from(path))
    }

    /// `esky serve`: the repository on the web, on this machine only.
    pub(crate) fn serve(&self) -> Result<Server> {
        println!("   $ esky serve");
        Server::start(self.esky().args(["serve", "--port", "0"]))
    }

    /// The command in the app's project, with the keys of the demo.
    fn esky(&self) -> Command {
        let program = self.environment.program("esky");
        tools::esky_with_keys(&program, &self.project(), self.keys.path())
    }

    fn project(&self) -> PathBuf {
        self.root.join("project")
    }

    /// Makes the sources of `version` and runs `python setup.py bdist_esky` there.
    pub(crate) fn freeze(&self, version: &str) -> Result<Release> {
        self.freeze_sources(version, &self.sources(version)?)
    }

    /// The same with a mistake in it: the app raises an exception before it does anything.
    pub(crate) fn freeze_broken(&self, version: &str) -> Result<Release> {
        let sources = self.sources(version)?;
        let commands = sources.join("hello_notes").join("commands.py");
        let text = fs::read_to_string(&commands)?;
        fs::write(
            &commands,
            format!("{text}\nraise RuntimeError(\"{BROKEN}\")\n"),
        )?;
        self.freeze_sources(version, &sources)
    }

    fn freeze_sources(&self, version: &str, sources: &Path) -> Result<Release> {
        let started = Instant::now();
        tools::output(
            Command::new(self.environment.python())
                .args(["setup.py", "--quiet", "bdist_esky"])
                .current_dir(sources)
                .env("HELLO_FREEZER", &self.freezer),
        )?;
        let release = Release {
            version: version.to_owned(),
            package: only_package(&sources.join("dist"))?,
        };
        println!(
            "   {}   {}   {:.1} s",
            release.file_name(),
            tools::human_size(release.size()?),
            started.elapsed().as_secs_f64()
        );
        Ok(release)
    }

    /// Has the `esky` command hash every file of an installed version.
    pub(crate) fn verify(&self, appdir: &Path, version: &str) -> Result<()> {
        let report = tools::output(
            Command::new(self.environment.program("esky"))
                .arg("verify")
                .arg(appdir),
        )
        .with_context(|| format!("the files of {version} are not as they were packed"))?;
        for line in report.lines() {
            println!("   | {line}");
        }
        ensure!(
            report.contains(version),
            "`esky verify` said nothing about {version}"
        );
        Ok(())
    }

    /// Has the `esky` command say why the version that starts does, which has to name the held one.
    pub(crate) fn why(&self, appdir: &Path, held: &str) -> Result<()> {
        let mut command = Command::new(self.environment.program("esky"));
        let told = tools::output(command.arg("why").arg(appdir))?;
        for line in told.lines() {
            println!("   | {line}");
        }
        ensure!(
            told.contains(&format!("{held} is held")),
            "`esky why` does not say that {held} is held"
        );
        Ok(())
    }

    /// A copy of the example, changed as a developer would for a release: the version, and one more note.
    fn sources(&self, version: &str) -> Result<PathBuf> {
        let sources = self.root.join("sources").join(version);
        copy_sources(&tools::workspace_root().join("examples/demo"), &sources)?;
        let package = sources.join("hello_notes");
        let release = package.join("release.py");
        let text = fs::read_to_string(&release)?;
        ensure!(
            text.contains(VERSION_LINE),
            "{} has no line {VERSION_LINE}",
            release.display()
        );
        fs::write(
            &release,
            text.replace(VERSION_LINE, &format!("VERSION = \"{version}\"")),
        )?;
        let notes = package.join("notes.txt");
        let text = fs::read_to_string(&notes)?;
        fs::write(&notes, format!("{text}{}\n", note_of(version)))?;
        Ok(sources)
    }
}

/// The note that only this version has in its data file.
pub(crate) fn note_of(version: &str) -> String {
    format!("This note came with {version}.")
}

/// One packed version of the app.
pub(crate) struct Release {
    /// Its version.
    pub(crate) version: String,
    /// The zip that `bdist_esky` wrote.
    pub(crate) package: PathBuf,
}

impl Release {
    /// Size of the package.
    pub(crate) fn size(&self) -> Result<u64> {
        Ok(fs::metadata(&self.package)?.len())
    }

    fn file_name(&self) -> String {
        let name = self.package.file_name().unwrap_or_default();
        name.to_string_lossy().into_owned()
    }
}

fn environment(freezer: &str, root: &Path) -> Result<Venv> {
    let environment = tools::venv(&root.join("venv"))?;
    let tools = ["setuptools>=70", freezer_requirement(freezer)];
    environment.pip_install(&[&tools[..], &APP_DEPENDENCIES].concat())?;
    Ok(environment)
}

fn freezer_requirement(freezer: &str) -> &'static str {
    match freezer {
        "cx_Freeze" => "cx_Freeze>=8,<9",
        _ => "PyInstaller>=6.10,<7",
    }
}

fn copy_sources(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to)?;
    let listing = fs::read_dir(from).with_context(|| format!("cannot read {}", from.display()))?;
    for entry in listing {
        let entry = entry?;
        let target = to.join(entry.file_name());
        match (entry.file_type()?.is_dir(), entry.file_name()) {
            (true, name) if name == "__pycache__" => {}
            (true, _) => copy_sources(&entry.path(), &target)?,
            (false, _) => {
                fs::copy(entry.path(), target)?;
            }
        }
    }
    Ok(())
}

fn only_package(directory: &Path) -> Result<PathBuf> {
    let listing =
        fs::read_dir(directory).with_context(|| format!("cannot read {}", directory.display()))?;
    let mut packages = Vec::new();
    for entry in listing {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "zip") {
            packages.push(path);
        }
    }
    match packages.pop() {
        Some(package) if packages.is_empty() => Ok(package),
        _ => bail!(
            "bdist_esky should have written exactly one zip into {}",
            directory.display()
        ),
    }
}

fn remove_if_there(directory: &Path) -> Result<()> {
    if directory.exists() {
        fs::remove_dir_all(directory)
            .with_context(|| format!("cannot remove {}", directory.display()))?;
    }
    Ok(())
}
