//! Tools for the HAProxy side of an agent: `config`, `doctor`, `docs`, `dev` and `explain`.
//!
//! They know an agent only by its description ([`spoa_config::Agent`]), so the agent may be written in any
//! language. An agent made with `haproxy-spoa` hands over its own description; `spop` reads one from a file
//! ([`description`]).
//!
//! ```
//! use spoa_tools::command::CommandInput;
//! use spoa_tools::config::Config;
//!
//! let agent = spoa_tools::description::read(r#"{
//!     "format": 1, "agent": "geo", "listen": ["127.0.0.1:12345"],
//!     "messages": [{ "message": "lookup", "arguments": [{ "name": "ip", "takes": "address", "sample": "src" }] }]
//! }"#)?;
//! let given = CommandInput::default().option("haproxy", "3.2").option("part", "spoe");
//! let written = Config::read(&given).perform(&agent)?;
//! assert!(written.text.contains("args ip=src\n"), "{}", written.text);
//! # Ok::<(), String>(())
//! ```

pub mod command;
pub mod config;
pub mod description;
pub mod dev;
pub mod docs;
pub mod doctor;
pub mod explain;
pub mod folder;
pub mod guarded;
pub mod haproxy;
pub mod terminal;

/// The output of a command, and the exit status of the program.
///
/// ```
/// let nothing = spoa_tools::CommandOutput::default();
/// assert_eq!((nothing.text.as_str(), nothing.status), ("", 0));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CommandOutput {
    /// The text for standard output.
    pub text: String,
    /// The warnings for standard error, one line each.
    pub warnings: Vec<String>,
    /// The exit status.
    pub status: u8,
}
