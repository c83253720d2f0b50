//! Where the value of each fetch comes from.

use super::{Chooser, Origin, Place};
use crate::check;
use crate::expression::Call;

/// Where the value of a fetch comes from. `response` says what a name such as `hdr` means.
pub(super) fn origin(call: &Call, response: bool) -> Origin {
    let site = || Origin::by(Chooser::Site);
    let server = || Origin::by(Chooser::Server);
    let unknown = || Origin::by(Chooser::Unknown);
    let client = Origin::client;
    let name = call.name.as_str();
    match name {
        // A method is a token, and a version is made of digits.
        "method" | "meth" => client().always().ascii(),
        "capture.req.method" => client().ascii(),
        "req.ver" | "req_ver" | "capture.req.ver" => client().always().ascii().up_to(8),
        // HAProxy refuses bytes from 0x80 up in the target of HTTP/1, and takes them in HTTP/2. `*`,
        // and the target of CONNECT, are not paths.
        "path" => client().at(Place::Path),
        "pathq" => client().at(Place::Path).at(Place::Query),
        "url" | "capture.req.uri" => client().always().at(Place::Path).at(Place::Query),
        "query" => client().at(Place::Query),
        "base" => client().at(host()).at(Place::Path),
        "baseq" => client().at(host()).at(Place::Path).at(Place::Query),
        "url_param" | "urlp" => client().at(match argument(call, 0) {
            Some(name) => Place::QueryParameter(name.to_owned()),
            None => Place::Query,
        }),
        "urlp_val" => client().integer(i64::MIN, i64::MAX),
        "url_ip" => client().fixed(4),
        "url_port" => client().integer(0, u32::MAX.into()),
        "url32" | "base32" => client().always().integer(0, u32::MAX.into()),
        "url32+src" | "base32+src" => client().always().fixed(20),

        "hdr" | "hdr_ip" | "hdr_val" | "hdr_cnt" | "cook" | "cookie" | "cook_cnt" | "cook_val"
        | "payload" | "payload_lv"
            if response =>
        {
            server()
        }
        "req.hdr" | "req.fhdr" | "hdr" => client().at(header(call)),
        "req.hdr_ip" | "hdr_ip" => client().fixed(16),
        "req.hdr_val" | "hdr_val" | "req.cook_val" | "cook_val" => {
            client().integer(i64::MIN, i64::MAX)
        }
        "req.hdr_cnt" | "hdr_cnt" | "req.fhdr_cnt" | "req.cook_cnt" | "cook_cnt" => {
            client().always().integer(0, i32::MAX.into())
        }
        "req.hdr_names" => client().always().ascii().at(Place::HeaderNames),
        "req.hdrs" | "req.hdrs_bin" => client().always().at(Place::Headers),
        "req.cook" | "cook" | "cookie" => client().at(match argument(call, 0) {
            Some(name) => Place::Cookie(name.to_owned()),
            None => Place::Header("cookie".to_owned(), None),
        }),
        "req.cook_names" => client().at(Place::Header("cookie".to_owned(), None)),
        // The operator chooses how many bytes are captured.
        "capture.req.hdr" => client(),
        "http_auth_user" | "http_auth_pass" => client().at(authorization()).times(2),
        "http_auth_type" => client().at(authorization()),
        "http_auth_bearer" => client().at(match argument(call, 0) {
            Some(name) => Place::Header(name.to_ascii_lowercase(), None),
            None => authorization(),
        }),

        "req.body" => client().always().at(Place::Body),
        "req.body_len" | "req.len" | "req_len" => client().always().integer(0, i32::MAX.into()),
        "req.body_size" | "bytes_in" | "req.bytes_in" => client().always().integer(0, i64::MAX),
        "req.body_param" => client().at(match argument(call, 0) {
            Some(name) => Place::BodyParameter(name.to_owned()),
            None => Place::Body,
        }),
        "req.payload" | "payload" => {
            let taken = client().at(Place::Payload);
            match argument(call, 1).and_then(|length| length.parse().ok()) {
                None | Some(0) => taken,
                Some(length) => taken.up_to(length),
            }
        }
        "req.payload_lv" | "payload_lv" | "req.rdp_cookie" | "rdp_cookie" => {
            client().at(Place::Payload)
        }
        "req.rdp_cookie_cnt" | "rdp_cookie_cnt" => client().integer(0, i32::MAX.into()),

        // The start of a TLS handshake, which is not encrypted and not part of the request.
        "req.ssl_sni" | "req_ssl_sni" | "ssl_fc_sni" => client().up_to(255),
        "req.ssl_alpn" => client().up_to(255),
        "req.ssl_cipherlist"
        | "req.ssl_keyshare_groups"
        | "req.ssl_sigalgs"
        | "req.ssl_supported_groups"
        | "ssl_fc_cipherlist_bin"
        | "ssl_fc_ecformats_bin"
        | "ssl_fc_eclist_bin"
        | "ssl_fc_extlist_bin"
        | "ssl_fc_sigalgs_bin"
        | "ssl_fc_supported_versions_bin"
        | "ssl_fc_session_id" => client(),
        "ssl_fc_client_random" => client().up_to(32),
        "ssl_fc_cipherlist_hex" | "ssl_fc_cipherlist_str" => client().ascii(),
        "ssl_fc_cipherlist_xxh" => client().integer(i64::MIN, i64::MAX),
        "ssl_fc_protocol_hello_id"
        | "req.ssl_ver"
        | "req_ssl_ver"
        | "req.ssl_hello_type"
        | "req_ssl_hello_type"
        | "req.ssl_st_ext" => client().integer(0, u32::MAX.into()),

        // A client's certificate. How much of it an authority signs is not known.
        "ssl_c_chain_der" | "ssl_c_der" | "ssl_c_i_dn" | "ssl_c_r_dn" | "ssl_c_s_dn"
        | "ssl_c_san" | "ssl_c_serial" => client(),
        "ssl_c_sha1" => client().fixed(20),
        "ssl_c_key_alg" | "ssl_c_notafter" | "ssl_c_notbefore" | "ssl_c_policies"
        | "ssl_c_sig_alg" => client().ascii(),
        "ssl_c_version" => client().integer(0, i64::MAX),
        // The result of the negotiation is one of those that the site takes, or nothing.
        "ssl_fc_alpn" | "ssl_fc_npn" => site().missing(),

        "var" | "acl" | "fc_pp_authority" | "fc_pp_tlv" | "fc_pp_unique_id" | "fc_saved_syn"
        | "distcc_body" | "distcc_param" | "dump_all_vars" | "fs.debug_str" | "bs.debug_str"
        | "http_auth_group" | "sc_key" | "sc0_key" | "sc1_key" | "sc2_key" => unknown(),
        _ if name.starts_with("internal.") => unknown(),
        // Three digits, as HTTP has it.
        "status" => server().integer(0, 999),
        "txn.status" | "capture.res.hdr" | "capture.res.ver" | "bytes_out"
        | "rep_ssl_hello_type" | "resp_ver" => server(),
        _ if ["res.", "ssl_s_", "ssl_bc", "shdr", "scook"]
            .iter()
            .any(|prefix| name.starts_with(prefix)) =>
        {
            server()
        }
        _ if check::has_fetch(name) => site(),
        _ => unknown(),
    }
}

/// Returns the text of an argument that is there.
fn argument(call: &Call, place: usize) -> Option<&str> {
    let argument = call.arguments.as_ref()?.get(place)?;
    Some(argument.text.as_str()).filter(|text| !text.is_empty())
}

fn header(call: &Call) -> Place {
    let Some(name) = argument(call, 0) else {
        return Place::Headers;
    };
    // The last value, which it is without a number, can be any of them.
    let place = argument(call, 1).and_then(|text| text.parse().ok());
    Place::Header(
        name.to_ascii_lowercase(),
        place.filter(|place| *place != -1),
    )
}

fn host() -> Place {
    Place::Header("host".to_owned(), None)
}

fn authorization() -> Place {
    Place::Header("authorization".to_owned(), None)
}
