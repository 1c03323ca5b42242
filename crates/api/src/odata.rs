//! The words of OData filters, which `$filter` is made of.

/// A word of a filter.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Token {
    /// A name or an operator.
    Word(String),
    /// What stands in quotes, without them.
    Text(String),
    /// `(`, `)` or `,`.
    Sign(char),
}

impl Token {
    /// True for this word, in any case.
    pub fn is_word(&self, word: &str) -> bool {
        matches!(self, Self::Word(w) if w.eq_ignore_ascii_case(word))
    }
}

/// A filter's words. The error is for the caller.
pub(crate) fn tokens(text: &str) -> Result<Vec<Token>, String> {
    let mut all = Vec::new();
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            c if c.is_whitespace() => {}
            '(' | ')' | ',' => all.push(Token::Sign(c)),
            '\'' => {
                let mut value = String::new();
                loop {
                    match chars.next() {
                        Some('\'') if chars.peek() == Some(&'\'') => {
                            chars.next();
                            value.push('\'');
                        }
                        Some('\'') => break,
                        Some(c) => value.push(c),
                        None => return Err("a text isn't closed: it ends with '".to_owned()),
                    }
                }
                all.push(Token::Text(value));
            }
            c if c.is_ascii_alphanumeric() || c == '_' => {
                let mut word = String::from(c);
                while let Some(c) = chars.next_if(|c| c.is_ascii_alphanumeric() || *c == '_') {
                    word.push(c);
                }
                all.push(Token::Word(word));
            }
            c => return Err(format!("'{}' has no meaning here", c.escape_default())),
        }
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quote_in_a_text_is_doubled() {
        let all = tokens("name eq 'o''hara'").unwrap();
        assert_eq!(all[2], Token::Text("o'hara".into()));
        assert!(all[1].is_word("EQ"));
        for bad in ["name eq 'x", "a = 'b'"] {
            assert!(tokens(bad).is_err(), "{bad}");
        }
    }
}
