//! Links to packages in a page of HTML, found exactly as the original finds them: no HTML parser, but every
//! `href=` whose value ends in a package name of this app and platform. Quotes are optional, letter case does not
//! matter, and whatever follows the package name (`?query`, `#hash`, `.sig`) is dropped.

/// Longest value of an `href` that is looked at.
const LONGEST_HREF: usize = 4096;
/// Most directories in front of a package name.
const MOST_DIRECTORIES: usize = 64;

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
    /// As written in the page, up to the end of the package name.
    pub href: String,
    /// The version it leads to.
    pub version: String,
    /// What it leads there from.
    pub kind: PackageKind,
}

/// All package links of an HTML page, in order.
pub fn find_links(page: &[u8], name: &str, platform: &str) -> Vec<Link> {
    let pattern = Pattern::new(name, platform);
    let mut links = Vec::new();
    let mut rest = page;
    while let Some(value) = after_href(rest) {
        let quoted = matches!(value.first(), Some(b'"' | b'\''));
        rest = if quoted { &value[1..] } else { value };
        let window = &rest[..href_length(rest, quoted)];
        if let Some((link, length)) = pattern.link(window) {
            rest = &rest[length..];
            links.push(link);
        }
    }
    links
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

fn href_length(text: &[u8], quoted: bool) -> usize {
    let window = &text[..text.len().min(LONGEST_HREF)];
    window
        .iter()
        .position(|byte| {
            matches!(byte, b'"' | b'\'')
                || (!quoted && (byte.is_ascii_whitespace() || *byte == b'>'))
        })
        .unwrap_or(window.len())
}

struct Pattern {
    names: Vec<String>,
    platform: String,
}

struct FileName {
    version: String,
    kind: PackageKind,
    length: usize,
}

impl Pattern {
    fn new(name: &str, platform: &str) -> Self {
        let mut names = vec![name.to_owned()];
        let quoted = percent_encode(name);
        if quoted != name {
            names.push(quoted);
        }
        Self {
            names,
            platform: platform.to_owned(),
        }
    }

    /// The link at the start of `window`: the longest directory part that a package name follows, else none.
    fn link(&self, window: &[u8]) -> Option<(Link, usize)> {
        let directories = (0..window.len())
            .rev()
            .filter(|at| window[*at] == b'/')
            .take(MOST_DIRECTORIES)
            .map(|at| at + 1);
        directories.chain([0]).find_map(|start| {
            let found = self.file_name(&window[start..])?;
            let length = start + found.length;
            let link = Link {
                href: String::from_utf8_lossy(&window[..length]).into_owned(),
                version: found.version,
                kind: found.kind,
            };
            Some((link, length))
        })
    }

    fn file_name(&self, text: &[u8]) -> Option<FileName> {
        self.names.iter().find_map(|name| {
            let start = prefix_length(text, name)? + 1;
            if text.get(start - 1) != Some(&b'-') {
                return None;
            }
            self.version_and_kind(&text[start..], start)
        })
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
    text.iter()
        .position(|byte| !(byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_')))
        .unwrap_or(text.len())
}

fn percent_encode(name: &str) -> String {
    name.bytes()
        .map(|byte| match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'_' | b'.' | b'-' | b'~' | b'/' => {
                char::from(byte).to_string()
            }
            other => format!("%{other:02X}"),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hrefs(page: &str, name: &str) -> Vec<String> {
        find_links(page.as_bytes(), name, "linux-x86_64")
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
    fn a_file_name_must_match_to_its_end() {
        let found = |file: &str| match_file_name(file, "demo", "linux-x86_64");
        assert!(found("demo-1.0.linux-x86_64.zip").is_some());
        assert!(found("demo-1.0.linux-x86_64.zip.part").is_none());
        assert!(found("demo-1.0.win32.zip").is_none());
    }
}
