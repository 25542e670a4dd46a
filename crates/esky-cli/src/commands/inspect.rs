//! `esky inspect`: where the bytes of a patch go.

mod picture;

use std::fmt;
use std::path::Path;

use esky_patch::{Contents, FileContents};
use serde::Serialize;

use crate::arguments::InspectArguments;
use crate::exit;
use crate::failure::Failure;
use crate::terminal::Terminal;
use crate::text;

/// The table shows the files that take the most bytes; JSON has all of them.
const MOST_FILES: usize = 20;

#[derive(Serialize)]
struct Outcome {
    path: String,
    size: u64,
    parts: Vec<Part>,
    files: Vec<File>,
    svg: Option<String>,
}

/// Bytes of the patch that tell the same sort of thing.
#[derive(Serialize)]
struct Part {
    name: &'static str,
    size: u64,
}

/// A file that the patch writes.
#[derive(Serialize)]
struct File {
    path: String,
    size: u64,
    copied: u64,
    repacked: u64,
    patch: u64,
}

pub(crate) fn run(arguments: &InspectArguments, terminal: &Terminal) -> Result<i32, Failure> {
    let contents = esky_patch::contents(&arguments.patch)?;
    let outcome = Outcome::new(&arguments.patch, contents, arguments.svg.as_deref());
    if let Some(path) = &arguments.svg {
        let picture = picture::draw(&outcome);
        esky_fs::write_durable(path, picture.as_bytes(), 0o644)?;
    }
    terminal.show(&outcome)?;
    Ok(exit::SUCCESS)
}

impl Outcome {
    fn new(path: &Path, contents: Contents, svg: Option<&Path>) -> Self {
        let streams = contents.streams.iter();
        let mut parts: Vec<_> = streams
            .map(|&(stream, size)| Part {
                name: stream.name(),
                size,
            })
            .collect();
        for (name, size) in [("index", contents.index), ("frames", contents.frames)] {
            parts.push(Part { name, size });
        }
        parts.sort_by_key(|part| std::cmp::Reverse(part.size));
        let mut files: Vec<_> = contents.files.into_iter().map(File::from).collect();
        files.sort_by(|a, b| b.patch.cmp(&a.patch).then_with(|| a.path.cmp(&b.path)));
        Self {
            path: path.display().to_string(),
            size: contents.size,
            parts,
            files,
            svg: svg.map(|path| path.display().to_string()),
        }
    }
}

impl From<FileContents> for File {
    fn from(file: FileContents) -> Self {
        Self {
            path: file.path,
            size: file.size,
            copied: file.copied,
            repacked: file.repacked,
            patch: file.patch,
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let size = text::bytes(self.size);
        writeln!(formatter, "{}: {size}", text::printable(&self.path))?;
        let rows: Vec<_> = self
            .parts
            .iter()
            .map(|part| {
                let share = 100.0 * part.size as f64 / self.size.max(1) as f64;
                [
                    format!("  {}", part.name),
                    text::bytes(part.size),
                    format!("{share:.1} %"),
                ]
            })
            .collect();
        formatter.write_str(&text::table(&rows))?;
        if self.files.is_empty() {
            return writeln!(formatter, "\nno file is written");
        }
        let heading = ["in the patch", "of", "copied", "repacked", "file"].map(str::to_owned);
        let shown = self.files.iter().take(MOST_FILES).map(|file| {
            [
                text::bytes(file.patch),
                text::bytes(file.size),
                text::bytes(file.copied),
                text::bytes(file.repacked),
                text::printable(&file.path),
            ]
        });
        let rows: Vec<_> = std::iter::once(heading).chain(shown).collect();
        write!(formatter, "\n{}", text::table(&rows))?;
        match self.files.len().saturating_sub(MOST_FILES) {
            0 => Ok(()),
            more => writeln!(formatter, "and {} more", text::count(more as u64, "file")),
        }
    }
}
