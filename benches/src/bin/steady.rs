//! `steady ADDRESS RATE CONNECTIONS SECONDS [HEADER]...`: sends that many HTTP requests a second, whatever the answers do.
//!
//! Each connection has a timetable. A request's latency counts from the time at which it was due, so that a server
//! that stops answering for a while is charged for all requests that were due meanwhile. It prints one line of
//! JSON: the number of requests, the number that had another status than 200, and latencies in microseconds.

use http_body_util::{BodyExt, Empty};
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper::{Request, StatusCode};
use hyper_util::rt::TokioIo;
use std::error::Error;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::time::Instant;

/// The lateness of a timer of tokio.
const TIMER: Duration = Duration::from_millis(1);

type Failure = Box<dyn Error + Send + Sync>;

fn main() -> Result<(), Failure> {
    let args: Vec<_> = std::env::args().skip(1).collect();
    let [address, rate, connections, seconds, headers @ ..] = args.as_slice() else {
        return Err("usage: steady ADDRESS RATE CONNECTIONS SECONDS [HEADER]...".into());
    };
    let mut request = Request::get("/");
    for header in headers {
        let (name, value) = header.split_once(": ").ok_or("a header is `NAME: VALUE`")?;
        request = request.header(name, value);
    }
    if headers.is_empty() {
        request = request.header("host", "steady");
    }
    let request = request.body(Empty::<Bytes>::new())?;
    let (rate, connections): (u32, u32) = (rate.parse()?, connections.parse()?);
    let length = Duration::from_secs(seconds.parse()?);
    let pause = Duration::from_secs(1) * connections / rate;
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = runtime.enable_all().build()?;
    let (latencies, others) = runtime.block_on(async {
        let begin = Instant::now() + Duration::from_millis(100);
        let tasks: Vec<_> = (0..connections)
            .map(|number| {
                // They take turns.
                let first = begin + pause * number / connections;
                let end = begin + length;
                tokio::spawn(send(address.clone(), request.clone(), first, pause, end))
            })
            .collect();
        let (mut latencies, mut others) = (Vec::new(), 0);
        for task in tasks {
            let (more, failed) = task.await??;
            latencies.extend(more);
            others += failed;
        }
        Ok::<_, Failure>((latencies, others))
    })?;
    println!("{}", report(latencies, others)?);
    Ok(())
}

/// Sends requests by a timetable; returns their latencies in microseconds, and the number that failed.
async fn send(
    address: String,
    request: Request<Empty<Bytes>>,
    first: Instant,
    pause: Duration,
    end: Instant,
) -> Result<(Vec<u32>, u32), Failure> {
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    tokio::spawn(connection);
    let (mut latencies, mut others) = (Vec::new(), 0);
    let mut due = first;
    while due < end {
        let started = wait_until(due).await;
        sender.ready().await?;
        let response = sender.send_request(request.clone()).await?;
        others += u32::from(response.status() != StatusCode::OK);
        response.into_body().collect().await?;
        latencies.push(u32::try_from(started.elapsed().as_micros())?);
        due += pause;
    }
    Ok((latencies, others))
}

/// Waits for a time; returns the time from which the latency counts.
async fn wait_until(due: Instant) -> Instant {
    if due <= Instant::now() {
        return due;
    }
    tokio::time::sleep_until(due).await;
    // Tokio's timer counts whole milliseconds; more lateness comes from the machine.
    Instant::now().min(due + TIMER)
}

fn report(mut latencies: Vec<u32>, others: u32) -> Result<String, Failure> {
    latencies.sort_unstable();
    let at = |share: f64| {
        let index = (latencies.len() as f64 * share) as usize;
        latencies.get(index).or(latencies.last()).copied()
    };
    let [Some(p50), Some(p99), Some(p999), Some(max)] = [0.5, 0.99, 0.999, 1.0].map(at) else {
        return Err("no requests".into());
    };
    let count = latencies.len();
    Ok(format!(
        "{{\"requests\": {count}, \"others\": {others}, \"p50\": {p50}, \"p99\": {p99}, \"p99.9\": {p999}, \"max\": {max}}}"
    ))
}
