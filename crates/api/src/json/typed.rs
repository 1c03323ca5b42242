//! From JSON to the type that a handler asks for.
//!
//! serde's derived readers take a list for a struct, in the order of its fields; here an object is an
//! object. Numbers are told when they don't fit. After a violation the value is taken away and the
//! rest is looked at, so that all are told at once; nothing is made of such a body.

use super::MAX_VIOLATIONS;
use super::place::{Step, at, shortened, shown};
use crate::error::ApiError;
use meetme_model::Violations;
use serde::de::value::{MapDeserializer, SeqDeserializer};
use serde::de::{DeserializeOwned, Deserializer, Error, Expected, IntoDeserializer, Unexpected, Visitor};
use serde::forward_to_deserialize_any;
use serde_json::Value;
use serde_path_to_error::Segment;
use std::fmt;

/// Longest part of a text that is shown, in characters.
const TEXT_SHOWN: usize = 60;
/// Longest message, in characters.
const MESSAGE_SHOWN: usize = 400;

/// The value as `T`.
pub(super) fn from<T: DeserializeOwned>(mut whole: Value) -> Result<T, ApiError> {
    let mut found = Violations::default();
    loop {
        let error = match serde_path_to_error::deserialize(Strict(&whole)) {
            Ok(value) => return Ok(found.into_result(value)?),
            Err(error) => error,
        };
        let steps = steps(error.path());
        let target = shown(&steps);
        let mismatch = error.into_inner();
        // A value that can't be left out either: it was told already.
        if found.0.last().is_some_and(|last| last.target == target) {
            return Err(found.into());
        }
        found.add(mismatch.code, target.clone(), format!("{target}: {}", mismatch.message));
        match at(&mut whole, &steps) {
            Some(value) if found.0.len() < MAX_VIOLATIONS => *value = Value::Null,
            _ => return Err(found.into()),
        }
    }
}

fn steps(path: &serde_path_to_error::Path) -> Vec<Step> {
    let step = |segment: &Segment| match segment {
        Segment::Seq { index } => Some(Step::Index(*index)),
        Segment::Map { key } => Some(Step::Key(key.clone())),
        Segment::Enum { .. } | Segment::Unknown => None,
    };
    path.iter().filter_map(step).collect()
}

/// Why a value doesn't fit.
#[derive(Debug)]
pub(super) struct Mismatch {
    code: &'static str,
    message: String,
}

impl Mismatch {
    fn new(code: &'static str, message: impl fmt::Display) -> Self {
        Self { code, message: shortened(&message.to_string(), MESSAGE_SHOWN) }
    }
}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Mismatch {}

impl Error for Mismatch {
    fn custom<M: fmt::Display>(message: M) -> Self {
        Self::new("InvalidType", message)
    }

    fn invalid_type(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::new("InvalidType", format!("{} where {} belongs", named(&found), wanted(expected)))
    }

    fn invalid_value(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::new("InvalidType", format!("{} where {} belongs", named(&found), wanted(expected)))
    }

    fn unknown_variant(variant: &str, expected: &'static [&'static str]) -> Self {
        let variant = shortened(variant, TEXT_SHOWN);
        Self::new("InvalidEnumValue", format!("'{variant}' isn't one of {}", expected.join(", ")))
    }

    fn missing_field(field: &'static str) -> Self {
        Self::new("MissingProperty", format!("'{field}' is missing"))
    }
}

/// What was found, in words.
fn named(found: &Unexpected<'_>) -> String {
    match found {
        Unexpected::Bool(value) => value.to_string(),
        Unexpected::Unsigned(n) => format!("the number {n}"),
        Unexpected::Signed(n) => format!("the number {n}"),
        Unexpected::Float(n) => format!("the number {n}"),
        Unexpected::Str(text) => format!("the text '{}'", shortened(text, TEXT_SHOWN)),
        Unexpected::Unit | Unexpected::Option => "null".to_owned(),
        Unexpected::Seq => "a list".to_owned(),
        Unexpected::Map => "an object".to_owned(),
        other => other.to_string(),
    }
}

/// What a reader of serde's waits for, in words.
fn wanted(expected: &dyn Expected) -> String {
    match expected.to_string().as_str() {
        "a string" => "a text".to_owned(),
        "a boolean" => "true or false".to_owned(),
        "a sequence" => "a list".to_owned(),
        "f64" | "f32" => "a number".to_owned(),
        "a map" => "an object".to_owned(),
        s if s.starts_with("struct ") => "an object".to_owned(),
        s if s.starts_with(['i', 'u']) && s[1..].bytes().all(|b| b.is_ascii_digit()) => {
            "a whole number".to_owned()
        }
        other => other.to_owned(),
    }
}

/// A value, read as what it is.
#[derive(Clone, Copy)]
struct Strict<'de>(&'de Value);

impl<'de> Strict<'de> {
    fn unexpected(self) -> Unexpected<'de> {
        match self.0 {
            Value::Null => Unexpected::Unit,
            Value::Bool(b) => Unexpected::Bool(*b),
            Value::Number(n) => match (n.as_u64(), n.as_i64()) {
                (Some(n), _) => Unexpected::Unsigned(n),
                (None, Some(n)) => Unexpected::Signed(n),
                (None, None) => Unexpected::Float(n.as_f64().unwrap_or(f64::INFINITY)),
            },
            Value::String(s) => Unexpected::Str(s),
            Value::Array(_) => Unexpected::Seq,
            Value::Object(_) => Unexpected::Map,
        }
    }

    /// A whole number from `least` to `most`.
    fn whole<V: Visitor<'de>>(self, least: i128, most: i128, visitor: V) -> Result<V::Value, Mismatch> {
        let Value::Number(n) = self.0 else {
            return Err(Mismatch::invalid_type(self.unexpected(), &visitor));
        };
        let beyond = || {
            Mismatch::new("NumberOutOfRange", format!("{n} isn't from {least} to {most}; send one that is"))
        };
        let exact = n.as_i64().map(i128::from).or_else(|| n.as_u64().map(i128::from));
        let Some(exact) = exact else {
            let about = n.as_f64().unwrap_or(f64::INFINITY);
            if about.abs() >= i64::MAX as f64 {
                return Err(beyond());
            }
            return Err(Mismatch::new(
                "InvalidType",
                format!("{n} isn't a whole number; write it without fraction and exponent"),
            ));
        };
        if !(least..=most).contains(&exact) {
            return Err(beyond());
        }
        match (u64::try_from(exact), i64::try_from(exact)) {
            (Ok(n), _) => visitor.visit_u64(n),
            (_, Ok(n)) => visitor.visit_i64(n),
            (Err(_), Err(_)) => Err(beyond()),
        }
    }
}

macro_rules! whole_numbers {
    ($($method:ident: $type:ty),*) => {
        $(fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mismatch> {
            self.whole(<$type>::MIN.into(), <$type>::MAX.into(), visitor)
        })*
    };
}

impl<'de> Deserializer<'de> for Strict<'de> {
    type Error = Mismatch;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mismatch> {
        match self.0 {
            Value::Null => visitor.visit_unit(),
            Value::Bool(b) => visitor.visit_bool(*b),
            Value::Number(n) => match (n.as_u64(), n.as_i64(), n.as_f64()) {
                (Some(n), _, _) => visitor.visit_u64(n),
                (None, Some(n), _) => visitor.visit_i64(n),
                (None, None, Some(n)) => visitor.visit_f64(n),
                (None, None, None) => Err(Mismatch::invalid_type(self.unexpected(), &visitor)),
            },
            Value::String(s) => visitor.visit_borrowed_str(s),
            Value::Array(_) => self.deserialize_seq(visitor),
            Value::Object(_) => self.deserialize_map(visitor),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mismatch> {
        if self.0.is_null() { visitor.visit_none() } else { visitor.visit_some(self) }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Mismatch> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mismatch> {
        match self.0 {
            Value::Array(list) => visitor.visit_seq(SeqDeserializer::new(list.iter().map(Strict))),
            _ => Err(Mismatch::invalid_type(self.unexpected(), &visitor)),
        }
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mismatch> {
        match self.0 {
            Value::Object(object) => {
                let entries = object.iter().map(|(key, value)| (key.as_str(), Strict(value)));
                visitor.visit_map(MapDeserializer::new(entries))
            }
            _ => Err(Mismatch::invalid_type(self.unexpected(), &visitor)),
        }
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Mismatch> {
        self.deserialize_map(visitor)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Mismatch> {
        match self.0 {
            Value::String(name) => visitor.visit_enum(name.as_str().into_deserializer()),
            _ => Err(Mismatch::invalid_type(self.unexpected(), &visitor)),
        }
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mismatch> {
        visitor.visit_unit()
    }

    whole_numbers!(
        deserialize_i8: i8, deserialize_i16: i16, deserialize_i32: i32, deserialize_i64: i64,
        deserialize_u8: u8, deserialize_u16: u16, deserialize_u32: u32, deserialize_u64: u64
    );

    forward_to_deserialize_any! {
        bool i128 u128 f32 f64 char str string bytes byte_buf unit unit_struct tuple tuple_struct identifier
    }
}

impl<'de> IntoDeserializer<'de, Mismatch> for Strict<'de> {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}
