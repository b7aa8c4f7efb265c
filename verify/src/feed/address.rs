//! Where a daemon is.

use std::net::IpAddr;

use http::{HeaderValue, Uri};

use super::ConnectError;

/// One replica.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Address {
    /// As it was given.
    pub(crate) url: String,
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) tls: bool,
    /// What the header `Host` says.
    pub(crate) authority: HeaderValue,
}

/// The URLs in a text, separated by commas.
pub(super) fn all(urls: &str, plaintext: bool) -> Result<Vec<Address>, ConnectError> {
    let urls = urls.split(',').map(str::trim).filter(|url| !url.is_empty());
    let all: Vec<Address> = urls.map(|url| Address::parse(url, plaintext)).collect::<Result<_, _>>()?;
    if all.is_empty() { Err(ConnectError::Url(String::new())) } else { Ok(all) }
}

impl Address {
    fn parse(url: &str, plaintext: bool) -> Result<Self, ConnectError> {
        let wrong = || ConnectError::Url(url.to_owned());
        let uri: Uri = url.parse().map_err(|_| wrong())?;
        let (scheme, authority) = (uri.scheme_str(), uri.authority().ok_or_else(wrong)?);
        let bare = uri.path() == "/" && uri.query().is_none() && !authority.as_str().contains('@');
        let tls = match scheme {
            Some("https") if bare => true,
            Some("http") if bare => false,
            _ => return Err(wrong()),
        };
        let host = authority.host().trim_start_matches('[').trim_end_matches(']').to_owned();
        // A port that is none is not the default one.
        let has_port = authority.as_str().len() > authority.host().len();
        if host.is_empty() || has_port != authority.port_u16().is_some() {
            return Err(wrong());
        }
        if tls && !cfg!(feature = "tls") {
            return Err(ConnectError::NoTls(url.to_owned()));
        }
        if !tls && !plaintext && !is_loopback(&host) {
            return Err(ConnectError::Plaintext(url.to_owned()));
        }
        let port = authority.port_u16().unwrap_or(if tls { 443 } else { 80 });
        let authority = HeaderValue::from_str(authority.as_str()).map_err(|_| wrong())?;
        Ok(Self { url: url.to_owned(), host, port, tls, authority })
    }
}

fn is_loopback(host: &str) -> bool {
    host.eq_ignore_ascii_case("localhost") || host.parse().is_ok_and(|address: IpAddr| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_read() {
        let found = all(" http://127.0.0.1:8750 ,http://[::1]:1/,http://localhost", false).expect("three");
        let found: Vec<_> = found.iter().map(|one| (&*one.host, one.port, one.tls)).collect();
        assert_eq!(found, [("127.0.0.1", 8750, false), ("::1", 1, false), ("localhost", 80, false)]);
    }

    #[test]
    fn plain_http_off_loopback_needs_an_option_that_says_danger() {
        for url in ["http://10.0.0.1:8750", "http://crossfade.internal", "http://127.0.0.1.example.com"] {
            assert_eq!(all(url, false), Err(ConnectError::Plaintext(url.to_owned())));
            assert!(all(url, true).is_ok(), "{url}");
        }
    }

    #[test]
    fn what_is_no_url_of_a_daemon_is_refused() {
        for url in [
            "",
            ",",
            "crossfade",
            "127.0.0.1:8750",
            "ftp://127.0.0.1",
            "http://",
            "http:///x",
            "http://127.0.0.1/x",
            "http://127.0.0.1/?a",
            "http://user:pass@127.0.0.1",
            "http://127.0.0.1:99999",
            "http://127.0.0.1 x",
        ] {
            assert!(matches!(all(url, true), Err(ConnectError::Url(_))), "{url}");
        }
    }

    #[test]
    #[cfg(feature = "tls")]
    fn https_may_go_anywhere() {
        let found = all("https://crossfade.internal", false).expect("a url");
        assert_eq!((found[0].port, found[0].tls), (443, true));
    }
}
