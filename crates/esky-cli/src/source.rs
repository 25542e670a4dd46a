//! Where releases come from: a web address or a directory, and how the network is to be used on the way.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use esky::{
    Address, AppDir, DefaultVersionFinder, FetchOptions, FileTransport, HttpOptions, HttpTransport,
    LocalVersionFinder, Proxy, SignedVersionFinder, ThrottledTransport, Transport, VersionFinder,
};
use url::Url;

use crate::arguments::{Header, NetworkArguments};
use crate::exit;
use crate::failure::Failure;

/// A place that offers releases.
#[derive(Debug, Eq, PartialEq)]
pub(crate) enum Source {
    /// A web page that lists packages.
    Web(Url),
    /// A directory that holds packages.
    Directory(PathBuf),
}

impl Source {
    /// Tells addresses from paths.
    pub(crate) fn parse(text: &str) -> Result<Self, Failure> {
        match Address::resolve(text) {
            Ok(Address::Web(url)) => Ok(Self::Web(url)),
            Ok(Address::Path(path)) => Ok(Self::Directory(path)),
            Err(error) => Err(Failure::from(error).exit_with(exit::USAGE)),
        }
    }

    /// The finder that asks this place for versions of an app. An app with a root of trust finds a signed repository there.
    pub(crate) fn finder(
        &self,
        app: &AppDir,
        network: &NetworkArguments,
    ) -> Result<Arc<dyn VersionFinder>, Failure> {
        let is_signed = app.trust()?.is_some();
        if network.download_limit.is_some() && !is_signed {
            return Err(no_limit());
        }
        Ok(match self {
            Self::Web(url) if is_signed => signed(url, web(url, network)?, network),
            Self::Web(url) => Arc::new(web_finder(url, network)?),
            Self::Directory(path) if is_signed => {
                let transport = throttled(Arc::new(FileTransport), network);
                signed(&directory_url(path)?, transport, network)
            }
            Self::Directory(path) => Arc::new(LocalVersionFinder::new(path)),
        })
    }
}

/// The place where users' copies will find the repository, as a person wrote it: told apart as their clients do.
pub(crate) fn place_of_repository(text: &str) -> Result<String, Failure> {
    match Source::parse(text)? {
        Source::Directory(path) if path.is_relative() => {
            let words = format!("{text:?} leads nowhere from where users' copies run");
            let hint = "give the address that begins with https:// (or http://), or the whole path of a directory \
                        that their machines have";
            Err(Failure::usage(words).with_hint(Some(hint)))
        }
        Source::Web(_) | Source::Directory(_) => Ok(text.trim().to_owned()),
    }
}

fn signed(
    url: &Url,
    transport: Arc<dyn Transport>,
    network: &NetworkArguments,
) -> Arc<dyn VersionFinder> {
    let options = FetchOptions {
        most_bytes: network.download_limit,
        ..FetchOptions::default()
    };
    Arc::new(SignedVersionFinder::new(url.as_str(), transport).with_options(options))
}

fn web(url: &Url, network: &NetworkArguments) -> Result<Arc<dyn Transport>, Failure> {
    let transport = HttpTransport::new(http_options(url, network))?;
    Ok(throttled(Arc::new(transport), network))
}

fn throttled(transport: Arc<dyn Transport>, network: &NetworkArguments) -> Arc<dyn Transport> {
    match network.limit_rate {
        Some(rate) => Arc::new(ThrottledTransport::new(transport, rate)),
        None => transport,
    }
}

fn no_limit() -> Failure {
    Failure::usage("--download-limit needs a signed repository, which says what a version takes")
        .with_hint(Some("release the app with `esky release`"))
}

fn directory_url(path: &Path) -> Result<Url, Failure> {
    let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let url = Url::from_directory_path(absolute);
    url.map_err(|()| Failure::new("the directory has no address").about_path(path))
}

/// The finder for a web page that lists packages.
pub(crate) fn web_finder(
    url: &Url,
    network: &NetworkArguments,
) -> Result<DefaultVersionFinder, Failure> {
    Ok(DefaultVersionFinder::new(url.as_str(), web(url, network)?))
}

fn http_options(url: &Url, network: &NetworkArguments) -> HttpOptions {
    let mut options = HttpOptions::default();
    if let Some(proxy) = &network.proxy {
        options.proxy = Proxy::Url(proxy.clone());
    } else if network.no_proxy {
        options.proxy = Proxy::None;
    }
    if let Some(timeout) = network.timeout {
        options.connect_timeout = timeout;
        options.read_timeout = timeout;
    }
    if !network.headers.is_empty() {
        let (source, headers) = (url.clone(), network.headers.clone());
        options.headers = Some(Arc::new(move |target: &str| {
            headers_for(target, &source, &headers)
        }));
    }
    options
}

/// The headers go to the source's own host and nowhere else: they may hold credentials, and links and redirects lead
/// wherever the server likes.
fn headers_for(target: &str, source: &Url, headers: &[Header]) -> Vec<(String, String)> {
    let same_origin = Url::parse(target).is_ok_and(|target| target.origin() == source.origin());
    let pair = |header: &Header| (header.name.clone(), header.value.clone());
    if same_origin {
        headers.iter().map(pair).collect()
    } else {
        Vec::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_told_from_addresses() {
        assert_eq!(
            Source::parse("dist/site").unwrap(),
            Source::Directory("dist/site".into())
        );
        assert!(matches!(
            Source::parse("HTTP://example.com/x"),
            Ok(Source::Web(_))
        ));
    }

    #[test]
    fn addresses_that_cannot_be_used_say_why() {
        for text in [
            "ftp://example.com/",
            "http://",
            "https://exa mple.com/",
            "127.0.0.1:8766",
        ] {
            let failure = Source::parse(text).unwrap_err();
            assert!(failure.message().contains(text), "{}", failure.message());
            assert!(failure.hint().is_some());
            assert_eq!(failure.code(), crate::exit::USAGE);
        }
    }

    #[test]
    fn headers_stay_with_the_host_they_were_meant_for() {
        let source = Url::parse("https://example.com/downloads/").unwrap();
        let headers = [Header {
            name: "Authorization".into(),
            value: "secret".into(),
        }];
        assert_eq!(
            headers_for("https://example.com/other/x.zip", &source, &headers).len(),
            1
        );
        for elsewhere in [
            "http://example.com/x.zip",
            "https://example.com:8443/x.zip",
            "https://cdn.example/x.zip",
            "?",
        ] {
            assert!(
                headers_for(elsewhere, &source, &headers).is_empty(),
                "{elsewhere}"
            );
        }
    }
}
