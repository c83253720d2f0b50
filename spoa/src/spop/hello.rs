//! HAPROXY-HELLO and AGENT-HELLO (SPOE.txt 3.2.4, 3.2.5): the agreement of the two ends.

use super::frame::OpenFrame;
use super::{Flags, FrameIds, FrameType, Status, Value, pairs};
use std::fmt;
use std::ops::{BitAnd, BitOr};

/// The protocol version this crate speaks.
pub const VERSION: &str = "2.0";

/// The smallest frame size that may be agreed on, in bytes.
pub const MIN_MAX_FRAME_SIZE: u32 = 256;

/// Reads `Major.Minor`; spaces around it do not count.
fn version(text: &str) -> Option<(u32, u32)> {
    let (major, minor) = text.trim().split_once('.')?;
    let number = |digits: &str| {
        if digits.bytes().all(|byte| byte.is_ascii_digit()) {
            digits.parse().ok()
        } else {
            None
        }
    };
    Some((number(major)?, number(minor)?))
}

/// The capabilities of an end, beyond the basics (SPOE.txt 3.2.1): a set, made with `|`.
///
/// ```
/// use spoa::spop::Capabilities;
///
/// let offered = Capabilities::parse("pipelining, async,what-is-this");
/// assert_eq!(offered, Capabilities::PIPELINING | Capabilities::ASYNC);
/// assert!(!offered.contains(Capabilities::FRAGMENTATION));
/// assert_eq!(offered.to_string(), "pipelining,async");
/// ```
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Capabilities(u8);

impl Capabilities {
    /// No capability.
    pub const NONE: Capabilities = Capabilities(0);
    /// Several NOTIFYs may be in flight on a connection, and their ACKs come in any order.
    pub const PIPELINING: Capabilities = Capabilities(1);
    /// An ACK may come on another connection of the same engine (HAProxy ≤ 3.0).
    pub const ASYNC: Capabilities = Capabilities(2);
    /// A NOTIFY may come in fragments (HAProxy ≤ 3.0).
    pub const FRAGMENTATION: Capabilities = Capabilities(4);

    const NAMES: [(Capabilities, &'static str); 3] = [
        (Capabilities::PIPELINING, "pipelining"),
        (Capabilities::ASYNC, "async"),
        (Capabilities::FRAGMENTATION, "fragmentation"),
    ];

    /// Reads a comma-separated list; unknown names are ignored.
    #[must_use]
    pub fn parse(list: &str) -> Self {
        list.split(',')
            .flat_map(|item| Self::NAMES.iter().find(|(_, name)| *name == item.trim()))
            .fold(Capabilities::NONE, |all, (one, _)| all | *one)
    }

    /// Returns whether all of `others` are in the set.
    #[must_use]
    pub const fn contains(self, others: Capabilities) -> bool {
        self.0 & others.0 == others.0
    }
}

impl BitOr for Capabilities {
    type Output = Capabilities;

    fn bitor(self, other: Capabilities) -> Capabilities {
        Capabilities(self.0 | other.0)
    }
}

impl BitAnd for Capabilities {
    type Output = Capabilities;

    fn bitand(self, other: Capabilities) -> Capabilities {
        Capabilities(self.0 & other.0)
    }
}

/// Writes the comma-separated list that goes on the wire.
impl fmt::Display for Capabilities {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut comma = "";
        for (_, name) in Self::NAMES.iter().filter(|(one, _)| self.contains(*one)) {
            write!(f, "{comma}{name}")?;
            comma = ",";
        }
        Ok(())
    }
}

impl fmt::Debug for Capabilities {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Capabilities({self})")
    }
}

/// The payload of a HAPROXY-HELLO, the first frame of a connection. SPOE.txt has no other keys, so the struct
/// is complete.
///
/// ```
/// use spoa::spop::{Frame, HaproxyHello, VERSION};
///
/// let hello = HaproxyHello {
///     supported_versions: VERSION,
///     max_frame_size: 16380,
///     capabilities: Default::default(),
///     healthcheck: true,
///     engine_id: None,
/// };
/// let mut bytes = Vec::new();
/// hello.encode(&mut bytes);
/// let frame = Frame::split(&mut &bytes[..], 4096).unwrap().unwrap();
/// assert_eq!(HaproxyHello::decode(frame.payload), Ok(hello));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HaproxyHello<'a> {
    /// The versions HAProxy speaks, comma-separated.
    pub supported_versions: &'a str,
    /// The largest frame HAProxy takes, in bytes without the length prefix.
    pub max_frame_size: u32,
    /// The capabilities that HAProxy offers.
    pub capabilities: Capabilities,
    /// Whether this is the connection of a health check (`option spop-check`).
    pub healthcheck: bool,
    /// The id of the engine in its HAProxy process; `None` in health checks.
    pub engine_id: Option<&'a str>,
}

impl<'a> HaproxyHello<'a> {
    /// Reads the payload of a HAPROXY-HELLO. Keys that are not known are ignored.
    ///
    /// # Errors
    /// The [`Status`] to refuse the connection with: a key is missing or of the wrong type, no
    /// version is [`VERSION`], the frame size is below [`MIN_MAX_FRAME_SIZE`].
    pub fn decode(payload: &'a [u8]) -> Result<Self, Status> {
        let (mut versions, mut size, mut capabilities) = (None, None, None);
        let (mut healthcheck, mut engine_id) = (false, None);
        for pair in pairs::pairs(payload) {
            let (key, value) = pair.map_err(|error| error.status())?;
            match key {
                b"supported-versions" => versions = pairs::text("supported-versions", value).ok(),
                b"max-frame-size" => size = Some(pairs::number("max-frame-size", value).ok()),
                b"capabilities" => capabilities = pairs::text("capabilities", value).ok(),
                b"healthcheck" => healthcheck = value == Value::Bool(true),
                b"engine-id" => engine_id = pairs::text("engine-id", value).ok(),
                _ => {}
            }
        }
        let supported_versions = versions.ok_or(Status::NO_VERSION)?;
        let max_frame_size = size
            .ok_or(Status::NO_MAX_FRAME_SIZE)?
            .ok_or(Status::BAD_MAX_FRAME_SIZE)?;
        let capabilities = Capabilities::parse(capabilities.ok_or(Status::NO_CAPABILITIES)?);
        // SPOE.txt 3.2.4: an end that announces 2.1 speaks 2.0, too.
        let ours = |item| matches!(version(item), Some((2, _)));
        if !supported_versions.split(',').any(ours) {
            return Err(Status::BAD_VERSION);
        }
        if max_frame_size < MIN_MAX_FRAME_SIZE {
            return Err(Status::BAD_MAX_FRAME_SIZE);
        }
        Ok(HaproxyHello {
            supported_versions,
            max_frame_size,
            capabilities,
            healthcheck,
            engine_id,
        })
    }

    /// Appends the whole frame to `out`, its keys in HAProxy's order.
    pub fn encode(&self, out: &mut Vec<u8>) {
        let frame = OpenFrame::begin(FrameType::HAPROXY_HELLO, Flags::FIN, FrameIds::ZERO, out);
        pairs::push("supported-versions", self.supported_versions.into(), out);
        pairs::push("max-frame-size", Value::Uint32(self.max_frame_size), out);
        pairs::push(
            "capabilities",
            self.capabilities.to_string().as_str().into(),
            out,
        );
        if self.healthcheck {
            pairs::push("healthcheck", Value::Bool(true), out);
        }
        if let Some(engine_id) = self.engine_id {
            pairs::push("engine-id", engine_id.into(), out);
        }
        frame.finish(out);
    }
}

/// The payload of an AGENT-HELLO, the answer to a [`HaproxyHello`]. SPOE.txt has no other keys, so the struct
/// is complete.
///
/// ```
/// use spoa::spop::{AgentHello, Status};
///
/// assert_eq!(AgentHello::decode(b"\x07version\x08\x031.0"), Err(Status::BAD_VERSION));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AgentHello<'a> {
    /// The version the agent chose: HAProxy takes only the plain `2.0`.
    pub version: &'a str,
    /// The frame size that holds from here on, at most HAProxy's.
    pub max_frame_size: u32,
    /// The capabilities of the agent.
    pub capabilities: Capabilities,
}

impl<'a> AgentHello<'a> {
    /// Reads the payload of an AGENT-HELLO as strictly as HAProxy does. Keys that are not known are
    /// ignored. The session checks that the frame size is within HAProxy's.
    ///
    /// # Errors
    /// The [`Status`] HAProxy would refuse it with: a key is missing, of the wrong type or without a
    /// name, the version is not [`VERSION`], the frame size is below [`MIN_MAX_FRAME_SIZE`].
    pub fn decode(payload: &'a [u8]) -> Result<Self, Status> {
        let (mut version, mut size, mut capabilities) = (None, None, None);
        for pair in pairs::pairs(payload) {
            let (key, value) = pair.map_err(|error| error.status())?;
            let text = |key| pairs::text(key, value).map_err(|error| error.status());
            match key {
                b"" => return Err(Status::INVALID_FRAME),
                b"version" => version = Some(text("version")?),
                b"max-frame-size" => {
                    let wide = value.as_integer().ok_or(Status::INVALID_FRAME)?;
                    let fits = u32::try_from(wide).ok();
                    size = Some(fits.ok_or(Status::BAD_MAX_FRAME_SIZE)?);
                }
                b"capabilities" => capabilities = Some(text("capabilities")?),
                _ => {}
            }
        }
        let version = version.ok_or(Status::NO_VERSION)?;
        match self::version(version) {
            Some((2, 0)) => {}
            Some(_) => return Err(Status::BAD_VERSION),
            // As HAProxy 3.1 and later answer to `2` and to a list of versions.
            None => return Err(Status::INVALID_FRAME),
        }
        let max_frame_size = size.ok_or(Status::NO_MAX_FRAME_SIZE)?;
        if max_frame_size < MIN_MAX_FRAME_SIZE {
            return Err(Status::BAD_MAX_FRAME_SIZE);
        }
        let capabilities = Capabilities::parse(capabilities.ok_or(Status::NO_CAPABILITIES)?);
        Ok(AgentHello {
            version,
            max_frame_size,
            capabilities,
        })
    }

    /// Appends the whole frame to `out`. All three keys are always sent: HAProxy ≥ 3.1 fails the
    /// health check of an agent that leaves one out.
    pub fn encode(&self, out: &mut Vec<u8>) {
        let frame = OpenFrame::begin(FrameType::AGENT_HELLO, Flags::FIN, FrameIds::ZERO, out);
        pairs::push("version", self.version.into(), out);
        pairs::push("max-frame-size", Value::Uint32(self.max_frame_size), out);
        pairs::push(
            "capabilities",
            self.capabilities.to_string().as_str().into(),
            out,
        );
        frame.finish(out);
    }
}
