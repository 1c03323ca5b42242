//! Rust source with comments and literals blanked, so that a word is found only where it is code.
//!
//! This isn't a parser: it knows comments, strings, raw strings and characters, and keeps every line in its place.

/// `source` with the contents of comments, strings and character literals as spaces; line breaks stay.
pub fn code_only(source: &str) -> String {
    let mut out = String::with_capacity(source.len());
    let mut rest = source;
    let mut previous = ' ';
    while let Some(c) = rest.chars().next() {
        let blank = match c {
            '/' if rest.starts_with("//") => rest.find('\n').unwrap_or(rest.len()),
            '/' if rest.starts_with("/*") => block_comment(rest),
            '"' => 1 + until_quote(&rest[1..]),
            'r' | 'b' | 'c' if !is_word(previous) => prefixed_string(rest),
            '\'' => char_literal(rest),
            _ => 0,
        };
        let (taken, keep) = if blank == 0 { (c.len_utf8(), true) } else { (blank, false) };
        for t in rest[..taken].chars() {
            out.push(if keep || t == '\n' { t } else { ' ' });
        }
        previous = if keep { c } else { ' ' };
        rest = &rest[taken..];
    }
    out
}

/// Whether `needle` occurs in a line of code, not as the tail of a longer name.
pub fn has_word(line: &str, needle: &str) -> bool {
    line.match_indices(needle).any(|(at, _)| !line[..at].chars().next_back().is_some_and(is_word))
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// Bytes of a comment that may hold others.
fn block_comment(text: &str) -> usize {
    let (mut depth, mut at) = (0_usize, 0);
    while at < text.len() {
        let here = &text.as_bytes()[at..];
        if here.starts_with(b"/*") {
            depth += 1;
            at += 2;
        } else if here.starts_with(b"*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += 1;
        }
    }
    text.len()
}

/// Bytes up to and with the quote that ends a string whose opening quote has been read.
fn until_quote(text: &str) -> usize {
    let mut escaped = false;
    for (at, c) in text.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return at + 1,
            _ => {}
        }
    }
    text.len()
}

/// Bytes of `r"…"`, `r#"…"#`, `b"…"`, `br"…"`, `c"…"`; 0 where the letter begins a name.
fn prefixed_string(text: &str) -> usize {
    let letters = text.len() - text.trim_start_matches(['r', 'b', 'c']).len();
    let raw = text[..letters].contains('r');
    let after = &text[letters..];
    let hashes = after.len() - after.trim_start_matches('#').len();
    if letters > 2 || (hashes > 0 && !raw) || !after[hashes..].starts_with('"') {
        return 0;
    }
    let open = letters + hashes + 1;
    if !raw {
        return open + until_quote(&text[open..]);
    }
    let end = format!("\"{}", "#".repeat(hashes));
    text[open..].find(&end).map_or(text.len(), |at| open + at + end.len())
}

/// Bytes of `'x'`, `'\n'`, `'\u{1F}'`; 0 for a lifetime.
fn char_literal(text: &str) -> usize {
    let mut chars = text.char_indices().skip(1);
    match (chars.next(), chars.next()) {
        (Some((_, '\\')), Some((at, c))) => {
            let after = at + c.len_utf8();
            text[after..].find('\'').map_or(0, |end| after + end + 1)
        }
        (Some(_), Some((at, '\''))) => at + 1,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_in_comments_and_strings_are_blanked_and_lines_stay() {
        let source = "let a = \"todo!() \\\" x\"; // todo!()\n/* todo!() /* b */\n todo!() */ let c = r#\"todo!() \" \"#;\nb";
        let code = code_only(source);
        assert!(!code.contains("todo!"), "{code}");
        assert!(code.contains("let a =") && code.contains("let c ="));
        assert_eq!(code.lines().count(), source.lines().count());
    }

    #[test]
    fn what_follows_a_quote_character_or_a_lifetime_is_still_code() {
        let code = code_only("fn f<'a>(x: &'a str) { m('\"', '\\'', '\\u{1F}'); dbg!(x) } let brr = 1;");
        assert!(code.contains("dbg!(x)") && code.contains("&'a str") && code.contains("brr"), "{code}");
    }

    #[test]
    fn a_word_is_not_found_as_the_tail_of_a_longer_one() {
        assert!(has_word("let x = rand::rng();", "rand::"));
        assert!(!has_word("let x = operand::new();", "rand::"));
        assert!(has_word("operand::x(rand::y())", "rand::"));
    }
}
