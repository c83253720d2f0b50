//! A blocking handler as a future: it waits for its place, then for the thread that runs the handler.

use crate::agent::shared::blocking::BlockingPlace;
use crate::agent::shared::spans::within;
use crate::handler::guard::guard;
use crate::handler::panics::drop_quietly;
use crate::handler::{ActionWriter, Failure, Finished, IncomingMessage, Job, JobFuture};
use tokio::sync::OwnedSemaphorePermit;
use tracing::Span;

type SyncRun = fn(&IncomingMessage<'_>, &mut ActionWriter<'_>) -> Result<(), Failure>;

/// Returns the future of a blocking handler.
pub(super) fn blocking(
    job: Box<Job>,
    run: SyncRun,
    place: BlockingPlace,
    span: Option<Span>,
) -> JobFuture {
    match place {
        BlockingPlace::Free(permit) => Box::pin(run_blocking(job, run, Some(permit), span)),
        BlockingPlace::Queue(turn) => Box::pin(async move {
            let permit = turn.wait().await;
            run_blocking(job, run, permit, span).await
        }),
    }
}

/// Starts a blocking handler on the pool, which keeps `permit` until it is done.
fn run_blocking(
    mut job: Box<Job>,
    run: SyncRun,
    permit: Option<OwnedSemaphorePermit>,
    span: Option<Span>,
) -> impl Future<Output = Finished> {
    let work = tokio::task::spawn_blocking(move || {
        let _permit = permit;
        let (incoming, mut actions) = job.parts();
        let mut run = || guard(|| run(&incoming, &mut actions));
        let result = match span {
            None => run(),
            Some(span) => {
                let result = within(&span, run);
                drop_quietly(span);
                result
            }
        };
        let left_out = actions.left_out();
        job.finish((result, left_out))
    });
    async move {
        work.await
            .unwrap_or_else(|error| Finished::failed(Failure::Error(error.into())))
    }
}
