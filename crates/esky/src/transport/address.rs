//! What people write where the address of a place with versions is expected: told apart, and explained if it is neither
//! an address nor a path.

use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};

use url::{ParseError, Url};

use crate::{Error, HttpFault, Result};

/// A place that versions can come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Address {
    /// On the web, by `http:` or `https:`.
    Web(Url),
    /// On this machine.
    Path(PathBuf),
}

/// Why a text is not the address of any place.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AddressFault {
    /// Nothing, or nothing but spaces.
    #[error("no address is given")]
    Empty,
    /// It names nothing on this machine, and looks like a host.
    #[error(
        "there is no file or directory of this name, and it is not a complete address: did you mean {}?",
        suggestions.join(" or ")
    )]
    NoScheme {
        /// Complete addresses, the likeliest first.
        suggestions: Vec<String>,
    },
    /// Another scheme than those that can be read.
    #[error(
        "only http, https and file can be opened, and this is {scheme}{}",
        did_you_mean(suggestion)
    )]
    UnknownScheme {
        /// The scheme.
        scheme: String,
        /// The same address with a scheme that is written almost like it.
        suggestion: Option<String>,
    },
    /// A `file:` URL of another machine.
    #[error("it names a file of the machine {host}{}", did_you_mean(suggestion))]
    OtherMachine {
        /// The machine.
        host: String,
        /// The same path on this one.
        suggestion: Option<String>,
    },
    /// A `file:` URL without a path from the root on.
    #[error("a file: address holds the path from the root on: did you mean {suggestion}?")]
    RelativeFile {
        /// What was meant, if it was meant from the working directory.
        suggestion: String,
    },
    /// A path with a drive letter or a network share, on another system than Windows.
    #[error("this is a path of Windows, and it means nothing on this system")]
    WindowsPath,
    /// No host between the slashes.
    #[error("the address names no host")]
    NoHost,
    /// A space in the name of the host.
    #[error("there is a space in the name of the host")]
    Space,
    /// Anything else that no URL allows.
    #[error("not a usable URL: {0}")]
    Unreadable(String),
}

impl AddressFault {
    pub(crate) fn hint(&self) -> Option<String> {
        let text = match self {
            Self::WindowsPath => "give a directory by its path on this system",
            Self::OtherMachine { .. } => {
                "mount the directory of the other machine, or have a web server serve it"
            }
            _ => {
                "an address on the web begins with https:// (or http://), and a directory is given by its path"
            }
        };
        Some(text.to_owned())
    }
}

impl Address {
    /// Reads an address or a path. Looks at the disk only where a path could be the name of a host as well.
    pub fn resolve(text: &str) -> Result<Self> {
        let trimmed = text.trim();
        let read = match scheme_of(trimmed) {
            _ if trimmed.is_empty() => Err(AddressFault::Empty),
            Some((scheme, _)) if is_web(scheme) => web(trimmed),
            Some((scheme, rest)) if scheme.eq_ignore_ascii_case("file") => file(trimmed, rest),
            Some((scheme, rest)) if rest.starts_with("//") => Err(unknown_scheme(scheme, rest)),
            // What begins or ends with a space may be the name of a directory.
            _ => path(text),
        };
        read.map_err(|fault| {
            let shown = if trimmed.is_empty() { "\"\"" } else { trimmed };
            Error::http(shown, HttpFault::Address(Box::new(fault)))
        })
    }
}

/// `http:` and `https:`, in any case.
pub(crate) fn is_web_address(url: &str) -> bool {
    scheme_of(url.trim_start()).is_some_and(|(scheme, _)| is_web(scheme))
}

fn is_web(scheme: &str) -> bool {
    scheme.eq_ignore_ascii_case("http") || scheme.eq_ignore_ascii_case("https")
}

/// What stands before and after the first colon, if that can be a scheme. One letter is a drive.
fn scheme_of(text: &str) -> Option<(&str, &str)> {
    let (scheme, rest) = text.split_once(':')?;
    let is_scheme = scheme.len() > 1
        && scheme.starts_with(|first: char| first.is_ascii_alphabetic())
        && scheme
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c));
    is_scheme.then_some((scheme, rest))
}

/// As browsers read it: backslashes are slashes, and there need not be two of them.
fn web(text: &str) -> Result<Address, AddressFault> {
    let url = Url::parse(text).map_err(|error| match error {
        ParseError::EmptyHost => AddressFault::NoHost,
        _ if has_space_in_host(text) => AddressFault::Space,
        other => AddressFault::Unreadable(other.to_string()),
    })?;
    Ok(Address::Web(url))
}

fn has_space_in_host(text: &str) -> bool {
    let rest = scheme_of(text).map_or(text, |(_, rest)| rest);
    first_part(rest).contains(char::is_whitespace)
}

/// What comes before the path.
fn first_part(text: &str) -> &str {
    let rest = text.trim_start_matches(['/', '\\']);
    rest.split(['/', '\\', '?', '#']).next().unwrap_or_default()
}

fn file(text: &str, rest: &str) -> Result<Address, AddressFault> {
    if !rest.starts_with(['/', '\\']) {
        let absolute = std::path::absolute(rest).ok();
        let suggestion = absolute.and_then(|path| Url::from_file_path(path).ok());
        return Err(match suggestion {
            Some(url) => AddressFault::RelativeFile {
                suggestion: url.into(),
            },
            None => AddressFault::Unreadable("it holds no path".to_owned()),
        });
    }
    let url = Url::parse(text).map_err(|error| AddressFault::Unreadable(error.to_string()))?;
    match (url.to_file_path(), url.host_str()) {
        (Ok(path), _) => Ok(Address::Path(path)),
        (Err(()), Some(host)) => Err(AddressFault::OtherMachine {
            host: host.to_owned(),
            suggestion: Some(format!("file:///{host}{}", url.path())),
        }),
        (Err(()), None) => Err(AddressFault::Unreadable(
            "it names no file of this machine".to_owned(),
        )),
    }
}

fn unknown_scheme(scheme: &str, rest: &str) -> AddressFault {
    let close = [
        "htp", "htps", "htt", "htts", "ttp", "ttps", "hhttp", "hhttps", "httpss",
    ];
    let is_close = close.contains(&scheme.to_ascii_lowercase().as_str());
    AddressFault::UnknownScheme {
        scheme: scheme.to_owned(),
        suggestion: is_close.then(|| format!("https:{rest}")),
    }
}

fn path(text: &str) -> Result<Address, AddressFault> {
    let path = Path::new(text);
    let is_doubtful = looks_like_windows(text) || looks_like_host(text);
    if !is_doubtful || esky_fs::exists(path).unwrap_or(true) {
        return Ok(Address::Path(path.to_owned()));
    }
    if looks_like_windows(text) {
        return Err(AddressFault::WindowsPath);
    }
    let suggestions = suggestions(text);
    Err(AddressFault::NoScheme { suggestions })
}

/// A drive letter or a network share, where neither means anything.
fn looks_like_windows(text: &str) -> bool {
    let mut letters = text.chars();
    let drive = letters
        .next()
        .is_some_and(|first| first.is_ascii_alphabetic())
        && letters.next() == Some(':')
        && matches!(letters.next(), None | Some('/' | '\\'));
    !cfg!(windows) && (drive || text.starts_with("\\\\"))
}

/// `host:8000`, `127.0.0.1/x`, `example.com/x`, `https//example.com`: the way an address begins that lacks its scheme.
fn looks_like_host(text: &str) -> bool {
    if lost_colon(text).is_some() {
        return true;
    }
    let begins_like_a_path = text.starts_with(['.', '~', '\\']);
    if begins_like_a_path || (text.starts_with('/') && !text.starts_with("//")) {
        return false;
    }
    let authority = first_part(text.trim());
    let authority = authority
        .rsplit_once('@')
        .map_or(authority, |(_, host)| host);
    let port = authority
        .rsplit_once(':')
        .filter(|(_, port)| is_number(port));
    let host = port.map_or(authority, |(host, _)| host);
    let is_name = !host.is_empty()
        && host
            .chars()
            .all(|c| c.is_alphanumeric() || matches!(c, '-' | '.'));
    let is_bracketed = host.starts_with('[') && host.ends_with(']') && host.contains(':');
    is_bracketed || (is_name && (port.is_some() || is_machine(host) || has_domain(host)))
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn is_machine(host: &str) -> bool {
    host.eq_ignore_ascii_case("localhost") || host.parse::<Ipv4Addr>().is_ok()
}

/// At least two labels, of which the last can be a top-level domain.
fn has_domain(host: &str) -> bool {
    let mut labels = host.rsplit('.');
    let last = labels.next().unwrap_or_default();
    let is_top = last.chars().count() > 1 && last.chars().all(char::is_alphabetic);
    let others: Vec<&str> = labels.collect();
    is_top && !others.is_empty() && others.iter().all(|label| !label.is_empty())
}

/// The rest of an address whose colon was forgotten.
fn lost_colon(text: &str) -> Option<&str> {
    let rest = text
        .strip_prefix("https//")
        .or(text.strip_prefix("http//"))?;
    (!rest.is_empty()).then_some(rest)
}

fn suggestions(text: &str) -> Vec<String> {
    let rest = lost_colon(text).unwrap_or(text).trim().replace('\\', "/");
    let rest = rest.trim_start_matches('/');
    let mut found = vec![format!("https://{rest}")];
    let authority = first_part(rest);
    let has_port = authority
        .rsplit_once(':')
        .is_some_and(|(_, port)| is_number(port));
    if has_port || is_machine(authority) {
        found.push(format!("http://{rest}"));
    }
    found
}

fn did_you_mean(suggestion: &Option<String>) -> String {
    match suggestion {
        Some(address) => format!(": did you mean {address}?"),
        None => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(text: &str) -> AddressFault {
        match Address::resolve(text) {
            Err(Error::Http {
                fault: HttpFault::Address(fault),
                ..
            }) => *fault,
            other => panic!("{text}: {other:?}"),
        }
    }

    fn web(text: &str) -> String {
        match Address::resolve(text) {
            Ok(Address::Web(url)) => url.into(),
            other => panic!("{text}: {other:?}"),
        }
    }

    #[test]
    fn addresses_are_read_as_browsers_read_them() {
        for (text, read) in [
            ("HTTPS://Example.com/x", "https://example.com/x"),
            (" https://example.com/x\n", "https://example.com/x"),
            ("https:\\\\example.com\\x", "https://example.com/x"),
            ("https:/example.com/x", "https://example.com/x"),
            (
                "https://example.com/my app/",
                "https://example.com/my%20app/",
            ),
            ("http://[::1]:8000/", "http://[::1]:8000/"),
        ] {
            assert_eq!(web(text), read, "{text}");
        }
    }

    #[test]
    fn an_address_without_its_scheme_is_completed() {
        for (text, first) in [
            ("127.0.0.1:8766", "https://127.0.0.1:8766"),
            ("localhost:8000/x", "https://localhost:8000/x"),
            ("[::1]:8000/x", "https://[::1]:8000/x"),
            ("example.com/x", "https://example.com/x"),
            ("me@example.com:81", "https://me@example.com:81"),
            ("//example.com/x", "https://example.com/x"),
            ("example.com\\x", "https://example.com/x"),
            ("https//example.com/x", "https://example.com/x"),
            ("b\u{fc}cher.example/x", "https://b\u{fc}cher.example/x"),
        ] {
            let fault = fault(text);
            let AddressFault::NoScheme { suggestions } = &fault else {
                panic!("{text}: {fault:?}");
            };
            assert_eq!(suggestions[0], first);
            let asked = format!("did you mean {first}");
            assert!(fault.to_string().contains(&asked), "{fault}");
        }
    }

    #[test]
    fn a_machine_or_a_port_may_be_meant_without_encryption() {
        let AddressFault::NoScheme { suggestions } = fault("127.0.0.1:8766/x") else {
            panic!();
        };
        assert_eq!(suggestions[1], "http://127.0.0.1:8766/x");
    }

    #[test]
    fn paths_stay_paths() {
        for text in [
            "dist/site",
            "/srv/site",
            "../site",
            "./example.com",
            "~/x",
            "site",
            "a b",
        ] {
            assert_eq!(
                Address::resolve(text).unwrap(),
                Address::Path(text.into()),
                "{text}"
            );
        }
    }

    #[test]
    fn what_is_there_is_not_taken_for_a_host() {
        // Tests run in the directory of the crate.
        let read = Address::resolve("Cargo.toml").unwrap();
        assert_eq!(read, Address::Path("Cargo.toml".into()));
        assert!(matches!(fault("Cargo.tml"), AddressFault::NoScheme { .. }));
    }

    #[cfg(unix)]
    #[test]
    fn file_addresses_may_have_one_slash_or_three() {
        for text in ["file:/srv/x", "file:///srv/x", "FILE://localhost/srv/x"] {
            let read = Address::resolve(text).unwrap();
            assert_eq!(read, Address::Path("/srv/x".into()), "{text}");
        }
    }

    #[test]
    fn what_is_no_address_says_why() {
        for (text, words) in [
            ("", "no address is given"),
            ("  ", "no address is given"),
            ("ftp://example.com/x", "only http, https and file"),
            (
                "htps://example.com/x",
                "did you mean https://example.com/x?",
            ),
            ("https://", "names no host"),
            ("https://exa mple.com/", "a space in the name of the host"),
            ("https://example.com:port/", "not a usable URL"),
            ("file:site", "did you mean file:///"),
        ] {
            let fault = fault(text);
            assert!(fault.to_string().contains(words), "{text}: {fault}");
            assert!(fault.hint().is_some());
        }
    }

    #[cfg(unix)]
    #[test]
    fn paths_of_windows_are_recognised_elsewhere() {
        for text in ["C:\\updates", "d:/updates", "\\\\server\\share", "C:"] {
            assert_eq!(fault(text), AddressFault::WindowsPath, "{text}");
        }
        let other = fault("file://server/share/x");
        assert!(other.to_string().contains("the machine server"), "{other}");
    }
}
