//! Which proxy the environment names for a URL, by the rules common to other programs.

use url::Url;

/// The proxy for `url`, if any; `lookup` reads one variable. Small letters win over capitals, and `HTTP_PROXY` in
/// capitals is not read in a CGI process, where it would be a header sent by a stranger.
pub(super) fn proxy_for(url: &Url, lookup: &dyn Fn(&str) -> Option<String>) -> Option<String> {
    let host = url.host_str()?;
    let get = |name: &str| {
        let capitals = || lookup(&name.to_ascii_uppercase());
        let forged = name == "http_proxy" && lookup("REQUEST_METHOD").is_some();
        lookup(name)
            .or_else(|| if forged { None } else { capitals() })
            .filter(|value| !value.trim().is_empty())
    };
    if get("no_proxy").is_some_and(|list| is_exempt(host, url.port_or_known_default(), &list)) {
        return None;
    }
    get(&format!("{}_proxy", url.scheme())).or_else(|| get("all_proxy"))
}

/// `no_proxy`: `*`, or hosts, which stand for their subdomains too, each with an optional port.
fn is_exempt(host: &str, port: Option<u16>, list: &str) -> bool {
    list.split(',').map(str::trim).any(|entry| {
        if entry == "*" {
            return true;
        }
        let (pattern, wanted) = match entry.rsplit_once(':') {
            Some((pattern, number)) if !pattern.contains(':') => (pattern, number.parse().ok()),
            _ => (entry, None),
        };
        let pattern = pattern.trim_start_matches("*.").trim_start_matches('.');
        (wanted.is_none() || wanted == port) && is_within(host, pattern)
    })
}

fn is_within(host: &str, domain: &str) -> bool {
    let host = host.trim_matches(['[', ']']).to_ascii_lowercase();
    let domain = domain.trim_matches(['[', ']']).to_ascii_lowercase();
    !domain.is_empty()
        && (host == domain
            || host
                .strip_suffix(&domain)
                .is_some_and(|rest| rest.ends_with('.')))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proxy(url: &str, variables: &[(&str, &str)]) -> Option<String> {
        proxy_for(&Url::parse(url).unwrap(), &|name| {
            let found = variables.iter().find(|(key, _)| *key == name)?;
            Some(found.1.to_owned())
        })
    }

    #[test]
    fn each_scheme_has_its_variable_and_all_proxy_is_for_the_rest() {
        let variables = [("http_proxy", "http://a:1"), ("ALL_PROXY", "http://b:2")];
        assert_eq!(proxy("http://host/", &variables).unwrap(), "http://a:1");
        assert_eq!(proxy("https://host/", &variables).unwrap(), "http://b:2");
        assert_eq!(proxy("https://host/", &[("https_proxy", "")]), None);
    }

    #[test]
    fn hosts_in_no_proxy_and_their_subdomains_are_exempt() {
        let with = |no_proxy| [("http_proxy", "http://a:1"), ("no_proxy", no_proxy)];
        assert_eq!(
            proxy("http://example.com/", &with("other, example.com")),
            None
        );
        assert_eq!(
            proxy("http://www.example.com/", &with(".example.com")),
            None
        );
        assert_eq!(
            proxy("http://127.0.0.1:8000/", &with("127.0.0.1:8000")),
            None
        );
        assert!(proxy("http://127.0.0.1:8001/", &with("127.0.0.1:8000")).is_some());
        assert!(proxy("http://badexample.com/", &with("example.com")).is_some());
        assert_eq!(proxy("http://host/", &with("*")), None);
    }

    #[test]
    fn a_header_of_a_stranger_is_no_proxy() {
        let variables = [("HTTP_PROXY", "http://evil:1"), ("REQUEST_METHOD", "GET")];
        assert_eq!(proxy("http://host/", &variables), None);
    }
}
