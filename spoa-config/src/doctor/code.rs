//! The codes of findings, and the explanation of each.
//!
//! One table: the rest, and the page of the documentation, follow from it.

use super::Severity;
use std::fmt;
use std::str::FromStr;

/// The reaction of HAProxy itself to a configuration with a fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Reaction {
    /// HAProxy loads the configuration silently.
    Silent,
    /// HAProxy loads the configuration with a warning.
    Warns,
    /// HAProxy does not load the configuration.
    Refuses,
    /// The result depends on HAProxy's version or on the machine.
    Depends,
}

macro_rules! codes {
    ($($variant:ident $name:literal $severity:ident $haproxy:ident $summary:literal,)*) => {
        /// The code of a finding.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum Code {
            $(#[doc = $summary] $variant,)*
        }

        impl Code {
            /// All codes, in the order of their names.
            pub const ALL: &'static [Code] = &[$(Code::$variant),*];

            /// Returns the name of the code, such as `SPOA010`.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self { $(Code::$variant => $name,)* }
            }

            /// Returns the finding in a few words.
            #[must_use]
            pub fn summary(self) -> &'static str {
                match self { $(Code::$variant => $summary,)* }
            }

            /// Returns the severity, unless a finding sets another one.
            #[must_use]
            pub fn severity(self) -> Severity {
                match self { $(Code::$variant => Severity::$severity,)* }
            }

            /// Returns how HAProxy reacts to a configuration with this fault.
            #[must_use]
            pub fn reaction(self) -> Reaction {
                match self { $(Code::$variant => Reaction::$haproxy,)* }
            }

            /// Returns what the finding means, why it hurts and how to fix it, as Markdown.
            #[must_use]
            pub fn explanation(self) -> &'static str {
                match self {
                    $(Code::$variant => include_str!(concat!("explanations/", $name, ".md")),)*
                }
            }
        }
    };
}

codes! {
    FileMissing "SPOA001" Error Refuses "the SPOE file that a filter names does not exist",
    FileUnnamed "SPOA002" Error Refuses "a filter names no SPOE file",
    ScopeMissing "SPOA003" Error Refuses "the SPOE file has no scope of the engine's name",
    AgentMissing "SPOA004" Error Refuses "a scope has no `spoe-agent` section",
    FileUnread "SPOA005" Warning Silent "no filter reads a SPOE file",
    FileBeside "SPOA006" Note Depends "a SPOE file is found from one directory only",
    FilterMissing "SPOA007" Warning Silent "the configuration has no SPOE filter",
    SectionUnknown "SPOA008" Error Refuses "a line does not begin a section that HAProxy knows",
    NewlineMissing "SPOA009" Error Refuses "a file has no newline at its end",
    MessageUnknown "SPOA010" Error Silent "no handler answers a message",
    HandlerUnasked "SPOA011" Warning Silent "no message has the name that a handler is for",
    MessageUnlisted "SPOA012" Warning Silent "a message is in no agent's list and in no group",
    MessageMissing "SPOA013" Error Refuses "a message is listed, but has no section",
    EventMissing "SPOA014" Error Warns "a message is listed, but has no event",
    EventElsewhere "SPOA015" Error Warns "a backend's filter uses an event of frontends",
    EventUnknown "SPOA016" Error Refuses "there is no such event",
    KeywordMisspelt "SPOA017" Error Silent "HAProxy ignores a misspelt keyword of a message",
    EventReplaced "SPOA018" Warning Silent "a message has several events, and only the last counts",
    LineSwallowed "SPOA019" Warning Depends "HAProxy ignores lines of a message",
    GroupUnsent "SPOA020" Error Silent "no rule sends a group",
    GroupUndeclared "SPOA021" Error Refuses "a rule sends a group that its engine does not have",
    GroupMissing "SPOA022" Error Refuses "a group is listed, but has no section",
    GroupUnlisted "SPOA023" Warning Silent "a group is in no agent's list",
    DefinedTwice "SPOA024" Error Refuses "something is defined twice",
    LinesOfScope "SPOA025" Error Depends "lines between a scope and its first section",
    WordsRefused "SPOA026" Error Refuses "HAProxy refuses the words of a line",
    KeywordRefused "SPOA027" Error Refuses "HAProxy refuses a keyword in its section",
    LogOfEach "SPOA028" Note Silent "HAProxy logs a line for each message",
    SampleMayLack "SPOA029" Note Silent "a required argument may have no value",
    ArgumentMissing "SPOA030" Error Silent "a message lacks an argument that its handler needs",
    ArgumentMisspelt "SPOA031" Error Silent "the name of an argument is misspelt",
    ArgumentUnused "SPOA032" Note Silent "no handler takes an argument",
    ArgumentUnnamed "SPOA033" Warning Silent "an argument has no name, and its handler takes it by name",
    SampleUnfit "SPOA034" Error Silent "a sample is of a type that its handler does not take",
    SampleRefused "SPOA035" Error Refuses "HAProxy does not accept a sample expression",
    SampleElsewhere "SPOA036" Error Refuses "a sample is not available where its message is sent",
    SampleOfAnother "SPOA037" Error Refuses "a sample is of another version of HAProxy",
    ArgumentTwice "SPOA038" Warning Silent "an argument is given twice",
    PrefixInvalid "SPOA039" Error Refuses "a prefix of variables is not valid",
    PrefixDiffers "SPOA040" Error Silent "rules read variables under another prefix than the agent's",
    VariableUnset "SPOA041" Warning Silent "a rule reads a variable that is never set",
    VariableUnread "SPOA042" Note Silent "nothing reads a variable that the agent sets",
    NameTooLong "SPOA043" Error Silent "a variable's name is too long for HAProxy",
    NameTakenTwice "SPOA044" Warning Silent "HAProxy and the agent set the same variable",
    ReadTooEarly "SPOA045" Error Silent "a rule reads a variable before the agent sets it",
    AnswerOverwritten "SPOA046" Warning Silent "a rule overwrites or presets what the agent answers",
    ArgumentTooEarly "SPOA047" Warning Silent "an argument reads what only later rules set",
    SharedByRequests "SPOA048" Warning Silent "data of one request is kept for others",
    VerdictElsewhere "SPOA049" Error Silent "a verdict on a request is read in the response, or the reverse",
    TimeoutsMissing "SPOA050" Warning Warns "a timeout of the agent is missing",
    HandlerTimeoutTooLong "SPOA051" Warning Silent "`timeout processing` ends before a handler's timeout",
    BackendTimeouts "SPOA052" Warning Depends "a timeout of the agents' backend is missing",
    FrameSize "SPOA060" Error Refuses "`max-frame-size` does not fit into `tune.bufsize`",
    BodyUnbuffered "SPOA061" Warning Silent "a message sends a body that nothing waits for",
    FrameOverfull "SPOA062" Warning Silent "a client can make a message too large to be sent",
    HeaderCut "SPOA063" Warning Silent "a header that is not a list is cut at its commas",
    DataAbsent "SPOA064" Warning Silent "a message sends raw data that is not available",
    BodyWaitedForElsewhere "SPOA065" Warning Silent "`wait-for-body` comes too late, or for too few requests",
    BackendMissing "SPOA070" Error Refuses "the agent's backend does not exist",
    BackendMode "SPOA071" Error Refuses "the agent's backend has the wrong mode",
    AddressElsewhere "SPOA072" Warning Silent "a server's address is not one where the agent listens",
    SocketForbidden "SPOA073" Error Silent "HAProxy may not connect to the agent's unix socket",
    CheckMissing "SPOA074" Warning Silent "a server is not checked by SPOP",
    Deprecated "SPOA075" Note Silent "HAProxy ignores a keyword from 3.1 on",
    TlsDiffers "SPOA076" Error Silent "only one of HAProxy and the agent uses TLS",
    BackendOfOthers "SPOA077" Warning Depends "the agents' backend has lines for other servers",
    AnswersCutOff "SPOA078" Warning Silent "a timeout is too short or too long for answers",
    ProxyProtocol "SPOA079" Error Depends "HAProxy sends the PROXY protocol to an agent",
    ContinueOnError "SPOA080" Warning Silent "after one event without an answer, later events are not sent",
    SetOnError "SPOA081" Warning Silent "no variable says that there was no answer",
    FailOpen "SPOA082" Warning Silent "if the agent does not answer, nothing is denied",
    ConditionUnmeant "SPOA083" Error Depends "a comparison in a condition is a mistake",
    FilterLeftOut "SPOA084" Error Depends "`filter-sequence` leaves an engine out",
    BackendOfSample "SPOA085" Error Refuses "a sample names a backend, a server or a table that does not exist",
    GroupNeverSent "SPOA086" Error Warns "a group is sent after a rule that ends the rules",
    OtherEntrance "SPOA087" Note Silent "requests through another frontend do not pass the agent",
    UrlAbsolute "SPOA088" Note Silent "`url` has another form with HTTP/2",
    HeaderOfClient "SPOA089" Warning Silent "a header from the client is taken for the agent's answer",
    OptionChoosesNothing "SPOA090" Note Silent "an option names a variable by a word that sounds like a choice",
    SentTwice "SPOA091" Warning Silent "a message is sent twice for one request",
    OutcomeUnenforced "SPOA092" Warning Silent "no rule enforces an outcome of a verdict",
    RungShadowed "SPOA093" Warning Silent "a rule about a verdict never matches",
    EventOfHttp "SPOA094" Error Silent "a message has an event of HTTP, but connections stay TCP",
    RuleOfHttp "SPOA095" Error Warns "HAProxy ignores a rule of HTTP, because connections stay TCP",
}

impl Code {
    /// Codes with checks that need HAProxy's version. [`examine`](super::examine) leaves out what these checks find if it is
    /// not told the version.
    ///
    /// ```
    /// use spoa_config::doctor::Code;
    ///
    /// assert!(Code::OF_VERSIONS.contains(&Code::Deprecated));
    /// ```
    pub const OF_VERSIONS: &'static [Code] = &[
        Code::EventUnknown,
        Code::WordsRefused,
        Code::SampleOfAnother,
        Code::TimeoutsMissing,
        Code::BackendMode,
        Code::Deprecated,
        Code::UrlAbsolute,
    ];
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The error for a name that is not the name of a code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownCode(String);

impl fmt::Display for UnknownCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (first, last) = (Code::ALL.first(), Code::ALL.last());
        write!(f, "`{}` is not a code of `doctor`", self.0)?;
        if let (Some(first), Some(last)) = (first, last) {
            write!(f, ": the codes are {first} to {last}")?;
        }
        Ok(())
    }
}

impl std::error::Error for UnknownCode {}

impl FromStr for Code {
    type Err = UnknownCode;

    fn from_str(text: &str) -> Result<Self, UnknownCode> {
        let named = |code: &&Code| code.name().eq_ignore_ascii_case(text.trim());
        let found = Code::ALL.iter().find(named);
        found.copied().ok_or_else(|| UnknownCode(text.to_owned()))
    }
}
