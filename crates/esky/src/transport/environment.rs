//! Which proxy the environment names for a URL, by the rules common to other programs.

use std::net::IpAddr;

use url::{Host, Url};

/// A proxy that a variable names.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Named {
    pub(super) variable: String,
    pub(super) address: String,
}

/// The proxy for `url`, if any; `lookup` reads one variable. Small letters win over capitals, and `HTTP_PROXY` in
/// capitals is not read in a CGI process, where it would be a header sent by a stranger.
pub(super) fn proxy_for(url: &Url, lookup: &dyn Fn(&str) -> Option<String>) -> Option<Named> {
    let host = url.host()?;
    let get = |name: &str| {
        let capitals = name.to_ascii_uppercase();
        let forged = name == "http_proxy" && lookup("REQUEST_METHOD").is_some();
        let names = [Some(name.to_owned()), (!forged).then_some(capitals)];
        let mut set = names.into_iter().flatten().filter_map(|variable| {
            let address = lookup(&variable)?;
            Some(Named { variable, address })
        });
        set.next().filter(|named| !named.address.trim().is_empty())
    };
    let port = url.port_or_known_default();
    if get("no_proxy").is_some_and(|list| is_exempt(&host, port, &list.address)) {
        return None;
    }
    get(&format!("{}_proxy", url.scheme())).or_else(|| get("all_proxy"))
}

/// `no_proxy`: `*`, hosts, which stand for their subdomains too, addresses, and blocks of addresses (`10.0.0.0/8`), with
/// commas or spaces between them; each may have a port, before which an IPv6 address has brackets.
fn is_exempt(host: &Host<&str>, port: Option<u16>, list: &str) -> bool {
    let entries = list.split(|c: char| c == ',' || c.is_whitespace());
    entries
        .filter(|entry| !entry.is_empty())
        .any(|entry| entry == "*" || covers(entry, host, port))
}

fn covers(entry: &str, host: &Host<&str>, port: Option<u16>) -> bool {
    let (pattern, wanted) = without_port(entry);
    if wanted.is_some_and(|wanted| wanted.parse().ok() != port) {
        return false;
    }
    match host {
        Host::Domain(host) => is_within(host, pattern),
        Host::Ipv4(address) => is_in_block((*address).into(), pattern),
        Host::Ipv6(address) => is_in_block((*address).into(), pattern),
    }
}

/// An entry without its port. Several colons belong to an IPv6 address unless it has brackets.
fn without_port(entry: &str) -> (&str, Option<&str>) {
    match entry.rsplit_once(':') {
        Some((pattern, port)) if !pattern.contains(':') || pattern.ends_with(']') => {
            (pattern, Some(port))
        }
        _ => (entry, None),
    }
}

/// An address that is the pattern, or lies in the block of addresses that it names.
fn is_in_block(address: IpAddr, pattern: &str) -> bool {
    let (start, prefix) = match pattern.rsplit_once('/') {
        Some((start, prefix)) => (start, Some(prefix)),
        None => (pattern, None),
    };
    let Ok(start) = start.trim_matches(['[', ']']).parse::<IpAddr>() else {
        return false;
    };
    // An IPv4 address may be written as an IPv6 one.
    let (address, start) = (address.to_canonical(), start.to_canonical());
    let width = if start.is_ipv4() { 32 } else { 128 };
    let Ok(prefix) = prefix.map_or(Ok(width), str::parse::<u32>) else {
        return false;
    };
    if address.is_ipv4() != start.is_ipv4() || prefix > width {
        return false;
    }
    let ignored = width - prefix;
    let block = |address| number(address).checked_shr(ignored).unwrap_or_default();
    block(address) == block(start)
}

fn number(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => u32::from(address).into(),
        IpAddr::V6(address) => address.into(),
    }
}

fn is_within(host: &str, pattern: &str) -> bool {
    let host = host.trim_end_matches('.').to_lowercase();
    let domain = pattern.trim_start_matches("*.").trim_start_matches('.');
    let domain = domain.trim_end_matches('.').to_lowercase();
    !domain.is_empty()
        && (host == domain
            || host
                .strip_suffix(&domain)
                .is_some_and(|rest| rest.ends_with('.')))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proxy(url: &str, variables: &[(&str, &str)]) -> Option<(String, String)> {
        let found = proxy_for(&Url::parse(url).unwrap(), &|name| {
            let found = variables.iter().find(|(key, _)| *key == name)?;
            Some(found.1.to_owned())
        })?;
        Some((found.variable, found.address))
    }

    fn is_exempt(url: &str, no_proxy: &str) -> bool {
        let variables = [("all_proxy", "http://a:1"), ("NO_PROXY", no_proxy)];
        proxy(url, &variables).is_none()
    }

    #[test]
    fn each_scheme_has_its_variable_and_all_proxy_is_for_the_rest() {
        let variables = [("http_proxy", "http://a:1"), ("ALL_PROXY", "http://b:2")];
        let named = |variable: &str, address: &str| Some((variable.into(), address.into()));
        assert_eq!(
            proxy("http://host/", &variables),
            named("http_proxy", "http://a:1")
        );
        assert_eq!(
            proxy("https://host/", &variables),
            named("ALL_PROXY", "http://b:2")
        );
        assert_eq!(proxy("https://host/", &[("https_proxy", "")]), None);
    }

    #[test]
    fn an_empty_variable_in_small_letters_hides_the_one_in_capitals() {
        let variables = [("http_proxy", ""), ("HTTP_PROXY", "http://a:1")];
        assert_eq!(proxy("http://host/", &variables), None);
    }

    #[test]
    fn hosts_in_no_proxy_and_their_subdomains_are_exempt() {
        assert!(is_exempt("http://example.com/", "other, example.com"));
        assert!(is_exempt("http://example.com/", "other example.com"));
        assert!(is_exempt("http://www.example.com/", ".example.com"));
        assert!(is_exempt("http://www.example.com/", "*.Example.COM"));
        assert!(is_exempt("http://WWW.example.com./", "example.com"));
        assert!(!is_exempt("http://badexample.com/", "example.com"));
        assert!(!is_exempt("http://example.com/", ", ,."));
        assert!(is_exempt("http://host/", "*"));
    }

    #[test]
    fn ports_in_no_proxy_count() {
        assert!(is_exempt("http://127.0.0.1:8000/", "127.0.0.1:8000"));
        assert!(!is_exempt("http://127.0.0.1:8001/", "127.0.0.1:8000"));
        assert!(is_exempt("https://example.com/", "example.com:443"));
        assert!(!is_exempt("http://example.com/", "example.com:nonsense"));
        assert!(is_exempt("http://[::1]:8000/", "[::1]:8000"));
        assert!(!is_exempt("http://[::1]:8001/", "[::1]:8000"));
    }

    #[test]
    fn addresses_and_blocks_of_them_are_exempt() {
        assert!(is_exempt("http://10.1.2.3/", "192.168.0.0/16,10.0.0.0/8"));
        assert!(!is_exempt("http://11.1.2.3/", "10.0.0.0/8"));
        assert!(is_exempt("http://11.1.2.3/", "0.0.0.0/0"));
        assert!(!is_exempt("http://[fd00::1]/", "0.0.0.0/0"));
        assert!(is_exempt("http://10.1.2.3/", "10.1.2.3/32"));
        assert!(is_exempt("http://10.1.2.3:81/", "10.1.0.0/16:81"));
        assert!(is_exempt("http://[fd00::1]/", "fd00::/8"));
        assert!(is_exempt("http://[fd00::1]/", "[fd00::]/8"));
        assert!(is_exempt("http://[::1]/", "::1"));
        assert!(is_exempt("http://[::1]/", "[0:0:0:0:0:0:0:1]"));
        assert!(is_exempt("http://[::ffff:10.1.2.3]/", "10.0.0.0/8"));
        assert!(!is_exempt("http://10.1.2.3/", "10.0.0.0/33"));
        assert!(!is_exempt("http://10.1.2.3/", "10.0.0.0/x"));
        assert!(
            !is_exempt("http://10.1.2.3/", "2.3"),
            "a suffix is for names"
        );
    }

    #[test]
    fn a_header_of_a_stranger_is_no_proxy() {
        let variables = [("HTTP_PROXY", "http://evil:1"), ("REQUEST_METHOD", "GET")];
        assert_eq!(proxy("http://host/", &variables), None);
    }
}
