//! The counters as JSON.

use crate::agent::{MessageStats, Stats};
use crate::json::{JsonValue, object};
use std::time::UNIX_EPOCH;

/// Writes the numbers of all agents.
pub(super) fn write(all: &[Stats]) -> String {
    let agents: JsonValue = all.iter().map(agent).collect();
    format!("{}\n", object! { "agents": agents })
}

fn agent(stats: &Stats) -> JsonValue {
    let loaded = stats.loaded.duration_since(UNIX_EPOCH).unwrap_or_default();
    let limits = stats.limits_reached.iter();
    let limits = limits.map(|(limit, count)| (*limit, JsonValue::from(*count)));
    object! {
        "agent": stats.agent.clone(),
        "phase": stats.phase.to_string(),
        "messages": stats.messages.iter().map(message).collect::<JsonValue>(),
        "unknown_messages": stats.unknown_messages,
        "notifies": stats.notifies,
        "unreadable_notifies": stats.unreadable_notifies,
        "acks": stats.acks,
        "actions_cut": stats.actions_cut,
        "received_bytes": stats.received_bytes,
        "sent_bytes": stats.sent_bytes,
        "connections_open": stats.connections_open,
        "connections": stats.connections,
        "connections_refused": object! {
            "max_connections": stats.connections_refused_full,
            "not_allowed": stats.connections_refused_not_allowed,
            "accept_error": stats.accept_errors,
        },
        "connections_failed": object! {
            "broken": stats.connections_broken,
            "timeout": stats.connections_timed_out,
            "protocol_error": stats.protocol_errors,
        },
        "limits_reached": JsonValue::Object(limits.collect()),
        "buffered_bytes": stats.buffered_bytes,
        "blocking_in_flight": stats.blocking_running,
        "blocking_waiting": stats.blocking_waiting,
        "after_work": object! {
            "ok": stats.after_work_done,
            "panic": stats.after_work_panicked,
            "dropped": stats.after_work_dropped,
            "in_flight": stats.after_work_kept,
        },
        "transactions": object! {
            "kept": stats.transactions_kept,
            "bytes": stats.transaction_bytes,
            "expired": stats.transactions_expired,
            "evicted": stats.transactions_evicted,
        },
        "worker_stalls": stats.workers_blocked,
        "reloads": object! { "ok": stats.reloads, "error": stats.reloads_failed },
        "certificate_expires_seconds": stats.certificate_expires.map(|expires| {
            expires.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
        }),
        "stale_values": stats.stale_values,
        "loaded_seconds": JsonValue::Number(format!("{:.3}", loaded.as_secs_f64())),
    }
}

fn message(message: &MessageStats) -> JsonValue {
    let buckets = message.durations.buckets().map(|(bound, count)| {
        object! {
            "at_most_seconds": bound.map(|bound| JsonValue::Number(bound.as_secs_f64().to_string())),
            "count": count,
        }
    });
    let rejected = message.rejected_by.iter();
    let rejected = rejected.map(|(argument, count)| (*argument, JsonValue::from(*count)));
    object! {
        "message": message.message,
        "ok": message.handled,
        "error": message.errors,
        "panic": message.panicked,
        "late": message.late,
        "overloaded": message.overloaded,
        "rejected": message.rejected,
        "rejected_by": JsonValue::Object(rejected.collect()),
        "actions_left_out": message.actions_left_out,
        "in_flight": message.running,
        "duration_seconds": object! {
            "count": message.durations.count(),
            "sum": JsonValue::Number(message.durations.sum().as_secs_f64().to_string()),
            "buckets": buckets.collect::<JsonValue>(),
        },
    }
}
