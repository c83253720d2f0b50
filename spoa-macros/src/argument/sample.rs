//! The sample expression of an argument: what HAProxy makes of it, and whether the type accepts that.
//!
//! Conditions on types are emitted as constants, which the compiler evaluates with the traits.

use crate::assertion::{Words, require};
use crate::errors::Errors;
use crate::haproxy::spoe_conf;
use crate::hygiene::Names;
use crate::syntax::{erase, option, shown, timeless};
use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens, quote_spanned};
use spoa_facts::{Chooser, Event, Expression, Kind, Origin, Sample as Given};
use syn::spanned::Spanned;
use syn::{LitStr, Type};

/// The value of `sample` or `sample_unchecked`.
pub(crate) struct Sample {
    pub(crate) text: String,
    pub(crate) span: Span,
    /// The sample in each series of HAProxy that accepts it, the newest first; empty if it is not checked
    /// or is wrong.
    given: Vec<Given>,
    expression: Option<Expression>,
}

impl Sample {
    /// Reads `sample = "…"`.
    pub(super) fn checked(literal: &LitStr, errors: &mut Errors) -> Self {
        let mut sample = Sample::unchecked(literal, errors);
        if spoe_conf::sample(&sample.text).is_ok() {
            match look_up(&sample.text) {
                Ok(given) => sample.given = given,
                Err(problem) => errors.at(sample.span, problem),
            }
        }
        sample
    }

    /// Reads `sample_unchecked = "…"`.
    pub(super) fn unchecked(literal: &LitStr, errors: &mut Errors) -> Self {
        let (text, span) = (literal.value(), literal.span());
        if let Err(problem) = spoe_conf::sample(&text) {
            errors.at(span, problem);
        }
        let expression = Expression::parse_word(&text).ok();
        Sample {
            text,
            span,
            given: Vec::new(),
            expression,
        }
    }

    /// Returns the sample that an argument of a well-known name usually has in a message of this event; `None` is any event.
    pub(crate) fn usual(argument: &str, event: Option<Event>, span: Span) -> Option<Self> {
        let of_response = || spoa_facts::usual_of_response(argument);
        let text = match event {
            // The names for parts of the request mean nothing there.
            Some(Event::TcpResponse | Event::HttpResponse) => of_response(),
            Some(_) => spoa_facts::usual(argument),
            None => spoa_facts::usual(argument).or_else(of_response),
        }?
        .to_owned();
        let given = look_up(&text).ok()?;
        let expression = Expression::parse(&text).ok();
        Some(Sample {
            text,
            span,
            given,
            expression,
        })
    }

    /// Returns the type and the origin of the sample; `None` if it is not checked or is wrong.
    pub(crate) fn origin(&self) -> Option<(Kind, Origin)> {
        let given = self.given.first()?;
        Some((given.kind(), self.expression.as_ref()?.origin()))
    }

    /// Whether HAProxy may have no value for the sample.
    pub(crate) fn may_be_missing(&self) -> bool {
        self.given.first().is_some_and(Given::may_be_missing)
    }

    /// Reports an event at which the sample does not exist.
    pub(crate) fn check_event(&self, event: Event, errors: &mut Errors) {
        let Some(newest) = self.given.first() else {
            return;
        };
        if self.given.iter().any(|given| given.at(event)) {
            return;
        }
        if let Err(problem) = newest.check_event(event) {
            errors.at(self.span, problem);
        }
    }

    /// Returns the events at which the sample exists, a bit for each.
    pub(crate) fn events(&self) -> u8 {
        if self.given.is_empty() {
            return u8::MAX;
        }
        let events = self.given.iter().flat_map(Given::events);
        events.fold(0, |bits, event| bits | bit(event))
    }

    fn is_a_clients(&self) -> bool {
        self.origin()
            .is_some_and(|(_, origin)| origin.chooser() == Chooser::Client)
    }

    /// Returns code that does not compile if the sample does not become the type.
    pub(crate) fn check_type(&self, ty: &Type, names: &Names) -> TokenStream {
        let Some(given) = self.given.first() else {
            return TokenStream::new();
        };
        let fits = match given.kind() {
            Kind::Bool => "bool",
            Kind::Sint => "i64",
            Kind::Addr => "IpAddr",
            Kind::Ipv4 => "Ipv4Addr",
            Kind::Ipv6 => "Ipv6Addr",
            // A type that text does not become may be parsed from it. Text of a client may not parse.
            Kind::Str | Kind::Bin | Kind::Meth if self.is_a_clients() => {
                "Result<Parse<_>, Mismatch>"
            }
            Kind::Str | Kind::Bin | Kind::Meth => "Parse<_>",
            _ => return TokenStream::new(),
        };
        let private = &names.private;
        let span = ty.span().resolved_at(Span::mixed_site());
        let kind = kind_name(given.kind(), span);
        let words = format!(
            "`{}` gives {}, which cannot become `{}`: take `{}`, or another sample",
            self.text,
            given.kind(),
            shown(timeless(ty.to_token_stream())),
            corrected(ty, fits),
        );
        let ty = erase(ty.to_token_stream());
        let suits = quote_spanned! {span=>
            #private::suits(
                #private::Kind::#kind,
                <#ty as #private::Param<'_, #private::ByValue>>::EXPECTED,
            )
        };
        let words = Words {
            message: &words,
            label: "the sample has another type",
            notes: &[],
        };
        require(&suits, &words, span, names)
    }
}

/// Returns the name of a kind, which is that of its variant.
pub(super) fn kind_name(kind: Kind, span: Span) -> Ident {
    Ident::new(&format!("{kind:?}"), span)
}

/// Returns the bit of an event in a set of events.
pub(crate) fn bit(event: Event) -> u8 {
    1 << event as u8
}

fn look_up(text: &str) -> Result<Vec<Given>, String> {
    let expression = Expression::parse_word(text).map_err(|problem| problem.to_string())?;
    let newest = expression.check_any().map_err(|problem| {
        let unchecked = match problem.kind() {
            spoa_facts::ProblemKind::UnknownFetch {
                nearest: None,
                converter: false,
                ..
            }
            | spoa_facts::ProblemKind::UnknownConverter {
                nearest: None,
                fetch: false,
                ..
            } => "; for one in Lua, or of a newer HAProxy, write `sample_unchecked = \"…\"`",
            _ => "",
        };
        format!("{problem}{unchecked}")
    })?;
    let older = expression
        .series()
        .filter_map(|series| expression.check(series).ok());
    Ok(std::iter::once(newest).chain(older).collect())
}

/// Returns the type to take instead: optional if the one that was written is, which replaces `_`.
fn corrected(ty: &Type, fits: &str) -> String {
    let fit = |ty: &Type| fits.replace('_', &shown(timeless(ty.to_token_stream())));
    match option(ty) {
        Some(inner) => format!("Option<{}>", fit(inner)),
        None => fit(ty),
    }
}
