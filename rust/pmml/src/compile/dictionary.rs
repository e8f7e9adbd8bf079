//! Data dictionary and mining schema.

use super::problems::Problems;
use super::{Compiled, Compiler, data_type};
use crate::document::Node;
use crate::treatment::{Interval, Invalid, OnMissing, Outliers, Treatment};
use crate::value::{OpType, Type, Value};

/// A field of the data dictionary.
#[derive(Clone)]
pub(crate) struct DataField<'d> {
    pub(crate) kind: Type,
    pub(crate) optype: OpType,
    /// Valid values, as the document spells them.
    pub(crate) values: Vec<&'d str>,
    /// Intervals and values only; the mining schema adds the rest.
    treatment: Treatment,
}

impl DataField<'_> {
    pub(crate) fn intervals(&self) -> &[Interval] {
        &self.treatment.intervals
    }
}

fn sorted(mut keys: Vec<(u8, u64)>) -> Box<[(u8, u64)]> {
    keys.sort_unstable();
    keys.dedup();
    keys.into()
}

/// An `Interval` element.
pub(crate) fn interval(node: Node<'_>) -> Compiled<Interval> {
    let (low_open, high_open) = match node.need("closure")? {
        "openOpen" => (true, true),
        "openClosed" => (true, false),
        "closedOpen" => (false, true),
        "closedClosed" => (false, false),
        other => return Err(node.invalid(format!("unknown closure '{other}'"))),
    };
    Ok(Interval {
        low: node.number_or("leftMargin", f64::NEG_INFINITY)?,
        high: node.number_or("rightMargin", f64::INFINITY)?,
        low_open,
        high_open,
    })
}

impl<'d> Compiler<'d> {
    pub(super) fn dictionary(&mut self, dictionary: Node<'d>) -> Compiled<()> {
        let mut problems = Problems::default();
        for node in dictionary.all("DataField") {
            let declared = self.declare(node);
            problems.take(declared)?;
        }
        problems.finish()
    }

    fn declare(&mut self, node: Node<'d>) -> Compiled<()> {
        let name = node.need("name")?;
        let kind = match data_type(node)? {
            Some(kind) => kind,
            // Versions before 3.1 have no types.
            None if node.get("optype") == Some("continuous") => Type::Double,
            None => Type::String,
        };
        let optype = match node.get("optype") {
            Some(text) => OpType::parse(text).ok_or_else(|| node.invalid(format!("unknown optype '{text}'")))?,
            None => kind.default_optype(),
        };
        let field = self.data_field(node, kind, optype)?;
        if self.fields.insert(name, field).is_some() {
            return Err(node.invalid(format!("field '{name}' is declared twice")));
        }
        Ok(())
    }

    fn data_field(&mut self, node: Node<'d>, kind: Type, optype: OpType) -> Compiled<DataField<'d>> {
        let (mut valid, mut invalid, mut missing) = (Vec::new(), Vec::new(), Vec::new());
        let mut values = Vec::new();
        let mut texts: Vec<Box<str>> = Vec::new();
        for value in node.all("Value") {
            let text = value.need("value")?;
            let literal = self.literal(kind, text);
            match value.get("property").unwrap_or("valid") {
                "valid" => {
                    values.push(text);
                    let literal = literal
                        .ok_or_else(|| value.invalid(format!("'{text}' is not a value of the field's dataType")))?;
                    valid.push(literal.key());
                }
                "invalid" => invalid.extend(literal.map(Value::key)),
                "missing" => {
                    texts.push(text.into());
                    missing.extend(literal.map(Value::key));
                }
                other => return Err(value.invalid(format!("unknown property '{other}'"))),
            }
        }
        let intervals: Box<[Interval]> = node.all("Interval").map(interval).collect::<Compiled<_>>()?;
        let treatment = Treatment {
            // NaN is missing anyway.
            plain: valid.is_empty()
                && invalid.is_empty()
                && intervals.is_empty()
                && texts.iter().all(|text| &**text == "NaN"),
            valid: sorted(valid),
            invalid_values: sorted(invalid),
            missing_values: sorted(missing),
            missing_texts: texts.into(),
            intervals,
            ..Treatment::default()
        };
        Ok(DataField {
            kind,
            optype,
            values,
            treatment,
        })
    }

    /// The treatment that a mining field asks for, and whether it is another than none.
    pub(super) fn mining_treatment(
        &mut self,
        node: Node<'d>,
        kind: Type,
        base: Option<&DataField<'d>>,
    ) -> Compiled<(Treatment, bool)> {
        let mut treatment = base.map_or_else(Treatment::default, |field| field.treatment.clone());
        let replacement = match node.get("missingValueReplacement") {
            Some(text) => Some(self.literal(kind, text).ok_or_else(|| {
                node.invalid(format!(
                    "missingValueReplacement '{text}' is not a value of the field's dataType"
                ))
            })?),
            None => None,
        };
        treatment.on_missing = match (node.get("missingValueTreatment"), replacement) {
            (Some("returnInvalid"), replacement) => OnMissing::Return(replacement.unwrap_or(Value::Missing)),
            (Some("asIs" | "asMean" | "asMode" | "asMedian" | "asValue") | None, Some(value)) => {
                OnMissing::Replace(value)
            }
            (Some("asIs" | "asMean" | "asMode" | "asMedian" | "asValue") | None, None) => OnMissing::Keep,
            (Some(other), _) => return Err(node.invalid(format!("unknown missingValueTreatment '{other}'"))),
        };
        treatment.invalid = match node.get("invalidValueTreatment").unwrap_or("returnInvalid") {
            "returnInvalid" => Invalid::Return,
            "asIs" => Invalid::AsIs,
            "asMissing" => Invalid::AsMissing,
            "asValue" => {
                let text = node.need("invalidValueReplacement")?;
                Invalid::AsValue(self.literal(kind, text).ok_or_else(|| {
                    node.invalid(format!(
                        "invalidValueReplacement '{text}' is not a value of the field's dataType"
                    ))
                })?)
            }
            other => return Err(node.invalid(format!("unknown invalidValueTreatment '{other}'"))),
        };
        treatment.outliers = match node.get("outliers").unwrap_or("asIs") {
            "asIs" => Outliers::AsIs,
            "asMissingValues" => Outliers::AsMissing,
            "asExtremeValues" => Outliers::AsExtreme,
            other => return Err(node.invalid(format!("unknown outliers '{other}'"))),
        };
        treatment.low = node.number_or("lowValue", f64::NEG_INFINITY)?;
        treatment.high = node.number_or("highValue", f64::INFINITY)?;
        treatment.plain &= treatment.outliers == Outliers::AsIs;
        let changes = treatment.on_missing != OnMissing::Keep || treatment.outliers != Outliers::AsIs;
        Ok((treatment, changes))
    }
}
