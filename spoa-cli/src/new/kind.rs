//! The kinds of agents, and what differs between them.

/// A file of data that an agent reads.
#[derive(Clone, Copy, Debug)]
pub(super) struct Table {
    pub(super) file: &'static str,
    pub(super) text: &'static str,
    pub(super) holds: &'static str,
}

/// A kind of agent.
#[derive(Clone, Copy, Debug)]
pub(super) struct Kind {
    pub(super) name: &'static str,
    /// The summary of the agent, for packages and units.
    pub(super) about: &'static str,
    pub(super) main: &'static str,
    pub(super) tests: &'static str,
    pub(super) haproxy_test: &'static str,
    /// The output of the agent's `handlers --json`.
    pub(super) description: &'static str,
    pub(super) table: Option<Table>,
    /// Features of the library, beside the default ones and `admin`.
    pub(super) features: &'static str,
    pub(super) dependencies: &'static str,
    /// Whether requests without an answer are denied.
    pub(super) closed: bool,
    /// A command line that shows what the agent does, after `dev` has begun.
    pub(super) request: &'static str,
    /// The words after `call`.
    pub(super) call: &'static str,
}

const OPTIONS: &str = ", \"options\"";
const CLAP: &str =
    "clap = { version = \"4\", default-features = false, features = [\"std\", \"derive\"] }\n";

/// Reads the files of a kind.
macro_rules! kind {
    ($folder:literal, $($field:ident: $value:expr),* $(,)?) => {
        Kind {
            name: $folder,
            main: include_str!(concat!("template/kinds/", $folder, "/src/main.rs")),
            tests: include_str!(concat!("template/kinds/", $folder, "/src/tests.rs")),
            haproxy_test: include_str!(concat!("template/kinds/", $folder, "/tests/haproxy.rs")),
            description: include_str!(concat!("template/kinds/", $folder, "/handlers.json")),
            $($field: $value),*
        }
    };
}

const PLAIN: Kind = kind!(
    "plain",
    about: "HAProxy agent that scores the address of each client",
    table: None,
    features: "",
    dependencies: "",
    closed: false,
    request: "curl -i http://127.0.0.1:PORT/",
    call: "score-client ip=192.0.2.7",
);

const VERDICT: Kind = kind!(
    "verdict",
    about: "HAProxy agent that lets requests pass or denies them",
    table: None,
    features: "",
    dependencies: "",
    closed: false,
    request: "curl -i http://127.0.0.1:PORT/.env",
    call: "inspect path=/.env headers=hdrs:host:example.org",
);

pub(super) const KINDS: [Kind; 5] = [
    PLAIN,
    VERDICT,
    kind!(
        "auth",
        about: "HAProxy agent that authenticates requests by their token",
        table: Some(Table {
            file: "tokens.txt",
            text: include_str!("template/kinds/auth/tokens.txt"),
            holds: "the tokens",
        }),
        features: OPTIONS,
        dependencies: CLAP,
        closed: true,
        request: "curl -i -H 'authorization: Bearer change-me-1f0c9a' http://127.0.0.1:PORT/",
        call: "authenticate token='Bearer change-me-1f0c9a'",
    ),
    kind!(
        "geo",
        about: "HAProxy agent that finds the country of each client",
        table: Some(Table {
            file: "networks.txt",
            text: include_str!("template/kinds/geo/networks.txt"),
            holds: "the countries",
        }),
        features: OPTIONS,
        dependencies: "clap = { version = \"4\", default-features = false, features = [\"std\", \"derive\"] }\nipnet = \"2\"\n",
        closed: false,
        request: "curl -i http://127.0.0.1:PORT/",
        call: "locate ip=192.0.2.7",
    ),
    kind!(
        "rate-limit",
        about: "HAProxy agent that limits the requests of each client",
        table: None,
        features: OPTIONS,
        dependencies: CLAP,
        closed: false,
        request: "curl -i http://127.0.0.1:PORT/",
        call: "limit ip=192.0.2.7",
    ),
];

impl Kind {
    pub(super) const NAMES: [&'static str; 5] = ["plain", "verdict", "auth", "geo", "rate-limit"];

    /// Returns the kind with a name that the command line has checked.
    pub(super) fn named(name: &str) -> Kind {
        let found = KINDS.into_iter().find(|kind| kind.name == name);
        found.unwrap_or(VERDICT)
    }

    /// Returns a line for each kind.
    pub(super) fn list() -> String {
        let line = |kind: &Kind| format!("  {:<10}  {}\n", kind.name, kind.about);
        KINDS.iter().map(line).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_of_names_has_each_kind() {
        assert_eq!(KINDS.map(|kind| kind.name), Kind::NAMES);
    }
}
