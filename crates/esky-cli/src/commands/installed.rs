//! Installed versions as rows, for the commands that show an app directory.

use esky_format::version::compare;
use esky_install::InstalledVersion;
use serde::Serialize;

use crate::text;

/// One version directory.
#[derive(Serialize)]
pub(super) struct Row {
    version: String,
    path: String,
    complete: bool,
    in_use: bool,
    starts: bool,
}

/// All version directories, the newest first.
pub(super) fn rows(mut versions: Vec<InstalledVersion>) -> Vec<Row> {
    versions.sort_by(|a, b| compare(&b.app.version, &a.app.version));
    versions.into_iter().map(Row::new).collect()
}

/// The rows for people: version, then what is special about it.
pub(super) fn table(rows: &[Row]) -> String {
    text::table(
        &rows
            .iter()
            .map(|row| [text::printable(&row.version), row.remarks()])
            .collect::<Vec<_>>(),
    )
}

impl Row {
    fn new(installed: InstalledVersion) -> Self {
        Self {
            path: installed.path.display().to_string(),
            version: installed.app.version,
            complete: installed.complete,
            in_use: installed.in_use,
            starts: installed.current,
        }
    }

    fn remarks(&self) -> String {
        let remarks = [
            (self.starts, "starts"),
            (self.in_use, "in use"),
            (!self.complete, "not completely installed"),
        ];
        remarks
            .iter()
            .filter(|(applies, _)| *applies)
            .map(|(_, remark)| *remark)
            .collect::<Vec<_>>()
            .join(", ")
    }
}
