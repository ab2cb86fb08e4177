//! Label selectors: `matchLabels` and `matchExpressions`.

use std::collections::BTreeMap;
use std::fmt;

use super::object::Field;
use super::tree::Node;

/// What labels must be like.
#[derive(Debug)]
pub(super) struct Selector {
    pub requirements: Vec<Requirement>,
}

/// What one label must be like.
#[derive(Debug)]
pub(super) struct Requirement {
    key: String,
    /// None when there is no operator of this name.
    operator: Option<Operator>,
    values: Vec<String>,
    pub line: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Operator {
    In,
    NotIn,
    Exists,
    DoesNotExist,
}

impl Selector {
    /// `spec.selector` of a workload or budget.
    pub fn read(field: &Field<'_>) -> Selector {
        let labels = field.node.entry("matchLabels").map_or(&[][..], |entry| entry.value.entries());
        let labels = labels.iter().filter_map(|entry| {
            let values = vec![entry.value.text()?.to_owned()];
            Some(Requirement { key: entry.key.clone(), operator: Some(Operator::In), values, line: entry.line })
        });
        let expressions = field.node.entry("matchExpressions").map_or(&[][..], |entry| entry.value.items());
        let expressions = expressions.iter().map(|item| Requirement::read(item));
        Selector { requirements: labels.chain(expressions).collect() }
    }
    /// True when it demands nothing.
    pub fn is_empty(&self) -> bool {
        self.requirements.is_empty()
    }
    /// True when these labels are what it demands; one that demands nothing selects all.
    pub fn selects(&self, labels: &BTreeMap<String, String>) -> bool {
        self.requirements.iter().all(|requirement| requirement.is_met(labels))
    }
}

impl Requirement {
    fn read(node: &Node) -> Requirement {
        let operator = match node.text_at("operator") {
            Some("In") => Some(Operator::In),
            Some("NotIn") => Some(Operator::NotIn),
            Some("Exists") => Some(Operator::Exists),
            Some("DoesNotExist") => Some(Operator::DoesNotExist),
            _ => None,
        };
        let values = node.entry("values").map_or(&[][..], |entry| entry.value.items());
        Requirement {
            key: node.text_at("key").unwrap_or_default().to_owned(),
            operator,
            values: values.iter().filter_map(|value| value.text().map(str::to_owned)).collect(),
            line: node.line,
        }
    }
    pub fn has_operator(&self) -> bool {
        self.operator.is_some()
    }
    pub fn is_met(&self, labels: &BTreeMap<String, String>) -> bool {
        let label = labels.get(&self.key);
        let listed = label.is_some_and(|label| self.values.contains(label));
        match self.operator {
            Some(Operator::In) => listed,
            Some(Operator::NotIn) => !listed,
            Some(Operator::Exists) => label.is_some(),
            Some(Operator::DoesNotExist) => label.is_none(),
            None => true,
        }
    }
}

impl fmt::Display for Requirement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (key, values) = (&self.key, self.values.join(", "));
        match self.operator {
            Some(Operator::In) if self.values.len() == 1 => write!(f, "`{key}: {values}`"),
            Some(Operator::In) => write!(f, "`{key}` to be one of {values}"),
            Some(Operator::NotIn) => write!(f, "`{key}` to be none of {values}"),
            Some(Operator::Exists) | None => write!(f, "`{key}`"),
            Some(Operator::DoesNotExist) => write!(f, "no `{key}`"),
        }
    }
}
