//! Whether HAProxy may connect to the agent's unix socket: to connect is to write.

use super::super::{Case, Code, Finding};
use crate::read::{Configuration, Word};
use spoa_facts::Address;

/// The mode of a socket that is given none, under the usual umask.
const BY_UMASK: u32 = 0o755;

pub(super) fn check(case: &Case<'_>, findings: &mut Vec<Finding>) {
    // Without `user`, HAProxy keeps the user that started it, which no file says.
    let Some(user) = global(case.configuration, "user") else {
        return;
    };
    let group = global(case.configuration, "group");
    for engine in case.ours() {
        for (_, server) in engine.servers(case.configuration) {
            let Some(address @ Address::Unix(_)) = Address::parse(&server.text) else {
                continue;
            };
            let of_it = |text: &&String| Address::parse(text).as_ref() == Some(&address);
            let Some(listener) = case.agent.listeners.iter().find(of_it) else {
                continue;
            };
            let socket = Socket::parse(listener);
            if !server.known || socket.lets(user, group) {
                continue;
            }
            let given = match group {
                Some(group) => format!("mode=660,group={}", group.text),
                None => format!("mode=600,user={}", user.text),
            };
            let title = format!(
                "HAProxy runs as `{}`, which may not connect to this socket",
                user.text
            );
            findings.push(
                Finding::new(Code::SocketForbidden, title, server.span)
                    .label(format!("the agent creates it with `{listener}`"))
                    .context(user.span, "the user that HAProxy connects as")
                    .help(format!(
                        "start the agent with `--listen {},{given}`",
                        server.text
                    )),
            );
        }
    }
}

/// Returns the value of the last line with a keyword in `global`, if it is known when HAProxy starts.
fn global<'a>(configuration: &'a Configuration, keyword: &'static str) -> Option<&'a Word> {
    let sections = configuration.sections.iter();
    let mut words = sections
        .filter(|section| section.kind() == "global")
        .flat_map(|section| &section.lines)
        .filter(|line| line.begins(&[keyword]))
        .filter_map(|line| line.words.get(1));
    let word = words.next_back();
    word.filter(|word| word.known)
}

/// The mode and the owners of a socket, as its listener's address says them.
struct Socket<'a> {
    mode: u32,
    user: Option<&'a str>,
    group: Option<&'a str>,
}

impl<'a> Socket<'a> {
    fn parse(listener: &'a str) -> Self {
        let mut socket = Socket {
            mode: BY_UMASK,
            user: None,
            group: None,
        };
        for option in listener.split(',').skip(1) {
            match option.split_once('=') {
                Some(("mode", mode)) => {
                    socket.mode = u32::from_str_radix(mode, 8).unwrap_or(socket.mode);
                }
                Some(("user", user)) => socket.user = Some(user),
                Some(("group", group)) => socket.group = Some(group),
                _ => {}
            }
        }
        socket
    }

    /// Returns whether this user or group may write, as far as it is known: a number may belong to a name.
    fn lets(&self, user: &Word, group: Option<&Word>) -> bool {
        let writes = |bit: u32| self.mode & bit != 0;
        let may_be = |given: &str, word: &Word| {
            let is_number = |text: &str| text.parse::<u32>().is_ok();
            given == word.text || is_number(given) != is_number(&word.text)
        };
        let owns = self.user.is_some_and(|given| may_be(given, user));
        let belongs = match (self.group, group) {
            (Some(given), Some(group)) => may_be(given, group),
            // The primary group of a user often has the same name, but the configuration does not say which it is.
            (Some(_), None) => true,
            (None, _) => false,
        };
        let (as_root, as_owner) = (user.text == "root", owns && writes(0o200));
        as_root || as_owner || (belongs && writes(0o020)) || writes(0o002)
    }
}
