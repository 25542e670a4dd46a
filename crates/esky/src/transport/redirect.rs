//! Whether and where to follow a redirect.

use url::Url;

use crate::HttpFault;

/// The URLs of one request, first to last.
#[derive(Debug)]
pub(super) struct Trail {
    visited: Vec<Url>,
    limit: usize,
}

impl Trail {
    pub(super) fn new(start: Url, limit: usize) -> Self {
        Self {
            visited: vec![start],
            limit,
        }
    }

    /// The URL to ask now.
    pub(super) fn current(&self) -> &Url {
        &self.visited[self.visited.len() - 1]
    }

    /// Goes on to where a `Location` header points. Never from encryption to none, never off the web, never in
    /// circles.
    pub(super) fn follow(&mut self, location: Option<&str>) -> Result<(), HttpFault> {
        let current = self.current();
        let target = location
            .and_then(|location| current.join(location).ok())
            .ok_or(HttpFault::BadRedirect)?;
        let secure = match target.scheme() {
            "https" => true,
            "http" => current.scheme() == "http",
            _ => false,
        };
        if !secure {
            let to = target.to_string();
            return Err(HttpFault::InsecureRedirect { to });
        }
        if self.visited.contains(&target) {
            return Err(HttpFault::RedirectLoop);
        }
        if self.visited.len() > self.limit {
            return Err(HttpFault::TooManyRedirects(self.limit));
        }
        self.visited.push(target);
        Ok(())
    }
}

/// Statuses that carry a new address for the same request.
pub(super) fn is_redirect(status: u16) -> bool {
    matches!(status, 301 | 302 | 303 | 307 | 308)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trail(start: &str) -> Trail {
        Trail::new(Url::parse(start).unwrap(), 3)
    }

    #[test]
    fn relative_absolute_and_foreign_addresses_are_followed() {
        let mut trail = trail("http://host/a/b");
        trail.follow(Some("c?d")).unwrap();
        assert_eq!(trail.current().as_str(), "http://host/a/c?d");
        trail.follow(Some("https://other/x")).unwrap();
        assert_eq!(trail.current().as_str(), "https://other/x");
    }

    #[test]
    fn encryption_is_never_given_up() {
        let mut trail = trail("https://host/a");
        let refused = trail.follow(Some("http://host/a"));
        assert!(matches!(refused, Err(HttpFault::InsecureRedirect { .. })));
    }

    #[test]
    fn a_redirect_cannot_leave_the_web() {
        for target in ["file:///etc/passwd", "ftp://host/x", "data:,x"] {
            let refused = trail("http://host/").follow(Some(target));
            assert!(
                matches!(refused, Err(HttpFault::InsecureRedirect { .. })),
                "{target}"
            );
        }
    }

    #[test]
    fn loops_and_endless_chains_end() {
        let mut trail = trail("http://host/0");
        assert!(matches!(
            trail.follow(Some("/0")),
            Err(HttpFault::RedirectLoop)
        ));
        for step in 1..=3 {
            trail.follow(Some(&format!("/{step}"))).unwrap();
        }
        let refused = trail.follow(Some("/4"));
        assert!(matches!(refused, Err(HttpFault::TooManyRedirects(3))));
    }

    #[test]
    fn a_redirect_without_a_target_is_an_error() {
        assert!(matches!(
            trail("http://host/").follow(None),
            Err(HttpFault::BadRedirect)
        ));
    }
}
