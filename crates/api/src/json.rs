//! A request's JSON, read strictly (RFC 8259, and RFC 7493 where it is narrower).
//!
//! What two readers could understand differently is refused: a key that stands twice, a list in the
//! place of an object, bytes that aren't UTF-8, a byte order mark, text after the value. What could
//! cost more than it is worth is refused while it is read: deep nesting, very many values. Each
//! violation names its place; whether a value makes sense is for the handler and the model.

mod place;
mod typed;

use crate::error::ApiError;
use meetme_model::Violations;
use place::{Step, shown};
use serde::de::{DeserializeOwned, DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};
use std::fmt;

/// Objects and lists inside one another, at most.
const MAX_DEPTH: usize = 32;
/// Values of all kinds in one body, at most: a small text can stand for a large structure.
const MAX_VALUES: usize = 20_000;
/// Violations told at once, at most.
const MAX_VIOLATIONS: usize = 20;

const BYTE_ORDER_MARK: &[u8] = b"\xEF\xBB\xBF";

/// True when a request has no body, or a blank one.
pub(crate) fn is_absent(body: &[u8]) -> bool {
    body.iter().all(u8::is_ascii_whitespace)
}

/// The body as `T`; 400 with the place of everything that doesn't fit.
pub(crate) fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, ApiError> {
    typed::from(value(body)?)
}

/// The body as JSON of any shape.
fn value(body: &[u8]) -> Result<Value, ApiError> {
    if is_absent(body) {
        return Err(unreadable("the body is missing; send a JSON object"));
    }
    if body.starts_with(BYTE_ORDER_MARK) {
        return Err(unreadable("the body begins with a byte order mark; send UTF-8 without one"));
    }
    let text = std::str::from_utf8(body)
        .map_err(|e| unreadable(format!("byte {} of the body isn't UTF-8", e.valid_up_to() + 1)))?;
    let mut reader = Reader::default();
    let mut parser = serde_json::Deserializer::from_str(text);
    let read = Node(&mut reader).deserialize(&mut parser).and_then(|value| parser.end().map(|()| value));
    match read {
        Ok(value) => Ok(reader.found.into_result(value)?),
        Err(_) if reader.gave_up => Err(reader.found.into()),
        Err(e) if e.to_string().starts_with("number out of range") => Err(ApiError::bad_request(
            "NumberOutOfRange",
            &shown(&reader.path),
            format!("{}: the number is beyond every range; send one that fits", shown(&reader.path)),
        )),
        Err(e) => Err(unreadable(format!("the body isn't JSON: {e}"))),
    }
}

fn unreadable(message: impl Into<String>) -> ApiError {
    ApiError::bad_request("InvalidRequestContent", "$", message)
}

/// What is known while the text is read.
#[derive(Default)]
struct Reader {
    /// Where the reading is.
    path: Vec<Step>,
    /// Values read.
    values: usize,
    found: Violations,
    /// The rest isn't read: the last violation says why.
    gave_up: bool,
}

impl Reader {
    fn add(&mut self, code: &str, why: &str) {
        if self.found.0.len() < MAX_VIOLATIONS {
            let at = shown(&self.path);
            self.found.add(code, at.clone(), format!("{at}: {why}"));
        }
    }

    fn give_up<E: Error>(&mut self, code: &str, why: &str) -> E {
        self.found.0.truncate(MAX_VIOLATIONS - 1);
        self.add(code, why);
        self.gave_up = true;
        E::custom(why)
    }

    /// Counts one more value.
    fn count<E: Error>(&mut self) -> Result<(), E> {
        self.values += 1;
        if self.values > MAX_VALUES {
            let why = format!("the body has more than {MAX_VALUES} values; send less at once");
            return Err(self.give_up("TooManyValues", &why));
        }
        Ok(())
    }

    /// Goes into an object or a list.
    fn enter<E: Error>(&mut self) -> Result<(), E> {
        if self.path.len() >= MAX_DEPTH {
            let why = format!("more than {MAX_DEPTH} objects and lists inside one another");
            return Err(self.give_up("NestedTooDeeply", &why));
        }
        Ok(())
    }

    /// A text that every database takes.
    fn check_text(&mut self, text: &str) {
        if text.contains('\0') {
            self.add("InvalidText", "the character U+0000 isn't taken in a text");
        }
    }
}

/// One value being read.
struct Node<'r>(&'r mut Reader);

impl<'de> DeserializeSeed<'de> for Node<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Node<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E: Error>(self) -> Result<Value, E> {
        self.0.count()?;
        Ok(Value::Null)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Value, E> {
        self.0.count()?;
        Ok(Value::Bool(value))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Value, E> {
        self.0.count()?;
        Ok(value.into())
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Value, E> {
        self.0.count()?;
        Ok(value.into())
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Value, E> {
        self.0.count()?;
        Number::from_f64(value).map(Value::Number).ok_or_else(|| E::custom("number out of range"))
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Value, E> {
        self.0.count()?;
        self.0.check_text(value);
        Ok(value.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        self.0.count()?;
        self.0.enter()?;
        let mut list = Vec::new();
        loop {
            self.0.path.push(Step::Index(list.len()));
            let Some(item) = items.next_element_seed(Node(&mut *self.0))? else { break };
            self.0.path.pop();
            list.push(item);
        }
        self.0.path.pop();
        Ok(Value::Array(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        self.0.count()?;
        self.0.enter()?;
        let mut object = Map::new();
        while let Some(key) = entries.next_key::<String>()? {
            self.0.path.push(Step::Key(key.clone()));
            self.0.check_text(&key);
            let value = entries.next_value_seed(Node(&mut *self.0))?;
            if object.insert(key, value).is_some() {
                self.0.add("DuplicateProperty", "this stands twice in its object; send it once");
            }
            self.0.path.pop();
        }
        Ok(Value::Object(object))
    }
}

#[cfg(test)]
mod tests;
