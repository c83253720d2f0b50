//! The origins of samples.

use super::*;
use crate::{Series, converters, fetches};

fn origin(text: &str) -> Origin {
    Expression::parse(text).expect(text).origin()
}

#[test]
fn a_client_chooses_the_samples_of_its_request() {
    for text in [
        "method",
        "path",
        "pathq",
        "url",
        "query",
        "base",
        "req.hdr(x-forwarded-for)",
        "hdr(host),lower",
        "req.fhdr(user-agent)",
        "req.cook(session)",
        "req.hdrs",
        "req.hdrs_bin",
        "req.body",
        "url_param(a),url_dec",
        "req.payload(0,10)",
        "ssl_c_s_dn(cn)",
        "ssl_fc_sni",
        "req.body_size",
        "http_auth_user",
        "req.hdr(x),add(1)",
    ] {
        assert_eq!(origin(text).chooser(), Chooser::Client, "{text}");
    }
    for text in [
        "src",
        "dst",
        "src_port",
        "ssl_fc",
        "fe_name",
        "be_name",
        "unique-id",
        "str(a)",
        "env(A)",
        "ssl_fc_protocol",
        "sc0_http_req_rate",
        "rand",
        "req.hdr(x),map(/a.map)",
        "uuid",
    ] {
        assert_eq!(origin(text).chooser(), Chooser::Site, "{text}");
    }
    for text in ["status", "res.hdr(server)", "res.body", "srv_name"] {
        assert_ne!(origin(text).chooser(), Chooser::Client, "{text}");
    }
    for text in [
        "var(txn.x)",
        "lua.score",
        "lua.score,lower",
        "req.hdr(x),lua.clean",
        "fc_pp_tlv(1)",
    ] {
        assert_eq!(origin(text).chooser(), Chooser::Unknown, "{text}");
    }
}

#[test]
fn at_a_response_a_header_is_the_servers() {
    let header = Expression::parse("hdr(x-a)").unwrap();
    assert_eq!(
        header.origin_at(Event::FrontendHttpRequest).chooser(),
        Chooser::Client
    );
    assert_eq!(
        header.origin_at(Event::HttpResponse).chooser(),
        Chooser::Server
    );
}

#[test]
fn each_sample_knows_its_part_of_the_request() {
    let header = |name: &str| Place::Header(name.to_owned(), None);
    for (text, places) in [
        ("url", vec![Place::Path, Place::Query]),
        ("pathq", vec![Place::Path, Place::Query]),
        ("base", vec![header("host"), Place::Path]),
        ("req.hdr(X-Id)", vec![header("x-id")]),
        ("req.hdr(x,-1)", vec![header("x")]),
        ("req.hdr(x,2)", vec![Place::Header("x".to_owned(), Some(2))]),
        ("req.hdr", vec![Place::Headers]),
        ("req.hdrs_bin", vec![Place::Headers]),
        ("req.cook(a)", vec![Place::Cookie("a".to_owned())]),
        ("req.body,hex", vec![Place::Body]),
        ("req.body,sha2(256)", vec![]),
        ("req.body,length", vec![]),
        ("req.body_size", vec![]),
        ("method", vec![]),
        ("src", vec![]),
    ] {
        assert_eq!(origin(text).places(), places, "{text}");
    }
}

#[test]
fn converters_limit_grow_and_restrict() {
    for (text, most) in [
        ("req.body,bytes(0,1000)", Some(1000)),
        ("req.body,bytes(10)", None),
        ("req.body,bytes(0,1000),hex", Some(2000)),
        ("req.body,hex,bytes(0,1000)", Some(1000)),
        ("req.hdrs,sha1", Some(20)),
        ("req.payload(0,10)", Some(10)),
        ("req.payload(0,0)", None),
        ("path", None),
    ] {
        assert_eq!(origin(text).most(), most, "{text}");
    }
    for (text, charset) in [
        ("method", Charset::Ascii),
        ("path", Charset::Any),
        ("path,url_enc", Charset::Ascii),
        ("req.hdr(x),base64,lower", Charset::Ascii),
        ("req.hdr(x),base64,b64dec", Charset::Any),
        ("req.hdr(x),hex,bytes(0,8)", Charset::Ascii),
        ("req.hdr_names", Charset::Ascii),
    ] {
        assert_eq!(origin(text).charset(), charset, "{text}");
    }
    assert_eq!(
        origin("req.hdr(x),length").integers(),
        0..=i64::from(u32::MAX)
    );
    assert_eq!(origin("req.hdr(x),mod(7)").integers(), -6..=6);
    assert_eq!(origin("req.hdr(x),xxh64").integers(), i64::MIN..=i64::MAX);
    assert_eq!(origin("req.body,crc32").integers(), 0..=i64::from(u32::MAX));
    assert_eq!(origin("status").integers(), 0..=999);
    for text in ["status,div(100)", "status,mul(1000)", "status,crc32"] {
        assert_eq!(origin(text).integers(), i64::MIN..=i64::MAX, "{text}");
    }
    assert_eq!(origin("status,sha2(512)").most(), None);
}

#[test]
fn a_client_can_leave_out_most_samples_but_not_all() {
    for text in [
        "path",
        "query",
        "req.hdr(host)",
        "req.hdr(a),lower",
        "req.hdr(a),map(/a.map)",
        "method,map(/a.map)",
        "req.hdrs,b64dec",
        "req.hdr(a,1),add(1)",
        "req.body,field(2,:)",
        "ssl_c_der",
        "ssl_fc_sni",
    ] {
        assert!(origin(text).is_omittable(), "{text}");
    }
    for text in [
        "method",
        "url",
        "req.hdrs",
        "req.body",
        "req.body,bytes(500,1)",
        "req.body_len",
        "req.hdr_cnt(a)",
        "method,map(/a.map,none)",
        "src",
        "ssl_fc",
        "var(txn.a)",
        "str(a)",
    ] {
        assert!(!origin(text).is_omittable(), "{text}");
    }
}

/// A fetch of a newer HAProxy has to be reviewed: until then its origin is unknown.
#[test]
fn every_keyword_has_been_reviewed() {
    let unknown = [
        "acl",
        "distcc_body",
        "distcc_param",
        "dump_all_vars",
        "fc_pp_authority",
        "fc_pp_tlv",
        "fc_pp_unique_id",
        "fc_saved_syn",
        "fs.debug_str",
        "bs.debug_str",
        "http_auth_group",
        "sc0_key",
        "sc1_key",
        "sc2_key",
        "sc_key",
        "var",
    ];
    for series in Series::ALL {
        for fetch in fetches(series) {
            let known = origin(fetch.name).chooser() != Chooser::Unknown
                || fetch.name.starts_with("internal.");
            assert_ne!(known, unknown.contains(&fetch.name), "{}", fetch.name);
        }
        for converter in converters(series) {
            let converted = origin(&format!("req.hdr(a),{}", converter.name));
            assert_ne!(converted.chooser(), Chooser::Unknown, "{}", converter.name);
        }
    }
}
