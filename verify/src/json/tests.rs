//! What the reader takes and what it doesn't.

use super::*;

fn skip(text: &str) -> Result<(), JsonError> {
    let mut reader = Reader::new(text);
    reader.skip()?;
    reader.end()
}

#[test]
fn any_json_is_skipped() {
    for text in [
        "null",
        " true ",
        "\t\r\nfalse",
        "0",
        "-0",
        "-12.50e-3",
        "1E+2",
        "9007199254740991",
        r#""""#,
        r#""\"\\\/\b\f\n\r\t\u0000\ud83d\ude00 \u00e9é""#,
        "[]",
        "[ ]",
        "[1 , [ ] , {}]",
        "{}",
        r#"{ "a" : { "a" : 1 } , "b" : [ { "a" : 1 } ] }"#,
    ] {
        assert_eq!(skip(text), Ok(()), "{text}");
    }
}

#[test]
fn what_is_not_json_is_a_fault() {
    for text in [
        "",
        " ",
        "nul",
        "nullx",
        "True",
        "'a'",
        "1 2",
        "01",
        "-",
        "+1",
        ".5",
        "1.",
        "1e",
        "1e+",
        "0x10",
        "NaN",
        "-Infinity",
        "\"",
        "\"\n\"",
        "\"\u{1f}\"",
        r#""\"#,
        r#""\x41""#,
        r#""\u12""#,
        r#""\u12g4""#,
        r#""\u+123""#,
        r#""\u00é""#,
        r#""\ud800""#,
        r#""\ud800x""#,
        r#""\ud800\n""#,
        r#""\ud800\ud800""#,
        r#""\ud800\u0000""#,
        r#""\ud800\u0041""#,
        r#""\udc00""#,
        "[",
        "[1",
        "[1,",
        "[1,]",
        "[,1]",
        "[1 2]",
        "[1}",
        "]",
        "{",
        "{1:2}",
        "{null:2}",
        r#"{"a"}"#,
        r#"{"a":}"#,
        r#"{"a":1,}"#,
        r#"{"a":1 "b":2}"#,
        r#"{"a":1]"#,
        "{}{}",
        "/* */ 1",
        "\u{feff}1",
        "\u{a0}1",
    ] {
        assert_eq!(skip(text), Err(JsonError::Syntax), "{text}");
    }
}

#[test]
fn a_string_is_read_with_its_escapes_undone() {
    let read = |text| Reader::new(text).string();
    assert_eq!(read(r#""plain é""#), Ok("plain é".into()));
    assert_eq!(read(r#""\"\\\/\b\f\n\r\t""#), Ok("\"\\/\u{8}\u{c}\n\r\t".into()));
    assert_eq!(read(r#""a\u0041\u00E9\ud83d\uDE00\u0000z""#), Ok("aA\u{e9}\u{1f600}\0z".into()));
    assert!(matches!(read(r#""plain""#), Ok(Cow::Borrowed(_))), "without escapes nothing is copied");
}

#[test]
fn a_whole_number_is_read_up_to_2_to_the_53_less_one() {
    let read = |text| Reader::new(text).integer();
    assert_eq!(read("0"), Ok(0));
    assert_eq!(read(" 9007199254740991"), Ok(9_007_199_254_740_991));
    assert_eq!(read("9007199254740992"), Err(JsonError::LargeNumber));
    for text in ["1.0", "1e3", "-1", "-0", "null", "\"1\"", "true", "[1]"] {
        assert_eq!(read(text), Err(JsonError::Type), "{text}");
    }
}

#[test]
fn a_large_number_is_a_fault_even_where_it_is_skipped() {
    let digits = "9".repeat(400);
    for text in ["9007199254740992", "-9007199254740992", "1e16", "1e999", &digits] {
        assert_eq!(skip(text), Err(JsonError::LargeNumber), "{text}");
    }
}

#[test]
fn null_is_told_from_a_number() {
    assert_eq!(Reader::new("null").integer_or_null(), Ok(None));
    assert_eq!(Reader::new("7").integer_or_null(), Ok(Some(7)));
    assert_eq!(Reader::new("nil").integer_or_null(), Err(JsonError::Syntax));
    assert_eq!(Reader::new("{}").integer_or_null(), Err(JsonError::Type));
}

#[test]
fn a_key_twice_is_a_fault_however_it_is_spelt_and_wherever_it_stands() {
    for text in
        [r#"{"a":1,"a":1}"#, r#"{"a":1,"b":2,"\u0061":3}"#, r#"[{"x":{"":1,"":2}}]"#, r#"{"é":1,"\u00e9":2}"#]
    {
        assert_eq!(skip(text), Err(JsonError::DuplicateKey), "{text}");
    }
}

#[test]
fn sixteen_levels_are_read_and_seventeen_are_not() {
    let nested = |open: &str, close: &str, levels| open.repeat(levels) + "1" + &close.repeat(levels);
    for (open, close) in [("[", "]"), (r#"{"a":"#, "}")] {
        assert_eq!(skip(&nested(open, close, 16)), Ok(()));
        assert_eq!(skip(&nested(open, close, 17)), Err(JsonError::Depth));
        assert_eq!(skip(&nested(open, close, 1_000_000)), Err(JsonError::Depth));
    }
    assert_eq!(skip(&format!("[{}1]", "[[[]]],".repeat(100))), Ok(()), "what is closed no longer counts");
}
