//! `handlers![…]` and `run!(…)`.

use spoa::prelude::*;

mod inner {
    use spoa::prelude::*;

    #[spoe_message("inner")]
    pub(super) fn handler() {}

    pub(super) mod deeper {
        use spoa::prelude::*;

        #[spoe_message("deeper")]
        pub(in super::super) fn handler() {}
    }
}

#[spoe_message("outer")]
fn handler() {}

#[test]
fn handlers_are_listed_by_path_in_order() {
    use inner::deeper::handler as renamed;

    const LIST: [&spoa::handler::Definition; 4] =
        handlers![handler, self::inner::handler, local, renamed,];

    #[spoe_message("local")]
    fn local() {}

    assert_eq!(
        LIST.map(|handler| handler.message_name()),
        ["outer", "inner", "local", "deeper"].map(Some)
    );
    assert!(handlers![].is_empty());
}

/// Observes nothing.
#[cfg(feature = "run")]
#[allow(dead_code)]
struct Audit(std::fs::File);

#[cfg(feature = "run")]
impl spoa::agent::Observer for Audit {}

/// Compiled, not run: an agent would begin to listen.
#[cfg(feature = "run")]
#[allow(dead_code)]
fn every_option_of_run(path: std::path::PathBuf) {
    const LISTEN: &str = "unix@/run/spoa.sock";
    let limit = 7u8;
    spoa::run!(
        name = "iprep",
        listen = "127.0.0.1:12345",
        listen = LISTEN,
        state = std::fs::read(&path)?,
        state = std::future::ready(u64::from(limit)).await,
        state = "12"
            .parse::<u16>()
            .map_err(|error| format!("{error} in a number"))?,
        reload = std::fs::read_to_string(&path)?,
        reload = std::future::ready(i64::from(limit)).await,
        handlers = [handler, inner::handler],
        on_failure = |failed| SetVar::transaction("error", failed.failure().to_string()),
        observer = Audit(std::fs::File::open(&path)?),
    )
}
