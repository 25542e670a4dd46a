//! A second reader of patches, as simple as can be: written from the description of the format, sharing no code with the
//! crate. It knows no zips inside of trees; what it is for is to notice when reader and writer agree on something wrong.

use std::collections::BTreeMap;
use std::io::Read;

/// Paths to contents; `None` for directories.
pub(crate) type Flat = BTreeMap<String, Option<Vec<u8>>>;

/// What a patch makes of a tree, and how often each command was used.
pub(crate) fn apply(mut tree: Flat, patch: &[u8]) -> (Flat, [usize; 17]) {
    let mut input = Input(patch);
    assert_eq!(input.raw(8), b"ESKYPTCH");
    assert_eq!(input.number(), 1);
    let mut at: Vec<String> = Vec::new();
    let mut file: Option<(Vec<u8>, usize, Vec<u8>)> = None;
    let mut used = [0; 17];
    while !input.0.is_empty() {
        let code = input.raw(1)[0];
        used[usize::from(code)] += 1;
        if let 10..=14 = code {
            let path = at.join("/");
            let open = || {
                (
                    tree.get(&path).cloned().flatten().unwrap_or_default(),
                    0,
                    Vec::new(),
                )
            };
            content(&mut input, code, file.get_or_insert_with(open));
            continue;
        }
        if let Some((_, _, new)) = file.take() {
            remove(&mut tree, &at.join("/"));
            tree.insert(at.join("/"), Some(new));
        }
        match code {
            1 => {
                let path = input.path();
                at = path
                    .split('/')
                    .filter(|name| !name.is_empty())
                    .map(str::to_owned)
                    .collect();
            }
            2 => at.push(input.path()),
            3 => drop(at.pop().expect("not above the root")),
            4 => {
                at.pop().expect("not above the root");
                at.push(input.path());
            }
            5 => drop(input.raw(16)),
            6 => remove(&mut tree, &at.join("/")),
            7 => {
                remove(&mut tree, &at.join("/"));
                tree.insert(at.join("/"), None);
            }
            8 | 9 => {
                let mut from = at.clone();
                from.pop();
                from.push(input.path());
                copy(&mut tree, &from.join("/"), &at.join("/"), code == 9);
            }
            16 => assert!([0o040_000, 0o100_000].contains(&(input.number() & 0o170_000))),
            _ => panic!("command {code}"),
        }
    }
    (tree, used)
}

fn content(input: &mut Input<'_>, code: u8, (old, place, new): &mut (Vec<u8>, usize, Vec<u8>)) {
    match code {
        10 => {
            let end = *place + input.number() as usize;
            new.extend(&old[*place..end]);
            *place = end;
        }
        11 => *place += input.number() as usize,
        12 => new.extend(input.bytes()),
        13 => new.extend(unpacked(input.bytes())),
        _ => {
            let size = input.number() as usize;
            assert!(size <= 4 << 20, "old clients keep a window in memory");
            let source = &old[*place..*place + size];
            *place += size;
            new.extend(difference(source, input.bytes()));
        }
    }
}

fn difference(old: &[u8], patch: &[u8]) -> Vec<u8> {
    let number = |bytes: &[u8]| {
        let value = u64::from_le_bytes(bytes.try_into().expect("eight bytes"));
        let magnitude = (value << 1 >> 1) as i64;
        if value >> 63 == 1 {
            -magnitude
        } else {
            magnitude
        }
    };
    let (first, second) = (number(&patch[..8]) as usize, number(&patch[8..16]) as usize);
    let control = unpacked(&patch[24..24 + first]);
    let added = unpacked(&patch[24 + first..24 + first + second]);
    let extra = unpacked(&patch[24 + first + second..]);
    let (mut place, mut a, mut e) = (0_i64, 0, 0);
    let mut new = Vec::new();
    for step in control.chunks(24) {
        let [x, y, z] = [0, 8, 16].map(|at| number(&step[at..at + 8]));
        for _ in 0..x {
            new.push(old[place as usize].wrapping_add(added[a]));
            (place, a) = (place + 1, a + 1);
        }
        new.extend(&extra[e..e + y as usize]);
        (place, e) = (place + z, e + y as usize);
    }
    assert_eq!(new.len() as i64, number(&patch[16..24]));
    new
}

fn unpacked(packed: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut reader = bzip2::read::BzDecoder::new(packed);
    reader.read_to_end(&mut bytes).expect("a whole stream");
    bytes
}

fn below(path: &str, directory: &str) -> bool {
    path == directory
        || path
            .strip_prefix(directory)
            .is_some_and(|rest| rest.starts_with('/'))
}

fn remove(tree: &mut Flat, path: &str) {
    tree.retain(|entry, _| !below(entry, path));
}

fn copy(tree: &mut Flat, from: &str, to: &str, moved: bool) {
    remove(tree, to);
    let found: Vec<_> = tree.iter().filter(|(path, _)| below(path, from)).collect();
    assert!(!found.is_empty(), "{from} is there");
    let copies: Vec<_> = found
        .into_iter()
        .map(|(path, bytes)| (format!("{to}{}", &path[from.len()..]), bytes.clone()))
        .collect();
    if moved {
        remove(tree, from);
    }
    tree.extend(copies);
}

struct Input<'a>(&'a [u8]);

impl<'a> Input<'a> {
    fn raw(&mut self, size: usize) -> &'a [u8] {
        let (raw, rest) = self.0.split_at(size);
        self.0 = rest;
        raw
    }

    fn number(&mut self) -> u64 {
        let mut number = 0;
        for shift in (0..).step_by(7) {
            let byte = self.raw(1)[0];
            number |= u64::from(byte & 127) << shift;
            if byte < 128 {
                break;
            }
        }
        number
    }

    fn bytes(&mut self) -> &'a [u8] {
        let size = self.number() as usize;
        self.raw(size)
    }

    fn path(&mut self) -> String {
        std::str::from_utf8(self.bytes()).expect("UTF-8").to_owned()
    }
}
