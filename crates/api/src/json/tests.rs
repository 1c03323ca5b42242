//! Reading by shape only; what the endpoints make of it is in `tests/bad_input.rs`.

use super::*;
use serde::Deserialize;

#[derive(Debug, Default, Deserialize, PartialEq)]
#[serde(rename_all = "camelCase")]
struct Whole {
    count: Option<i64>,
    small: Option<u8>,
    name: Option<String>,
    parts: Option<Vec<Part>>,
    kind: Option<Kind>,
}

#[derive(Debug, Deserialize, PartialEq)]
struct Part {
    size: Option<u32>,
}

#[derive(Debug, Deserialize, PartialEq)]
enum Kind {
    Plain,
    Fancy,
}

/// `code target` of everything that is told.
fn told(body: &str) -> Vec<String> {
    let error = read::<Whole>(body.as_bytes()).expect_err(body);
    match error.details.as_slice() {
        [] => vec![format!("{} {}", error.code, error.target.unwrap_or_default())],
        all => all.iter().map(|v| format!("{} {}", v.code, v.target)).collect(),
    }
}

#[test]
fn what_fits_is_read_and_what_nobody_asked_for_is_ignored() {
    let read: Whole = read(
        br#" {"count":-3,"small":255,"name":"x","parts":[{"size":4294967295},{}],"kind":"Fancy","y":[1]} "#,
    )
    .unwrap();
    assert_eq!((read.count, read.small, read.kind), (Some(-3), Some(255), Some(Kind::Fancy)));
    assert_eq!(read.parts.unwrap(), [Part { size: Some(u32::MAX) }, Part { size: None }]);
    assert_eq!(super::read::<Whole>(b"{}").unwrap(), Whole::default());
}

#[test]
fn keys_that_stand_twice_are_each_told_with_their_place() {
    assert_eq!(told(r#"{"name":"a","name":"b"}"#), ["DuplicateProperty name"]);
    assert_eq!(
        told(r#"{"parts":[{"size":1,"size":1}],"x":{"a.b":{"y":1,"y":2}},"n\u0061me":1,"name":1}"#),
        ["DuplicateProperty parts[0].size", "DuplicateProperty x['a.b'].y", "DuplicateProperty name"]
    );
}

#[test]
fn nesting_has_a_limit_that_a_whole_body_of_brackets_does_not_get_beyond() {
    let nested = |n: usize| format!("{{\"x\":{}{}}}", "[".repeat(n), "]".repeat(n));
    assert!(read::<Whole>(nested(MAX_DEPTH - 1).as_bytes()).is_ok());
    for n in [MAX_DEPTH, 100, 500_000] {
        let found = told(&nested(n));
        assert!(found[0].starts_with("NestedTooDeeply x[0][0]"), "{found:?}");
    }
    assert_eq!(told(&"{\"a\":".repeat(100_000))[0].split(' ').next(), Some("NestedTooDeeply"));
}

#[test]
fn the_number_of_values_has_a_limit() {
    let list = |n: usize| format!("{{\"x\":[{}1]}}", "1,".repeat(n - 1));
    assert!(read::<Whole>(list(MAX_VALUES - 2).as_bytes()).is_ok());
    assert_eq!(told(&list(MAX_VALUES - 1)), [format!("TooManyValues x[{}]", MAX_VALUES - 2)]);
    assert!(told(&list(300_000))[0].starts_with("TooManyValues"));
}

#[test]
fn a_list_is_no_object_and_an_object_no_list() {
    assert_eq!(told("[]"), ["InvalidType $"]);
    assert_eq!(told("[1,2,\"x\",[]]"), ["InvalidType $"]);
    assert_eq!(told("null"), ["InvalidType $"]);
    assert_eq!(told(r#"{"parts":{}}"#), ["InvalidType parts"]);
    assert_eq!(told(r#"{"parts":[[7]]}"#), ["InvalidType parts[0]"]);
    assert_eq!(told(r#"{"name":["x"]}"#), ["InvalidType name"]);
}

#[test]
fn numbers_that_do_not_fit_are_told_as_such() {
    for (body, expected) in [
        (r#"{"count":1e400}"#, "NumberOutOfRange count"),
        (r#"{"parts":[{},{"size":-1e999}]}"#, "NumberOutOfRange parts[1].size"),
        (r#"{"count":9223372036854775808}"#, "NumberOutOfRange count"),
        (r#"{"count":99999999999999999999999}"#, "NumberOutOfRange count"),
        (r#"{"count":2.5}"#, "InvalidType count"),
        (r#"{"count":1e3}"#, "InvalidType count"),
        (r#"{"small":256}"#, "NumberOutOfRange small"),
        (r#"{"small":-1}"#, "NumberOutOfRange small"),
        (r#"{"parts":[{"size":4294967296}]}"#, "NumberOutOfRange parts[0].size"),
        (r#"{"count":"7"}"#, "InvalidType count"),
        (r#"{"count":NaN}"#, "InvalidRequestContent $"),
        (r#"{"count":0x10}"#, "InvalidRequestContent $"),
        (r#"{"count":01}"#, "InvalidRequestContent $"),
    ] {
        assert_eq!(told(body), [expected], "{body}");
    }
    assert!(read::<Whole>(br#"{"count":9223372036854775807}"#).is_ok());
}

#[test]
fn everything_that_does_not_fit_is_told_at_once_and_a_flood_of_it_in_part() {
    assert_eq!(
        told(r#"{"count":"x","small":[],"name":7,"parts":[{"size":"x"},{"size":1.5}],"kind":"Odd"}"#),
        [
            "InvalidType count",
            "InvalidEnumValue kind",
            "InvalidType name",
            "InvalidType parts[0].size",
            "InvalidType parts[1].size",
            "InvalidType small",
        ]
    );
    let flood = format!("{{\"parts\":[{}{{}}]}}", r#"{"size":"x"},"#.repeat(5000));
    assert_eq!(told(&flood).len(), MAX_VIOLATIONS);
    let twice = format!("{{{}\"a\":1}}", "\"a\":1,".repeat(5000));
    assert_eq!(told(&twice).len(), MAX_VIOLATIONS);
}

#[test]
fn encodings_other_than_plain_utf_8_are_refused() {
    let utf16: Vec<u8> = "{\"name\":\"x\"}".encode_utf16().flat_map(u16::to_le_bytes).collect();
    for body in [
        &b"\xEF\xBB\xBF{}"[..],
        b"{\"name\":\"\xff\"}",
        b"{\"name\":\"\xed\xa0\x80\"}",
        b"{\"name\":\"\xc0\xaf\"}",
        b"{\"name\":\"\\ud800\"}",
        b"\xff\xfe{\0}\0",
        &utf16,
        b"{\"name\":\"a\nb\"}",
        b"\x1f\x8b\x08\0",
    ] {
        let error = read::<Whole>(body).unwrap_err();
        assert_eq!((error.code.as_str(), error.target.as_deref()), ("InvalidRequestContent", Some("$")));
    }
    assert_eq!(told("{\"name\":\"a\\u0000b\"}"), ["InvalidText name"]);
    assert_eq!(told("{\"x\\u0000\":1}"), ["InvalidText $['x\\u{0}']"]);
    assert_eq!(read::<Whole>("{\"name\":\"\\ud83d\\ude00 ä\"}".as_bytes()).unwrap().name.unwrap(), "😀 ä");
}

#[test]
fn what_is_sent_comes_back_in_part_only() {
    let long = "x".repeat(500_000);
    for body in [
        format!("{{\"count\":\"{long}\"}}"),
        format!("{{\"kind\":\"{long}\"}}"),
        format!("{{\"{long}\":1,\"{long}\":2}}"),
        format!("{{\"{long}\":{}", "[".repeat(90)),
    ] {
        let error = read::<Whole>(body.as_bytes()).unwrap_err();
        assert!(error.message.len() + error.target.unwrap_or_default().len() < 2500, "{}", error.code);
    }
}
