//! Copies of requests, and the server that gets them.

use crate::Options;
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Bytes;
use hyper::header::{HeaderName, HeaderValue};
use hyper::{Request, StatusCode, Uri};
use hyper_util::client::legacy::{Client, Error, connect::HttpConnector};
use hyper_util::rt::TokioExecutor;
use spoa::HandlerError;
use spoa::agent::Dependency;
use spoa::http::{Headers, Method};
use std::net::IpAddr;

/// The bytes that are read of an answer. The connection to a server that answers with more is closed.
const MAX_BODY: usize = 1 << 20;

/// Headers about one connection. The body of a copy has its length, and has already been asked for.
const OF_A_CONNECTION: [&[u8]; 9] = [
    b"connection",
    b"content-length",
    b"expect",
    b"keep-alive",
    b"proxy-connection",
    b"te",
    b"trailer",
    b"transfer-encoding",
    b"upgrade",
];

/// The server that gets copies.
pub struct Copies {
    client: Client<HttpConnector, Full<Bytes>>,
    server: Uri,
    dependency: Dependency,
}

impl Copies {
    /// Makes the client. It connects when the first copy is sent.
    pub fn new(options: &Options) -> Result<Self, &'static str> {
        if options.to.scheme_str() != Some("http") {
            return Err("option `--to`: expected an address that begins with `http://`");
        }
        Ok(Copies {
            client: Client::builder(TokioExecutor::new()).build_http(),
            server: options.to.clone(),
            dependency: Dependency::new("the mirror", options.to_timeout, options.to_retry),
        })
    }

    /// Returns the address of the server.
    pub fn server(&self) -> &Uri {
        &self.server
    }

    /// Sends a copy. Returns `None` if the server is away.
    pub async fn send(&self, copy: Request<Full<Bytes>>) -> Option<StatusCode> {
        let send = async {
            let response = self.client.request(copy).await?;
            let status = response.status();
            // The answer is of no use, but the connection is used again after it.
            Limited::new(response, MAX_BODY).collect().await.ok();
            Ok::<_, Error>(status)
        };
        self.dependency.ask(send).await
    }
}

/// Makes the copy of a request.
pub fn copy(
    server: &Uri,
    address: IpAddr,
    target: &[u8],
    method: Method<'_>,
    headers: Headers<'_>,
    body: &[u8],
) -> Result<Request<Full<Bytes>>, HandlerError> {
    let authority = server
        .authority()
        .map_or("", |authority| authority.as_str());
    let uri = Uri::builder().scheme("http").authority(authority);
    let mut request = Request::new(Full::new(Bytes::copy_from_slice(body)));
    *request.method_mut() = method.as_str().try_into()?;
    *request.uri_mut() = uri.path_and_query(target).build()?;
    for (name, value) in headers {
        if !OF_A_CONNECTION.contains(&name) {
            let (name, value) = (
                HeaderName::from_bytes(name)?,
                HeaderValue::from_bytes(value)?,
            );
            request.headers_mut().append(name, value);
        }
    }
    let address = HeaderValue::try_from(address.to_string())?;
    request.headers_mut().append("x-forwarded-for", address);
    Ok(request)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn copied(method: &str, target: &str, block: &str, body: &str) -> Request<Full<Bytes>> {
        let headers = Headers::from_text(block.as_bytes()).unwrap();
        let (server, address) = (
            Uri::from_static("http://b:81/x"),
            IpAddr::from([192, 0, 2, 7]),
        );
        let method = Method::new(method);
        copy(
            &server,
            address,
            target.as_bytes(),
            method,
            headers,
            body.as_bytes(),
        )
        .unwrap()
    }

    #[test]
    fn a_copy_has_the_method_the_target_and_the_headers() {
        let block = "host: a\r\naccept: x\r\naccept: y\r\nx-forwarded-for: 198.51.100.1\r\n\r\n";
        let request = copied("PATCH", "/p/../q?r=%20", block, "body");
        assert_eq!(request.method().as_str(), "PATCH");
        assert_eq!(request.uri(), "http://b:81/p/../q?r=%20");
        let all = |name| {
            let values = request.headers().get_all(name).iter();
            values
                .map(|value| value.to_str().unwrap())
                .collect::<Vec<_>>()
        };
        assert_eq!((all("host"), all("accept")), (vec!["a"], vec!["x", "y"]));
        assert_eq!(all("x-forwarded-for"), ["198.51.100.1", "192.0.2.7"]);
    }

    #[test]
    fn headers_about_a_connection_are_left_out() {
        let block = "connection: close\r\ntransfer-encoding: chunked\r\ncontent-length: 9\r\n\r\n";
        let request = copied("POST", "/", block, "body");
        assert_eq!(
            request.headers().keys().collect::<Vec<_>>(),
            ["x-forwarded-for"]
        );
    }
}
