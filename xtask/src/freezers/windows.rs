//! Freezers on Windows, under Wine where there is one.

use anyhow::bail;

use super::Row;

/// The variable of [`super::story::Terms::loader`] that names what starts Windows programs.
pub(crate) const LOADER: &str = "WINELOADER";

/// What Windows has; none of it has been run yet.
pub(crate) fn rows() -> Vec<Row> {
    [
        "PyInstaller onedir",
        "PyInstaller onefile",
        "cx_Freeze",
        "py2exe",
        "Nuitka standalone",
    ]
    .map(|freezer| {
        let why = "NO RUN ON WINDOWS: recognised in made-up directories only".to_owned();
        Row::new(freezer, "windows", Some(why), |_, _| bail!("not run"))
    })
    .into()
}
