//! Waiting for a condition.

use std::time::{Duration, Instant};

/// The time that a condition may take: machines that run tests are busy.
const PATIENCE: Duration = Duration::from_secs(60);

/// Asks again and again until there is an answer, and returns it. The time between two questions is 10 milliseconds.
///
/// A test that waits for the condition itself passes on a slow machine too, and does not wait longer than it must on a
/// fast one.
///
/// ```
/// use spoa::testing::eventually;
/// use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
///
/// static SEEN: AtomicU32 = AtomicU32::new(0);
/// std::thread::spawn(|| SEEN.fetch_add(7, Relaxed));
///
/// eventually("the thread counts", || SEEN.load(Relaxed) == 7);
/// ```
///
/// The closure returns a `bool`, or an `Option` with the answer:
///
/// ```
/// # use spoa::testing::eventually;
/// let mut lines = ["a", "b", "c"].into_iter();
/// let found = eventually("there is a `b`", || lines.next().filter(|line| *line == "b"));
/// assert_eq!(found, "b");
/// ```
///
/// # Panics
/// If there is no answer after a minute, with the text.
#[track_caller]
pub fn eventually<A: Eventual>(what: &str, mut ask: impl FnMut() -> A) -> A::Answer {
    let start = Instant::now();
    loop {
        if let Some(answer) = ask().answer() {
            return answer;
        }
        assert!(
            start.elapsed() < PATIENCE,
            "not true after {PATIENCE:?}: {what}"
        );
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// A result of the closure of [`eventually`]: a `bool`, or an `Option` with an answer.
pub trait Eventual {
    /// The answer that ends the wait; `()` for a `bool`.
    type Answer;

    /// Returns the answer, if there is one already.
    fn answer(self) -> Option<Self::Answer>;
}

impl Eventual for bool {
    type Answer = ();

    fn answer(self) -> Option<()> {
        self.then_some(())
    }
}

impl<T> Eventual for Option<T> {
    type Answer = T;

    fn answer(self) -> Option<T> {
        self
    }
}
