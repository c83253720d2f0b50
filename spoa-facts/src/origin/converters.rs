//! The effect of each converter on the value it is given.

use super::{Chooser, Origin, THIRDS};
use crate::Kind;
use crate::expression::Call;

/// Where what a converter gives comes from, for what it was given.
pub(super) fn origin(origin: Origin, call: &Call, gives: Kind) -> Origin {
    if origin.chooser != Chooser::Client && !origin.omittable {
        // Whatever is made of it, no client has a part in it.
        return Origin {
            integers: (i64::MIN, i64::MAX),
            most: None,
            ..origin
        };
    }
    let name = call.name.as_str();
    let number = |place| argument(call, place).and_then(|text| text.parse::<i64>().ok());
    match name {
        "lower" | "upper" | "ltrim" | "rtrim" | "debug" | "set-var" | "unset-var"
        | "capture-req" | "capture-res" | "when" | "cut_crlf" | "host_only" | "reverse"
        | "reverse_dom" | "concat" | "add_item" | "regsub" => origin,
        "bytes" => match number(1).and_then(|length| usize::try_from(length).ok()) {
            Some(length) => origin.up_to(length),
            None => origin,
        },
        // A part of it, if there is such a part.
        "field" | "word" | "param" | "rfc7239_field" | "rfc7239_nn" | "rfc7239_np"
        | "rfc7239_n2nn" | "rfc7239_n2np" | "fix_tag_value" | "mqtt_field_value" => {
            origin.missing()
        }
        "json_query" | "jwt_header_query" | "jwt_payload_query" | "url_dec" | "b64dec"
        | "ub64dec" | "protobuf" | "ungrpc" | "aes_cbc_dec" | "aes_cbc_enc" | "aes_gcm_dec"
        | "aes_gcm_enc" | "jwt_decrypt_cert" | "jwt_decrypt_jwk" | "jwt_decrypt_secret"
        | "eth.data" | "eth.hdr" | "ip.data" | "ip.hdr" | "tcp.options_list" => {
            origin.any_bytes().missing()
        }
        "eth.dst" | "eth.src" => origin.any_bytes().missing().fixed(6),
        "ip.fp" => origin.any_bytes().missing().fixed(64),
        // Longer, and ASCII.
        "hex" => origin.ascii().times(2 * THIRDS),
        "base64" | "ub64enc" => origin.ascii().times(4),
        "url_enc" => origin.ascii().times(3 * THIRDS),
        "json" => origin.ascii().missing().times(2 * THIRDS),
        "be2hex" => origin.ascii().times(2 * THIRDS),
        "be2dec" | "le2dec" | "base2" => origin.ascii(),
        // Of a fixed size.
        "sha1" => origin.any_bytes().fixed(20),
        "sha2" | "digest" | "hmac" => origin.any_bytes().fixed(64),
        "htonl" => origin.any_bytes().fixed(4),
        "http_date" | "ltime" | "utime" | "ms_ltime" | "ms_utime" | "us_ltime" | "us_utime"
        | "x509_v_err_str" => origin.ascii().fixed(64),
        "length" | "crc32" | "crc32c" | "djb2" | "sdbm" | "wt6" | "xxh32" => {
            origin.integer(0, u32::MAX.into())
        }
        "port_only" => origin.integer(0, u32::MAX.into()),
        "mod" => match number(0).and_then(i64::checked_abs) {
            Some(by) if by > 0 => origin.integer(1 - by, by - 1),
            _ => origin.integer(i64::MIN, i64::MAX),
        },
        "and" => match number(0) {
            Some(mask) if mask >= 0 => origin.integer(0, mask),
            _ => origin.integer(i64::MIN, i64::MAX),
        },
        // One of the values that the site wrote down.
        "iif" => site(origin),
        "language" => site(origin).missing_unless(argument(call, 1).is_some()),
        _ if name == "map" || name.starts_with("map_") => {
            site(origin).missing_unless(argument(call, 1).is_some())
        }
        // Whether something is so, or a count that belongs to it.
        "strcmp" | "jwt_verify" | "jwt_verify_cert" => {
            origin.integer(i32::MIN.into(), i32::MAX.into())
        }
        _ if name.starts_with("table_") || matches!(name, "nbsrv" | "srv_queue") => site(origin),
        _ => match gives {
            Kind::Bool => origin.integer(0, 1),
            Kind::Sint if name == "hex2i" || name == "date" || name.contains('.') => {
                origin.missing().integer(i64::MIN, i64::MAX)
            }
            Kind::Sint => origin.integer(i64::MIN, i64::MAX),
            Kind::Addr | Kind::Ipv4 | Kind::Ipv6 => origin.missing().fixed(16),
            _ => Origin::by(Chooser::Unknown),
        },
    }
}

/// A value of the site's, which one being the client's choice.
fn site(origin: Origin) -> Origin {
    Origin {
        omittable: origin.omittable,
        ..Origin::by(Chooser::Site)
    }
}

impl Origin {
    /// Without a value of its own for what is not found, a client can have it missing.
    fn missing_unless(mut self, always: bool) -> Self {
        self.omittable |= !always;
        self
    }
}

/// Returns the text of an argument that is there.
fn argument(call: &Call, place: usize) -> Option<&str> {
    let argument = call.arguments.as_ref()?.get(place)?;
    Some(argument.text.as_str()).filter(|text| !text.is_empty())
}
