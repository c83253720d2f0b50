//! An agent beside an HTTP server in one process: through axum, an operator blocks addresses that the agent denies.
//!
//! The two share their state and stop together.

use axum::Router;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::routing::put;
use spoa::Agent;
use spoa::agent::AgentBuilder;
use spoa::http::Verdict;
use spoa::prelude::*;
use std::collections::HashSet;
use std::error::Error;
use std::net::IpAddr;
use std::sync::{Arc, PoisonError, RwLock};
use tokio::net::TcpListener;
use tokio::sync::watch;

spoa::outcomes! {
    /// The outcomes besides `allow`.
    struct Guard {
        deny: 403;
    }
}

/// The blocked addresses. Clones share them.
#[derive(Clone, Debug, Default)]
struct Blocked(Arc<RwLock<HashSet<IpAddr>>>);

impl Blocked {
    fn contains(&self, ip: IpAddr) -> bool {
        // A panic under the lock leaves the set intact.
        let blocked = self.0.read().unwrap_or_else(PoisonError::into_inner);
        blocked.contains(&ip)
    }

    fn change(&self, change: impl FnOnce(&mut HashSet<IpAddr>) -> bool) -> StatusCode {
        change(&mut self.0.write().unwrap_or_else(PoisonError::into_inner));
        StatusCode::NO_CONTENT
    }
}

/// Denies the requests of a blocked address.
#[spoe_message("check-address", event = "on-frontend-http-request")]
fn check_address(
    #[arg(sample = "src")] ip: IpAddr,
    // With its path, since axum has a `State`, too.
    spoa::State(blocked): spoa::State<'_, Blocked>,
) -> Verdict<Guard> {
    if blocked.contains(ip) {
        Verdict::deny::<403>()
    } else {
        Verdict::allow()
    }
}

/// Makes the agent.
fn agent(blocked: &Blocked) -> AgentBuilder {
    Agent::builder()
        .name("beside-axum")
        .handlers(handlers![check_address])
        .state(blocked.clone())
}

async fn block(State(blocked): State<Blocked>, Path(ip): Path<IpAddr>) -> StatusCode {
    blocked.change(|set| set.insert(ip))
}

async fn unblock(State(blocked): State<Blocked>, Path(ip): Path<IpAddr>) -> StatusCode {
    blocked.change(|set| set.remove(&ip))
}

/// Makes the HTTP server: `PUT` and `DELETE` of `/blocked/ADDRESS`.
fn api(blocked: &Blocked) -> Router {
    Router::new()
        .route("/blocked/{ip}", put(block).delete(unblock))
        .with_state(blocked.clone())
}

/// Serves both until `stop` completes and the requests in flight are answered. If one server fails, the other one ends.
async fn serve(
    agent: Agent,
    http: TcpListener,
    api: Router,
    stop: impl Future<Output = ()>,
) -> Result<(), Box<dyn Error>> {
    let (sender, stopped) = watch::channel(());
    let shutdown = || {
        let mut stopped = stopped.clone();
        async move { drop(stopped.changed().await) }
    };
    let spop = async { Ok::<_, Box<dyn Error>>(agent.serve(shutdown()).await?) };
    let http = async {
        axum::serve(http, api)
            .with_graceful_shutdown(shutdown())
            .await?;
        Ok(())
    };
    let stop = async {
        stop.await;
        drop(sender);
        Ok(())
    };
    tokio::try_join!(spop, http, stop)?;
    Ok(())
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    // Without a subscriber the agent does not log.
    tracing_subscriber::fmt::init();
    let blocked = Blocked::default();
    let agent = agent(&blocked).listen("127.0.0.1:12348").build()?;
    // For operators, so on this machine only.
    let http = TcpListener::bind("127.0.0.1:8086").await?;
    let stop = async { drop(tokio::signal::ctrl_c().await) };
    serve(agent, http, api(&blocked), stop).await
}

#[cfg(test)]
mod tests {
    use super::*;
    use spoa::testing::HaProxy;
    use std::time::Duration;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpStream;
    use tokio::sync::oneshot;

    /// Sends a request to the HTTP server, and returns the first line of its response.
    async fn call(listener: std::net::SocketAddr, request: &str) -> String {
        let mut stream = TcpStream::connect(listener).await.unwrap();
        let request = format!("{request} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut response = String::new();
        stream.read_to_string(&mut response).await.unwrap();
        response.lines().next().unwrap_or_default().to_owned()
    }

    #[tokio::test]
    async fn an_address_is_blocked_and_unblocked_through_the_api() {
        let blocked = Blocked::default();
        let haproxy = HaProxy::agent(agent(&blocked)).start();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(axum::serve(listener, api(&blocked)).into_future());
        for (request, status) in [("PUT", 403), ("DELETE", 200)] {
            let said = call(address, &format!("{request} /blocked/192.0.2.7")).await;
            assert_eq!(said, "HTTP/1.1 204 No Content");
            assert_eq!(haproxy.get("/").from([192, 0, 2, 7]).await.status, status);
            assert_eq!(haproxy.get("/").await.status, 200);
        }
        let said = call(address, "PUT /blocked/nobody").await;
        assert_eq!(said, "HTTP/1.1 400 Bad Request");
    }

    #[tokio::test]
    async fn both_servers_stop_together() {
        let blocked = Blocked::default();
        let spop = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let http = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addresses = [spop.local_addr().unwrap(), http.local_addr().unwrap()];
        let agent = agent(&blocked).listener(spop).build().unwrap();
        let (stop, stopped) = oneshot::channel::<()>();
        let both = serve(agent, http, api(&blocked), async { drop(stopped.await) });
        let test = async {
            let mut clients = Vec::new();
            for address in addresses {
                clients.push(TcpStream::connect(address).await.expect("it serves"));
            }
            drop(stop);
            clients
        };
        let (served, clients) =
            tokio::time::timeout(Duration::from_secs(20), async { tokio::join!(both, test) })
                .await
                .expect("both stop");
        served.unwrap();
        // Another program may have the ports by now, so only these connections show that both servers have stopped.
        for mut client in clients {
            let mut said = Vec::new();
            let ended = client.read_to_end(&mut said);
            let ended = tokio::time::timeout(Duration::from_secs(20), ended);
            // Closed, or reset if it was not accepted any more.
            let _ = ended.await.expect("the connection ends");
        }
    }
}
