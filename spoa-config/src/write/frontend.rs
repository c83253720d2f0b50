//! The lines of the frontend: the filter, and rules that send, deny and show.

use super::argument::path_word;
use super::own_rules::OwnRules;
use super::plan::Plan;
use super::text::Text;
use super::{denials, sending, shown, verdict_rules};

/// Returns the lines that belong in a frontend.
///
/// `with_servers` says that the backend of the servers is in the same file.
pub(super) fn lines(plan: &Plan<'_>, with_servers: bool) -> String {
    let mut text = Text::default();
    let Plan { engine, .. } = plan;
    if let Some(sticky) = &plan.sticky {
        text.comment("The key by which HAProxy chooses an agent, in the backend of the agents.");
        text.line(&sticky.rule);
    }
    if !plan.has(&["filter", "spoe", "engine", engine]) {
        text.comment(&format!(
            "Asks the agent, as the section [{engine}] of spoe.conf says. With `default-path config` in `global`, \
             HAProxy looks for that file beside this one. Without that line, write a full path."
        ));
        text.line(&format!(
            "filter spoe engine {engine} config {}",
            path_word(&plan.options.spoe_file)
        ));
    }
    if plan.takes_unique_ids() && !plan.has(&["unique-id-format"]) {
        text.comment("Gives each request a unique id, which a message carries as an argument.");
        text.line("unique-id-format %[uuid]");
    }
    let own = plan.options.rules.as_deref().map(OwnRules::new);
    let early = own.as_ref().map_or("", |own| own.early.as_str());
    sending::groups(plan, early, &mut text);
    text.blank();
    sending::down(plan, &mut text);
    sending::capture(plan, &mut text);
    denials::lines(plan, with_servers, &mut text);
    verdict_rules::lines(plan, with_servers, &mut text);
    text.blank();
    match own {
        Some(own) => {
            // After the rules, it would be a line of the last section in them.
            if with_servers && plan.has_sections() {
                text.line("default_backend servers");
                text.blank();
            }
            text.comment("The lines of the file that `--rules` names.");
            text.blank();
            text.verbatim(&own.rest);
        }
        None => shown::variables(plan, &mut text),
    }
    text.into_string()
}
