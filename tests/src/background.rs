//! An agent that runs while the test goes on in the foreground.

use std::cell::Cell;
use std::fmt::Debug;
use std::future::Future;
use std::net::{Ipv4Addr, SocketAddr};
use std::pin::Pin;
use std::sync::{Mutex, Once, PoisonError, mpsc};
use std::task::{Context, Poll};

use spoa::agent::{Agent, AgentBuilder, Listener};
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tracing::subscriber::DefaultGuard;

use crate::PATIENCE;
use crate::logs::Logs;
use crate::ports::listen;

/// Completes when the agent is to stop: what the library takes as its shutdown signal.
#[derive(Debug)]
pub struct Shutdown(oneshot::Receiver<()>);

impl Future for Shutdown {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        // A sender that is gone means the same as one that sent.
        Pin::new(&mut self.0).poll(context).map(|_| ())
    }
}

thread_local! {
    static CAPTURE: Cell<Option<DefaultGuard>> = const { Cell::new(None) };
}

/// Something asynchronous on a thread and a runtime of its own.
///
/// Dropping it asks it to stop and waits until it has. If it returned an error or panicked, so does
/// the test; so it does if there is a warning in its log that the test did not take.
#[derive(Debug)]
pub struct Background {
    addr: SocketAddr,
    logs: Logs,
    stop: Option<oneshot::Sender<()>>,
    /// The text of warnings that are expected at the end.
    taken: Option<String>,
    /// In a mutex so that tests on several threads may share the value.
    ended: Mutex<mpsc::Receiver<Result<(), String>>>,
}

impl Background {
    /// Runs the agent that `configure` makes of a builder, on a free port of 127.0.0.1.
    pub fn agent<F>(configure: F) -> Background
    where
        F: FnOnce(AgentBuilder) -> AgentBuilder + Send + 'static,
    {
        Background::serve(|listener, shutdown| async {
            let agent = configure(Agent::builder()).listener(listener).build();
            let agent = agent.map_err(|error| error.to_string())?;
            agent
                .serve(shutdown)
                .await
                .map_err(|error| error.to_string())
        })
    }

    /// Runs an agent on an address as the library takes it, such as `unix@/run/agent.sock` or
    /// `[::1]:0`, and returns when it listens there.
    pub fn agent_at<F>(address: &str, configure: F) -> Background
    where
        F: FnOnce(AgentBuilder) -> AgentBuilder + Send + 'static,
    {
        let address = address.to_owned();
        let (bound, ready) = mpsc::channel();
        let mut background = Background::run(|shutdown| async move {
            let agent = configure(Agent::builder()).listen(address).build();
            let agent = agent.map_err(|error| error.to_string())?;
            let server = agent.bind().map_err(|error| error.to_string())?;
            let _ = bound.send(server.listeners().iter().find_map(Listener::tcp_address));
            server.serve(shutdown).await;
            Ok::<(), String>(())
        });
        // Without a word it has failed, and dropping it says why.
        match ready.recv_timeout(PATIENCE) {
            Ok(addr) => background.addr = addr.unwrap_or(background.addr),
            Err(_) => {
                drop(background);
                panic!("the agent does not listen after {PATIENCE:?}")
            }
        }
        background
    }

    /// Runs `serve` with a listener on a free port of 127.0.0.1.
    pub fn serve<F, Served, E>(serve: F) -> Background
    where
        F: FnOnce(TcpListener, Shutdown) -> Served + Send + 'static,
        Served: Future<Output = Result<(), E>>,
        E: Debug,
    {
        Background::serve_at((Ipv4Addr::LOCALHOST, 0).into(), serve)
    }

    /// Runs `serve` with a listener on this address, for instance that of an agent which was just
    /// stopped.
    pub fn serve_at<F, Served, E>(addr: SocketAddr, serve: F) -> Background
    where
        F: FnOnce(TcpListener, Shutdown) -> Served + Send + 'static,
        Served: Future<Output = Result<(), E>>,
        E: Debug,
    {
        let listener = listen(addr);
        let addr = listener
            .local_addr()
            .expect("a bound socket has an address");
        listener
            .set_nonblocking(true)
            .expect("any socket can be made so");
        Background::start(addr, |shutdown| async move {
            let listener = TcpListener::from_std(listener).map_err(|error| error.to_string())?;
            serve(listener, shutdown)
                .await
                .map_err(|error| format!("{error:?}"))
        })
    }

    /// Runs something that listens by itself, on a unix socket for instance. It may not listen yet
    /// when this returns, and [`addr`](Background::addr) says nothing of use.
    pub fn run<F, Served, E>(serve: F) -> Background
    where
        F: FnOnce(Shutdown) -> Served + Send + 'static,
        Served: Future<Output = Result<(), E>>,
        E: Debug,
    {
        Background::start((Ipv4Addr::UNSPECIFIED, 0).into(), |shutdown| async move {
            serve(shutdown).await.map_err(|error| format!("{error:?}"))
        })
    }

    /// Returns its address, if that is a TCP address the harness has bound or was told.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Takes what it has logged so far of level WARN and ERROR: a line each, such as
    /// `WARN spoa::failures: what is wrong peer=127.0.0.1:1`.
    pub fn warnings(&self) -> Vec<String> {
        self.logs.take_warnings()
    }

    /// Takes the first warning with `text` in it, and waits for it if need be.
    pub fn wait_for_warning(&self, text: &str) -> String {
        self.logs.wait_for_warning(text)
    }

    /// Returns everything it has logged so far, of level DEBUG and above.
    pub fn logs(&self) -> Vec<String> {
        self.logs.lines()
    }

    /// Asks it to stop and waits until it has, as dropping it does.
    pub fn stop(self) {
        drop(self);
    }

    /// As [`stop`](Self::stop), and takes any number of warnings that contain the text.
    pub fn stop_with_warnings(mut self, text: &str) {
        self.taken = Some(text.to_owned());
    }

    fn start<F, Served>(addr: SocketAddr, serve: F) -> Background
    where
        F: FnOnce(Shutdown) -> Served + Send + 'static,
        Served: Future<Output = Result<(), String>>,
    {
        let (stop, stopped) = oneshot::channel();
        let (end, ended) = mpsc::channel();
        let logs = Logs::default();
        let kept = logs.clone();
        report_panics_in_one_line();
        std::thread::spawn(move || {
            let _capture = kept.capture();
            let runtime = tokio::runtime::Builder::new_multi_thread()
                .worker_threads(2)
                .enable_all()
                // For as long as the thread lives.
                .on_thread_start(move || CAPTURE.set(Some(kept.capture())))
                .build()
                .expect("a runtime can be started");
            let result = runtime.block_on(serve(Shutdown(stopped)));
            // Tasks that never end are not to keep the test from ending.
            runtime.shutdown_background();
            let _ = end.send(result);
        });
        Background {
            addr,
            logs,
            taken: None,
            stop: Some(stop),
            ended: Mutex::new(ended),
        }
    }
}

/// Makes a panic on a thread of a [`Background`] one line of the test's output.
///
/// Handlers panic on purpose there, often hundreds of times. With `RUST_BACKTRACE=1` their backtraces
/// would hide why a test failed.
fn report_panics_in_one_line() {
    static INSTALLED: Once = Once::new();
    INSTALLED.call_once(|| {
        let usual = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            // The value may be gone already when the thread ends.
            let background = CAPTURE.try_with(|capture| {
                let guard = capture.take();
                let background = guard.is_some();
                capture.set(guard);
                background
            });
            if !background.unwrap_or(false) {
                usual(panic);
                return;
            }
            let place = panic.location().map(ToString::to_string);
            let payload = panic.payload();
            let text = payload.downcast_ref::<String>().map(String::as_str);
            let text = text.or_else(|| payload.downcast_ref::<&str>().copied());
            eprintln!(
                "panicked in the background at {}: {}",
                place.as_deref().unwrap_or("an unknown place"),
                text.unwrap_or("a panic without a message")
            );
        }));
    });
}

impl Drop for Background {
    fn drop(&mut self) {
        if let Some(stop) = self.stop.take() {
            // It may have ended by itself.
            let _ = stop.send(());
        }
        let ended = self.ended.get_mut().unwrap_or_else(PoisonError::into_inner);
        let ended = ended.recv_timeout(PATIENCE);
        if std::thread::panicking() {
            eprintln!(
                "what ran in the background logged:\n{}",
                self.logs().join("\n")
            );
            return;
        }
        match ended {
            Ok(Ok(())) => {
                let mut warnings = self.warnings();
                let taken = self.taken.take();
                warnings.retain(|it| !taken.as_ref().is_some_and(|text| it.contains(text)));
                assert!(
                    warnings.is_empty(),
                    "what ran in the background warned of what the test did not expect:\n{}",
                    warnings.join("\n")
                );
            }
            Ok(Err(error)) => panic!("what ran in the background failed: {error}"),
            Err(mpsc::RecvTimeoutError::Disconnected) => {
                panic!("what ran in the background panicked")
            }
            Err(mpsc::RecvTimeoutError::Timeout) => {
                panic!("what ran in the background had not stopped after {PATIENCE:?}")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncWriteExt;

    use super::Background;

    #[test]
    fn a_background_server_serves_until_it_is_stopped() {
        let hello = Background::serve(|listener, shutdown| async move {
            tokio::select! {
                () = shutdown => Ok(()),
                accepted = listener.accept() => accepted?.0.write_all(b"hello").await,
            }
        });
        let mut stream = std::net::TcpStream::connect(hello.addr()).expect("it listens");
        let mut said = String::new();
        std::io::Read::read_to_string(&mut stream, &mut said).expect("it speaks");
        assert_eq!(said, "hello");
        hello.stop();

        Background::run(|shutdown| async {
            shutdown.await;
            Ok::<(), String>(())
        })
        .stop();
    }

    #[test]
    #[should_panic(expected = "what ran in the background failed: \"no reason\"")]
    fn its_error_is_the_tests() {
        Background::run(|_| async { Err("no reason") }).stop();
    }

    #[test]
    #[should_panic(expected = "did not expect:\nWARN spoa_tests::background::tests: look out")]
    fn its_warning_is_too() {
        Background::run(|_| async {
            tracing::warn!("look out");
            Ok::<(), String>(())
        })
        .stop();
    }
}
