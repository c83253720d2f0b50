//! The kinds of values that variables have.

/// The kind of values that a variable has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ValueKind {
    Bool,
    Number,
    Text,
    Address,
    /// Bytes, or what is not known.
    Other,
}

impl ValueKind {
    pub(super) fn of(rust_type: Option<&str>) -> Self {
        let mut name = rust_type.unwrap_or_default().trim();
        while let Some(inner) = name
            .strip_prefix("Option<")
            .and_then(|it| it.strip_suffix('>'))
        {
            name = inner.trim();
        }
        let name = name.trim_start_matches("&'static ").trim_start_matches('&');
        match name.rsplit("::").next().unwrap_or(name) {
            "bool" => ValueKind::Bool,
            "u8" | "u16" | "u32" | "u64" | "usize" | "i8" | "i16" | "i32" | "i64" | "isize" => {
                ValueKind::Number
            }
            "String" | "str" => ValueKind::Text,
            "IpAddr" | "Ipv4Addr" | "Ipv6Addr" => ValueKind::Address,
            _ => ValueKind::Other,
        }
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            ValueKind::Bool => "a boolean",
            ValueKind::Number => "a number",
            ValueKind::Text => "text",
            ValueKind::Address => "an address",
            ValueKind::Other => "set by the agent",
        }
    }
}
