//! `$filter` of metrics: `ConnectionId eq 'x' and SessionIp eq '*'`.
//!
//! `and` joins dimensions, `or` joins conditions on one of them. What a filter names, values are
//! split by; everything else is summed up together. Names and values compare without case.

use crate::odata::{Token, tokens};
use meetme_model::metric::{Definition, Dimensions};

/// Conditions that one filter may have.
const MAX_CONDITIONS: usize = 100;

/// A filter as written.
#[derive(Debug, PartialEq)]
pub(super) struct Filter(Vec<Clause>);

/// Conditions on a dimension, of which one must hold.
#[derive(Debug, PartialEq)]
struct Clause {
    dimension: String,
    conditions: Vec<Condition>,
}

#[derive(Clone, Debug, PartialEq)]
enum Condition {
    Any,
    Equal(String),
    Unequal(String),
    Prefix(String),
}

/// A filter with the dimensions of a metric.
pub(super) struct Bound<'a>(Vec<(&'static str, &'a [Condition])>);

impl Filter {
    /// Reads a filter; the error is for the caller.
    pub fn parse(text: &str) -> Result<Self, String> {
        Parser { tokens: tokens(text)?, at: 0, conditions: 0 }.filter().map(Self)
    }

    /// This for a metric, and the names that aren't dimensions of it.
    pub fn bind(&self, definition: &Definition) -> (Bound<'_>, Vec<&str>) {
        let (mut bound, mut unknown) = (Vec::new(), Vec::new());
        for clause in &self.0 {
            let name = clause.dimension.as_str();
            match definition.dimensions.iter().find(|d| d.eq_ignore_ascii_case(name)) {
                Some(dimension) => bound.push((*dimension, clause.conditions.as_slice())),
                None => unknown.push(name),
            }
        }
        (Bound(bound), unknown)
    }
}

impl Bound<'_> {
    /// Without any condition: all is summed up together.
    pub fn none() -> Self {
        Self(Vec::new())
    }

    /// The dimensions that values are split by, each once.
    pub fn dimensions(&self) -> Vec<&'static str> {
        let mut all = Vec::new();
        for (dimension, _) in &self.0 {
            if !all.contains(dimension) {
                all.push(*dimension);
            }
        }
        all
    }

    /// True when a series with these dimensions is asked for.
    pub fn holds(&self, of: &Dimensions) -> bool {
        self.0.iter().all(|(dimension, conditions)| {
            let value = of.get(*dimension).map_or("", String::as_str);
            conditions.iter().any(|c| c.holds(value))
        })
    }
}

impl Condition {
    fn holds(&self, value: &str) -> bool {
        match self {
            Self::Any => true,
            Self::Equal(text) => value.eq_ignore_ascii_case(text),
            Self::Unequal(text) => !value.eq_ignore_ascii_case(text),
            Self::Prefix(text) => {
                value.get(..text.len()).is_some_and(|start| start.eq_ignore_ascii_case(text))
            }
        }
    }
}

struct Parser {
    tokens: Vec<Token>,
    at: usize,
    conditions: usize,
}

impl Parser {
    fn filter(mut self) -> Result<Vec<Clause>, String> {
        let mut clauses = Vec::new();
        loop {
            let closed = self.sign('(');
            clauses.push(self.clause()?);
            if closed && !self.sign(')') {
                return Err("a bracket isn't closed; brackets hold conditions on one dimension".to_owned());
            }
            if self.at == self.tokens.len() {
                return Ok(clauses);
            }
            if !self.word("and") {
                return Err("conditions are joined by and, or by or".to_owned());
            }
        }
    }

    fn clause(&mut self) -> Result<Clause, String> {
        let (dimension, first) = self.condition()?;
        let mut conditions = vec![first];
        while self.word("or") {
            let (other, condition) = self.condition()?;
            if !other.eq_ignore_ascii_case(&dimension) {
                return Err(format!(
                    "or joins conditions on one dimension, not {dimension} and {other}; use and"
                ));
            }
            conditions.push(condition);
        }
        Ok(Clause { dimension, conditions })
    }

    fn condition(&mut self) -> Result<(String, Condition), String> {
        self.conditions += 1;
        if self.conditions > MAX_CONDITIONS {
            return Err(format!("there are more than {MAX_CONDITIONS} conditions"));
        }
        let usage = || "write conditions as ConnectionId eq 'value', with eq, ne or startswith".to_owned();
        let first = self.any_word().ok_or_else(usage)?;
        if first.eq_ignore_ascii_case("startswith") && self.sign('(') {
            let dimension = self.any_word().ok_or_else(usage)?;
            let fine = self.sign(',');
            let text = self.text().filter(|_| fine).ok_or_else(usage)?;
            return if self.sign(')') { Ok((dimension, Condition::Prefix(text))) } else { Err(usage()) };
        }
        let operator = self.any_word().ok_or_else(usage)?.to_ascii_lowercase();
        let text = self.text().ok_or_else(usage)?;
        let condition = match (operator.as_str(), text.as_str()) {
            ("eq", "*") => Condition::Any,
            ("eq", _) => Condition::Equal(text),
            ("ne", _) => Condition::Unequal(text),
            ("startswith", _) => Condition::Prefix(text),
            _ => return Err(usage()),
        };
        Ok((first, condition))
    }

    fn next_if(&mut self, wanted: impl Fn(&Token) -> bool) -> Option<&Token> {
        let token = self.tokens.get(self.at).filter(|t| wanted(t))?;
        self.at += 1;
        Some(token)
    }

    fn sign(&mut self, sign: char) -> bool {
        self.next_if(|t| *t == Token::Sign(sign)).is_some()
    }

    fn word(&mut self, word: &str) -> bool {
        self.next_if(|t| t.is_word(word)).is_some()
    }

    fn any_word(&mut self) -> Option<String> {
        match self.next_if(|t| matches!(t, Token::Word(_))) {
            Some(Token::Word(word)) => Some(word.clone()),
            _ => None,
        }
    }

    fn text(&mut self) -> Option<String> {
        match self.next_if(|t| matches!(t, Token::Text(_))) {
            Some(Token::Text(text)) => Some(text.clone()),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use meetme_model::metric::Metric;

    fn holds(filter: &str, connection: &str, session: &str) -> bool {
        let filter = Filter::parse(filter).unwrap();
        let of = Dimensions::from([
            ("ConnectionId".to_owned(), connection.to_owned()),
            ("SessionIp".to_owned(), session.to_owned()),
        ]);
        filter.bind(Metric::FlapCounts.definition()).0.holds(&of)
    }

    #[test]
    fn conditions_are_joined_as_written() {
        for (filter, expected) in [
            ("ConnectionId eq 'C1' and SessionIp eq '*'", true),
            ("connectionid EQ 'c1'", true),
            ("ConnectionId eq 'c2'", false),
            ("ConnectionId eq 'c2' or ConnectionId eq 'c1' AND SessionIp eq '192.0.2.1'", true),
            ("(ConnectionId eq 'c2' or ConnectionId eq 'c3') and (SessionIp eq '*')", false),
            ("ConnectionId ne 'c1'", false),
            ("ConnectionId ne 'c2' and ConnectionId ne 'c3'", true),
            ("SessionIp startswith '192.'", true),
            ("startswith(SessionIp, '198.')", false),
        ] {
            assert_eq!(holds(filter, "c1", "192.0.2.1"), expected, "{filter}");
        }
        assert!(holds("ConnectionId eq 'it''s'", "it's", ""));
        assert!(!holds("SessionIp startswith 'éé'", "c1", "1€"), "cut within a letter");
    }

    #[test]
    fn a_filter_that_cannot_be_read_is_told() {
        for (filter, says) in [
            ("", "write conditions"),
            ("ConnectionId", "write conditions"),
            ("ConnectionId eq c1", "write conditions"),
            ("ConnectionId gt 'c1'", "write conditions"),
            ("ConnectionId eq 'c1", "isn't closed"),
            ("(ConnectionId eq 'c1'", "isn't closed"),
            ("ConnectionId eq 'c1' SessionIp eq 'x'", "joined by and"),
            ("ConnectionId eq 'c1' and", "write conditions"),
            ("ConnectionId eq 'c1' or SessionIp eq 'x'", "one dimension"),
            ("startswith(ConnectionId 'c1')", "write conditions"),
            ("ConnectionId = 'c1'", "no meaning"),
        ] {
            let error = Filter::parse(filter).unwrap_err();
            assert!(error.contains(says), "{filter}: {error}");
        }
        let long = vec!["A eq 'x'"; MAX_CONDITIONS + 1].join(" or ");
        assert!(Filter::parse(&long).unwrap_err().contains("more than"));
    }

    #[test]
    fn a_metric_s_dimensions_are_told_from_others() {
        let filter = Filter::parse("sessionip eq '*' and TrafficClass eq 'x' and SESSIONIP ne 'y'").unwrap();
        let (bound, unknown) = filter.bind(Metric::IngressTrafficRate.definition());
        assert_eq!(unknown, ["TrafficClass"]);
        assert_eq!(bound.dimensions(), ["SessionIp"]);
    }
}
