//! A receiver of OTLP over HTTP, which reads the official protobuf messages.

use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTracePartialSuccess, ExportTraceServiceRequest, ExportTraceServiceResponse,
};
use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread::{sleep, spawn};
use std::time::{Duration, Instant};

/// The reaction of a receiver to a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    Take,
    /// Rejects one span of the batch.
    RejectOne,
    /// Answers 503.
    Fail,
    /// Answers 200 with a web page.
    Page,
    /// Never answers.
    Hang,
}

#[derive(Default)]
struct Received {
    requests: Vec<ExportTraceServiceRequest>,
    heads: Vec<String>,
    refused: usize,
}

pub(crate) struct Receiver {
    pub(crate) port: u16,
    mode: Arc<Mutex<Mode>>,
    received: Arc<Mutex<Received>>,
}

impl Receiver {
    pub(crate) fn start() -> Self {
        Receiver::start_on(0)
    }

    pub(crate) fn start_on(port: u16) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", port)).expect("the port is free");
        let receiver = Receiver {
            port: listener.local_addr().expect("it listens").port(),
            mode: Arc::new(Mutex::new(Mode::Take)),
            received: Arc::default(),
        };
        let (mode, received) = (receiver.mode.clone(), receiver.received.clone());
        spawn(move || {
            for stream in listener.incoming().flatten() {
                let (mode, received) = (mode.clone(), received.clone());
                spawn(move || serve(stream, &mode, &received));
            }
        });
        receiver
    }

    pub(crate) fn set(&self, mode: Mode) {
        *self.mode.lock().unwrap() = mode;
    }

    /// Returns the number of batches that were not accepted.
    pub(crate) fn refused(&self) -> usize {
        self.received.lock().unwrap().refused
    }

    /// Returns all requests that were accepted.
    pub(crate) fn requests(&self) -> Vec<ExportTraceServiceRequest> {
        self.received.lock().unwrap().requests.clone()
    }

    /// Returns the heads of all requests.
    pub(crate) fn heads(&self) -> Vec<String> {
        self.received.lock().unwrap().heads.clone()
    }

    /// Returns all spans that were accepted.
    pub(crate) fn spans(&self) -> Vec<Span> {
        let requests = self.requests();
        let resources = requests
            .into_iter()
            .flat_map(|request| request.resource_spans);
        let scopes = resources.flat_map(|resource| resource.scope_spans);
        scopes.flat_map(|scope| scope.spans).collect()
    }
}

fn serve(mut stream: TcpStream, mode: &Mutex<Mode>, received: &Mutex<Received>) {
    let mut reader = BufReader::new(stream.try_clone().expect("a socket"));
    loop {
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            if reader.read_line(&mut head).unwrap_or(0) == 0 {
                return;
            }
        }
        let lower = head.to_ascii_lowercase();
        let length = lower
            .lines()
            .find_map(|line| line.strip_prefix("content-length:"));
        let mut body = vec![0; length.map_or(0, |length| length.trim().parse().expect("a number"))];
        if reader.read_exact(&mut body).is_err() {
            return;
        }
        let request = ExportTraceServiceRequest::decode(&*body).expect("a request of OTLP");
        let mode = *mode.lock().unwrap();
        let mut received = received.lock().unwrap();
        received.heads.push(head);
        let partial_success = match mode {
            Mode::Take => None,
            Mode::RejectOne => Some(ExportTracePartialSuccess {
                rejected_spans: 1,
                error_message: "too old\n".to_owned(),
            }),
            Mode::Fail | Mode::Page | Mode::Hang => {
                received.refused += 1;
                None
            }
        };
        let (status, kind, body) = match mode {
            Mode::Hang => {
                drop(received);
                sleep(Duration::from_secs(60));
                return;
            }
            Mode::Fail => ("503 Service Unavailable", "text/plain", b"no".to_vec()),
            Mode::Page => ("200 OK", "text/html", b"<!doctype html>".to_vec()),
            Mode::Take | Mode::RejectOne => {
                received.requests.push(request);
                let answer = ExportTraceServiceResponse { partial_success };
                ("200 OK", "application/x-protobuf", answer.encode_to_vec())
            }
        };
        drop(received);
        let length = body.len();
        let head = format!(
            "HTTP/1.1 {status}\r\ncontent-type: {kind}\r\ncontent-length: {length}\r\n\r\n"
        );
        if stream
            .write_all(&[head.as_bytes(), &body].concat())
            .is_err()
        {
            return;
        }
    }
}

/// Returns an attribute as text.
pub(crate) fn text<'a>(attributes: &'a [KeyValue], key: &str) -> Option<&'a str> {
    let found = attributes.iter().find(|attribute| attribute.key == key)?;
    match found.value.as_ref()?.value.as_ref()? {
        Value::StringValue(text) => Some(text),
        _ => None,
    }
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Asks until there is an answer.
pub(crate) fn until<T>(mut ask: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(
            start.elapsed() < Duration::from_secs(60),
            "no answer came in time"
        );
        sleep(Duration::from_millis(10));
    }
}
