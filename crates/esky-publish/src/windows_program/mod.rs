//! The start-up program in the clothes of the program that it starts: icon, version information, with or without a console.
//!
//! Windows shows these of the file that a person clicks on, pins and finds in the list of processes, and that is the
//! start-up program. So a copy of it gets, when an app is packed, a section with the resources of the frozen program. Of
//! that one's manifest only the wish for an administrator's rights is taken over: the rest of a manifest can name files that
//! are not beside the start-up program.

mod image;
mod resources;

use image::Image;
use resources::{Resource, Resources};

/// How much of a program is looked at for its headers, and how large its resources may be.
const HEAD_LIMIT: u64 = 4096;
const RESOURCES_LIMIT: u64 = 16 * 1024 * 1024;

const ICON: u32 = 3;
const ICON_GROUP: u32 = 14;
const VERSION: u32 = 16;
const MANIFEST: u32 = 24;
/// "Any language".
const NEUTRAL: u32 = 0;

/// The start-up program for a program, which is read by `read`: that is given an offset and a limit, and gives fewer bytes
/// where the file ends. `None` if one of the two is no program for Windows, or the start-up program has resources of its own or
/// no room for any: then it is used as it is. Those that it has from here, in an earlier package, are replaced.
pub fn dressed<E>(
    bootstrap: &[u8],
    read: &mut dyn FnMut(u64, u64) -> Result<Vec<u8>, E>,
) -> Result<Option<Vec<u8>>, E> {
    let undressed = Image::parse(bootstrap).and_then(|image| image.without_resources(bootstrap));
    let bootstrap = undressed.as_deref().unwrap_or(bootstrap);
    let Some(own) = Image::parse(bootstrap) else {
        return Ok(None);
    };
    let head = read(0, HEAD_LIMIT)?;
    let Some(program) = Image::parse(&head) else {
        return Ok(None);
    };
    let taken = match program.resources_in_file() {
        Some((offset, address, size)) => {
            let bytes = read(offset, u64::from(size).min(RESOURCES_LIMIT))?;
            chosen(&Resources::parse(&bytes, address))
        }
        None => chosen(&Resources::default()),
    };
    Ok(own.with_resources(bootstrap, program.subsystem, |address| {
        resources::write(&taken, address)
    }))
}

/// What the start-up program gets: one icon, the version information, a manifest.
fn chosen(found: &Resources) -> Vec<Resource> {
    let mut chosen = Vec::new();
    if let Some(group) = found.first(ICON_GROUP) {
        let (directory, icons) = with_icons(&group.bytes, found);
        for (number, bytes) in (1..).zip(icons) {
            let language = group.language;
            chosen.push(Resource {
                kind: ICON,
                number,
                language,
                bytes,
            });
        }
        chosen.push(Resource {
            kind: ICON_GROUP,
            number: 1,
            language: group.language,
            bytes: directory,
        });
    }
    chosen.extend(found.first(VERSION).map(|version| Resource {
        number: 1,
        ..version.clone()
    }));
    chosen.push(Resource {
        kind: MANIFEST,
        number: 1,
        language: NEUTRAL,
        bytes: manifest(found.first(MANIFEST)).into_bytes(),
    });
    chosen
}

/// The directory of an icon in several sizes, with its pictures numbered from 1, and these.
fn with_icons(directory: &[u8], found: &Resources) -> (Vec<u8>, Vec<Vec<u8>>) {
    const HEAD: usize = 6;
    const ENTRY: usize = 14;
    const NUMBER: usize = 12;
    let mut entries = Vec::new();
    let mut icons = Vec::new();
    for entry in directory
        .get(HEAD..)
        .unwrap_or_default()
        .chunks_exact(ENTRY)
    {
        let number = u16::from_le_bytes([entry[NUMBER], entry[NUMBER + 1]]);
        if let Some(icon) = found.numbered(ICON, u32::from(number)) {
            icons.push(icon.bytes.clone());
            entries.extend_from_slice(&entry[..NUMBER]);
            entries.extend((icons.len() as u16).to_le_bytes());
        }
    }
    let mut numbered = vec![0, 0, 1, 0];
    numbered.extend((icons.len() as u16).to_le_bytes());
    numbered.extend(entries);
    (numbered, icons)
}

/// Long paths, no pretending to be an older Windows, and the rights that the program wants: Windows asks the person before
/// it starts the start-up program, because that cannot start the program otherwise.
fn manifest(of_program: Option<&Resource>) -> String {
    let wants = |level: &str| {
        of_program
            .is_some_and(|found| memchr::memmem::find(&found.bytes, level.as_bytes()).is_some())
    };
    let level = ["requireAdministrator", "highestAvailable"]
        .into_iter()
        .find(|level| wants(level))
        .unwrap_or("asInvoker");
    format!(
        r#"<?xml version="1.0" encoding="UTF-8" standalone="yes"?>
<assembly xmlns="urn:schemas-microsoft-com:asm.v1" manifestVersion="1.0">
  <trustInfo xmlns="urn:schemas-microsoft-com:asm.v3"><security><requestedPrivileges>
    <requestedExecutionLevel level="{level}" uiAccess="false"/>
  </requestedPrivileges></security></trustInfo>
  <compatibility xmlns="urn:schemas-microsoft-com:compatibility.v1"><application>
    <supportedOS Id="{{35138b9a-5d96-4fbd-8e2d-a2440225f93a}}"/>
    <supportedOS Id="{{4a2f28e3-53b9-4441-ba9c-d69d4a4a6e38}}"/>
    <supportedOS Id="{{1f676c76-80e1-4239-95bb-83d0f6d0da78}}"/>
    <supportedOS Id="{{8e0f7a12-bfb3-4fe8-b9a5-48fd50a15a9a}}"/>
  </application></compatibility>
  <application xmlns="urn:schemas-microsoft-com:asm.v3"><windowsSettings>
    <longPathAware xmlns="http://schemas.microsoft.com/SMI/2016/WindowsSettings">true</longPathAware>
  </windowsSettings></application>
</assembly>
"#
    )
}

#[cfg(test)]
mod tests;
