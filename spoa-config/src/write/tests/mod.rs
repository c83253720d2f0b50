//! The text for agents of all kinds. The end-to-end tests show that HAProxy takes it.

mod arguments;
mod bodies;
mod cache;
mod closed;
mod files;
mod headers;
mod schedule;

use super::*;
use crate::{Argument, Expected, Message, Presence, Series, Tls, Variable};
use std::time::Duration;

fn argument(name: &str, sample: Option<&str>) -> Argument {
    Argument {
        name: Some(name.to_owned()),
        index: None,
        rust_type: "&str".to_owned(),
        expected: Expected::Text,
        required: true,
        sample: sample.map(str::to_owned),
        guess: None,
    }
}

fn variable(name: &str) -> Variable {
    let (scope, name) = name.split_once('.').unwrap();
    Variable {
        scope: scope.to_owned(),
        name: name.to_owned(),
        rust_type: None,
        presence: Presence::Always,
    }
}

fn message(name: &str, arguments: Vec<Argument>, variables: &[&str]) -> Message {
    Message {
        name: name.to_owned(),
        function: format!("agent::{name}"),
        location: ("src/main.rs".to_owned(), 7),
        arguments,
        variables: variables.iter().map(|name| variable(name)).collect(),
        ..Message::default()
    }
}

fn agent(messages: Vec<Message>) -> Agent {
    Agent {
        name: "waf".to_owned(),
        messages,
        listeners: vec!["127.0.0.1:12345".to_owned()],
        max_frame_size: 1 << 20,
        ..Agent::default()
    }
}

fn written(agent: &Agent, options: &Options) -> WrittenConfiguration {
    write(agent, options).unwrap()
}

fn plain(agent: &Agent) -> WrittenConfiguration {
    written(agent, &Options::new(Series::V2_6))
}

#[track_caller]
fn has(text: &str, lines: &[&str]) {
    for line in lines {
        let found = text.lines().any(|it| it.trim() == *line);
        assert!(found, "`{line}` is not in:\n{text}");
    }
}

fn closed() -> Options {
    Options {
        fail: Fail::Closed,
        ..Options::new(Series::V3_2)
    }
}
