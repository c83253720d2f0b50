//! Which handler answers which message.

use super::admission::Admission;
use super::budget::Budgets;
use super::trace_arguments::TraceArguments;
use crate::agent::counters::HandlerCounters;
use crate::agent::limits::usable;
use crate::agent::report::HandlerLineLimits;
use crate::handler::Definition;
use crate::spop::Messages;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

/// Up to this many names are compared one by one: most differ in their length already, while each step of a binary search
/// compares bytes.
const FEW: usize = 32;

/// A handler with what the agent keeps about it.
#[derive(Debug)]
pub(crate) struct HandlerEntry {
    /// The index that [`HandlerTable::entry`] takes.
    pub(crate) index: usize,
    pub(crate) definition: &'static Definition,
    pub(crate) timeout: Option<Duration>,
    pub(crate) line_limits: HandlerLineLimits,
    pub(crate) counters: HandlerCounters,
    pub(crate) admission: Arc<Admission>,
    pub(crate) trace_arguments: TraceArguments,
    /// Whether the names of its arguments have been compared with a message.
    pub(crate) names_compared: AtomicBool,
}

/// The handlers by the names of their messages.
#[derive(Debug)]
pub(crate) struct HandlerTable {
    /// Sorted by message: a few comparisons beat a hash.
    entries: Vec<(&'static [u8], HandlerEntry)>,
    fallback: Option<HandlerEntry>,
}

impl HandlerTable {
    /// The definitions must name different messages, one fallback at most: the builder has checked.
    pub(crate) fn new(
        definitions: &[&'static Definition],
        default: Option<Duration>,
        budgets: &Arc<Budgets>,
    ) -> Self {
        // Not `sort_by_key`, which is compiled for each type: an idle agent would have more of the program in memory.
        let mut named: Vec<(&[u8], _)> = Vec::with_capacity(definitions.len());
        for definition in definitions {
            if let Some(message) = definition.message_name() {
                let message = message.as_bytes();
                let at = named.partition_point(|(before, _)| *before < message);
                named.insert(at, (message, *definition));
            }
        }
        let entry = |index, definition: &'static Definition| HandlerEntry {
            index,
            definition,
            timeout: definition.timeout().or(default).map(usable),
            line_limits: HandlerLineLimits::default(),
            counters: HandlerCounters::new(definition),
            admission: Admission::new(budgets.clone()),
            trace_arguments: TraceArguments::of(definition),
            names_compared: AtomicBool::new(false),
        };
        let entries: Vec<_> = named
            .into_iter()
            .enumerate()
            .map(|(index, (message, definition))| (message, entry(index, definition)))
            .collect();
        let fallback = definitions.iter().find(|it| it.message_name().is_none());
        let fallback = fallback.map(|definition| entry(entries.len(), definition));
        HandlerTable { entries, fallback }
    }

    #[inline]
    pub(crate) fn find(&self, message: &[u8]) -> Option<&HandlerEntry> {
        let found = if self.entries.len() <= FEW {
            self.entries.iter().find(|(name, _)| *name == message)
        } else {
            let index = self
                .entries
                .binary_search_by_key(&message, |(name, _)| name);
            index.ok().and_then(|index| self.entries.get(index))
        };
        found.map(|(_, entry)| entry).or(self.fallback.as_ref())
    }

    /// Returns the unique id of the request that a NOTIFY is about: that of its first message with one.
    #[cold]
    pub(crate) fn request_id(&self, messages: Messages<'_>) -> Option<String> {
        messages.into_iter().find_map(|mut message| {
            let entry = self.find(message.name().as_bytes())?;
            message.take_success_variable();
            entry.trace_arguments.request_id(&message)
        })
    }

    /// Returns the entry with this index.
    pub(crate) fn entry(&self, index: usize) -> &HandlerEntry {
        let named = self.entries.get(index).map(|(_, entry)| entry);
        named
            .or(self.fallback.as_ref())
            .expect("the index is of an entry of this table")
    }

    /// Returns all handlers, by message, the fallback last.
    pub(crate) fn definitions(&self) -> impl Iterator<Item = &'static Definition> + '_ {
        self.entries().map(|entry| entry.definition)
    }

    /// Returns all entries, by message, the fallback last.
    pub(crate) fn entries(&self) -> impl Iterator<Item = &HandlerEntry> {
        let named = self.entries.iter().map(|(_, entry)| entry);
        named.chain(&self.fallback)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::__private::STUB;
    use crate::agent::Limits;
    use tokio::time::Instant;

    #[test]
    fn every_entry_is_found_by_its_index() {
        static NAMED: [Definition; 3] = [
            Definition {
                message: Some("c"),
                ..STUB
            },
            Definition {
                message: Some("a"),
                ..STUB
            },
            Definition {
                message: None,
                ..STUB
            },
        ];
        let definitions: Vec<_> = NAMED.iter().collect();
        let budgets = Budgets::new(&Limits::default());
        let table = HandlerTable::new(&definitions, None, &budgets);
        for message in ["a", "c", "unknown"] {
            let entry = table.find(message.as_bytes()).unwrap();
            assert!(std::ptr::eq(table.entry(entry.index), entry), "{message}");
        }
    }

    #[test]
    fn an_endless_timeout_of_a_handler_does_not_overflow() {
        static PATIENT: Definition = Definition {
            message: Some("patient"),
            timeout: Some(Duration::MAX),
            ..STUB
        };
        let budgets = Budgets::new(&Limits::default());
        let table = HandlerTable::new(&[&PATIENT], None, &budgets);
        let timeout = table.find(b"patient").and_then(|entry| entry.timeout);
        assert!(timeout.is_some_and(|timeout| Instant::now().checked_add(timeout).is_some()));
        assert!(timeout.is_some_and(|timeout| u64::try_from(timeout.as_nanos()).is_ok()));
    }
}
