//! The arguments of a message, by their names and by their positions.

use super::{DataType, Name, Value, reader::Reader};
use std::iter::FusedIterator;

/// One argument.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Arg<'a> {
    /// Its name; empty where spoe.conf gives none.
    pub name: Name<'a>,
    /// Its value.
    pub value: Value<'a>,
}

/// The arguments of a message, in HAProxy's order.
///
/// ```
/// use spoa::prelude::*;
/// use spoa::spop::Args;
///
/// #[spoe_message("log")]
/// fn log(args: Args<'_>) -> SetVar<usize> {
///     for arg in args {
///         println!("{}={}", arg.name, arg.value);
///     }
///     SetVar::transaction("logged", args.len())
/// }
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct Args<'a> {
    pub(super) reader: Reader<'a>,
    pub(super) left: u8,
}

impl<'a> Args<'a> {
    /// Returns the number of arguments, 0 to 255.
    #[inline]
    #[must_use]
    pub fn len(&self) -> usize {
        usize::from(self.left)
    }

    /// Returns whether there are no arguments.
    #[inline]
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.left == 0
    }

    /// Returns an iterator over the arguments.
    #[inline(always)]
    pub fn iter(&self) -> ArgIter<'a> {
        ArgIter(*self)
    }

    /// Returns the value of the first argument of that name.
    #[inline]
    #[must_use]
    pub fn get(&self, name: &str) -> Option<Value<'a>> {
        self.iter()
            .find(|arg| arg.name == name)
            .map(|arg| arg.value)
    }

    /// Returns the value of the argument at that position, counting from 0.
    #[inline]
    #[must_use]
    pub fn at(&self, index: usize) -> Option<Value<'a>> {
        self.iter().nth(index).map(|arg| arg.value)
    }

    /// Removes the first argument and returns its value, if it has this name and probably this type;
    /// otherwise changes nothing.
    #[inline(always)]
    pub(crate) fn next_likely(&mut self, name: &[u8], likely: DataType) -> Option<Value<'a>> {
        let mut reader = self.reader;
        if self.left == 0 || reader.string().ok()? != name {
            return None;
        }
        let value = reader.likely(likely)?;
        self.reader = reader;
        self.left -= 1;
        Some(value)
    }

    #[inline]
    fn take_first(&mut self) -> Option<Arg<'a>> {
        // `Messages::parse` has checked these bytes.
        Some(Arg {
            name: Name::new(self.reader.string().ok()?),
            value: self.reader.value().ok()?,
        })
    }
}

impl<'a> IntoIterator for Args<'a> {
    type Item = Arg<'a>;
    type IntoIter = ArgIter<'a>;

    #[inline(always)]
    fn into_iter(self) -> ArgIter<'a> {
        ArgIter(self)
    }
}

impl<'a> IntoIterator for &Args<'a> {
    type Item = Arg<'a>;
    type IntoIter = ArgIter<'a>;

    #[inline(always)]
    fn into_iter(self) -> ArgIter<'a> {
        self.iter()
    }
}

/// An iterator over [`Args`].
#[derive(Clone, Debug)]
pub struct ArgIter<'a>(Args<'a>);

impl<'a> ArgIter<'a> {
    /// Returns the arguments that are left.
    #[inline(always)]
    pub(crate) fn rest(self) -> Args<'a> {
        self.0
    }
}

impl<'a> Iterator for ArgIter<'a> {
    type Item = Arg<'a>;

    // The end is checked here, where it is inlined: half of the calls are for that.
    #[inline(always)]
    fn next(&mut self) -> Option<Arg<'a>> {
        let args = &mut self.0;
        if args.left == 0 {
            return None;
        }
        args.left -= 1;
        args.take_first()
    }

    #[inline]
    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.0.len(), Some(self.0.len()))
    }
}

impl ExactSizeIterator for ArgIter<'_> {}
impl FusedIterator for ArgIter<'_> {}
