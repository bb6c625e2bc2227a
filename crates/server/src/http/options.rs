//! What the HTTP door goes by.

use std::net::SocketAddr;

use super::body::BodyLimits;

/// What the HTTP door goes by.
#[derive(Debug, Clone)]
pub struct HttpOptions {
    /// The names that it goes by, as they stand in `Host`: lower-case, with the port where it is not the scheme's own.
    pub hosts: Vec<String>,
    /// Web origins whose pages may use it: `https://host[:port]`.
    pub origins: Vec<String>,
    /// Whether its clients speak TLS to it.
    pub tls: bool,
    /// What bounds bodies.
    pub bodies: BodyLimits,
    /// Bytes of all header names and values.
    pub header_bytes_max: usize,
    /// Bytes of the path and query.
    pub uri_bytes_max: usize,
}

impl HttpOptions {
    /// For a listener on these addresses that goes by these names too.
    pub fn new(addresses: &[SocketAddr], names: &[String], tls: bool) -> Self {
        let own_port = if tls { 443 } else { 80 };
        let mut hosts: Vec<String> = names.iter().map(|name| name.to_ascii_lowercase()).collect();
        for address in addresses {
            let host = match address {
                SocketAddr::V4(address) => address.ip().to_string(),
                SocketAddr::V6(address) => format!("[{}]", address.ip()),
            };
            let mut named = vec![host];
            if address.ip().is_loopback() {
                named.push("localhost".to_owned());
            }
            for host in named {
                hosts.push(format!("{host}:{}", address.port()));
                if address.port() == own_port {
                    hosts.push(host);
                }
            }
        }
        Self {
            hosts,
            origins: Vec::new(),
            tls,
            bodies: BodyLimits::default(),
            header_bytes_max: 32 << 10,
            uri_bytes_max: 8 << 10,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_listener_goes_by_its_addresses_and_names() {
        let options =
            |address: &str, tls| HttpOptions::new(&[address.parse().unwrap()], &["Gw.Example:8443".into()], tls);
        assert_eq!(options("127.0.0.1:7077", false).hosts, ["gw.example:8443", "127.0.0.1:7077", "localhost:7077"]);
        assert_eq!(options("192.0.2.1:443", true).hosts, ["gw.example:8443", "192.0.2.1:443", "192.0.2.1"]);
        assert_eq!(options("[::1]:80", true).hosts, ["gw.example:8443", "[::1]:80", "localhost:80"]);
    }
}
