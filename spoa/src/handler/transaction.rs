//! Values that are kept from one message of a stream to the next.

use super::transaction_store::{TransactionKey, TransactionStore};
use super::{Context, Description, Failure, FromMessage, IncomingMessage, Text};
use crate::spop::Value;
use std::fmt;
use std::marker::PhantomData;

/// The argument that says which messages belong together.
const UNIQUE_ID: &str = "unique-id";

/// A value that is kept from one message of a request to the next, for instance from the request to its response.
///
/// One handler puts a value, and another one takes it:
///
/// ```
/// use spoa::Transaction;
/// use spoa::http::Path;
/// use spoa::prelude::*;
/// use std::time::Instant;
///
/// struct Seen {
///     path: String,
///     at: Instant,
/// }
///
/// #[spoe_message("request", event = "on-frontend-http-request")]
/// fn request(path: Path<'_>, seen: Transaction<'_, Seen>) {
///     seen.put(Seen { path: path.to_string(), at: Instant::now() });
/// }
///
/// #[spoe_message("response", event = "on-http-response")]
/// fn response(#[arg(sample = "status")] status: u16, seen: Transaction<'_, Seen>) {
///     if let Some(seen) = seen.take() {
///         println!("{} gave {status} after {:?}", seen.path, seen.at.elapsed());
///     }
/// }
/// ```
///
/// Each type of value has its own place, so handlers with different types do not affect each other.
///
/// # Which messages belong together
///
/// Messages with the same value of the argument `unique-id` belong together. `my-agent config` writes that argument,
/// and the `unique-id-format` that it needs, for each handler with a `Transaction`. If you write spoe.conf yourself, add
/// `unique-id=unique-id` to `args` of each such message, and `unique-id-format %[uuid]` to the frontend. A client must
/// not choose the id: a client that knows the id of another one could take its value.
///
/// Without that argument, messages of one engine and stream belong together. HAProxy up to 3.0 numbers its streams so
/// that this works. From 3.1 on, each event has a stream-id of its own, and a handler whose message has no
/// `unique-id` fails with an error that says so. The agent recognises HAProxy up to 3.0 by the capability `async`,
/// which `no option async` in spoe.conf removes.
///
/// # A value can be missing
///
/// Write handlers so that [`take`](Transaction::take) may return `None`. A value is gone, or was never there, if
///
/// - the request had an error, so that HAProxy sent no message for it, or its handler failed;
/// - the response came later than [`Limits::transaction_timeout`](crate::agent::Limits::transaction_timeout);
/// - the agent kept more values than its limits allow, and this one was the oldest: see
///   [`Limits::max_transactions`](crate::agent::Limits::max_transactions) and
///   [`Limits::max_transaction_bytes`](crate::agent::Limits::max_transaction_bytes);
/// - the agent started again in between, or HAProxy sent the two messages to two agents, as it does with two `server`
///   lines.
///
/// If a request gets no response, for instance because its client went away, its value is dropped after the
/// timeout. `Stats::transactions_expired` and `Stats::transactions_evicted` count the dropped values.
pub struct Transaction<'a, T> {
    store: &'a TransactionStore,
    key: TransactionKey,
    /// The size of the message, an estimate of the memory that a value made from it owns.
    bytes: usize,
    value: PhantomData<fn() -> T>,
}

impl<T> Clone for Transaction<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Transaction<'_, T> {}

impl<T> fmt::Debug for Transaction<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Transaction").finish_non_exhaustive()
    }
}

impl<T: Send + 'static> Transaction<'_, T> {
    /// Keeps a value, in place of the previous one.
    ///
    /// The limit of bytes counts the size of the value plus the size of this message, since a value usually owns parts
    /// of its message. If yours owns more memory, call [`put_sized`](Transaction::put_sized).
    pub fn put(&self, value: T) {
        self.put_sized(value, self.bytes);
    }

    /// Keeps a value that owns this many bytes in addition to its own size, in place of the previous value.
    ///
    /// ```
    /// use spoa::Transaction;
    /// use spoa::prelude::*;
    ///
    /// #[spoe_message("request")]
    /// fn request(profile: Transaction<'_, Vec<u8>>) {
    ///     let loaded = vec![0; 10_000];
    ///     let bytes = loaded.capacity();
    ///     profile.put_sized(loaded, bytes);
    /// }
    /// ```
    pub fn put_sized(&self, value: T, bytes: usize) {
        let bytes = bytes.saturating_add(size_of::<T>());
        self.store.put(self.key, Box::new(value), bytes);
    }

    /// Removes the value and returns it.
    #[must_use]
    pub fn take(&self) -> Option<T> {
        let value = self.store.take(self.key)?;
        value.downcast().ok().map(|value| *value)
    }

    /// Returns a copy of the value. The value stays for later messages.
    ///
    /// ```
    /// use spoa::Transaction;
    /// use spoa::prelude::*;
    /// use std::sync::Arc;
    ///
    /// #[spoe_message("response", set = "txn.user")]
    /// fn response(user: Transaction<'_, Arc<str>>) -> Option<String> {
    ///     user.get().map(|user| user.to_string())
    /// }
    /// ```
    #[must_use]
    pub fn get(&self) -> Option<T>
    where
        T: Clone,
    {
        self.store
            .look(self.key, |value| value.downcast_ref().cloned())
    }
}

#[diagnostic::do_not_recommend]
impl<'a, T: Send + 'static> FromMessage<'a> for Transaction<'a, T> {
    fn from_message(incoming: &IncomingMessage<'a>) -> Result<Self, Failure> {
        let Context {
            connection, ids, ..
        } = incoming.context;
        let store = &connection.agent.transactions;
        let id = match incoming.message.get(UNIQUE_ID) {
            Some(Value::String(id) | Value::Binary(id)) if !id.is_empty() => Some(id),
            _ => None,
        };
        let key = match (id, &connection.engine_id) {
            (Some(id), _) => store.key::<T>(id),
            (None, Some(engine)) if connection.streams_last => {
                store.key::<T>((engine, ids.stream_id))
            }
            (None, _) => return Err(no_id()),
        };
        Ok(Transaction {
            store,
            key,
            bytes: incoming.message.size(),
            value: PhantomData,
        })
    }

    fn describe(description: &mut Description) {
        description
            .argument::<Option<Text<'_>>>(UNIQUE_ID)
            .sample(UNIQUE_ID);
        description.keeps = true;
    }
}

#[cold]
fn no_id() -> Failure {
    Failure::Error(
        "`Transaction` finds no argument `unique-id`, and HAProxy from 3.1 on gives each event of a stream another id: add \
         `unique-id=unique-id` to `args` of the message in spoe.conf, and `unique-id-format %[uuid]` to the frontend"
            .into(),
    )
}
