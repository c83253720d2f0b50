//! The struct: an argument for each field.

use crate::argument::{ArgAttribute, Argument};
use crate::derive::attr::{self, ARGUMENT, TYPE};
use crate::derive::item::{self, Item};
use crate::errors::Errors;
use proc_macro2::Span;
use syn::{DeriveInput, Field, Member};

pub(super) struct FromMessageModel<'i> {
    pub(super) item: Item<'i>,
    pub(super) arguments: Vec<Argument>,
    /// The fields that the arguments become.
    pub(super) members: Vec<Member>,
    /// Whether it is a struct.
    pub(super) has_fields: bool,
    /// The options that belong to `IntoActions`.
    pub(super) others: Vec<(&'static str, Span)>,
}

impl<'i> FromMessageModel<'i> {
    pub(super) fn parse(input: &'i DeriveInput, errors: &mut Errors) -> Self {
        let options = attr::options(&input.attrs, &TYPE, errors);
        let fields = item::fields(
            input,
            "a message becomes a struct with a field for each argument: derive `FromMessage` on a \
             struct, or write `impl FromMessage` for this type",
            errors,
        );
        let mut model = FromMessageModel {
            item: Item::new(input, &options),
            arguments: Vec::new(),
            members: Vec::new(),
            has_fields: fields.is_some(),
            others: options.others().collect(),
        };
        for (index, field) in fields.into_iter().flatten().enumerate() {
            model.add(field, index, errors);
        }
        model
    }

    fn add(&mut self, field: &Field, index: usize, errors: &mut Errors) {
        let before = errors.count();
        let options = attr::options(&field.attrs, &ARGUMENT, errors);
        self.others.extend(options.others());
        let attribute = ArgAttribute::of_options(&options, before, errors);
        let argument = Argument::field(attribute, field.ident.as_ref(), &field.ty, errors);
        self.arguments.push(argument);
        self.members.push(item::member(field, index));
    }
}
