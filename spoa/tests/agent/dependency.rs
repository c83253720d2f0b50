//! The lines of the log about a service that is away.

use crate::scoped::Log;
use spoa::agent::Dependency;
use std::future::ready;
use std::time::Duration;

#[tokio::test(start_paused = true)]
async fn an_outage_has_one_line_at_its_start_and_one_at_its_end() {
    let log = Log::default();
    let _guard = log.subscribe();
    let second = Duration::from_secs(1);
    let database = Dependency::new("the database", second, second);
    for _ in 0..3 {
        // The text of an error may come from the service.
        let answer = ready(Err::<(), _>(
            "refused\n2026-01-01T00:00:00Z  INFO spoa: all is well",
        ));
        assert_eq!(database.ask(answer).await, None);
        tokio::time::sleep(second).await;
    }
    assert_eq!(database.ask(ready(Ok::<_, &str>(1))).await, Some(1));
    let text = log.text();
    let lines: Vec<_> = text.lines().collect();
    assert!(
        matches!(&*lines, [first, last]
            if first.contains("ERROR spoa: the database is unavailable, handlers run without it: refused")
            && last.contains("INFO spoa: the database answers again")),
        "{text}"
    );
}
