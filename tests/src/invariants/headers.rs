//! The types of `spoa::http` on any bytes.

use spoa::http::{Cookies, Form, Headers, Host, Path, Query, TraceParent};

/// Checks that nothing panics, that a block is as long as it says, and that what is read is in what came.
pub fn header_blocks(data: &[u8]) {
    for headers in [Headers::from_block(data), Headers::from_text(data)] {
        let Ok(headers) = headers else { continue };
        assert_eq!(headers.iter().count(), headers.len());
        let read: usize = headers.iter().map(|(n, v)| n.len() + v.len()).sum();
        assert!(read <= data.len(), "more was read than came");
        let _ = (
            headers.cookies().len(),
            headers.host(),
            headers.bearer_token(),
        );
        let _ = (headers.basic_auth(), headers.trace_parent());
        let _ = format!("{headers:?}");
        // A look-up finds what reading all of them does.
        for name in headers.iter().map(|(name, _)| name) {
            let Ok(name) = std::str::from_utf8(name) else {
                continue;
            };
            let of_name = headers
                .iter()
                .filter(|(it, _)| it.eq_ignore_ascii_case(name.as_bytes()));
            assert!(headers.get_all(name).eq(of_name.map(|(_, value)| value)));
        }
        let lines = headers.get_all("cookie").flat_map(Cookies::from_header);
        assert!(headers.cookies().iter().eq(lines));
        // A block that is cut anywhere is not a block.
        let cut = data.split_last().map_or(data, |(_, cut)| cut);
        assert!(Headers::from_block(cut).is_err() || Headers::from_block(data).is_err());
    }
    let _ = (Host::new(data).name().len(), TraceParent::parse(data));
    let _ = (
        Path::new(data).segments().count(),
        Path::new(data).decoded(),
    );
    let _ = (
        Query::new(data).iter().count(),
        Form::new(data).iter().count(),
    );
    for (name, value) in Cookies::from_header(data) {
        assert!(name.len() + value.len() <= data.len());
        let Ok(name) = std::str::from_utf8(name) else {
            continue;
        };
        let cookies = Cookies::from_header(data);
        let of_name = cookies.iter().filter(|(it, _)| *it == name.as_bytes());
        assert!(cookies.get_all(name).eq(of_name.map(|(_, value)| value)));
    }
}
