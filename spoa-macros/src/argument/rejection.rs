//! Whether a client can make the agent reject a message by what it sends, so that its request passes unchecked.
//!
//! Conditions on types are emitted as constants, which the compiler evaluates with the traits.

use super::attr::Source;
use super::model::Argument;
use super::param::param;
use super::sample::{Sample, kind_name};
use crate::assertion::{Words, require};
use crate::hygiene::Names;
use crate::syntax::{erase, last_name, option, peel, relax, shown, timeless};
use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens, quote, quote_spanned};
use spoa_facts::{Charset, Chooser, Event, Kind, Origin};
use syn::Type;
use syn::spanned::Spanned;

/// Returns code that does not compile if a client can make the agent reject the message, unless `#[arg(reject)]`
/// allows it. `event` is that of the message, if it is known.
pub(crate) fn check(
    argument: &Argument,
    event: Option<Event>,
    names: &Names,
) -> Option<TokenStream> {
    if argument.reject {
        return None;
    }
    // The sample of the argument: the one given, or the one that its well-known name means.
    let usual = match (&argument.sample, &argument.source) {
        (None, Source::Named(name)) => Sample::usual(name, event, argument.source_span),
        _ => None,
    };
    let case = |sample| Case {
        argument,
        sample,
        by_name: usual.is_some(),
        names,
        span: argument.ty.span().resolved_at(Span::mixed_site()),
    };
    let own = argument.sample.is_none().then(|| case("").own());
    let named = argument.sample.as_ref().or(usual.as_ref());
    let Some((sample, (kind, origin))) = named.and_then(|it| Some((it, it.origin()?))) else {
        return own;
    };
    let case = case(&sample.text);
    let chosen = chosen(kind, &origin).then(|| case.converts(kind, &origin));
    let omitted = (origin.is_omittable() && argument.fallback.is_none())
        .then(|| case.is_optional(kind, &origin));
    Some(quote!(#own #chosen #omitted))
}

/// The label of a type that does not take everything.
const CLIENT: &str = "does not accept everything that a client can send";

/// Whether clients, or the servers that answer them, choose the value, as far as that is known.
fn chosen(kind: Kind, origin: &Origin) -> bool {
    match origin.chooser() {
        Chooser::Client => true,
        Chooser::Server => kind == Kind::Sint && origin.integers() != (i64::MIN..=i64::MAX),
        _ => false,
    }
}

struct Case<'c> {
    argument: &'c Argument,
    sample: &'c str,
    /// Whether the sample is known only by the name of the argument.
    by_name: bool,
    names: &'c Names,
    span: Span,
}

impl Case<'_> {
    /// Requires that everything a client can send in the sample that the type itself names becomes the type.
    ///
    /// Most types name none, and every argument is checked: so the traits with the errors are the library's,
    /// not one more for each argument.
    fn own(&self) -> TokenStream {
        let (accepts, param, span) = (self.accepts(), self.param(), self.span);
        // All of it at the span: the compiler reports it from its first token to its last.
        let private = &Ident::new(&self.names.private.to_string(), span);
        let ty = erase(relax(
            self.argument.ty.to_token_stream(),
            &self.names.foreign,
        ));
        let converts = quote_spanned! {span=>
            #private::DefaultSample::converts(#param::SAMPLE, #accepts)
        };
        let converted = quote_spanned! {span=>
            const _: () = {
                const HOLDS: #private::Flag = #converts;
                <#private::Holds<HOLDS> as #private::AcceptsItsSample<#ty>>::CHECKED
            };
        };
        if self.argument.fallback.is_some() {
            return converted;
        }
        let present = quote_spanned! {span=>
            const _: () = {
                const HOLDS: #private::Flag = !#converts
                    || #private::DefaultSample::is_taken_if_missing(#param::SAMPLE, #accepts);
                <#private::Holds<HOLDS> as #private::AcceptsNoSample<#ty>>::CHECKED
            };
        };
        quote!(#converted #present)
    }

    /// Requires that everything a client can send becomes the type.
    fn converts(&self, kind: Kind, origin: &Origin) -> TokenStream {
        let shown = shown(timeless(self.argument.ty.to_token_stream()));
        let sample = self.sample;
        let (least, greatest) = origin.integers().into_inner();
        let (message, label) = match (kind, origin.chooser()) {
            (_, Chooser::Server) => (
                format!(
                    "the agent rejects this message for some responses: `{sample}` can be any integer from \
                     {least} to {greatest}, and `{shown}` does not hold all of these"
                ),
                "does not hold everything that a server can send",
            ),
            (Kind::Sint, _) => (
                format!(
                    "a client can make the agent reject this message: it can make `{sample}` any integer from \
                     {least} to {greatest}, and `{shown}` does not hold all of these"
                ),
                CLIENT,
            ),
            _ => (
                format!(
                    "a client can make the agent reject this message: it chooses `{sample}`, and not everything \
                     that it can send becomes `{shown}`"
                ),
                CLIENT,
            ),
        };
        let result = format!(
            "take `{}`, and handle the error in the handler",
            self.result()
        );
        let text = matches!(kind, Kind::Str | Kind::Bin | Kind::Meth);
        let taking = self.taking(kind, origin);
        let mut notes = match text {
            true if is_text(&self.argument.ty) => vec![
                format!(
                    "take `{taking}`, which has U+FFFD for bytes that are not UTF-8, or `{}`",
                    self.present_or_not(&self.bytes(), origin)
                ),
                format!("or {result}"),
            ],
            true => vec![
                result,
                format!("or take `{taking}`, and parse it in the handler"),
            ],
            false => vec![
                format!("take `{taking}`, which holds all of them"),
                format!("or {result}"),
            ],
        };
        notes.extend(self.others(origin));
        self.require(&self.holds(kind, origin), &message, label, &notes)
    }

    /// Requires that the type accepts an absent value, because a client can leave the value out.
    fn is_optional(&self, kind: Kind, origin: &Origin) -> TokenStream {
        let shown = shown(timeless(self.argument.ty.to_token_stream()));
        let sample = self.sample;
        let message = format!(
            "a client can make the agent reject this message: it can send a request for which HAProxy has no \
             `{sample}`"
        );
        let text = match kind {
            Kind::Str | Kind::Bin | Kind::Meth => {
                format!(", or `Text<{}>`, which is then empty", self.lifetime())
            }
            _ => String::new(),
        };
        let mut notes = vec![format!(
            "take `Option<{shown}>`{text}, or give a default with `#[{}(default)]`",
            self.argument.spelling.name()
        )];
        notes.extend(self.others(origin));
        // One error for one mistake: not if the other checks report one.
        let (accepts, private) = (self.accepts(), &self.names.private);
        let span = self.span;
        let converts = if chosen(kind, origin) {
            self.holds(kind, origin)
        } else {
            quote_spanned!(span=> true)
        };
        let (kind, param) = (kind_name(kind, span), self.param());
        let by_type = self.by_type();
        let holds = quote_spanned! {span=>
            #by_type #private::Accepts::null(#accepts)
                || !(#converts)
                || !#private::suits(#private::Kind::#kind, #param::EXPECTED)
        };
        self.require(&holds, &message, "a client can leave this out", &notes)
    }

    fn require(
        &self,
        holds: &TokenStream,
        message: &str,
        label: &str,
        notes: &[String],
    ) -> TokenStream {
        let words = Words {
            message,
            label,
            notes,
        };
        require(holds, &words, self.span, self.names)
    }

    fn holds(&self, kind: Kind, origin: &Origin) -> TokenStream {
        let span = self.span;
        let (kind, by_type, block) = (kind_name(kind, span), self.by_type(), self.is_block());
        let (least, greatest) = (*origin.integers().start(), *origin.integers().end());
        let ascii = origin.charset() == Charset::Ascii;
        let private = &self.names.private;
        let (param, accepts) = (self.param(), self.accepts());
        quote_spanned! {span=>
            #by_type #private::ClientValues::converts(
                #private::ClientValues {
                    kind: #private::Kind::#kind,
                    integers: (#least, #greatest),
                    ascii: #ascii,
                    block: #block,
                },
                #param::EXPECTED,
                #accepts,
            )
        }
    }

    /// An expression that holds where the type has a sample of its own, so that the argument's name does
    /// not count, with the `||` after it.
    fn by_type(&self) -> TokenStream {
        let (param, private) = (self.param(), &self.names.private);
        if self.by_name {
            quote_spanned!(self.span=> #private::DefaultSample::is_some(#param::SAMPLE) ||)
        } else {
            TokenStream::new()
        }
    }

    /// Whether the sample is a whole block of headers.
    fn is_block(&self) -> bool {
        ["req.hdrs", "req.hdrs_bin", "res.hdrs", "res.hdrs_bin"].contains(&self.sample)
    }

    fn accepts(&self) -> TokenStream {
        let (param, span) = (self.param(), self.span);
        quote_spanned!(span=> #param::ACCEPTS)
    }

    /// In a constant no lifetime has a name.
    fn param(&self) -> TokenStream {
        erase(param(self.argument, self.names))
    }

    /// Returns the type to take instead of the one that was written.
    fn taking(&self, kind: Kind, origin: &Origin) -> String {
        let (least, greatest) = (*origin.integers().start(), *origin.integers().end());
        let fits = match kind {
            Kind::Sint if least >= 0 && greatest <= u16::MAX.into() => "u16",
            Kind::Sint if least >= 0 && greatest <= u32::MAX.into() => "u32",
            Kind::Sint if least >= 0 => "u64",
            Kind::Sint => "i64",
            Kind::Bool => "bool",
            Kind::Addr => "IpAddr",
            Kind::Ipv4 => "Ipv4Addr",
            Kind::Ipv6 => "Ipv6Addr",
            Kind::Str | Kind::Bin | Kind::Meth => {
                return self.wrapped(&format!("Text<{}>", self.lifetime()));
            }
            _ => return self.wrapped(&format!("Value<{}>", self.lifetime())),
        };
        self.present_or_not(fits, origin)
    }

    fn bytes(&self) -> String {
        match self.lifetime().as_str() {
            "'_" => "&[u8]".to_owned(),
            lifetime => format!("&{lifetime} [u8]"),
        }
    }

    /// Returns the lifetime of the message as it is written at the argument.
    fn lifetime(&self) -> String {
        match self.names.lifetime.to_string().as_str() {
            // The struct has none yet.
            "'message" => "'a".to_owned(),
            lifetime => lifetime.to_owned(),
        }
    }

    /// Returns a type that does not accept an absent value, as optional if a client can leave the value out.
    fn present_or_not(&self, ty: &str, origin: &Origin) -> String {
        if origin.is_omittable() && self.argument.fallback.is_none() {
            return format!("Option<{ty}>");
        }
        self.wrapped(ty)
    }

    /// Returns a type as optional if the one that was written is.
    fn wrapped(&self, ty: &str) -> String {
        match option(&self.argument.ty) {
            Some(_) => format!("Option<{ty}>"),
            None => ty.to_owned(),
        }
    }

    /// Returns the written type as a `Result`.
    fn result(&self) -> String {
        let result = |ty: &Type| format!("Result<{}, Mismatch>", shown(ty.to_token_stream()));
        match option(&self.argument.ty) {
            Some(inner) => format!("Option<{}>", result(inner)),
            None => result(&self.argument.ty),
        }
    }

    /// Returns the remedies that do not depend on the type: to allow that the agent rejects the message, or another
    /// sample.
    fn others(&self, origin: &Origin) -> impl Iterator<Item = String> + '_ {
        let attr = self.argument.spelling.name();
        let may = match origin.chooser() {
            Chooser::Server => "the agent may reject the message then",
            _ => "a client may make the agent reject the message",
        };
        let reject = format!(
            "if {may}, so that HAProxy continues without this handler, write `#[{attr}(reject)]`"
        );
        let other = self.by_name.then(|| {
            format!(
                "an argument of this name is usually `{0}`: if it is another sample, write \
                 `#[{attr}(sample = \"…\")]`",
                self.sample
            )
        });
        std::iter::once(reject).chain(other)
    }
}

/// Whether a type has the name of a text type, or is an `Option` of one.
fn is_text(ty: &Type) -> bool {
    match (option(ty), peel(ty)) {
        (Some(inner), _) => is_text(inner),
        (None, Type::Reference(reference)) => is_text(&reference.elem),
        (None, ty) => last_name(ty)
            .is_some_and(|name| ["str", "String", "Cow"].iter().any(|text| name == text)),
    }
}
