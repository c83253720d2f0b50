//! Tests whether the program at an address accepts TLS: sends the first record of a handshake, and reads the bytes that
//! answer it.

use spoa::client::Stream;
use spoa::spop::session::Foreign;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;

/// Whether the peer at an address answers a ClientHello as one that speaks TLS does, be it with an
/// alert.
pub(super) async fn takes_tls(address: &str, patience: Duration) -> bool {
    let Ok(mut stream) = Stream::connect(address, patience).await else {
        return false;
    };
    let mut answer = [0; 4];
    let answered = timeout(patience, async {
        stream.write_all(&client_hello()).await?;
        stream.read_exact(&mut answer).await
    });
    matches!(answered.await, Ok(Ok(_))) && Foreign::known_by(&answer) == Some(Foreign::Tls)
}

/// RFC 5246, 7.4.1.2: what TLS 1.2 can agree to, and later versions refuse in their own words.
fn client_hello() -> Vec<u8> {
    const EXTENSIONS: [&[u8]; 3] = [
        // Groups: x25519, secp256r1, secp384r1.
        &[0, 10, 0, 8, 0, 6, 0, 0x1d, 0, 0x17, 0, 0x18],
        // Signatures: ECDSA and RSA with SHA-256, RSA with SHA-384.
        &[0, 13, 0, 10, 0, 8, 4, 3, 8, 4, 4, 1, 5, 1],
        // Points: not compressed.
        &[0, 11, 0, 2, 1, 0],
    ];
    let extensions = EXTENSIONS.concat();
    let mut hello = vec![3, 3];
    // The random bytes are for secrecy, and nothing secret follows; no session is resumed.
    hello.extend([0; 32 + 1]);
    // AES-GCM with ECDHE, by RSA and by ECDSA.
    hello.extend([0, 8, 0xc0, 0x2f, 0xc0, 0x2b, 0xc0, 0x30, 0xc0, 0x2c]);
    // No compression.
    hello.extend([1, 0]);
    hello.extend((extensions.len() as u16).to_be_bytes());
    hello.extend(extensions);
    let mut record = vec![0x16, 3, 1];
    record.extend((hello.len() as u16 + 4).to_be_bytes());
    record.push(1);
    record.extend((hello.len() as u32).to_be_bytes().into_iter().skip(1));
    record.extend(hello);
    record
}
