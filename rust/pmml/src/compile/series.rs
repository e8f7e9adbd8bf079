//! `Aggregate` and `Lag`.

use super::{Compiled, Compiler, ScopeId};
use crate::document::Node;
use crate::expression::Expression;
use crate::run::{Slot, Source};
use crate::series::{Aggregate, Lag, Summary};
use crate::treatment::Lists;
use crate::value::{Type, Value};

impl<'d> Compiler<'d> {
    /// A field of the record, which from here on may be a list of what it had in earlier records too. `None`, and the
    /// expression is not supported, when the field is computed: what it was for earlier records is not known.
    fn series(&mut self, scope: ScopeId, parameters: &[&'d str], node: Node<'d>) -> Compiled<Option<(Slot, Slot)>> {
        let name = node.need("field")?;
        if parameters.contains(&name) {
            self.unsupported(node, format!("'{name}' is an argument, not a field of the record"));
            return Ok(None);
        }
        let slot = self.resolve(scope, name, node)?;
        let origin = self.of_record(slot);
        let Source::Input { treatment, .. } = &mut self.slots[origin as usize].source else {
            self.unsupported(node, format!("'{name}' is computed, not a field of the record"));
            return Ok(None);
        };
        if treatment.lists == Lists::No {
            treatment.lists = Lists::Series;
        }
        Ok(Some((slot, origin)))
    }

    fn summary(&self, node: Node<'d>, origin: Slot, name: &str) -> Compiled<Summary> {
        let summary = match name {
            "count" => Summary::Count,
            "multiset" => Summary::Multiset,
            "sum" => Summary::Sum,
            "average" | "avg" => Summary::Average,
            "min" => Summary::Minimum,
            "max" => Summary::Maximum,
            "product" => Summary::Product,
            "median" => Summary::Median,
            "stddev" => Summary::Deviation,
            other => return Err(node.invalid(format!("unknown function '{other}'"))),
        };
        let counts = matches!(summary, Summary::Count | Summary::Multiset);
        if !counts && self.slots[origin as usize].kind == Type::String {
            return Err(node.invalid(format!("'{name}' of texts")));
        }
        Ok(summary)
    }

    pub(super) fn aggregate(
        &mut self,
        scope: ScopeId,
        parameters: &[&'d str],
        node: Node<'d>,
    ) -> Compiled<(Expression, usize)> {
        let nothing = Ok((Expression::Constant(Value::Missing), 1));
        if node
            .get("sqlWhere")
            .is_some_and(|condition| !condition.trim().is_empty())
        {
            self.unsupported(node, "sqlWhere: a condition in another language");
            return nothing;
        }
        let Some((slot, origin)) = self.series(scope, parameters, node)? else {
            return nothing;
        };
        let function = node.need("function")?;
        if !matches!(function, "count" | "sum" | "average" | "min" | "max" | "multiset") {
            return Err(node.invalid(format!("unknown function '{function}'")));
        }
        let summary = self.summary(node, origin, function)?;
        let depth = self.slots[slot as usize].depth;
        let aggregate = Aggregate { slot, origin, summary };
        Ok((Expression::Aggregate(aggregate), depth + 1))
    }

    pub(super) fn lag(
        &mut self,
        scope: ScopeId,
        parameters: &[&'d str],
        node: Node<'d>,
    ) -> Compiled<(Expression, usize)> {
        let Some((_, origin)) = self.series(scope, parameters, node)? else {
            return Ok((Expression::Constant(Value::Missing), 1));
        };
        let back = node.number_or("n", 1.0)?;
        if back < 1.0 || back.fract() != 0.0 {
            return Err(node.invalid(format!("n is {back}, it must be a whole number from 1 on")));
        }
        let summary = match node.get("aggregate").unwrap_or("none") {
            "none" => None,
            "average" | "count" | "multiset" => return Err(node.invalid("unknown aggregate")),
            name => Some(self.summary(node, origin, name)?),
        };
        let mut blocks = Vec::new();
        for indicator in node.all("BlockIndicator") {
            if let Some((_, block)) = self.series(scope, parameters, indicator)? {
                blocks.push(block);
            }
        }
        let lag = Lag {
            origin,
            back: back as usize,
            summary,
            blocks: blocks.into(),
        };
        Ok((Expression::Lag(Box::new(lag)), 2))
    }
}
