//! Compares generated code with the files in `snapshots/`, so that a reviewer sees how a change of the macros
//! changes it.

use crate::message::{self, AttributeKind};
use crate::{derive, program};
use proc_macro2::TokenStream;
use quote::ToTokens;
use std::path::PathBuf;
use syn::{Attribute, DeriveInput, ItemFn, Meta};

/// The code to expand: `#[spoe_message]` on a function, a derive on a type, or `run!(…)`.
const INPUTS: [(&str, &str); 7] = [
    (
        "sync_handler",
        r#"/// Scores a client address.
#[spoe_message("get-ip-reputation", set = "sess.ip_score", event = "on-frontend-http-request")]
fn ip_reputation(#[arg("client-ip", sample = "src")] ip: IpAddr, #[arg(default = 443)] port: u16) -> u8 {
    if port == 443 { 100 } else { 20 }
}
"#,
    ),
    (
        "async_handler",
        r#"#[spoe_message("look-up", timeout = "20ms")]
pub(crate) async fn look_up<'a>(host: Text<'a>, State(db): State<'_, Db>) -> Result<Option<SetVar<String>>, HandlerError> {
    let owner = db.owner(&host).await?;
    Ok(owner.map(|owner| SetVar::transaction("owner", owner)))
}
"#,
    ),
    (
        "from_message",
        r#"#[derive(FromMessage)]
struct Request<'a> {
    #[spoa("user-agent", sample = "req.fhdr(user-agent)")]
    agent: Option<Text<'a>>,
    #[spoa(default)]
    port: u16,
    client: Client,
}
"#,
    ),
    (
        "from_value_newtype",
        r#"#[derive(FromValue)]
struct UserId(u64);
"#,
    ),
    (
        "from_value_enum",
        r#"#[derive(FromValue)]
enum Tier {
    PayAsYouGo,
    #[spoa("VIP")]
    Vip,
}
"#,
    ),
    (
        "into_actions",
        r#"#[derive(IntoActions)]
#[spoa(scope = "txn")]
struct Verdict<'a> {
    score: u8,
    #[spoa("why", scope = "sess")]
    reason: Option<&'a str>,
    #[spoa(flatten)]
    flag: Option<SetVar<bool>>,
}
"#,
    ),
    (
        "run",
        r#"run!(
    name = "iprep",
    listen = "127.0.0.1:12345",
    state = Db::open(path)?,
    reload = Rules::load("rules.txt")?,
    handlers = [ip_reputation, names::look_up],
    on_failure = failed,
)
"#,
    ),
];

#[test]
fn macros_generate_what_the_snapshots_show() {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("snapshots");
    let overwrite = std::env::var_os("SNAPSHOTS").is_some_and(|mode| mode == "overwrite");
    let mut different = Vec::new();
    for (name, input) in INPUTS {
        let file = folder.join(name).with_extension("txt");
        let now = format!("{input}\n// ---- expands to ----\n\n{}", expansion(input));
        if overwrite {
            std::fs::write(&file, &now).unwrap();
        } else if std::fs::read_to_string(&file).unwrap_or_default() != now {
            different.push(format!("{}:\n{now}", file.display()));
        }
    }
    assert!(
        different.is_empty(),
        "generated code has changed. If it is right, overwrite the files with \
         `SNAPSHOTS=overwrite cargo test -p haproxy-spoa-macros` and review the difference.\n\n{}",
        different.join("\n")
    );
}

#[test]
fn each_snapshot_has_an_input() {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("snapshots");
    for entry in std::fs::read_dir(folder).unwrap() {
        let file = entry.unwrap().path();
        let name = file.file_stem().and_then(|name| name.to_str()).unwrap();
        assert!(INPUTS.iter().any(|(input, _)| *input == name), "{name}");
    }
}

fn expansion(input: &str) -> String {
    if let Some(list) = input.strip_prefix("run!(") {
        let list = list.trim_end().strip_suffix(')').unwrap();
        let call = program::run(format!("[::spoa] {list}").parse().unwrap());
        return formatted(&format!("fn main() {{ {call} }}"));
    }
    let generated = match syn::parse_str::<ItemFn>(input) {
        Ok(mut function) => {
            let attr = take(&mut function.attrs, "spoe_message");
            message::handler(AttributeKind::Message, attr, function.to_token_stream())
        }
        Err(_) => {
            let mut item: DeriveInput = syn::parse_str(input).unwrap();
            let name = take(&mut item.attrs, "derive").to_string();
            match name.as_str() {
                "FromMessage" => derive::from_message(&item),
                "FromValue" => derive::from_value(&item),
                "IntoActions" => derive::into_actions(&item),
                _ => panic!("no derive `{name}`"),
            }
        }
    };
    formatted(&generated.to_string())
}

/// Removes an attribute and returns its tokens.
fn take(attrs: &mut Vec<Attribute>, name: &str) -> TokenStream {
    let place = attrs.iter().position(|attr| attr.path().is_ident(name));
    match attrs.remove(place.unwrap()).meta {
        Meta::List(list) => list.tokens,
        _ => TokenStream::new(),
    }
}

fn formatted(code: &str) -> String {
    let file = syn::parse_file(code).unwrap_or_else(|error| panic!("{error}: {code}"));
    let text = prettyplease::unparse(&file);
    assert!(!text.contains("compile_error"), "{text}");
    text
}
