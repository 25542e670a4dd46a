use super::*;

const GROUP: [u8; 20] = [
    0, 0, 1, 0, 1, 0, // one picture
    16, 16, 0, 0, 1, 0, 32, 0, 4, 0, 0, 0, 7, 0,
];

/// A small program: headers, one section of code, and these resources.
fn program(subsystem: u16, resources: Option<&[Resource]>) -> Vec<u8> {
    let mut bytes = vec![0; 0x400];
    bytes[..2].copy_from_slice(b"MZ");
    bytes[0x3c] = 0x80;
    bytes[0x80..0x84].copy_from_slice(b"PE\0\0");
    let mut put = |at: usize, value: u32, size: usize| {
        bytes[at..at + size].copy_from_slice(&value.to_le_bytes()[..size]);
    };
    put(0x86, 1, 2); // sections
    put(0x94, 240, 2); // size of the optional header
    let optional = 0x98;
    put(optional, 0x20b, 2);
    put(optional + 32, 0x1000, 4);
    put(optional + 36, 0x200, 4);
    put(optional + 60, 0x400, 4);
    put(optional + 68, u32::from(subsystem), 2);
    put(optional + 108, 16, 4);
    put(optional + 112 + 32, 0x1234, 4); // a signature
    let section = optional + 240;
    put(section + 8, 0x10, 4);
    put(section + 12, 0x1000, 4);
    put(section + 16, 0x200, 4);
    put(section + 20, 0x400, 4);
    bytes.resize(0x600, 0xcc);
    match resources {
        None => bytes,
        Some(resources) => Image::parse(&bytes)
            .and_then(|image| {
                image.with_resources(&bytes, subsystem, |address| {
                    resources::write(resources, address)
                })
            })
            .expect("there is room"),
    }
}

fn resource(kind: u32, number: u32, bytes: &[u8]) -> Resource {
    Resource {
        kind,
        number,
        language: 1033,
        bytes: bytes.to_vec(),
    }
}

fn frozen() -> Vec<u8> {
    let level = b"<requestedExecutionLevel level='requireAdministrator'/>";
    program(
        2,
        Some(&[
            resource(ICON, 6, b"not this one"),
            resource(ICON, 7, b"icon"),
            resource(10, 1, b"data of the app"),
            resource(ICON_GROUP, 101, &GROUP),
            resource(ICON_GROUP, 102, b"another"),
            resource(VERSION, 1, b"version 1.0"),
            resource(MANIFEST, 1, level),
        ]),
    )
}

fn dress(bootstrap: &[u8], program: &[u8]) -> Option<Vec<u8>> {
    let mut read = |offset: u64, limit: u64| {
        let rest = program.get(offset as usize..).unwrap_or_default();
        Ok::<_, ()>(rest[..rest.len().min(limit as usize)].to_vec())
    };
    dressed(bootstrap, &mut read).expect("reading does not fail")
}

fn resources_of(bytes: &[u8]) -> Resources {
    let image = Image::parse(bytes).expect("a program");
    let (offset, address, size) = image.resources_in_file().expect("resources");
    let offset = offset as usize;
    Resources::parse(&bytes[offset..offset + size as usize], address)
}

#[test]
fn icon_version_and_subsystem_are_those_of_the_program() {
    let bytes = dress(&program(3, None), &frozen()).unwrap();
    assert_eq!(Image::parse(&bytes).unwrap().subsystem, 2);
    let found = resources_of(&bytes);
    assert_eq!(found.first(VERSION).unwrap().bytes, b"version 1.0");
    assert_eq!(found.first(VERSION).unwrap().language, 1033);
    assert_eq!(found.numbered(ICON, 1).unwrap().bytes, b"icon");
    assert_eq!(found.numbered(ICON, 2), None);
    let mut group = GROUP;
    group[18] = 1;
    assert_eq!(found.first(ICON_GROUP).unwrap().bytes, group);
}

#[test]
fn the_wish_for_rights_is_taken_over_and_nothing_else_of_the_manifest() {
    let text = |program: &[u8]| {
        let bytes = dress(&self::program(3, None), program).unwrap();
        String::from_utf8(resources_of(&bytes).first(MANIFEST).unwrap().bytes.clone()).unwrap()
    };
    assert!(text(&frozen()).contains(r#"level="requireAdministrator""#));
    let plain = text(&program(3, None));
    assert!(plain.contains(r#"level="asInvoker""#) && plain.contains("longPathAware"));
}

#[test]
fn what_was_there_stays_byte_for_byte_and_the_signature_goes() {
    let bootstrap = program(3, None);
    let bytes = dress(&bootstrap, &frozen()).unwrap();
    assert_eq!(bytes[0x400..bootstrap.len()], bootstrap[0x400..]);
    assert_eq!(bytes.len() % 0x200, 0);
    assert_eq!(bytes[0x98 + 112 + 32..][..4], [0; 4]);
    assert_eq!(
        dress(&bootstrap, &frozen()).unwrap(),
        bytes,
        "the same again"
    );
}

#[test]
fn a_start_up_program_with_clothes_of_its_own_keeps_them() {
    let mut own = frozen();
    own[0x98 + 240 + 40..][..8].copy_from_slice(b".rsrc\0\0\0");
    assert_eq!(dress(&own, &frozen()), None);
}

#[test]
fn one_from_an_earlier_package_is_dressed_anew() {
    let bootstrap = program(3, None);
    let dressed = dress(&bootstrap, &frozen()).unwrap();
    assert_eq!(dress(&dressed, &frozen()).unwrap(), dressed);
    let plain = program(3, None);
    assert_eq!(dress(&dressed, &plain), dress(&bootstrap, &plain));
}

#[test]
fn what_is_no_program_for_windows_is_left_alone() {
    assert_eq!(dress(b"\x7fELF", &frozen()), None);
    assert_eq!(dress(&program(3, None), b"#!/bin/sh\n"), None);
}

#[test]
fn without_room_in_the_headers_nothing_is_changed() {
    let mut bootstrap = program(3, None);
    bootstrap[0x98 + 240 + 40] = 1;
    assert_eq!(dress(&bootstrap, &frozen()), None);
}

#[test]
fn cut_off_and_garbled_programs_do_no_harm() {
    let (bootstrap, frozen) = (program(3, None), frozen());
    for end in 0..frozen.len() {
        dress(&bootstrap, &frozen[..end]);
        dress(&frozen[..end.min(bootstrap.len())], &frozen);
    }
    for at in 0x80..frozen.len() {
        for byte in [0, 0x7f, 0x80, 0xff] {
            let mut garbled = frozen.clone();
            garbled[at] = byte;
            dress(&bootstrap, &garbled);
        }
    }
}
