//! Rules of associations and sequences, and output fields about them.

use super::{Compiled, Compiler};
use crate::document::Node;
use crate::models::output::Feature;
use crate::models::rules::{Algorithm, Measure, Part, Ranking, Rule, RuleValue};

/// Attributes of a rule, in the order of [`Measure`].
const MEASURES: [(&str, Measure); 5] = [
    ("confidence", Measure::Confidence),
    ("support", Measure::Support),
    ("lift", Measure::Lift),
    ("leverage", Measure::Leverage),
    ("affinity", Measure::Affinity),
];

fn measure(name: &str) -> Option<Measure> {
    MEASURES
        .iter()
        .find(|(known, _)| *known == name)
        .map(|(_, measure)| *measure)
}

/// `rankBasis` and `rankOrder` of an output field.
fn ranking(field: Node<'_>) -> Compiled<(Measure, bool)> {
    let basis = field.get("rankBasis").unwrap_or("confidence");
    let by = measure(basis).ok_or_else(|| field.invalid(format!("unknown rankBasis '{basis}'")))?;
    match field.get("rankOrder").unwrap_or("descending") {
        "descending" => Ok((by, false)),
        "ascending" => Ok((by, true)),
        other => Err(field.invalid(format!("unknown rankOrder '{other}'"))),
    }
}

/// An output field about rules; `None` when it is about something else.
pub(super) fn rule_feature(node: Node<'_>) -> Compiled<Option<Feature>> {
    let name = match node.get("feature").unwrap_or("predictedValue") {
        // As documents of versions 4.0 and 4.1 say it.
        "ruleValue" => node.get("ruleFeature").unwrap_or("consequent"),
        name => name,
    };
    let part = match name {
        "antecedent" => Part::Antecedent,
        "consequent" => Part::Consequent,
        "rule" => Part::Rule,
        "ruleId" | "entityId" => Part::Id,
        name => match measure(name) {
            Some(measure) => Part::Measure(measure),
            None => return Ok(None),
        },
    };
    let algorithm = match node.get("algorithm").unwrap_or("exclusiveRecommendation") {
        "recommendation" => Algorithm::Recommendation,
        "exclusiveRecommendation" => Algorithm::ExclusiveRecommendation,
        "ruleAssociation" => Algorithm::RuleAssociation,
        other => return Err(node.invalid(format!("unknown algorithm '{other}'"))),
    };
    let (by, ascending) = ranking(node)?;
    Ok(Some(Feature::Rule(RuleValue {
        part,
        algorithm,
        by,
        ascending,
        rank: node.number_or("rank", 1.0)?.clamp(0.0, 1e9) as usize,
        multiple: node.flag("isMultiValued", false)?,
    })))
}

/// The orders of the rules that outputs ask for. Rules with the same number stay in the order of the document, those without
/// count as the smallest.
pub(super) fn rankings(model: Node<'_>, rules: &[Rule]) -> Compiled<Box<[Ranking]>> {
    let mut wanted = vec![(Measure::Confidence, false)];
    for field in model
        .child("Output")
        .into_iter()
        .flat_map(|output| output.all("OutputField"))
    {
        let ranking = ranking(field)?;
        if !wanted.contains(&ranking) {
            wanted.push(ranking);
        }
    }
    let number = |rule: &u32, by: Measure| match rules[*rule as usize].measures[by as usize] {
        number if number.is_nan() => f64::NEG_INFINITY,
        // Both zeros are the same number.
        number => number + 0.0,
    };
    Ok(wanted
        .into_iter()
        .map(|(by, ascending)| {
            let mut order: Vec<u32> = (0..rules.len() as u32).collect();
            order.sort_by(|a, b| {
                let rising = number(a, by).total_cmp(&number(b, by));
                if ascending { rising } else { rising.reverse() }
            });
            Ranking {
                by,
                ascending,
                rules: order.into(),
            }
        })
        .collect())
}

impl<'d> Compiler<'d> {
    /// A rule between two sides; without identifier it has its number.
    pub(super) fn rule(&mut self, node: Node<'d>, number: usize, sides: (u32, u32)) -> Compiled<Rule> {
        let mut measures = [f64::NAN; 5];
        for (name, measure) in MEASURES {
            measures[measure as usize] = node.number_or(name, f64::NAN)?;
        }
        let id = node.get("id").map_or_else(|| number.to_string(), str::to_owned);
        Ok(Rule {
            antecedent: sides.0,
            consequent: sides.1,
            id: self.strings.intern(&id),
            measures,
        })
    }
}
