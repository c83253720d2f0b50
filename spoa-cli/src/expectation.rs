//! An expectation of a variable in an answer: `sess.score >= 20`.

use spoa::client::{OwnedValue, ParseError};
use spoa::spop::{Action, DataType, Scope, Value};
use std::cmp::Ordering;
use std::fmt;

/// A variable that an answer must set, to a value that passes a test.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Expectation {
    scope: Scope,
    name: String,
    test: Test,
}

#[derive(Clone, Debug, PartialEq)]
enum Test {
    Exists,
    Absent,
    Compare(Operator, OwnedValue),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Operator {
    Equal,
    NotEqual,
    Less,
    AtMost,
    Greater,
    AtLeast,
}

/// The operators as they are written, the longer ones first.
const OPERATORS: [(&str, Operator); 7] = [
    ("==", Operator::Equal),
    ("!=", Operator::NotEqual),
    ("<=", Operator::AtMost),
    (">=", Operator::AtLeast),
    ("=", Operator::Equal),
    ("<", Operator::Less),
    (">", Operator::Greater),
];

impl Expectation {
    /// The syntax of expectations, for the help of a command.
    pub(crate) const SYNTAX: &str = "\
An expectation is SCOPE.NAME with an operator (= != < <= > >=) and a value, or with `exists` or `absent`:
  'sess.score >= 20'  'txn.verdict = deny'  'txn.user exists'  'txn.error absent'
All integer types are compared by their number. The last action on a variable counts. A comparison fails if
the variable is not set, or has another type.";

    /// Reads `sess.score >= 20`, `sess.score=20`, `txn.user exists`.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let form = || {
            "write SCOPE.NAME with an operator and a value, such as `sess.ip_score >= 20`, or with `exists` or \
             `absent`; scopes are `proc`, `sess`, `txn`, `req` and `res`"
                .to_owned()
        };
        let text = text.trim();
        let end = text.find(|c: char| c.is_whitespace() || "=!<>".contains(c));
        let (variable, rest) = text
            .split_at_checked(end.ok_or_else(form)?)
            .ok_or_else(form)?;
        let (scope, name) = variable.split_once('.').ok_or_else(form)?;
        let scope = Scope::from_name(scope).ok_or_else(form)?;
        if name.is_empty() {
            return Err(form());
        }
        let test = match rest.trim() {
            "exists" => Test::Exists,
            "absent" => Test::Absent,
            rest => comparison(rest).ok_or_else(form)??,
        };
        Ok(Expectation {
            scope,
            name: name.to_owned(),
            test,
        })
    }

    /// Returns the value of the variable after these actions; `None` if it is not set.
    pub(crate) fn value<'a>(&self, actions: impl Iterator<Item = Action<'a>>) -> Option<Value<'a>> {
        let about =
            |action: &Action<'_>| action.scope() == self.scope && action.name() == *self.name;
        match actions.filter(about).last()? {
            // HAProxy unsets the variable.
            Action::SetVar {
                value: Value::Null, ..
            }
            | Action::UnsetVar { .. } => None,
            Action::SetVar { value, .. } => Some(value),
        }
    }

    /// Returns whether the variable is as expected.
    pub(crate) fn is_met(&self, found: Option<Value<'_>>) -> bool {
        match (&self.test, found) {
            (Test::Exists, found) => found.is_some(),
            (Test::Absent, found) => found.is_none(),
            (Test::Compare(operator, expected), Some(found)) => {
                operator.holds(found, expected.as_value())
            }
            (Test::Compare(..), None) => false,
        }
    }

    /// Describes the actual value.
    pub(crate) fn found(&self, found: Option<Value<'_>>) -> String {
        let Expectation { scope, name, .. } = self;
        match found {
            Some(value) => format!("`{scope}.{name}` is {value} ({})", value.data_type()),
            None => format!("`{scope}.{name}` is not set"),
        }
    }
}

/// Reads an operator and a value; `None` if the text begins with another word.
fn comparison(text: &str) -> Option<Result<Test, String>> {
    let found = OPERATORS.iter().find_map(|(symbol, operator)| {
        let value = text.strip_prefix(symbol)?;
        Some((*operator, value.trim()))
    });
    let (operator, value) = found?;
    let value: Result<OwnedValue, ParseError> = value.parse();
    Some(match (operator, value) {
        (_, Err(error)) => Err(error.to_string()),
        // A variable that is set to NULL is not set.
        (Operator::Equal, Ok(OwnedValue::Null)) => Ok(Test::Absent),
        (Operator::NotEqual, Ok(OwnedValue::Null)) => Ok(Test::Exists),
        (operator, Ok(value)) if operator.is_order() && !has_order(value.data_type()) => Err(
            format!("`{value}` is neither less nor greater than another value: use `=` or `!=`"),
        ),
        (operator, Ok(value)) => Ok(Test::Compare(operator, value)),
    })
}

fn has_order(kind: DataType) -> bool {
    !matches!(kind, DataType::Null | DataType::Bool)
}

impl Operator {
    fn is_order(self) -> bool {
        !matches!(self, Operator::Equal | Operator::NotEqual)
    }

    fn holds(self, found: Value<'_>, expected: Value<'_>) -> bool {
        let Some(order) = compare(found, expected) else {
            // Values of two types differ, and neither is the greater.
            return self == Operator::NotEqual;
        };
        match self {
            Operator::Equal => order.is_eq(),
            Operator::NotEqual => order.is_ne(),
            Operator::Less => order.is_lt(),
            Operator::AtMost => order.is_le(),
            Operator::Greater => order.is_gt(),
            Operator::AtLeast => order.is_ge(),
        }
    }
}

/// Compares two values of one type; to HAProxy, all integers are of one type.
fn compare(found: Value<'_>, expected: Value<'_>) -> Option<Ordering> {
    if let (Some(found), Some(expected)) = (found.as_integer(), expected.as_integer()) {
        return Some(found.cmp(&expected));
    }
    match (found, expected) {
        (Value::Bool(found), Value::Bool(expected)) => Some(found.cmp(&expected)),
        (Value::Ipv4(found), Value::Ipv4(expected)) => Some(found.cmp(&expected)),
        (Value::Ipv6(found), Value::Ipv6(expected)) => Some(found.cmp(&expected)),
        (Value::String(found), Value::String(expected))
        | (Value::Binary(found), Value::Binary(expected)) => Some(found.cmp(expected)),
        _ => None,
    }
}

/// Writes the expectation as on the command line: `sess.score >= 20`.
impl fmt::Display for Expectation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Expectation { scope, name, test } = self;
        write!(f, "{scope}.{name} ")?;
        match test {
            Test::Exists => f.write_str("exists"),
            Test::Absent => f.write_str("absent"),
            Test::Compare(operator, value) => write!(f, "{operator} {value}"),
        }
    }
}

impl fmt::Display for Operator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Operator::Equal => "=",
            Operator::NotEqual => "!=",
            Operator::Less => "<",
            Operator::AtMost => "<=",
            Operator::Greater => ">",
            Operator::AtLeast => ">=",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn met(text: &str, value: Option<Value<'_>>) -> bool {
        Expectation::parse(text).unwrap().is_met(value)
    }

    #[test]
    fn integers_are_compared_by_their_number() {
        let five = |text| met(text, Some(Value::Uint32(5)));
        for text in [
            "txn.a exists",
            "txn.a=5",
            "txn.a==5",
            "txn.a = u64:5",
            "txn.a!=4",
            "txn.a<6",
            "txn.a <= 5",
            "txn.a > -1",
            "txn.a>=5",
        ] {
            assert!(five(text), "{text}");
        }
        for text in [
            "txn.a absent",
            "txn.a=6",
            "txn.a != 5",
            "txn.a<5",
            "txn.a <= 4",
            "txn.a>5",
            "txn.a >= 6",
        ] {
            assert!(!five(text), "{text}");
        }
    }

    #[test]
    fn values_of_two_types_differ_and_have_no_order() {
        let text = Some(Value::String(b"20"));
        for (expected, holds) in [
            ("= 20", false),
            ("!= 20", true),
            ("< 30", false),
            ("> 10", false),
            ("= str:20", true),
        ] {
            assert_eq!(met(&format!("txn.a {expected}"), text), holds, "{expected}");
        }
        let address = Some(Value::Ipv4([10, 0, 0, 2].into()));
        assert!(met("txn.a > 10.0.0.1", address));
        assert!(met(
            "txn.a < 9.9.9.9",
            Some(Value::Ipv4([8, 8, 8, 8].into()))
        ));
    }

    #[test]
    fn a_variable_that_is_not_set_passes_only_absent() {
        for text in ["txn.a absent", "txn.a = null"] {
            assert!(met(text, None), "{text}");
        }
        for text in ["txn.a exists", "txn.a != null", "txn.a != 5", "txn.a = 5"] {
            assert!(!met(text, None), "{text}");
        }
        let (scope, name) = (Scope::Transaction, "a".into());
        let set = |value| Action::SetVar { scope, name, value };
        let expectation = Expectation::parse("txn.a exists").unwrap();
        let value = |actions: &[Action<'static>]| expectation.value(actions.iter().copied());
        assert_eq!(value(&[set(Value::Bool(true)), set(Value::Null)]), None);
        assert_eq!(
            value(&[set(Value::Int32(1)), Action::UnsetVar { scope, name }]),
            None
        );
        assert_eq!(
            value(&[set(Value::Int32(1)), set(Value::Int32(2))]),
            Some(Value::Int32(2))
        );
    }

    #[test]
    fn an_expectation_is_printed_as_it_was_written() {
        for (text, shown) in [
            ("sess.ip_score=20", "sess.ip_score = 20"),
            (" txn.verdict != deny it ", "txn.verdict != \"deny it\""),
            ("req.a.b exists", "req.a.b exists"),
            ("res.a=null", "res.a absent"),
        ] {
            assert_eq!(Expectation::parse(text).unwrap().to_string(), shown);
        }
    }

    #[test]
    fn an_expectation_has_a_scope_a_name_and_a_test() {
        for text in [
            "ip_score=20",
            "sess.ip_score",
            "session.ip_score=20",
            "",
            "sess.=1",
            "sess.a ~ 1",
            "sess.a is 1",
        ] {
            let problem = Expectation::parse(text).unwrap_err();
            assert!(problem.starts_with("write SCOPE.NAME with"), "{text}");
        }
        let problem = Expectation::parse("sess.a=u32:x").unwrap_err();
        assert_eq!(problem, "`x` is not an integer from 0 to 4294967295");
        let problem = Expectation::parse("sess.a > true").unwrap_err();
        assert_eq!(
            problem,
            "`true` is neither less nor greater than another value: use `=` or `!=`"
        );
    }
}
