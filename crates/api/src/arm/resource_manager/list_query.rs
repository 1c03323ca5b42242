//! The query of a list of resources or resource groups: `$filter`, `$top` and `$expand`. What isn't
//! understood is refused: a list that is longer than asked for is taken for the answer.

use crate::call::Call;
use crate::error::ApiError;
use crate::odata::{Token, tokens};
use crate::page::Page;
use meetme_model::region::same_region;
use meetme_model::stamp::Stamp;
use serde::Serialize;
use std::collections::BTreeMap;

/// Conditions that one filter may have.
const MAX_CONDITIONS: usize = 20;
const USAGE: &str = "join conditions by and: resourceGroup, name, location, resourceType, tagName and tagValue \
                     eq a text in quotes, or startswith(tagName, 'text')";

/// A list's query.
pub(super) struct ListQuery {
    conditions: Vec<(Field, String)>,
    /// Rows in all; `None`: every one.
    top: Option<usize>,
    expand: Vec<&'static str>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Field {
    Group,
    Name,
    Location,
    Type,
    TagName,
    TagNamePrefix,
    TagValue,
}

/// What conditions are held against.
pub(super) struct Row<'a> {
    pub group: &'a str,
    pub name: &'a str,
    pub location: &'a str,
    pub kind: &'a str,
    pub tags: &'a BTreeMap<String, String>,
}

/// What `$expand` adds.
#[derive(Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Expanded {
    #[serde(skip_serializing_if = "Option::is_none")]
    created_time: Option<jiff::Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    changed_time: Option<jiff::Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    provisioning_state: Option<&'static str>,
}

impl ListQuery {
    /// Reads the query.
    pub fn of(call: &Call) -> Result<Self, ApiError> {
        let given = |name: &str| call.query(name).map(str::trim).filter(|text| !text.is_empty());
        let conditions = given("$filter").map(conditions).transpose();
        let top = given("$top").map(|text| text.parse().ok().filter(|n| *n > 0).ok_or(())).transpose();
        let expand = given("$expand").map(expansions).transpose();
        Ok(Self {
            conditions: conditions
                .map_err(|why| ApiError::bad_request("InvalidFilter", "$filter", why))?
                .unwrap_or_default(),
            top: top.map_err(|()| {
                ApiError::bad_request("InvalidTop", "$top", "say how many rows: a whole number above 0")
            })?,
            expand: expand
                .map_err(|why| ApiError::bad_request("InvalidExpand", "$expand", why))?
                .unwrap_or_default(),
        })
    }

    /// The resource group that all rows are of, if the filter says so.
    pub fn group(&self) -> Option<&str> {
        self.conditions.iter().find(|(field, _)| *field == Field::Group).map(|(_, value)| value.as_str())
    }

    /// True when rows of this type can be among them.
    pub fn has_type(&self, kind: &str) -> bool {
        self.conditions.iter().all(|(field, value)| *field != Field::Type || value.eq_ignore_ascii_case(kind))
    }

    /// True for a row that is asked for. Names of tags compare without case, values with it.
    pub fn holds(&self, row: &Row<'_>) -> bool {
        let tagged = |asked: &str| row.tags.iter().find(|(name, _)| name.eq_ignore_ascii_case(asked));
        let tag_names: Vec<&str> = self.values(Field::TagName).collect();
        self.conditions.iter().all(|(field, value)| match field {
            Field::Group => row.group.eq_ignore_ascii_case(value),
            Field::Name => row.name.eq_ignore_ascii_case(value),
            Field::Location => same_region(row.location, value),
            Field::Type => row.kind.eq_ignore_ascii_case(value),
            Field::TagName => tagged(value).is_some(),
            Field::TagNamePrefix => row.tags.keys().any(|name| starts_with(name, value)),
            Field::TagValue if tag_names.is_empty() => row.tags.values().any(|v| v == value),
            Field::TagValue => tag_names.iter().any(|name| tagged(name).is_some_and(|(_, v)| v == value)),
        })
    }

    fn values(&self, field: Field) -> impl Iterator<Item = &str> {
        self.conditions.iter().filter(move |(f, _)| *f == field).map(|(_, value)| value.as_str())
    }

    /// Rows of the page: as many as one holds, unless fewer are asked for.
    pub fn size(&self, call: &Call) -> usize {
        let size = call.state.settings.page_size;
        self.top.map_or(size, |top| top.min(size))
    }

    /// The page of these rows, whose next one starts after `next`. `$top` counts over all pages.
    pub fn page<T>(&self, call: &Call, rows: Vec<T>, next: Option<String>) -> Page<T> {
        match self.top {
            None => Page::part(call, rows, next),
            Some(top) if top <= rows.len() => Page::part(call, rows, None),
            Some(top) => {
                let left = (top - rows.len()).to_string();
                Page::part_with(call, rows, next, &[("$top", &left)])
            }
        }
    }

    /// What a row has besides.
    pub fn expanded(&self, stamp: &Stamp, provisioning_state: &'static str) -> Expanded {
        let wanted = |name: &str| self.expand.contains(&name);
        Expanded {
            created_time: wanted("createdTime").then_some(stamp.created_at),
            changed_time: wanted("changedTime").then_some(stamp.modified_at),
            provisioning_state: wanted("provisioningState").then_some(provisioning_state),
        }
    }
}

fn starts_with(text: &str, start: &str) -> bool {
    text.get(..start.len()).is_some_and(|beginning| beginning.eq_ignore_ascii_case(start))
}

fn conditions(text: &str) -> Result<Vec<(Field, String)>, String> {
    let tokens = tokens(text)?;
    let mut all = Vec::new();
    for part in tokens.split(|t| t.is_word("and")) {
        all.push(condition(part).ok_or(USAGE)?);
    }
    if all.len() > MAX_CONDITIONS {
        return Err(format!("there are more than {MAX_CONDITIONS} conditions"));
    }
    Ok(all)
}

fn condition(words: &[Token]) -> Option<(Field, String)> {
    match words {
        [Token::Word(field), eq, Token::Text(value)] if eq.is_word("eq") => {
            let known = [
                ("resourceGroup", Field::Group),
                ("name", Field::Name),
                ("location", Field::Location),
                ("resourceType", Field::Type),
                ("tagName", Field::TagName),
                ("tagValue", Field::TagValue),
            ];
            let (_, field) = known.into_iter().find(|(name, _)| name.eq_ignore_ascii_case(field))?;
            Some((field, value.clone()))
        }
        [call, Token::Sign('('), name, Token::Sign(','), Token::Text(value), Token::Sign(')')]
            if call.is_word("startswith") && name.is_word("tagName") =>
        {
            Some((Field::TagNamePrefix, value.clone()))
        }
        _ => None,
    }
}

fn expansions(text: &str) -> Result<Vec<&'static str>, String> {
    const KNOWN: [&str; 3] = ["createdTime", "changedTime", "provisioningState"];
    let known = |name: &str| KNOWN.into_iter().find(|k| k.eq_ignore_ascii_case(name));
    let refused = || format!("these can be added, joined by commas: {}", KNOWN.join(", "));
    text.split(',').map(|name| known(name.trim()).ok_or_else(refused)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holds(filter: &str) -> bool {
        let tags =
            BTreeMap::from([("Team".to_owned(), "SIP".to_owned()), ("env".to_owned(), "old".to_owned())]);
        let conditions = conditions(filter).unwrap_or_else(|e| panic!("{filter}: {e}"));
        ListQuery { conditions, top: None, expand: Vec::new() }.holds(&Row {
            group: "Telco",
            name: "ams",
            location: "westeurope",
            kind: "Microsoft.Peering/peerings",
            tags: &tags,
        })
    }

    #[test]
    fn all_conditions_of_a_filter_hold() {
        for yes in [
            "resourceGroup eq 'telco'",
            "name eq 'AMS' and location eq 'West Europe'",
            "resourceType eq 'microsoft.peering/Peerings' and resourceGroup eq 'TELCO'",
            "tagname eq 'team' and tagvalue eq 'SIP'",
            "tagname eq 'env'",
            "startswith(tagname, 'te')",
        ] {
            assert!(holds(yes), "{yes}");
        }
        for no in [
            "resourceGroup eq 'other'",
            "name eq 'ams' and location eq 'northeurope'",
            "tagname eq 'team' and tagvalue eq 'old'",
            "tagname eq 'team' and tagvalue eq 'sip'",
            "startswith(tagname, 'x')",
        ] {
            assert!(!holds(no), "{no}");
        }
    }

    #[test]
    fn what_is_not_understood_is_refused() {
        for bad in [
            "name",
            "name ne 'a'",
            "name eq a",
            "name eq 'a' or name eq 'b'",
            "name eq 'a' and",
            "substringof('a', name)",
            "identity eq 'a'",
        ] {
            assert!(conditions(bad).is_err(), "{bad}");
        }
        assert!(conditions(&["name eq 'a'"; 21].join(" and ")).is_err());
        assert_eq!(expansions("createdTime,ChangedTime").unwrap(), ["createdTime", "changedTime"]);
        assert!(expansions("createdTime,x").is_err());
    }
}
