//! `BaselineModel`.

use super::model::Draft;
use super::{Compiled, Compiler};
use crate::document::Node;
use crate::models::baseline::{Baseline, Distribution, Key, Observed, Row, Statistic};
use crate::run::Slot;

/// Longest window.
const LONGEST: f64 = 1_048_576.0;
/// Most cells of a table.
const MOST_CELLS: usize = 1 << 16;
/// Most fields of a table.
const MOST_FIELDS: usize = 16;

impl<'d> Compiler<'d> {
    pub(super) fn baseline_model(&mut self, draft: &Draft<'d>) -> Compiled<Option<Baseline>> {
        let node = draft.node.need_child("TestDistributions")?;
        let field = node.need("field")?;
        let slot = self.resolve(draft.scope, field, node)?;
        let weight = match node.get("weightField") {
            Some(name) => Some(self.resolve(draft.scope, name, node)?),
            None => None,
        };
        let window = node.number_or("windowSize", 0.0)?;
        if window.fract() != 0.0 || !(0.0..=LONGEST).contains(&window) {
            return Err(node.invalid(format!("windowSize is not a whole number from 0 to {LONGEST}")));
        }
        let parent = node.need_child("Baseline")?;
        let inner = parent
            .children()
            .next()
            .ok_or_else(|| parent.invalid("a distribution is missing"))?;
        let (statistic, observed) = match node.need("testStatistic")? {
            "zValue" => {
                let (mean, variance) = distribution(inner)?.mean_and_variance();
                let deviation = variance.sqrt();
                (Statistic::ZValue { mean, deviation }, Observed::Number(slot))
            }
            "CUSUM" => {
                let alternate = node.need_child("Alternate")?;
                let alternate = alternate
                    .children()
                    .next()
                    .ok_or_else(|| alternate.invalid("a distribution is missing"))?;
                let (baseline, other) = (distribution(inner)?, distribution(alternate)?);
                let shapeless = |distribution| matches!(distribution, Distribution::Any { .. });
                if shapeless(baseline) || shapeless(other) {
                    return Err(node.invalid("CUSUM needs distributions with a density"));
                }
                let counts = |distribution| matches!(distribution, Distribution::Poisson { .. });
                if counts(baseline) != counts(other) {
                    return Err(node.invalid("CUSUM compares a distribution of counts with a continuous one"));
                }
                let reset = node.number_or("resetValue", 0.0)?;
                let statistic = Statistic::Cusum {
                    baseline,
                    alternate: other,
                    reset,
                };
                (statistic, Observed::Number(slot))
            }
            "chiSquareDistribution" => {
                let (rows, counts) = self.count_table(draft, inner, slot)?;
                let total: f64 = counts.iter().sum();
                let shares = counts.iter().map(|count| count / total).collect();
                (Statistic::Distribution { shares }, Observed::Rows(rows))
            }
            "scalarProduct" => {
                let normalized = match node.get("normalizationScheme") {
                    None => false,
                    Some(scheme) if scheme.eq_ignore_ascii_case("none") => false,
                    Some(scheme) if scheme.eq_ignore_ascii_case("independent") => true,
                    Some(scheme) => {
                        self.unsupported(node, format!("normalizationScheme {scheme}"));
                        return Ok(None);
                    }
                };
                let (rows, counts) = self.count_table(draft, inner, slot)?;
                let counts = counts.into();
                (Statistic::Product { counts, normalized }, Observed::Rows(rows))
            }
            "chiSquareIndependence" => match self.contingency(draft, parent)? {
                Some(found) => found,
                None => return Ok(None),
            },
            other => return Err(node.invalid(format!("unknown testStatistic '{other}'"))),
        };
        Ok(Some(Baseline {
            statistic,
            observed,
            weight,
            window: window as usize,
        }))
    }

    /// Rows and counts of a `CountTable` or `NormalizedCountTable`, whose fields may be nested.
    fn count_table(&mut self, draft: &Draft<'d>, table: Node<'d>, slot: Slot) -> Compiled<(Box<[Row]>, Vec<f64>)> {
        if !matches!(table.name(), "CountTable" | "NormalizedCountTable") {
            return Err(table.invalid("the statistic needs a CountTable"));
        }
        let (mut rows, mut counts) = (Vec::new(), Vec::new());
        let mut open: Vec<(Node<'d>, Vec<(Slot, Key)>)> = vec![(table, Vec::new())];
        while let Some((node, path)) = open.pop() {
            let mut inner = Vec::new();
            for child in node.children() {
                let count = match child.name() {
                    "FieldValue" => None,
                    "FieldValueCount" => Some(child.need_number("count")?),
                    _ => continue,
                };
                let slot = match child.get("field") {
                    Some(name) => self.resolve(draft.scope, name, child)?,
                    None => slot,
                };
                let kind = self.slots[slot as usize].kind;
                let key = self.literal_or_text(kind, child.need("value")?).key();
                if path.len() == MOST_FIELDS || rows.len() == MOST_CELLS {
                    return Err(child.invalid(format!("more than {MOST_FIELDS} fields or {MOST_CELLS} counts")));
                }
                let mut path = path.clone();
                path.push((slot, key));
                match count {
                    Some(count) if count < 0.0 => return Err(child.invalid("count is negative")),
                    Some(count) => {
                        rows.push(path.into_boxed_slice());
                        counts.push(count);
                    }
                    None => inner.push((child, path)),
                }
            }
            open.extend(inner.into_iter().rev());
        }
        if counts.iter().sum::<f64>() <= 0.0 {
            return Err(table.invalid("there are no counts"));
        }
        Ok((rows.into(), counts))
    }

    /// The table of the fields whose independence is tested: over the values that the dictionary lists.
    fn contingency(&mut self, draft: &Draft<'d>, parent: Node<'d>) -> Compiled<Option<(Statistic, Observed)>> {
        let mut fields = Vec::new();
        for reference in parent.all("FieldRef") {
            let name = reference.need("field")?;
            let slot = self.resolve(draft.scope, name, reference)?;
            let kind = self.slots[slot as usize].kind;
            let values = self.fields.get(name).map_or(Vec::new(), |field| field.values.clone());
            reference.reserve(&[values.len()], size_of::<Key>())?;
            if values.is_empty() {
                self.unsupported(
                    reference,
                    format!("independence of '{name}', whose values the DataDictionary does not list"),
                );
                return Ok(None);
            }
            let keys: Vec<Key> = values
                .iter()
                .map(|text| self.literal_or_text(kind, text).key())
                .collect();
            fields.push((slot, keys.into_boxed_slice()));
        }
        if fields.len() < 2 {
            return Err(parent.invalid("chiSquareIndependence needs two fields"));
        }
        let cells = fields
            .iter()
            .try_fold(1_usize, |cells, (_, keys)| cells.checked_mul(keys.len()));
        if cells.is_none_or(|cells| cells > MOST_CELLS) {
            return Err(parent.invalid(format!("a table of more than {MOST_CELLS} cells")));
        }
        let sizes = fields.iter().map(|(_, keys)| keys.len() as u32).collect();
        Ok(Some((
            Statistic::Independence { sizes },
            Observed::Table(fields.into()),
        )))
    }
}

/// A continuous distribution: `GaussianDistribution` and its like.
pub(super) fn distribution(node: Node<'_>) -> Compiled<Distribution> {
    let positive = |name: &str| {
        let value = node.need_number(name)?;
        if value > 0.0 {
            Ok(value)
        } else {
            Err(node.invalid(format!("{name} is not positive")))
        }
    };
    Ok(match node.name() {
        "GaussianDistribution" => Distribution::Gaussian {
            mean: node.need_number("mean")?,
            variance: positive("variance")?,
        },
        "AnyDistribution" => Distribution::Any {
            mean: node.need_number("mean")?,
            variance: positive("variance")?,
        },
        "PoissonDistribution" => Distribution::Poisson {
            mean: positive("mean")?,
        },
        "UniformDistribution" => {
            let (lower, upper) = (node.need_number("lower")?, node.need_number("upper")?);
            if lower >= upper {
                return Err(node.invalid("lower is not below upper"));
            }
            Distribution::Uniform { lower, upper }
        }
        other => return Err(node.invalid(format!("'{other}' is not a continuous distribution"))),
    })
}
