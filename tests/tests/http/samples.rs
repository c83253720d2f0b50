//! The samples that types name are in HAProxy's tables, as the types say.

use spoa::handler::{DefaultSample, FromValue};
use spoa::http::{
    BasicAuth, BearerToken, Form, Headers, Host, Method, Path, Query, TraceParent, UniqueId,
};
use spoa_facts::{Chooser, Event, Expression, Series};

fn check(name: &str, sample: DefaultSample) {
    let (request, response) = sample.expressions();
    let mut events = 0;
    for text in [request, response].into_iter().flatten() {
        let expression = Expression::parse_word(text).expect("it is an expression");
        for series in Series::ALL {
            let given = expression.check(series);
            let given = given.unwrap_or_else(|problem| panic!("{name}: {text}: {problem}"));
            events |= given
                .events()
                .fold(0, |bits, event| bits | 1 << event as u8);
        }
    }
    assert_eq!(sample.events(), events, "{name}");
    let request = Expression::parse_word(request.expect("there is one")).expect("it parses");
    let origin = request.origin();
    // A type that never rejects need not be chosen by a client; the other way round a check would be lost.
    if origin.chooser() == Chooser::Client {
        let nothing = spoa::handler::Accepts::SOME;
        assert!(!sample.converts(nothing), "{name}: a client chooses it");
        assert_eq!(
            !sample.is_taken_if_missing(nothing),
            origin.is_omittable(),
            "{name}: whether a client can leave it out"
        );
    }
}

#[test]
fn every_sample_exists_in_all_series_at_the_events_that_its_type_says() {
    macro_rules! check {
        ($($ty:ty)*) => {$(check(stringify!($ty), <$ty>::SAMPLE);)*};
    }
    check!(Headers<'_> Method<'_> Path<'_> Query<'_> Form<'_> Host<'_> BearerToken<'_> BasicAuth
        TraceParent UniqueId<'_>);
    assert_eq!(Event::ALL.len(), 8);
}
