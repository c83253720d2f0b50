//! Messages and actions, value by value, at TRACE: no other line of the log shows values.

use super::about_frame;
use crate::handler::ConnectionInfo;
use crate::handler::panics::quietly;
use crate::log_target::VALUES;
use crate::spop::{ActionIter, FrameIds, Message, Messages};
use crate::text::Excerpt;
use std::fmt::{self, Write};
use tracing::Level;
use tracing::level_filters::LevelFilter;

/// Returns whether values may be logged: one load and one comparison for each NOTIFY.
#[inline]
pub(crate) fn are_shown() -> bool {
    LevelFilter::current() == LevelFilter::TRACE
}

/// Shows the messages of a NOTIFY. The function says which arguments are secret, by their messages, places and names.
#[cold]
pub(crate) fn notify(
    messages: Messages<'_>,
    ids: FrameIds,
    connection: &ConnectionInfo,
    is_secret: impl Fn(&Message<'_>, usize, &[u8]) -> bool,
) {
    if !tracing::enabled!(target: VALUES, Level::TRACE) {
        return;
    }
    let mut text = Excerpt::default();
    let mut show = || {
        for message in messages {
            write!(text, " {}", message.name())?;
            let first_handler_argument = message.first_handler_argument();
            for (index, arg) in message.args().iter().enumerate() {
                // The handler counts its own arguments.
                let index = index.checked_sub(first_handler_argument);
                if index.is_some_and(|index| is_secret(&message, index, arg.name.as_bytes())) {
                    write!(text, " {}=(secret)", arg.name)?;
                } else {
                    write!(text, " {}={}", arg.name, arg.value)?;
                }
            }
            write!(text, ";")?;
        }
        Ok(())
    };
    let cut = cut(show());
    quietly(|| {
        about_frame!(trace(target: VALUES), connection, ids, "NOTIFY{}{cut}", text.0);
    });
}

/// Shows the actions of an ACK.
#[cold]
pub(crate) fn ack(actions: &[u8], ids: FrameIds, connection: &ConnectionInfo) {
    if !tracing::enabled!(target: VALUES, Level::TRACE) {
        return;
    }
    let mut text = Excerpt::default();
    let mut actions = ActionIter::new(actions).flatten();
    let cut = cut(actions.try_for_each(|action| write!(text, " {action};")));
    quietly(|| {
        about_frame!(trace(target: VALUES), connection, ids, "ACK{}{cut}", text.0);
    });
}

fn cut(shown: fmt::Result) -> &'static str {
    match shown {
        Ok(()) => "",
        Err(fmt::Error) => "…",
    }
}
