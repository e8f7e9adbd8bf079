//! Predicates, three-valued: `None` is unknown.

use std::cmp::Ordering;

use crate::run::{Run, Scored, Slot};
use crate::value::Value;

/// Comparisons of `SimplePredicate`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Comparison {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

/// Operators of `CompoundPredicate`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Junction {
    And,
    Or,
    Xor,
    Surrogate,
}

/// A predicate.
#[derive(Clone, Debug)]
pub(crate) enum Predicate {
    True,
    False,
    Compare {
        slot: Slot,
        comparison: Comparison,
        value: Value,
    },
    Missing {
        slot: Slot,
        negated: bool,
    },
    /// Sorted keys.
    Set {
        slot: Slot,
        negated: bool,
        keys: Box<[(u8, u64)]>,
    },
    Compound {
        junction: Junction,
        parts: Box<[Predicate]>,
    },
}

impl Comparison {
    pub(crate) fn holds(self, order: Ordering) -> bool {
        match self {
            Self::Equal => order == Ordering::Equal,
            Self::NotEqual => order != Ordering::Equal,
            Self::Less => order == Ordering::Less,
            Self::LessOrEqual => order != Ordering::Greater,
            Self::Greater => order == Ordering::Greater,
            Self::GreaterOrEqual => order != Ordering::Less,
        }
    }
}

impl Predicate {
    pub(crate) fn heap_bytes(&self) -> usize {
        match self {
            Self::Set { keys, .. } => 16 * keys.len(),
            Self::Compound { parts, .. } => parts.iter().map(|part| size_of::<Self>() + part.heap_bytes()).sum(),
            _ => 0,
        }
    }
}

impl Run<'_> {
    /// Whether a predicate holds.
    pub(crate) fn holds(&mut self, predicate: &Predicate) -> Scored<Option<bool>> {
        Ok(match predicate {
            Predicate::True => Some(true),
            Predicate::False => Some(false),
            Predicate::Compare {
                slot,
                comparison,
                value,
            } => {
                let found = self.value(*slot)?;
                if found.is_missing() {
                    return Ok(None);
                }
                if let (Value::Double(a), Value::Double(b)) = (found, *value) {
                    return Ok(a.partial_cmp(&b).map(|order| comparison.holds(order)));
                }
                match comparison {
                    Comparison::Equal => Some(found.same(*value)),
                    Comparison::NotEqual => Some(!found.same(*value)),
                    _ => self.compare(*slot, found, *value).map(|order| comparison.holds(order)),
                }
            }
            Predicate::Missing { slot, negated } => Some(self.value(*slot)?.is_missing() != *negated),
            Predicate::Set { slot, negated, keys } => {
                let found = self.value(*slot)?;
                if found.is_missing() {
                    None
                } else {
                    Some(keys.binary_search(&found.key()).is_ok() != *negated)
                }
            }
            Predicate::Compound { junction, parts } => return self.compound(*junction, parts),
        })
    }

    /// Order of two values of a field: of numbers by size, of texts as the field declares them, else by their letters.
    pub(crate) fn compare(&mut self, slot: Slot, a: Value, b: Value) -> Option<Ordering> {
        match (a, b) {
            (Value::Text(a), Value::Text(b)) => {
                let order = &self.program.slots[slot as usize].order;
                match (order.rank(a), order.rank(b)) {
                    (Some(a), Some(b)) => Some(a.cmp(&b)),
                    _ => Some(self.text(a).cmp(self.text(b))),
                }
            }
            _ => a.order(b),
        }
    }

    fn compound(&mut self, junction: Junction, parts: &[Predicate]) -> Scored<Option<bool>> {
        let mut unknown = false;
        let mut odd = false;
        let mut decided = false;
        for part in parts {
            match (junction, self.holds(part)?) {
                (Junction::Surrogate, Some(truth)) => return Ok(Some(truth)),
                // All parts are looked at: a value that is refused in any of them refuses the record.
                (Junction::And, Some(false)) | (Junction::Or, Some(true)) => decided = true,
                (Junction::Xor, Some(truth)) => odd ^= truth,
                (_, None) => unknown = true,
                _ => {}
            }
        }
        Ok(match junction {
            Junction::Surrogate => None,
            Junction::And | Junction::Or if decided => Some(junction == Junction::Or),
            _ if unknown => None,
            Junction::Xor => Some(odd),
            Junction::And => Some(true),
            Junction::Or => Some(false),
        })
    }
}
