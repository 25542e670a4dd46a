//! The finder of the original: a page of links, such as any web server makes of a directory.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use url::Url;

use super::scrape::{self, Link, PackageKind};
use super::{VersionFinder, VersionGraph};
use crate::error::nothing_left;
use crate::fetch::{self, Budget, ChainFailure, Fetcher, downloads};
use crate::transport::{host_of, is_web_address};
use crate::{AppDir, Error, HttpFault, Leftovers, Monitor, OpenPackage, Result, Transport};

/// Finds packages by the links of an HTML page and downloads them.
pub struct DefaultVersionFinder {
    url: String,
    transport: Arc<dyn Transport>,
    graph: Arc<Mutex<VersionGraph>>,
    /// What the page read last has put into the graph.
    listed: Mutex<Vec<String>>,
}

impl DefaultVersionFinder {
    /// A finder for the page at `url`.
    pub fn new(url: impl Into<String>, transport: Arc<dyn Transport>) -> Self {
        Self {
            url: url.into(),
            transport,
            graph: Arc::default(),
            listed: Mutex::default(),
        }
    }

    /// The address of the page.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The packages known since the page was read last, those that failed removed. Names of links are URLs.
    pub fn version_graph(&self) -> VersionGraph {
        self.graph().clone()
    }

    /// The graph itself. A link that is added here counts as much as one of the page, and outlives a new reading of it;
    /// its name may be a URL relative to that of the page.
    pub fn shared_graph(&self) -> Arc<Mutex<VersionGraph>> {
        self.graph.clone()
    }

    fn fetcher(&self, monitor: &Monitor) -> Fetcher {
        Fetcher::new(&self.transport, monitor)
    }

    fn graph(&self) -> MutexGuard<'_, VersionGraph> {
        self.graph.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The versions that the page offers of an app for a platform, in the order of their text. Needs no installed app.
    pub fn offered_versions(
        &self,
        name: &str,
        platform: &str,
        monitor: &Monitor,
    ) -> Result<Vec<String>> {
        let mut graph = VersionGraph::new();
        let fetcher = self.fetcher(monitor);
        for (link, url) in self.read_links(&fetcher, name, platform)? {
            graph.add_link(link.kind.source(), &link.version, &url, link.kind.cost());
        }
        Ok(graph.get_versions(""))
    }

    /// The usable links of the page, with where they lead.
    fn read_links(
        &self,
        fetcher: &Fetcher,
        name: &str,
        platform: &str,
    ) -> Result<Vec<(Link, String)>> {
        self.transport.check_address(&self.url)?;
        let page = fetcher.page(&self.url)?;
        let base = Url::parse(&page.final_url)
            .map_err(|error| Error::http(&page.final_url, HttpFault::BadUrl(error.to_string())))?;
        let links = scrape::find_links(&page.bytes, name, platform).ok_or_else(|| {
            let limit = scrape::MOST_LINKS;
            Error::http(&page.final_url, HttpFault::TooManyLinks { limit })
        })?;
        if links.is_empty() && is_login_page(&page.bytes, &self.url, &base) {
            let host = host_of(&base);
            return Err(Error::http(&page.final_url, HttpFault::WebPage { host }));
        }
        Ok(links
            .into_iter()
            .filter_map(|link| package_url(&base, &link).map(|url| (link, url)))
            .collect())
    }

    fn find(&self, fetcher: &Fetcher, app: &AppDir) -> Result<Vec<String>> {
        let source = app.best()?.app.version;
        let links = self.read_links(fetcher, app.name(), app.platform())?;
        self.replace_links(links);
        Ok(self.graph().get_versions(&source))
    }

    /// Puts the links of the page in place of those of its last reading.
    fn replace_links(&self, links: Vec<(Link, String)>) {
        let mut listed = self.listed.lock().unwrap_or_else(PoisonError::into_inner);
        let mut graph = self.graph();
        for url in listed.drain(..) {
            graph.remove_all_links(&url);
        }
        for (link, url) in links {
            graph.add_link(link.kind.source(), &link.version, &url, link.kind.cost());
            listed.push(url);
        }
    }

    /// The packages to try next: one full package, or patches from the version that is there, or patches from a full one.
    fn next_path(&self, budget: &Budget, source: &str, version: &str) -> Option<Vec<String>> {
        self.graph()
            .next_path(source, version, budget.allows_patches())
    }

    fn fetch_path(
        &self,
        fetcher: &Fetcher,
        app: &AppDir,
        path: &[String],
        version: &str,
    ) -> Result<PathBuf, ChainFailure> {
        let mut urls = Vec::new();
        for (number, url) in path.iter().enumerate() {
            let url = absolute(&self.url, url);
            refuse_less_secure(&self.url, &url).map_err(ChainFailure::at(number))?;
            urls.push(url);
        }
        match urls.as_slice() {
            [url] if !fetch::is_patch(url) => {
                let fetched = fetch::fetch_and_unpack(fetcher, app, url, version);
                fetched.map_err(ChainFailure::at(0))
            }
            urls => fetch::fetch_chain(fetcher, app, urls, version),
        }
    }
}

impl VersionFinder for DefaultVersionFinder {
    fn find_versions(&self, app: &AppDir, monitor: &Monitor) -> Result<Vec<String>> {
        self.find(&self.fetcher(monitor), app)
    }

    fn fetch_version(&self, app: &AppDir, version: &str, monitor: &Monitor) -> Result<PathBuf> {
        let source = app.best()?.app.version;
        let fetcher = self.fetcher(monitor);
        let budget = fetcher.budget();
        if self.next_path(budget, &source, version).is_none() {
            self.find(&fetcher, app)?;
        }
        let mut causes = Vec::new();
        while let Some(path) = self.next_path(budget, &source, version) {
            let failure = match self.fetch_path(&fetcher, app, &path, version) {
                Ok(staged) => return Ok(staged),
                Err(failure) => failure,
            };
            let failed = path.get(failure.package).unwrap_or(&path[0]);
            causes.push(failure.after(monitor)?);
            self.graph().remove_all_links(failed);
            if let Err(limit) = budget.package_failed(fetch::is_patch(failed), failed) {
                causes.push(limit);
                break;
            }
        }
        Err(nothing_left(app, version, &self.url, causes))
    }

    fn open_package(
        &self,
        app: &AppDir,
        version: &str,
        monitor: &Monitor,
    ) -> Result<Option<OpenPackage>> {
        let fetcher = self.fetcher(monitor);
        let links = self.read_links(&fetcher, app.name(), app.platform())?;
        let full = |link: &Link| link.version == version && link.kind == PackageKind::Full;
        let Some((_, url)) = links.into_iter().find(|(link, _)| full(link)) else {
            return Err(nothing_left(app, version, &self.url, Vec::new()));
        };
        refuse_less_secure(&self.url, &url)?;
        fetch::open_package(&fetcher, app, &url).map(Some)
    }

    fn needs_cleanup(&self, app: &AppDir) -> Result<bool> {
        downloads::needs_cleanup(app)
    }

    fn cleanup(&self, app: &AppDir) -> Result<Leftovers> {
        downloads::cleanup(app)
    }
}

impl std::fmt::Debug for DefaultVersionFinder {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("DefaultVersionFinder")
            .field("url", &self.url)
            .finish_non_exhaustive()
    }
}

/// A page without packages that is there to be filled in, or that only leads on: what a network shows before it lets
/// anybody through. An honest page may be empty, and would then mean that there is nothing new.
fn is_login_page(page: &[u8], asked: &str, answered: &Url) -> bool {
    let text = page.to_ascii_lowercase();
    let holds = |word: &str| text.windows(word.len()).any(|part| part == word.as_bytes());
    let holds_value = |name: &str, value: &str| {
        ["", "\"", "'"]
            .iter()
            .any(|quote| holds(&format!("{name}={quote}{value}")))
    };
    let is_elsewhere = Url::parse(asked).is_ok_and(|asked| asked.host_str() != answered.host_str());
    !holds(".zip")
        && (holds_value("type", "password")
            || holds_value("http-equiv", "refresh")
            || (is_elsewhere && holds("<form")))
}

/// Where a link leads. A page from the web cannot point into the file system.
fn package_url(base: &Url, link: &Link) -> Option<String> {
    let url = base.join(&link.href).ok()?;
    let web = is_web_address(url.as_str());
    (web || !is_web_address(base.as_str())).then(|| url.into())
}

/// Links of the page are absolute already; those that an app has added need not be.
fn absolute(page: &str, url: &str) -> String {
    let joined = Url::parse(page).and_then(|page| page.join(url));
    joined.map_or_else(|_| url.to_owned(), Into::into)
}

/// A page that came encrypted cannot make the client fetch the package in the clear.
fn refuse_less_secure(page: &str, package: &str) -> Result<()> {
    let encrypted = |url: &str| {
        url.get(..6)
            .is_some_and(|scheme| scheme.eq_ignore_ascii_case("https:"))
    };
    if encrypted(page) && !encrypted(package) {
        let to = package.to_owned();
        return Err(Error::http(page, HttpFault::InsecureRedirect { to }));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn joined(base: &str, href: &str) -> Option<String> {
        let link = Link {
            href: href.to_owned(),
            version: "1".to_owned(),
            kind: PackageKind::Full,
        };
        package_url(&Url::parse(base).unwrap(), &link)
    }

    #[test]
    fn links_are_relative_to_the_final_address_of_the_page() {
        let base = "http://host/dir/page.html";
        assert_eq!(joined(base, "x.zip").unwrap(), "http://host/dir/x.zip");
        assert_eq!(joined(base, "/x.zip").unwrap(), "http://host/x.zip");
        assert_eq!(joined(base, "//other/x.zip").unwrap(), "http://other/x.zip");
        assert_eq!(
            joined(base, "https://other/x.zip").unwrap(),
            "https://other/x.zip"
        );
    }

    #[test]
    fn login_pages_are_told_from_pages_without_packages() {
        let here = Url::parse("http://host/").unwrap();
        let portal = Url::parse("http://portal/").unwrap();
        let is_login =
            |page: &str, answered| is_login_page(page.as_bytes(), "http://host/", answered);
        assert!(is_login("<INPUT Type='password'>", &here));
        assert!(is_login(
            "<meta http-equiv=refresh content='0;/login'>",
            &here
        ));
        assert!(is_login("<form action=/accept>", &portal));
        assert!(!is_login("<form action=/search>", &here));
        assert!(!is_login("<ul></ul>", &portal));
        assert!(!is_login("<a href=x.zip>x</a><input type=password>", &here));
    }

    #[test]
    fn links_that_an_app_adds_may_be_relative_to_the_page() {
        assert_eq!(absolute("http://a/d/", "x.zip"), "http://a/d/x.zip");
        assert_eq!(absolute("http://a/", "http://b/x.zip"), "http://b/x.zip");
        assert_eq!(absolute("no address", "x.zip"), "x.zip");
    }

    #[test]
    fn a_web_page_cannot_point_into_the_file_system() {
        assert_eq!(joined("http://host/", "file:///etc/x.zip"), None);
        assert!(joined("file:///srv/", "x.zip").is_some());
    }

    #[test]
    fn an_encrypted_page_cannot_point_to_a_package_in_the_clear() {
        assert!(refuse_less_secure("https://a/", "http://a/x.zip").is_err());
        assert!(refuse_less_secure("https://a/", "https://b/x.zip").is_ok());
        assert!(refuse_less_secure("http://a/", "http://a/x.zip").is_ok());
    }
}
