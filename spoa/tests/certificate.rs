//! When the certificate of an agent expires, in its numbers and metrics.

#![cfg(all(feature = "admin", feature = "tls"))]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use rcgen::{CertificateParams, KeyPair, date_time_ymd};
use spoa::admin::Admin;
use spoa::agent::{Agent, Tls};
use spoa::prelude::*;
use std::path::Path;
use std::time::{Duration, UNIX_EPOCH};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

#[spoe_message("ping")]
fn ping() {}

/// Writes a chain of certificates that expire in January of these years, and the key of the first.
fn write(path: &Path, years: &[i32]) {
    let mut text = String::new();
    for (at, year) in years.iter().enumerate() {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(["agent".to_owned()]).unwrap();
        params.not_after = date_time_ymd(*year, 1, 1);
        text.push_str(&params.self_signed(&key).unwrap().pem());
        if at == 0 {
            text.push_str(&key.serialize_pem());
        }
    }
    std::fs::write(path, text).unwrap();
}

async fn metrics(address: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = b"GET /metrics HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
    stream.write_all(request).await.unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).await.unwrap();
    text
}

#[tokio::test]
async fn the_expiry_is_that_of_the_certificate_in_use() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("agent.pem");
    write(&path, &[2100, 2090]);
    let builder = Agent::builder().name("shown").handlers(handlers![ping]);
    let agent = builder.tls(Tls::file(&path)).build().unwrap();
    let (monitor, reloader) = (agent.monitor(), agent.reloader());
    let expires = || {
        let expires = monitor.stats().certificate_expires.unwrap();
        expires.duration_since(UNIX_EPOCH).unwrap()
    };
    // 2090-01-01: the first of the chain to expire.
    assert_eq!(expires(), Duration::from_secs(3_786_912_000));
    write(&path, &[2095]);
    reloader.reload().await.unwrap();
    assert_eq!(expires(), Duration::from_secs(3_944_678_400));
    // A file that cannot be used changes nothing.
    std::fs::write(&path, "nothing").unwrap();
    assert!(reloader.reload().await.is_err());
    assert_eq!(expires(), Duration::from_secs(3_944_678_400));
    let admin = Admin::bind("127.0.0.1:0").unwrap();
    let address = admin.address().to_owned();
    tokio::spawn(admin.serve([monitor.clone()]));
    let text = metrics(&address).await;
    let series = r#"spoa_certificate_expiry_timestamp_seconds{agent="shown"} 3944678400"#;
    assert!(text.contains(series), "{text}");
}

#[tokio::test]
async fn an_agent_without_tls_has_no_expiry() {
    let agent = Agent::builder().handlers(handlers![ping]).build().unwrap();
    assert_eq!(agent.monitor().stats().certificate_expires, None);
    let admin = Admin::bind("127.0.0.1:0").unwrap();
    let address = admin.address().to_owned();
    tokio::spawn(admin.serve([agent.monitor()]));
    assert!(!metrics(&address).await.contains("certificate"));
}
