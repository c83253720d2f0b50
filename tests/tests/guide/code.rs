//! The code that pages show in parts, with what each part needs. A page has no room for it.
//!
//! A test finds the parts here, or in the agent of the pages: on a page, they are `rust,ignore`.

use crate::snippets;
use crate::text::bare;

/// Pages whose parts are compiled elsewhere: the crate `spoa-otel` has the line that calls it, and a test of `spop new` follows
/// the tutorial.
const ELSEWHERE: [&str; 2] = ["docs/operations/traces.md", "docs/tutorial.md"];

#[test]
fn the_parts_of_code_on_every_page_are_compiled() {
    let here = bare(include_str!("code.rs")) + &bare(include_str!("../../agents/pages.rs"));
    for snippet in snippets::in_language("rust,ignore") {
        assert!(
            here.contains(&bare(&snippet.text)) || ELSEWHERE.contains(&&*snippet.page),
            "{}: put this code into tests/tests/guide/code.rs, or let the compiler read it on the page:\n{}",
            snippet.page,
            snippet.text
        );
    }
}

/// `docs/options.md`.
mod options {
    use spoa::State;
    use spoa::prelude::*;
    use spoa::run::Program;
    use spoa::testing::TestAgent;
    use std::collections::HashSet;
    use std::path::{Path, PathBuf};

    #[derive(clap::Args)]
    struct Options {
        #[arg(long, value_name = "FILE", default_value = "/etc/blocklist")]
        blocklist: PathBuf,
        #[arg(long, value_name = "URL", env = "DATABASE_URL")]
        database: String,
        #[arg(long)]
        dry_run: bool,
    }

    struct Database {
        _url: String,
    }

    struct Blocked(HashSet<String>);

    impl Blocked {
        fn load(path: &Path) -> Result<Self, String> {
            let text = std::fs::read_to_string(path);
            let text = text.map_err(|error| format!("{}: {error}", path.display()))?;
            Ok(Blocked(text.lines().map(str::to_owned).collect()))
        }
    }

    #[spoe_message("check-user", set = "txn.blocked")]
    fn check_user(
        user: Text<'_>,
        State(blocked): State<'_, Blocked>,
        State(options): State<'_, Options>,
    ) -> bool {
        !options.dry_run && blocked.0.contains(user.as_str())
    }

    fn agent() -> Program {
        spoa::program!(
            options = Options,
            state = Database {
                _url: options.database.clone()
            },
            reload = Blocked::load(&options.blocklist)?,
        )
    }

    #[tokio::test]
    async fn a_blocked_user_is_blocked() {
        let builder = agent()
            .agent_builder(["--database", "test", "--blocklist", "tests/blocklist"])
            .await
            .unwrap();
        let agent = TestAgent::build(builder).unwrap();
        let answer = agent
            .call("check-user", &[("user", &"mallory")])
            .await
            .unwrap();
        assert_eq!(answer.get("txn.blocked"), Some(true));
    }
}

/// `docs/verdicts.md`.
mod verdicts {
    use spoa::agent::Agent;
    use spoa::http::Verdict;
    use spoa::prelude::*;
    use spoa::testing::HaProxy;

    spoa::outcomes! {
        /// The verdicts of the firewall.
        struct Firewall {
            deny: 403, 429;
            redirect: 302;
            drop;
        }
    }

    #[spoe_message("inspect", event = "on-frontend-http-request")]
    fn inspect(path: Text<'_>) -> Verdict<Firewall> {
        match &*path {
            "/.env" => Verdict::deny::<403>().reason("a file of secrets"),
            "/old" => Verdict::redirect::<302>("/new"),
            _ => Verdict::allow(),
        }
    }

    #[test]
    fn secrets_are_denied() {
        assert_eq!(
            inspect(Text::from("/.env")),
            Verdict::deny::<403>().reason("a file of secrets")
        );
    }

    #[test]
    fn a_client_is_redirected() {
        let haproxy = HaProxy::agent(Agent::builder().handlers(handlers![inspect])).start();
        let reply = haproxy.get("/old").send();
        assert_eq!(
            (reply.status, reply.header("location")),
            (302, Some("/new"))
        );
    }
}

/// `docs/operations/lifecycle.md`. No test runs these programs: the compiler reads them.
#[allow(dead_code, reason = "they are only compiled")]
mod lifecycle {
    use spoa::prelude::*;
    use spoa::run::Serving;
    use std::net::SocketAddr;
    use std::path::{Path, PathBuf};

    struct Counters;

    impl Counters {
        fn new() -> Counters {
            Counters
        }
    }

    #[derive(Default)]
    struct Rules(Vec<String>);

    impl Rules {
        fn load(_path: impl AsRef<Path>) -> Result<Rules, HandlerError> {
            Ok(Rules(Vec::new()))
        }
    }

    struct Keys;

    impl Keys {
        async fn fetch(_url: &str) -> Result<Keys, HandlerError> {
            Ok(Keys)
        }
    }

    #[derive(clap::Args)]
    struct Options {
        #[arg(long)]
        rules: PathBuf,
        #[arg(long)]
        keys: String,
        #[arg(long)]
        metrics: SocketAddr,
    }

    async fn metrics_server(_address: SocketAddr) -> Result<(), HandlerError> {
        Ok(())
    }

    async fn follow_rules(_options: &'static Options, _serving: Serving) {}

    fn reloads() {
        spoa::run!(
            state = Counters::new(),
            reload = Rules::load("/etc/agent/rules.txt")?,
        )
    }

    fn renews() {
        spoa::run!(
            options = Options,
            reload = Rules::load(&options.rules)?,
            watch = options.rules,
            reload = Keys::fetch(&options.keys).await?,
            every = "10m",
        )
    }

    fn serves() {
        spoa::run!(
            options = Options,
            state = Rules::default(),
            serve = metrics_server(options.metrics),
            serve = |serving| follow_rules(options, serving),
        )
    }
}
