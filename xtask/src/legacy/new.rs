//! The developer after the move: PyInstaller, `esky release`, a signed repository.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Result, ensure};
use serde_json::Value;
use tempfile::TempDir;

use crate::tools::{self, Built, Extent, Server, Venv, human_size, workspace_root};

const FREEZER: &str = "pyinstaller>=6.10";
const VERSION_LINE: &str = "VERSION = \"0.2\"";

/// An environment to freeze in, a project, and keys.
pub(crate) struct Developer {
    environment: Venv,
    /// Keys have no place in a git tree.
    keys: TempDir,
    root: PathBuf,
}

impl Developer {
    /// Builds esky, unless there is a wheel, and makes keys and a repository for the app.
    pub(crate) fn set_up(root: &Path, wheel: Option<PathBuf>) -> Result<Self> {
        let wheel = match wheel {
            Some(wheel) => wheel,
            None => Built::new(Extent::Module)?.wheel,
        };
        let environment = tools::venv(&root.join("venv"))?;
        environment.pip_install(&["setuptools>=70", FREEZER])?;
        environment.put_in_anew(&wheel)?;
        let developer = Self {
            environment,
            keys: tempfile::tempdir()?,
            root: root.join("new"),
        };
        let _ = fs::remove_dir_all(&developer.root);
        fs::create_dir_all(developer.project())?;
        tools::output(developer.esky().args(["init", "--app", "demo"]))?;
        Ok(developer)
    }

    /// The app as PyInstaller makes it.
    pub(crate) fn freeze(&self, version: &str) -> Result<PathBuf> {
        let sources = self.root.join(format!("sources-{version}"));
        fs::create_dir_all(&sources)?;
        let text = fs::read_to_string(workspace_root().join("tests/legacy/new/prog.py"))?;
        ensure!(
            text.contains(VERSION_LINE),
            "the app has no line {VERSION_LINE}"
        );
        let text = text.replace(VERSION_LINE, &format!("VERSION = \"{version}\""));
        fs::write(sources.join("prog.py"), text)?;
        tools::run(
            Command::new(self.environment.python())
                .current_dir(&sources)
                .args([
                    "-m",
                    "PyInstaller",
                    "--noconfirm",
                    "--log-level",
                    "ERROR",
                    "prog.py",
                ]),
        )?;
        Ok(sources.join("dist/prog"))
    }

    /// `esky release`, for old copies too where there are sites.
    pub(crate) fn release(&self, frozen: &Path, version: &str, sites: &[PathBuf]) -> Result<()> {
        if sites.is_empty() {
            return self.release_to(frozen, version, None);
        }
        sites
            .iter()
            .try_for_each(|site| self.release_to(frozen, version, Some(site)))
    }

    fn release_to(&self, frozen: &Path, version: &str, site: Option<&Path>) -> Result<()> {
        let mut command = self.esky();
        command
            .arg("release")
            .arg(frozen)
            .args(["--version", version, "--json"]);
        if let Some(site) = site {
            command.arg("--legacy-site").arg(site);
        }
        let told: Value = serde_json::from_str(&tools::output(&mut command)?)?;
        let size = |value: &Value| value.as_u64().map_or("no size".to_owned(), human_size);
        println!("   | {version}: {}", size(&told["size"]));
        let site = &told["legacy_site"];
        for patch in [&told["patches"], &site["patches"]] {
            for patch in patch.as_array().into_iter().flatten() {
                let left_out = patch["left_out"].as_str();
                let outcome = left_out.map_or(size(&patch["size"]), str::to_owned);
                println!("   | a patch from {}: {outcome}", patch["from"]);
            }
        }
        Ok(())
    }

    /// A directory on the web, on this machine only.
    pub(crate) fn serve(&self, directory: &Path) -> Result<Server> {
        Server::start(
            self.esky()
                .arg("serve")
                .arg(directory)
                .args(["--port", "0"]),
        )
    }

    /// The signed repository.
    pub(crate) fn serve_repository(&self) -> Result<Server> {
        Server::start(self.esky().args(["serve", "--port", "0"]))
    }

    /// `esky cleanup`, which the app would do by itself a little later.
    pub(crate) fn clean_up(&self, app: &Path) -> Result<()> {
        tools::output(self.esky().arg("cleanup").arg(app)).map(drop)
    }

    /// Every file is what its list says.
    pub(crate) fn verify(&self, app: &Path, version: &str) -> Result<()> {
        let said = tools::output(self.esky().arg("verify").arg(app).args(["--json"]))?;
        let said: Value = serde_json::from_str(&said)?;
        ensure!(said["version"] == version, "{said}");
        Ok(())
    }

    fn esky(&self) -> Command {
        let program = self.environment.program("esky");
        tools::esky_with_keys(&program, &self.project(), self.keys.path())
    }

    fn project(&self) -> PathBuf {
        self.root.join("project")
    }
}
