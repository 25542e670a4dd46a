//! Links to packages in a page of HTML, found as the original finds them: no HTML parser, but every `href=` whose
//! value ends in a package name of this app and platform. Quotes are optional, letter case does not matter, and
//! whatever follows the package name (`?query`, `#hash`, `.sig`) is dropped. Each character of the name may be written
//! as it is, percent-encoded, or as a character reference: servers differ in what they leave as it is.

use std::borrow::Cow;

use esky_format::name::in_version;
use esky_format::percent;

/// Longest value of an `href` that is looked at.
const LONGEST_HREF: usize = 4096;
/// Most directories in front of a package name.
const MOST_DIRECTORIES: usize = 64;
/// Longest character reference, without its `&`.
const LONGEST_REFERENCE: usize = 10;
/// Longest version that is looked for: a longer one makes a file name that no file system takes.
const LONGEST_VERSION: usize = 255;
/// Most package links of one app and platform in a page: some every day, for years.
pub const MOST_LINKS: usize = 10_000;
/// How often each byte of a page may be looked at: once is the rule, more if values contain `href=` themselves.
const MOST_LOOKS: usize = 8;

/// What kind of file a link leads to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PackageKind {
    /// The whole version: `.zip`, or `.exe` for a self-extracting one.
    Full,
    /// The difference from another version: `.from-OLD.patch`.
    Patch {
        /// The version it starts from.
        from: String,
    },
}

impl PackageKind {
    /// The cost of the original: the sum of 39 patches is still cheaper than one full package.
    pub fn cost(&self) -> u64 {
        match self {
            Self::Full => 40,
            Self::Patch { .. } => 1,
        }
    }

    /// The version a link of this kind starts from; empty for a full package.
    pub fn source(&self) -> &str {
        match self {
            Self::Full => "",
            Self::Patch { from } => from,
        }
    }
}

/// A package that a page or a directory offers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// As written in the page, up to the end of the package name; character references are resolved.
    pub href: String,
    /// The version it leads to.
    pub version: String,
    /// What it leads there from.
    pub kind: PackageKind,
}

/// All package links of an HTML page, in order; `None` if there are more than [`MOST_LINKS`], or if the page is made to take
/// long.
pub fn find_links(page: &[u8], name: &str, platform: &str) -> Option<Vec<Link>> {
    let mut looks = (LONGEST_HREF + page.len()).saturating_mul(MOST_LOOKS);
    let pattern = Pattern::new(name, platform);
    let mut links = Vec::new();
    let mut rest = page;
    while let Some(value) = after_href(rest) {
        let quote = value.first().filter(|byte| matches!(byte, b'"' | b'\''));
        rest = if quote.is_some() { &value[1..] } else { value };
        let window = &rest[..href_length(rest, quote.copied())];
        looks = looks.checked_sub(window.len())?;
        if let Some(link) = pattern.link(&without_references(window)) {
            rest = &rest[link.href.len().min(window.len())..];
            links.push(link);
        }
        if links.len() > MOST_LINKS {
            return None;
        }
    }
    Some(links)
}

/// The package a file name stands for, if it is exactly one of this app and platform.
pub fn match_file_name(file_name: &str, name: &str, platform: &str) -> Option<Link> {
    let found = Pattern::new(name, platform).file_name(file_name.as_bytes())?;
    (found.length == file_name.len()).then(|| Link {
        href: file_name.to_owned(),
        version: found.version,
        kind: found.kind,
    })
}

fn after_href(text: &[u8]) -> Option<&[u8]> {
    const HREF: &[u8] = b"href=";
    let position = text
        .windows(HREF.len())
        .position(|window| window.eq_ignore_ascii_case(HREF))?;
    Some(&text[position + HREF.len()..])
}

fn href_length(text: &[u8], quote: Option<u8>) -> usize {
    let window = &text[..text.len().min(LONGEST_HREF)];
    let ends = |byte: &u8| match quote {
        Some(quote) => *byte == quote,
        None => matches!(byte, b'"' | b'\'' | b'>') || byte.is_ascii_whitespace(),
    };
    window.iter().position(ends).unwrap_or(window.len())
}

/// The value with its character references resolved, of those that servers write: `&amp;`, `&#39;`, `&#x27;` and the like.
fn without_references(value: &[u8]) -> Cow<'_, [u8]> {
    if !value.contains(&b'&') {
        return Cow::Borrowed(value);
    }
    let mut resolved = Vec::with_capacity(value.len());
    let mut rest = value;
    while let Some((byte, tail)) = rest.split_first() {
        let found = Some(tail).filter(|_| *byte == b'&').and_then(reference);
        let Some((character, length)) = found else {
            resolved.push(*byte);
            rest = tail;
            continue;
        };
        resolved.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
        rest = &tail[length..];
    }
    Cow::Owned(resolved)
}

/// The character of a reference, without its `&`, and the length of the reference.
fn reference(text: &[u8]) -> Option<(char, usize)> {
    let window = &text[..text.len().min(LONGEST_REFERENCE)];
    let end = window.iter().position(|byte| *byte == b';')?;
    let character = match std::str::from_utf8(&window[..end]).ok()? {
        "amp" => '&',
        "lt" => '<',
        "gt" => '>',
        "quot" => '"',
        "apos" => '\'',
        word => {
            let number = word.strip_prefix('#')?;
            let hexadecimal = number.strip_prefix(['x', 'X']);
            let number = match hexadecimal {
                Some(digits) => u32::from_str_radix(digits, 16),
                None => number.parse(),
            };
            number.ok().and_then(char::from_u32)?
        }
    };
    Some((character, end + 1))
}

/// An address without its percent-encoding, and where each byte of it ends in the address.
struct Decoded {
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

impl Decoded {
    fn new(address: &[u8]) -> Self {
        let units = percent::units(address);
        let (bytes, lengths): (Vec<u8>, Vec<usize>) = units.unzip();
        let mut end = 0;
        let ends = lengths.into_iter().map(|length| {
            end += length;
            end
        });
        Self {
            ends: ends.collect(),
            bytes,
        }
    }
}

struct Pattern {
    name: String,
    platform: String,
}

struct FileName {
    version: String,
    kind: PackageKind,
    length: usize,
}

impl Pattern {
    fn new(name: &str, platform: &str) -> Self {
        Self {
            name: name.to_owned(),
            platform: platform.to_owned(),
        }
    }

    /// The link at the start of an address: the longest directory part that a package name follows, else none.
    fn link(&self, address: &[u8]) -> Option<Link> {
        let decoded = Decoded::new(address);
        let directories = (0..address.len())
            .rev()
            .filter(|at| address[*at] == b'/')
            .take(MOST_DIRECTORIES)
            .map(|at| at + 1);
        directories.chain([0]).find_map(|start| {
            let place = decoded.ends.partition_point(|end| *end <= start);
            let found = self.file_name(&decoded.bytes[place..])?;
            let end = *decoded.ends.get(place + found.length - 1)?;
            let (directory, file) = (&address[..start], &address[start..end]);
            // What belongs to the name begins no fragment of the address.
            let file = String::from_utf8_lossy(file).replace('#', "%23");
            Some(Link {
                href: format!("{}{file}", String::from_utf8_lossy(directory)),
                version: found.version,
                kind: found.kind,
            })
        })
    }

    fn file_name(&self, text: &[u8]) -> Option<FileName> {
        let start = prefix_length(text, &self.name)? + 1;
        if text.get(start - 1) != Some(&b'-') {
            return None;
        }
        self.version_and_kind(&text[start..], start)
    }

    /// Tries the longest version first, as a greedy expression does.
    fn version_and_kind(&self, text: &[u8], start: usize) -> Option<FileName> {
        let run = version_run(text);
        (1..=run).rev().find_map(|end| {
            let (kind, length) = self.platform_and_kind(&text[end..])?;
            Some(FileName {
                version: String::from_utf8_lossy(&text[..end]).into_owned(),
                kind,
                length: start + end + length,
            })
        })
    }

    fn platform_and_kind(&self, text: &[u8]) -> Option<(PackageKind, usize)> {
        let after_dot = text.strip_prefix(b".")?;
        let platform = prefix_length(after_dot, &self.platform)?;
        let suffix = after_dot[platform..].strip_prefix(b".")?;
        let before = platform + 2;
        if let Some(length) = prefix_length(suffix, "zip").or_else(|| prefix_length(suffix, "exe"))
        {
            return Some((PackageKind::Full, before + length));
        }
        let from = prefix_length(suffix, "from-")?;
        let text = &suffix[from..];
        (1..=version_run(text)).rev().find_map(|end| {
            let length = prefix_length(&text[end..], ".patch")?;
            let kind = PackageKind::Patch {
                from: String::from_utf8_lossy(&text[..end]).into_owned(),
            };
            Some((kind, before + from + end + length))
        })
    }
}

/// Length of `prefix` if `text` starts with it, whatever the case of its ASCII letters.
fn prefix_length(text: &[u8], prefix: &str) -> Option<usize> {
    text.get(..prefix.len())?
        .eq_ignore_ascii_case(prefix.as_bytes())
        .then_some(prefix.len())
}

fn version_run(text: &[u8]) -> usize {
    let text = &text[..text.len().min(LONGEST_VERSION)];
    text.iter()
        .position(|byte| !in_version(char::from(*byte)))
        .unwrap_or(text.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hrefs(page: &str, name: &str) -> Vec<String> {
        find_links(page.as_bytes(), name, "linux-x86_64")
            .unwrap()
            .into_iter()
            .map(|link| link.href)
            .collect()
    }

    #[test]
    fn names_with_spaces_are_found_quoted_and_unquoted() {
        let page =
            r#"<a href="my app-1.0.linux-x86_64.zip"><a href="my%20app-1.1.linux-x86_64.zip">"#;
        assert_eq!(
            hrefs(page, "my app"),
            [
                "my app-1.0.linux-x86_64.zip",
                "my%20app-1.1.linux-x86_64.zip"
            ]
        );
    }

    #[test]
    fn each_character_of_a_name_may_be_written_in_any_way_that_servers_write_it() {
        let name = "Bob's C++ & IDE (\u{e9}) 100%";
        for written in [
            "Bob's C++ &amp; IDE (\u{e9}) 100%",
            "Bob%27s%20C%2B%2B%20%26%20IDE%20%28%C3%A9%29%20100%25",
            "Bob's%20C++%20&#38;%20IDE%20(%c3%a9)%20100%25",
            "Bob&#x27;s C%2b%2b &#x26; IDE %28%C3%A9) 100%25",
        ] {
            let page = format!("<a href=\"d/{written}-1.0.linux-x86_64.zip?x\">");
            assert_eq!(hrefs(&page, name).len(), 1, "{page}");
        }
    }

    #[test]
    fn a_name_that_looks_encoded_is_no_other_name() {
        let page = "<a href=\"a%20b-1.0.linux-x86_64.zip\">";
        assert!(hrefs(page, "a%20b").is_empty());
        assert_eq!(hrefs(page, "a b").len(), 1);
        assert!(match_file_name("a%20b-1.0.linux-x86_64.zip", "a b", "linux-x86_64").is_none());
    }

    #[test]
    fn a_number_sign_in_a_name_begins_no_fragment() {
        let page = "<a href=\"C#-1.0.linux-x86_64.zip#sha\">";
        assert_eq!(hrefs(page, "C#"), ["C%23-1.0.linux-x86_64.zip"]);
    }

    #[test]
    fn an_unquoted_link_does_not_run_into_the_next_one() {
        let page = "<a href=other>o</a> <a href=x/demo-1.0.linux-x86_64.zip>d</a>";
        assert_eq!(hrefs(page, "demo"), ["x/demo-1.0.linux-x86_64.zip"]);
    }

    #[test]
    fn a_page_of_nothing_but_attributes_is_read_in_linear_time() {
        let page = "href=\"/".repeat(200_000);
        assert!(hrefs(&page, "demo").is_empty());
    }

    #[test]
    fn a_page_made_to_take_long_is_given_up() {
        let find = |page: &str| find_links(page.as_bytes(), "demo", "linux-x86_64");
        assert_eq!(find(&"href=".repeat(200_000)), None);
        let nested = "href=x/href=y/href=demo-1.0.linux-x86_64.zip ".repeat(100);
        assert_eq!(find(&nested).map(|links| links.len()), Some(100));
        let versions = format!("href=demo-{} ", ".linux-x86_64.from-".repeat(200)).repeat(1000);
        assert_eq!(find(&versions), Some(Vec::new()));
    }

    #[test]
    fn a_page_with_more_links_than_anybody_has_is_given_up() {
        let page = |links| "<a href='demo-1.0.linux-x86_64.zip'>x</a>\n".repeat(links);
        let find = |links| find_links(page(links).as_bytes(), "demo", "linux-x86_64");
        assert_eq!(find(MOST_LINKS).map(|links| links.len()), Some(MOST_LINKS));
        assert_eq!(find(MOST_LINKS + 1), None);
        assert_eq!(find(300_000), None);
    }

    #[test]
    fn a_file_name_must_match_to_its_end() {
        let found = |file: &str| match_file_name(file, "demo", "linux-x86_64");
        assert!(found("demo-1.0.linux-x86_64.zip").is_some());
        assert!(found("demo-1.0.linux-x86_64.zip.part").is_none());
        assert!(found("demo-1.0.win32.zip").is_none());
    }
}
