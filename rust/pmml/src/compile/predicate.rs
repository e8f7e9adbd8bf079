//! Predicates.

use super::{Compiled, Compiler, ScopeId, array};
use crate::document::Node;
use crate::predicate::{Comparison, Junction, Predicate};

/// Names of the predicate elements.
pub(crate) fn is_predicate(node: Node<'_>) -> bool {
    matches!(
        node.name(),
        "True" | "False" | "SimplePredicate" | "SimpleSetPredicate" | "CompoundPredicate"
    )
}

impl<'d> Compiler<'d> {
    /// The predicate of an element; it must have one.
    pub(crate) fn predicate_of(&mut self, scope: ScopeId, parent: Node<'d>) -> Compiled<Predicate> {
        let node = parent
            .children()
            .find(|child| is_predicate(*child))
            .ok_or_else(|| parent.invalid("a predicate is missing"))?;
        self.predicate(scope, node)
    }

    pub(crate) fn predicate(&mut self, scope: ScopeId, node: Node<'d>) -> Compiled<Predicate> {
        match node.name() {
            "True" => Ok(Predicate::True),
            "False" => Ok(Predicate::False),
            "SimplePredicate" => {
                let [field, operator, value] = node.several(["field", "operator", "value"]);
                let slot = self.resolve(scope, node.needed("field", field)?, node)?;
                let comparison = match node.needed("operator", operator)? {
                    "isMissing" => return Ok(Predicate::Missing { slot, negated: false }),
                    "isNotMissing" => return Ok(Predicate::Missing { slot, negated: true }),
                    "equal" => Comparison::Equal,
                    "notEqual" => Comparison::NotEqual,
                    "lessThan" => Comparison::Less,
                    "lessOrEqual" => Comparison::LessOrEqual,
                    "greaterThan" => Comparison::Greater,
                    "greaterOrEqual" => Comparison::GreaterOrEqual,
                    other => return Err(node.invalid(format!("unknown operator '{other}'"))),
                };
                let kind = self.slots[slot as usize].kind;
                let value = self.literal_or_text(kind, node.needed("value", value)?);
                Ok(Predicate::Compare {
                    slot,
                    comparison,
                    value,
                })
            }
            "SimpleSetPredicate" => {
                let slot = self.resolve(scope, node.need("field")?, node)?;
                let negated = match node.need("booleanOperator")? {
                    "isIn" => false,
                    "isNotIn" => true,
                    other => return Err(node.invalid(format!("unknown booleanOperator '{other}'"))),
                };
                let kind = self.slots[slot as usize].kind;
                let mut keys: Vec<(u8, u64)> = array(node.need_child("Array")?)?
                    .iter()
                    .map(|text| self.literal_or_text(kind, text).key())
                    .collect();
                keys.sort_unstable();
                keys.dedup();
                Ok(Predicate::Set {
                    slot,
                    negated,
                    keys: keys.into(),
                })
            }
            "CompoundPredicate" => {
                let junction = match node.need("booleanOperator")? {
                    "and" => Junction::And,
                    "or" => Junction::Or,
                    "xor" => Junction::Xor,
                    "surrogate" => Junction::Surrogate,
                    other => return Err(node.invalid(format!("unknown booleanOperator '{other}'"))),
                };
                let parts = self.descend(node, |compiler| {
                    node.children()
                        .filter(|child| is_predicate(*child))
                        .map(|child| compiler.predicate(scope, child))
                        .collect::<Compiled<Box<[Predicate]>>>()
                })?;
                if parts.is_empty() {
                    return Err(node.invalid("a compound predicate needs parts"));
                }
                Ok(Predicate::Compound { junction, parts })
            }
            other => Err(node.invalid(format!("'{other}' is not a predicate"))),
        }
    }
}
