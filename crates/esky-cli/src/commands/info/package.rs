//! What a package holds, after the same checks that an installation makes before it unpacks.

use std::fmt;
use std::fs::File;
use std::path::Path;

use esky_archive::{Entry, Kind, Limits, Package};
use serde::Serialize;

use crate::failure::Failure;
use crate::text;

#[derive(Serialize)]
pub(super) struct Description {
    kind: &'static str,
    path: String,
    name: String,
    version: String,
    platform: String,
    layout: &'static str,
    programs: Vec<String>,
    files: u64,
    size: u64,
    unpacked_size: u64,
}

pub(super) fn describe(path: &Path, file: File) -> Result<Description, Failure> {
    let size = file.metadata().map_or(0, |metadata| metadata.len());
    let package = Package::open(path.display().to_string(), file, &Limits::default())
        .map_err(|error| Failure::from(error).about_path(path))?;
    let app = package.app();
    Ok(Description {
        kind: "package",
        path: path.display().to_string(),
        name: app.name.clone(),
        version: app.version.clone(),
        platform: app.platform.clone(),
        layout: if package.in_appdata() {
            "appdata"
        } else {
            "flat"
        },
        programs: package.manifest().to_vec(),
        files: package
            .entries()
            .iter()
            .filter(|entry| !is_directory(entry))
            .count() as u64,
        size,
        unpacked_size: package.unpacked_size(),
    })
}

fn is_directory(entry: &Entry) -> bool {
    matches!(entry.kind, Kind::Directory { .. })
}

impl fmt::Display for Description {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(formatter, "package {}", text::printable(&self.path))?;
        writeln!(formatter, "  name      {}", self.name)?;
        writeln!(formatter, "  version   {}", self.version)?;
        writeln!(formatter, "  platform  {}", self.platform)?;
        writeln!(formatter, "  layout    {}", self.layout)?;
        writeln!(formatter, "  programs  {}", self.programs.join(", "))?;
        writeln!(formatter, "  size      {}", text::bytes(self.size))?;
        let files = text::count(self.files, "file");
        writeln!(
            formatter,
            "  unpacked  {} in {files}",
            text::bytes(self.unpacked_size)
        )
    }
}
