//! The files of `--tls-cert` and its companions: the errors about those that cannot be used, and their reload.

use crate::common::{fixture, said};
use crate::peer::{Peer, der, shown};
use spoa::client::Client;
use spoa_tests::{Authority, Process, TempDir};

/// The fixture does not start with this certificate, for that reason.
#[track_caller]
fn fails(args: &[&str], words: &str) {
    let failed = said(fixture().args(args));
    assert_eq!(failed.err, format!("error: {words}\n"));
    assert_eq!((failed.status, failed.out.as_str()), (Some(1), ""));
}

#[test]
fn the_error_for_an_unusable_file_says_what_to_do() {
    let (authority, dir) = (Authority::new("a"), TempDir::new());
    let signed = authority.agent();
    let write = |name: &str, text: &str| dir.write(name, text).display().to_string();
    let cert = write("cert.pem", &signed.cert);
    let key = write("key.pem", &signed.key);
    let both = write("both.pem", &signed.both());
    let other = write("other.key", &authority.agent().key);
    let empty = write("empty.pem", "");
    let damaged = write("damaged.pem", &signed.cert.replace("-----END", "-----EDN"));
    let encrypted = write(
        "encrypted.pem",
        "-----BEGIN ENCRYPTED PRIVATE KEY-----\nMIIB\n-----END ENCRYPTED PRIVATE KEY-----\n",
    );
    let missing = dir.join("missing.pem").display().to_string();

    fails(
        &["--tls-cert", &missing],
        &format!(
            "cannot read `{missing}`, the agent's certificate: No such file or directory (os error \
             2); correct the path, or put the file there"
        ),
    );
    fails(
        &["--tls-cert", &cert, "--tls-key", &missing],
        &format!(
            "cannot read `{missing}`, the key of the agent's certificate: No such file or directory \
             (os error 2); correct the path, or put the file there"
        ),
    );
    fails(
        &["--tls-cert", &key],
        &format!(
            "there is no certificate in `{key}`, the agent's certificate: it must have a part \
             `-----BEGIN CERTIFICATE-----`; `openssl x509 -inform der` makes one of a binary file"
        ),
    );
    fails(
        &["--tls-cert", &cert],
        &format!(
            "there is no private key in `{cert}`: put it there, below the certificate, or name its \
             own file with `--tls-key`"
        ),
    );
    fails(
        &["--tls-cert", &cert, "--tls-key", &other],
        &format!(
            "the private key in `{other}` does not belong to the first certificate in `{cert}`: \
             the agent's own certificate must come first, and the key be the one it was made with"
        ),
    );
    fails(
        &["--tls-cert", &cert, "--tls-key", &encrypted],
        &format!(
            "the private key in `{encrypted}` is encrypted, and nobody can be asked for its \
             passphrase: `openssl pkey -in {encrypted} -out …` decrypts it"
        ),
    );
    fails(
        &["--tls-cert", &both, "--tls-client-ca", &empty],
        &format!(
            "there is no certificate in `{empty}`, the CA of HAProxy's certificate: it must have a \
             part `-----BEGIN CERTIFICATE-----`; `openssl x509 -inform der` makes one of a binary \
             file"
        ),
    );
    for client in [authority.client(), authority.expired_client()] {
        let client = write("client.pem", &client.cert);
        fails(
            &["--tls-cert", &both, "--tls-client-ca", &client],
            &format!(
                "no certificate in `{client}` is one of a CA: name the file of the CA that signed \
                 HAProxy's certificate, not that certificate itself"
            ),
        );
    }
    let said = said(fixture().args(["--tls-cert", &damaged]));
    let words = format!("error: `{damaged}` is damaged: ");
    assert!(said.err.starts_with(&words), "{}", said.err);
}

#[test]
fn options_without_a_certificate_are_a_usage_error() {
    let failed = said(fixture().args(["--tls-min-version", "1.3"]));
    assert_eq!(failed.status, Some(2));
    assert_eq!(
        failed.err,
        "error: option `--tls-min-version` needs a certificate: name its file with \
         `--tls-cert`\n"
    );
}

#[test]
fn unix_sockets_do_not_use_a_certificate() {
    let (authority, dir) = (Authority::new("a"), TempDir::new());
    let path = dir.write("agent.pem", &authority.agent().both());
    let listen = format!("unix@{}", dir.join("s").display());
    let path = path.display().to_string();
    let agent = Process::start(fixture().args(["--listen", &listen, "--tls-cert", &path]));
    agent.wait_for_line(&format!("listening on {listen}"));
    agent.wait_for_line(
        "WARN the certificate is not used: the agent listens only on unix sockets, which have no TLS",
    );
}

#[tokio::test]
async fn a_hangup_reads_the_certificate_again() {
    let (authority, dir) = (Authority::new("a"), TempDir::new());
    let clients = Authority::new("clients");
    let first = authority.agent();
    let cert = dir.write("cert.pem", &first.cert);
    let key = dir.write("key.pem", &first.key);
    let ca = dir.write("ca.pem", &clients.pem());
    let mut command = fixture();
    command
        .env("SPOA_TLS_CERT", &cert)
        .env("SPOA_TLS_KEY", &key)
        .env("SPOA_TLS_CLIENT_CA", &ca)
        .env("SPOA_TLS_MIN_VERSION", "1.3");
    let agent = Process::start(&mut command);
    let line = agent.wait_for_line("listening on ");
    let address = line
        .trim_start_matches("listening on ")
        .strip_suffix(" with TLS")
        .expect("it says that it takes TLS");
    let wire = agent.wait_for_line("Wire HAProxy to it:");
    let config = format!(" config --server {address} --tls-cert …");
    assert!(wire.ends_with(&config), "{wire}");
    let address = address.parse().expect("an address");
    let mut peer = Peer::trusting(&authority);
    peer.shows = Some(clients.client());
    let stream = peer.connect(address).await.expect("they agree");
    assert_eq!(shown(&stream), der(&first));

    let second = authority.agent();
    dir.write("cert.pem", &second.cert);
    agent.signal("HUP");
    agent.wait_for_line(
        "ERROR SIGHUP: nothing was reloaded, all old values are kept: `certificates` failed: the \
         private key in `",
    );
    let stream = peer.connect(address).await.expect("they agree");
    assert_eq!(shown(&stream), der(&first));

    dir.write("key.pem", &second.key);
    agent.signal("HUP");
    agent.wait_for_line(" INFO SIGHUP: reloaded in ");
    let stream = peer.connect(address).await.expect("they agree");
    assert_eq!(shown(&stream), der(&second));
    let client = Client::over(stream).await.expect("they agree");
    client.send("echo", &[]).await.expect("it answers");
}
