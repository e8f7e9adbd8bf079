//! `NaiveBayesModel`.

use super::baseline::distribution;
use super::model::Draft;
use super::{Compiled, Compiler};
use crate::document::Node;
use crate::models::baseline::Distribution;
use crate::models::naive_bayes::{Evidence, NaiveBayes};
use crate::value::Value;

impl<'d> Compiler<'d> {
    pub(super) fn naive_bayes_model(&mut self, draft: &mut Draft<'d>) -> Compiled<Option<NaiveBayes>> {
        let node = draft.node;
        let threshold = node.number_or("threshold", 0.0)?;
        let output = node.need_child("BayesOutput")?;
        let mut priors = Vec::new();
        for count in output.need_child("TargetValueCounts")?.all("TargetValueCount") {
            let class = self.class(&mut draft.classes, count.need("value")?) as usize;
            if class != priors.len() {
                return Err(count.invalid("a class is counted twice"));
            }
            priors.push(count.need_number("count")?.ln());
        }
        if priors.is_empty() {
            return Err(output.invalid("element TargetValueCount is missing"));
        }
        let mut inputs = Vec::new();
        for input in node.need_child("BayesInputs")?.all("BayesInput") {
            let name = input.need("fieldName")?;
            let slot = match input.child("DerivedField") {
                Some(derived) => self.derived_slot(draft.scope, name, derived)?,
                None => self.resolve(draft.scope, name, input)?,
            };
            let evidence = match input.child("TargetValueStats") {
                Some(stats) => self.densities(draft, stats, priors.len())?,
                None => self.counts(draft, input, slot, priors.len(), threshold)?,
            };
            inputs.push((slot, evidence));
        }
        Ok(Some(NaiveBayes {
            inputs: inputs.into(),
            priors: priors.into(),
            threshold: threshold.ln(),
        }))
    }

    fn known_class(&mut self, draft: &Draft<'d>, node: Node<'d>) -> Compiled<usize> {
        let text = node.need("value")?;
        let value: Value = self.literal_or_text(draft.classes.kind, text);
        draft
            .classes
            .find(value)
            .map(|class| class as usize)
            .ok_or_else(|| node.invalid(format!("'{text}' is not in BayesOutput")))
    }

    fn densities(&mut self, draft: &Draft<'d>, stats: Node<'d>, classes: usize) -> Compiled<Evidence> {
        stats.reserve(&[classes], size_of::<Option<Distribution>>())?;
        let mut rows: Vec<Option<Distribution>> = vec![None; classes];
        for stat in stats.all("TargetValueStat") {
            let class = self.known_class(draft, stat)?;
            let node = stat
                .children()
                .next()
                .ok_or_else(|| stat.invalid("a distribution is missing"))?;
            let found = distribution(node)?;
            if matches!(found, Distribution::Any { .. }) {
                self.unsupported(node, "a distribution without density");
            }
            rows[class] = Some(found);
        }
        let gaussian = |row: &Option<Distribution>| match row {
            Some(Distribution::Gaussian { mean, variance }) => Some((*mean, *variance)),
            _ => None,
        };
        Ok(match rows.iter().map(gaussian).collect() {
            Some(all) => Evidence::Gaussian(all),
            None => Evidence::Densities(rows.into()),
        })
    }

    fn counts(
        &mut self,
        draft: &Draft<'d>,
        input: Node<'d>,
        slot: u32,
        classes: usize,
        threshold: f64,
    ) -> Compiled<Evidence> {
        let kind = self.slots[slot as usize].kind;
        let mut table = Vec::new();
        let mut totals = vec![0.0; classes];
        let values = 1 + input.all("PairCounts").count();
        input.reserve(&[values, classes], 2 * size_of::<f64>())?;
        for pair in input.all("PairCounts") {
            let key = self.literal_or_text(kind, pair.need("value")?).key();
            let mut row = vec![0.0; classes];
            for count in pair.need_child("TargetValueCounts")?.all("TargetValueCount") {
                let class = self.known_class(draft, count)?;
                row[class] = count.need_number("count")?;
                totals[class] += row[class];
            }
            table.push((key, row));
        }
        let table = table
            .into_iter()
            .map(|(key, row)| {
                let row = row
                    .iter()
                    .zip(&totals)
                    .map(|(count, total)| {
                        let share: f64 = if *total == 0.0 { 0.0 } else { count / total };
                        // The threshold stands for no count at all, not for a small one.
                        if share == 0.0 { threshold.ln() } else { share.ln() }
                    })
                    .collect();
                (key, row)
            })
            .collect();
        Ok(Evidence::Counts(table))
    }
}
