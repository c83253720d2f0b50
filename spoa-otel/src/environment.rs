//! The variables of OpenTelemetry: whether spans are exported, and mistakes in the variables.

use hyper::Uri;
use std::ops::RangeInclusive;
use std::time::Duration;

/// The reason why spans cannot be exported.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A variable of the environment has a value that is invalid or not supported.
    #[error("traces: the environment variable {variable} {problem}")]
    #[non_exhaustive]
    Variable {
        /// The name of the variable.
        variable: &'static str,
        /// The problem, and what to do.
        problem: String,
    },
    /// The exporter cannot start.
    #[error("traces: the exporter cannot start: {0}")]
    Start(String),
}

/// The settings of the environment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Environment {
    /// The timeout of one batch.
    pub(crate) timeout: Duration,
    /// The largest number of spans that may wait.
    pub(crate) queue: usize,
    /// Whether the environment names the service.
    pub(crate) names_service: bool,
}

// These variables have a form for traces only, which comes first and takes precedence.
const ENDPOINT: [&str; 2] = [
    "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
    "OTEL_EXPORTER_OTLP_ENDPOINT",
];
const PROTOCOL: [&str; 2] = [
    "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL",
    "OTEL_EXPORTER_OTLP_PROTOCOL",
];
const COMPRESSION: [&str; 2] = [
    "OTEL_EXPORTER_OTLP_TRACES_COMPRESSION",
    "OTEL_EXPORTER_OTLP_COMPRESSION",
];
const HEADERS: [&str; 2] = [
    "OTEL_EXPORTER_OTLP_TRACES_HEADERS",
    "OTEL_EXPORTER_OTLP_HEADERS",
];
const TIMEOUT: [&str; 2] = [
    "OTEL_EXPORTER_OTLP_TRACES_TIMEOUT",
    "OTEL_EXPORTER_OTLP_TIMEOUT",
];

const SAMPLERS: &str = "`always_on`, `always_off`, `traceidratio`, `parentbased_always_on`, \
                        `parentbased_always_off` or `parentbased_traceidratio`";

fn mistake<T>(variable: &'static str, problem: impl Into<String>) -> Result<T, Error> {
    let problem = problem.into();
    Err(Error::Variable { variable, problem })
}

impl Environment {
    /// Reads the environment. Returns `None` if nothing is to be exported.
    pub(crate) fn read() -> Result<Option<Self>, Error> {
        Environment::of(|name| std::env::var(name).ok())
    }

    fn of(env: impl Fn(&'static str) -> Option<String>) -> Result<Option<Self>, Error> {
        let get = |name| env(name).filter(|value| !value.is_empty());
        let first = |names: [&'static str; 2]| {
            let mut values = names
                .into_iter()
                .filter_map(|name| Some((name, get(name)?)));
            values.next()
        };
        if get("OTEL_SDK_DISABLED").is_some_and(|value| value.eq_ignore_ascii_case("true")) {
            return Ok(None);
        }
        match get("OTEL_TRACES_EXPORTER").as_deref() {
            Some("none") => return Ok(None),
            None | Some("otlp") => {}
            Some(_) => {
                return mistake("OTEL_TRACES_EXPORTER", "is invalid: write `otlp` or `none`");
            }
        }
        let Some((variable, endpoint)) = first(ENDPOINT) else {
            return Ok(None);
        };
        check_endpoint(variable, &endpoint)?;
        if let Some((variable, protocol)) = first(PROTOCOL) {
            if protocol != "http/protobuf" {
                return mistake(
                    variable,
                    "names a protocol that is not supported: write `http/protobuf`",
                );
            }
        }
        if let Some((variable, compression)) = first(COMPRESSION) {
            if compression != "none" {
                return mistake(
                    variable,
                    "names a compression, which is not supported: write `none`",
                );
            }
        }
        let lists = first(HEADERS).into_iter();
        let attributes = get("OTEL_RESOURCE_ATTRIBUTES");
        let lists = lists.chain(
            attributes
                .clone()
                .map(|list| ("OTEL_RESOURCE_ATTRIBUTES", list)),
        );
        for (variable, list) in lists {
            // Headers can be secrets, so no part of them is shown.
            if !list.split_terminator(',').all(is_pair) {
                return mistake(variable, "is invalid: write `name=value,name=value`");
            }
        }
        check_sampler(get("OTEL_TRACES_SAMPLER"), get("OTEL_TRACES_SAMPLER_ARG"))?;
        let number = |variable, range: RangeInclusive<u64>, default| match get(variable) {
            None => Ok(default),
            Some(text) => match text.parse() {
                Ok(number) if range.contains(&number) => Ok(number),
                _ => mistake(
                    variable,
                    format!(
                        "is invalid: write a number from {} to {}",
                        range.start(),
                        range.end()
                    ),
                ),
            },
        };
        const DAY: u64 = 86_400_000;
        let timeout = match first(TIMEOUT) {
            Some((variable, _)) => number(variable, 1..=DAY, 0)?,
            None => 10_000,
        };
        number("OTEL_BSP_SCHEDULE_DELAY", 1..=DAY, 0)?;
        number("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", 1..=1_000_000, 0)?;
        let queue = number("OTEL_BSP_MAX_QUEUE_SIZE", 1..=1_000_000, 2048)?;
        let named = attributes.is_some_and(|list| {
            let mut names = list
                .split(',')
                .filter_map(|pair| Some(pair.split_once('=')?.0.trim()));
            names.any(|name| name == "service.name")
        });
        Ok(Some(Environment {
            timeout: Duration::from_millis(timeout),
            queue: usize::try_from(queue).unwrap_or(usize::MAX),
            names_service: named || get("OTEL_SERVICE_NAME").is_some(),
        }))
    }
}

/// Checks the address of a receiver. An error does not show the address, which may have a password.
fn check_endpoint(variable: &'static str, endpoint: &str) -> Result<(), Error> {
    let uri: Option<Uri> = endpoint.parse().ok();
    match uri.as_ref().and_then(Uri::scheme_str) {
        Some("http") => Ok(()),
        Some("https") if cfg!(feature = "tls") => Ok(()),
        Some("https") => mistake(
            variable,
            "names an endpoint with `https`, and this program was built without TLS: write in its \
             Cargo.toml `haproxy-spoa-otel = { …, features = [\"tls\"] }`",
        ),
        _ => mistake(
            variable,
            "is not an address: write for instance `http://127.0.0.1:4318`",
        ),
    }
}

/// Returns whether a text is `name=value`.
fn is_pair(text: &str) -> bool {
    text.split_once('=')
        .is_some_and(|(name, _)| !name.trim().is_empty())
}

fn check_sampler(sampler: Option<String>, argument: Option<String>) -> Result<(), Error> {
    match sampler.as_deref() {
        None
        | Some("always_on" | "always_off" | "parentbased_always_on" | "parentbased_always_off") => {
            Ok(())
        }
        Some("traceidratio" | "parentbased_traceidratio") => {
            let ratio = argument.and_then(|text| text.parse::<f64>().ok());
            if ratio.is_some_and(|ratio| (0.0..=1.0).contains(&ratio)) {
                return Ok(());
            }
            mistake(
                "OTEL_TRACES_SAMPLER_ARG",
                "is invalid: write a number from 0 to 1",
            )
        }
        Some(_) => mistake(
            "OTEL_TRACES_SAMPLER",
            format!("names a sampler that is not supported: write {SAMPLERS}"),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RECEIVER: (&str, &str) = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://collector:4318");

    fn read(variables: &[(&str, &str)]) -> Result<Option<Environment>, String> {
        let all = [&[RECEIVER], variables].concat();
        let value = |name: &str| all.iter().rev().find(|(other, _)| *other == name);
        let read = Environment::of(|name| value(name).map(|(_, value)| (*value).to_owned()));
        read.map_err(|error| error.to_string())
    }

    #[test]
    fn without_an_endpoint_nothing_is_exported() {
        for variables in [
            &[("OTEL_EXPORTER_OTLP_ENDPOINT", "")][..],
            &[("OTEL_SDK_DISABLED", "TRUE")],
            &[("OTEL_TRACES_EXPORTER", "none")],
            // Mistakes do not matter then.
            &[
                ("OTEL_TRACES_EXPORTER", "none"),
                ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"),
            ],
        ] {
            assert_eq!(read(variables), Ok(None), "{variables:?}");
        }
        assert!(read(&[]).unwrap().is_some());
    }

    #[test]
    fn variables_for_traces_take_precedence_and_defaults_follow_the_specification() {
        let environment = read(&[]).unwrap().unwrap();
        assert_eq!(
            environment,
            Environment {
                timeout: Duration::from_secs(10),
                queue: 2048,
                names_service: false
            }
        );
        let environment = read(&[
            ("OTEL_EXPORTER_OTLP_TIMEOUT", "x"),
            ("OTEL_EXPORTER_OTLP_TRACES_TIMEOUT", "20"),
            ("OTEL_BSP_MAX_QUEUE_SIZE", "7"),
            ("OTEL_RESOURCE_ATTRIBUTES", "a=b, service.name=x,"),
        ]);
        assert_eq!(
            environment,
            Ok(Some(Environment {
                timeout: Duration::from_millis(20),
                queue: 7,
                names_service: true
            }))
        );
    }

    #[test]
    fn a_mistake_names_its_variable_and_shows_no_secret() {
        for (variable, value) in [
            ("OTEL_TRACES_EXPORTER", "zipkin"),
            ("OTEL_EXPORTER_OTLP_ENDPOINT", "collector:4318"),
            (
                "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
                "ftp://user:hunter2@collector",
            ),
            ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"),
            ("OTEL_EXPORTER_OTLP_COMPRESSION", "gzip"),
            ("OTEL_EXPORTER_OTLP_HEADERS", "authorization: hunter2"),
            ("OTEL_EXPORTER_OTLP_TRACES_HEADERS", "a=b,=hunter2"),
            ("OTEL_EXPORTER_OTLP_TIMEOUT", "10s"),
            ("OTEL_RESOURCE_ATTRIBUTES", "x"),
            ("OTEL_TRACES_SAMPLER", "often"),
            ("OTEL_BSP_MAX_QUEUE_SIZE", "0"),
            ("OTEL_BSP_SCHEDULE_DELAY", "-1"),
            ("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "many"),
        ] {
            let error = read(&[(variable, value)]).unwrap_err();
            let start = format!("traces: the environment variable {variable} ");
            assert!(error.starts_with(&start), "{error}");
            assert!(
                error.contains(": write ") && !error.contains("hunter2"),
                "{error}"
            );
        }
        for ratio in ["", "2", "half"] {
            let ratio = [
                ("OTEL_TRACES_SAMPLER", "traceidratio"),
                ("OTEL_TRACES_SAMPLER_ARG", ratio),
            ];
            assert!(
                read(&ratio)
                    .unwrap_err()
                    .contains("OTEL_TRACES_SAMPLER_ARG is invalid")
            );
        }
        let secure = read(&[("OTEL_EXPORTER_OTLP_ENDPOINT", "https://collector")]);
        assert_eq!(secure.is_ok(), cfg!(feature = "tls"));
    }
}
