//! The engines of a configuration: what a filter, its scope and its agent's backend are together.

use super::grammar::{self, keyword, means, sends};
use super::rule::mentions;
use crate::Agent;
use crate::read::{Configuration, Filter, Line, Section, Span, SpoeFile, Word};
use spoa_facts::{Address, is_variable};

/// An engine: a filter that has an agent's section.
#[derive(Clone, Copy, Debug)]
pub(super) struct Engine<'a> {
    pub(super) filter: &'a Filter,
    pub(super) file: &'a SpoeFile,
    /// The section `spoe-agent`.
    pub(super) agent: &'a Section,
    /// Whether it asks the agent that is compared, not another one.
    pub(super) ours: bool,
    /// The prefix that rules read its variables by, where HAProxy does not take the one it has.
    pub(super) used: Option<&'a str>,
}

/// When a message is sent.
#[derive(Clone, Copy, Debug)]
pub(super) enum Moment<'a> {
    /// At its event.
    Event(&'a Word),
    /// By a rule, with its group.
    Rule(&'a GroupRule<'a>),
}

/// A line `… send-spoe-group ENGINE GROUP`.
#[derive(Clone, Copy, Debug)]
pub(super) struct GroupRule<'a> {
    /// The section it is in, as the configuration counts them.
    pub(super) proxy: usize,
    pub(super) line: &'a Line,
    pub(super) engine: &'a Word,
    pub(super) group: &'a Word,
}

impl<'a> Engine<'a> {
    /// Returns the engines of a configuration.
    pub(super) fn all(configuration: &'a Configuration, agent: &Agent) -> Vec<Self> {
        let mut engines: Vec<_> = configuration
            .filters
            .iter()
            .filter_map(|filter| {
                let file = configuration.spoe.get(filter.file.file()?)?;
                let scope = scope(filter);
                let agent = sections(file, scope).find(|it| it.kind() == "spoe-agent")?;
                Some(Engine {
                    filter,
                    file,
                    agent,
                    ours: false,
                    used: None,
                })
            })
            .collect();
        for engine in &mut engines {
            engine.ours = engine.asks(configuration, agent);
        }
        if engines.iter().all(|engine| !engine.ours) {
            for engine in &mut engines {
                engine.ours = true;
            }
        }
        for engine in &mut engines {
            let (stated, _, known) = engine.stated();
            if known && !is_variable(stated) {
                engine.used = engine.used_prefix(configuration, agent);
            }
        }
        engines
    }

    /// Returns the prefix by which rules read what its handlers set, if it is one that HAProxy takes.
    fn used_prefix(&self, configuration: &'a Configuration, agent: &Agent) -> Option<&'a str> {
        let names: Vec<_> = self
            .messages()
            .filter_map(|message| agent.messages.iter().find(|it| it.name == message.title()))
            .flat_map(|handler| &handler.variables)
            .map(|variable| variable.name.as_str())
            .chain(self.own().map(|word| word.text.as_str()))
            .collect();
        let lines = configuration.sections.iter().flat_map(|it| &it.lines);
        let mut mentions = lines.flat_map(mentions);
        mentions.find_map(|mention| {
            let text = mention.word.text.as_str();
            let at = text.find(&mention.variable)?;
            let name = text.get(at..at + mention.variable.len())?;
            let (_, rest) = name.split_once('.')?;
            let ours = names.iter().find_map(|name| rest.strip_suffix(name));
            // A `-` may come after it.
            let whole = text.get(at + name.len()..)?.starts_with([')', ',']);
            let prefix = ours?.strip_suffix('.')?;
            (whole && is_variable(prefix)).then_some(prefix)
        })
    }

    /// Returns whether the engine asks this agent, by the names of messages or the address.
    fn asks(&self, configuration: &Configuration, agent: &Agent) -> bool {
        let known = |name: &str| agent.messages.iter().any(|message| message.name == name);
        if self.messages().any(|message| known(message.title())) {
            return true;
        }
        let servers = self.servers(configuration);
        servers.into_iter().any(|(_, address)| {
            let address = Address::parse(&address.text);
            let listeners = agent.listeners.iter();
            let mut listeners = listeners.filter_map(|it| Address::parse(it));
            address.is_some_and(|address| listeners.any(|it| it.takes(&address)))
        })
    }

    /// Returns the name of the engine: that of the filter, or else the agent's.
    pub(super) fn name(&self) -> &'a str {
        scope(self.filter).unwrap_or_else(|| self.agent.title())
    }

    /// Returns the place of its agent's name.
    pub(super) fn span(&self) -> Span {
        self.agent
            .name()
            .map_or_else(|| self.agent.head.span(), |name| name.span)
    }

    pub(super) fn sections(&self) -> impl Iterator<Item = &'a Section> + use<'a> {
        sections(self.file, scope(self.filter))
    }

    pub(super) fn messages(&self) -> impl Iterator<Item = &'a Section> + use<'a> {
        self.sections().filter(|it| it.kind() == "spoe-message")
    }

    pub(super) fn groups(&self) -> impl Iterator<Item = &'a Section> + use<'a> {
        self.sections().filter(|it| it.kind() == "spoe-group")
    }

    /// Returns the words that the agent lists after a keyword: `messages` or `groups`.
    pub(super) fn listed(&self, keyword: &'static str) -> impl Iterator<Item = &'a Word> + use<'a> {
        listed(self.agent, keyword)
    }

    /// Returns the line of an option of the agent's, unless a later one takes it back.
    pub(super) fn option(&self, name: &str) -> Option<&'a Line> {
        let mut lines = self.agent.lines.iter();
        let last = lines
            .rfind(|line| means(line, &["option", name]) || means(line, &["no", "option", name]));
        last.filter(|line| line.word(0) != "no")
    }

    /// Returns the prefix of its variables, and the place that sets it. If HAProxy does not
    /// take it, the prefix that rules read by.
    pub(super) fn prefix(&self) -> (&'a str, Span) {
        let (stated, span, _) = self.stated();
        (self.used.unwrap_or(stated), span)
    }

    /// Returns the prefix that the configuration states, its place, and whether all of it is
    /// known.
    pub(super) fn stated(&self) -> (&'a str, Span, bool) {
        let word = self.option("var-prefix").and_then(|line| line.words.get(2));
        match word.or(self.agent.name()) {
            Some(word) => (&word.text, word.span, word.known),
            None => ("", self.span(), false),
        }
    }

    /// A variable as HAProxy names it.
    pub(super) fn variable(&self, scope: &str, name: &str) -> String {
        format!("{scope}.{}.{name}", self.prefix().0)
    }

    /// Returns the scope of a variable, and its name without the prefix, if it is one of this engine's.
    pub(super) fn inside<'v>(&self, variable: &'v str) -> Option<(&'v str, &'v str)> {
        let (scope, full) = variable.split_once('.')?;
        let name = full.strip_prefix(self.prefix().0)?.strip_prefix('.')?;
        Some((scope, name))
    }

    /// Returns the names of variables that HAProxy sets itself, by the option that says so.
    pub(super) fn own(&self) -> impl Iterator<Item = &'a Word> + use<'a> {
        let options = ["set-on-error", "set-process-time", "set-total-time"];
        let engine = *self;
        options
            .into_iter()
            .filter_map(move |option| engine.option(option)?.words.get(2))
    }

    /// One of its timeouts.
    pub(super) fn timeout(&self, name: &str) -> Option<&'a Word> {
        let mut lines = self.agent.lines.iter();
        let line = lines.rfind(|line| means(line, &["timeout", name]))?;
        line.words.get(2)
    }

    /// Returns the word after `use-backend`.
    pub(super) fn backend(&self) -> Option<&'a Word> {
        let mut lines = self.agent.lines.iter();
        lines
            .rfind(|line| means(line, &["use-backend"]))?
            .words
            .get(1)
    }

    /// Returns the servers of its backend: each line, and its address.
    pub(super) fn servers(&self, configuration: &'a Configuration) -> Vec<(&'a Line, &'a Word)> {
        let backend = self
            .backend()
            .and_then(|word| configuration.backend(&word.text));
        let section = backend.and_then(|backend| configuration.sections.get(backend));
        let lines = section.map(|section| section.lines.as_slice());
        let lines = lines.unwrap_or_default().iter();
        lines
            .filter_map(|line| match line.word(0) {
                "server" => Some((line, line.words.get(2)?)),
                "server-template" => Some((line, line.words.get(3)?)),
                _ => None,
            })
            .collect()
    }

    /// Returns the messages of a group, as far as they have sections. None for a group that is not listed.
    pub(super) fn messages_of(&self, group: &str) -> impl Iterator<Item = &'a Section> + use<'a> {
        let known = self.listed("groups").any(|word| word.text == group);
        let group = self.groups().find(|it| known && it.title() == group);
        let names = group.into_iter().flat_map(|it| listed(it, "messages"));
        let names: Vec<_> = names.map(|word| word.text.as_str()).collect();
        let messages = self.messages();
        messages.filter(move |message| names.contains(&message.title()))
    }

    /// Returns the listed messages that have an event, and their events.
    pub(super) fn events(&self) -> impl Iterator<Item = (&'a Section, &'a Word)> + use<'a> {
        let listed: Vec<_> = self.listed("messages").map(|it| it.text.as_str()).collect();
        let messages = self.messages();
        let listed = messages.filter(move |message| listed.contains(&message.title()));
        listed.filter_map(|message| Some((message, event(message)?)))
    }

    /// When a message is sent; never, if this is empty.
    pub(super) fn moments(
        &self,
        message: &'a Section,
        rules: &'a [GroupRule<'a>],
    ) -> Vec<Moment<'a>> {
        let name = message.title();
        let mut moments = Vec::new();
        let own = self
            .events()
            .filter(|(section, _)| std::ptr::eq(*section, message));
        moments.extend(own.map(|(_, event)| Moment::Event(event)));
        let groups = self.groups().filter(|group| {
            listed(group, "messages").any(|word| word.text == name)
                && self.listed("groups").any(|word| word.text == group.title())
        });
        for group in groups {
            let sends = |rule: &&GroupRule<'_>| {
                rule.engine.text == self.name() && rule.group.text == group.title()
            };
            moments.extend(rules.iter().filter(sends).map(Moment::Rule));
        }
        moments
    }
}

/// Returns the rules that send groups.
pub(super) fn rules(configuration: &Configuration) -> Vec<GroupRule<'_>> {
    let mut rules = Vec::new();
    for (proxy, section) in configuration.sections.iter().enumerate() {
        for line in &section.lines {
            let Some(at) = sends(line) else {
                continue;
            };
            if let [engine, group, ..] = line.after(at + 1) {
                rules.push(GroupRule {
                    proxy,
                    line,
                    engine,
                    group,
                });
            }
        }
    }
    rules
}

/// Returns the words that a section lists after a keyword.
pub(super) fn listed<'a>(
    section: &'a Section,
    keyword: &'static str,
) -> impl Iterator<Item = &'a Word> + use<'a> {
    let lines = section.lines.iter();
    let means = move |line: &&Line| match section.kind() {
        "spoe-agent" => means(line, &[keyword]),
        kind => {
            line.words.first().is_some_and(|word| word.known) && {
                grammar::keyword(kind, line) == keyword
            }
        }
    };
    // HAProxy joins no lines.
    let words = lines.filter(means).flat_map(|line| line.after(1));
    words.filter(|word| !word.is("\\"))
}

/// Returns the event of a message: the last one counts.
pub(super) fn event(message: &Section) -> Option<&Word> {
    let mut lines = message.lines.iter();
    lines
        .rfind(|line| keyword("spoe-message", line) == "event")?
        .words
        .get(1)
}

/// Returns the scope that a filter names.
pub(super) fn scope(filter: &Filter) -> Option<&str> {
    filter.engine.as_ref().map(|engine| engine.text.as_str())
}

/// Returns the sections of a scope.
pub(super) fn sections<'a>(
    file: &'a SpoeFile,
    scope: Option<&'a str>,
) -> impl Iterator<Item = &'a Section> + use<'a> {
    let sections = file.sections.iter();
    sections.filter(move |section| section.scope.as_deref() == scope)
}
