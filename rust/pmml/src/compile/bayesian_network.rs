//! `BayesianNetworkModel`.

use std::collections::HashMap;

use serving_model::ModelError;

use super::model::Draft;
use super::{Compiled, Compiler};
use crate::document;
use crate::models::Function;
use crate::models::bayesian_network::{BayesianNetwork, Content, Distribution, Family, Node};
use crate::order::Order;
use crate::run::{Slot, Source};
use crate::value::{OpType, Type};

/// Most cells of a node's table.
const MOST_CELLS: usize = 1 << 22;

/// A node that is being read.
struct Reading<'d> {
    name: &'d str,
    /// `None` for a derived field.
    element: Option<document::Node<'d>>,
    slot: Slot,
    kind: Type,
    input: bool,
    states: Vec<(u8, u64)>,
    /// Index of each state.
    index: HashMap<(u8, u64), usize>,
}

impl Reading<'_> {
    fn discrete(&self) -> bool {
        self.element.is_none_or(|element| element.name() == "DiscreteNode")
    }
}

impl<'d> Compiler<'d> {
    pub(super) fn bayesian_network_model(&mut self, draft: &mut Draft<'d>) -> Compiled<Option<BayesianNetwork>> {
        let node = draft.node;
        let target = draft
            .target
            .ok_or_else(|| node.invalid("the mining schema has no target"))?;
        let (mut nodes, numbers) = self.bayesian_nodes(draft, target)?;
        let number = *numbers
            .get(target)
            .filter(|number| nodes[**number].element.is_some())
            .ok_or_else(|| node.invalid(format!("the target '{target}' is not a node")))?;
        match (draft.function, nodes[number].discrete()) {
            (Function::Classification, true) | (Function::Regression, false) => {}
            _ => return Err(node.invalid("functionName does not fit the target's node")),
        }
        for at in 0..nodes.len() {
            self.bayesian_states(draft, &mut nodes, &numbers, at, at == number)?;
        }
        let mut read = Vec::with_capacity(nodes.len());
        for at in 0..nodes.len() {
            let Some(node) = self.bayesian_content(draft, &nodes, &numbers, at)? else {
                return Ok(None);
            };
            read.push(node);
        }
        let (nodes, target) = sorted(node, read, number)?;
        Ok(Some(BayesianNetwork { nodes, target }))
    }

    /// All nodes, and the derived fields that some of them define.
    #[allow(clippy::type_complexity, reason = "nodes and their numbers by name")]
    fn bayesian_nodes(
        &mut self,
        draft: &Draft<'d>,
        target: &str,
    ) -> Compiled<(Vec<Reading<'d>>, HashMap<&'d str, usize>)> {
        let parent = draft.node.need_child("BayesianNetworkNodes")?;
        let mut nodes: Vec<Reading<'d>> = Vec::new();
        let mut numbers = HashMap::new();
        let elements = || {
            parent
                .children()
                .filter(|child| matches!(child.name(), "DiscreteNode" | "ContinuousNode"))
        };
        for element in elements() {
            let name = element.need("name")?;
            let known = if name == target {
                None
            } else {
                self.find(draft.scope, name)?
            };
            let kind = match (known, self.fields.get(name)) {
                (Some(slot), _) => self.slots[slot as usize].kind,
                (None, Some(field)) if name == target => match field.optype {
                    OpType::Continuous if element.name() == "ContinuousNode" => Type::Double,
                    _ => draft.classes.kind,
                },
                (None, Some(field)) => field.kind,
                (None, None) if element.name() == "DiscreteNode" => Type::String,
                (None, None) => Type::Double,
            };
            let slot = if let Some(slot) = known {
                slot
            } else {
                let slot = self.slot(name, kind, Source::Output, Order::default(), 1);
                self.define(draft.scope, name, slot);
                slot
            };
            if numbers.insert(name, nodes.len()).is_some() {
                return Err(element.invalid(format!("node '{name}' is defined twice")));
            }
            nodes.push(Reading {
                name,
                element: Some(element),
                slot,
                kind,
                input: known.is_some(),
                states: Vec::new(),
                index: HashMap::new(),
            });
        }
        for element in elements() {
            for derived in element.all("DerivedField") {
                let name = derived.need("name")?;
                let slot = self.derived_slot(draft.scope, name, derived)?;
                self.define(draft.scope, name, slot);
                if numbers.insert(name, nodes.len()).is_some() {
                    return Err(derived.invalid(format!("'{name}' is defined twice")));
                }
                nodes.push(Reading {
                    name,
                    element: None,
                    slot,
                    kind: self.slots[slot as usize].kind,
                    input: true,
                    states: Vec::new(),
                    index: HashMap::new(),
                });
            }
        }
        Ok((nodes, numbers))
    }

    /// The states of a node: the values that it has probabilities for, and those of derived fields that others name.
    fn bayesian_states(
        &mut self,
        draft: &mut Draft<'d>,
        nodes: &mut [Reading<'d>],
        numbers: &HashMap<&'d str, usize>,
        at: usize,
        target: bool,
    ) -> Compiled<()> {
        let Some(element) = nodes[at].element else {
            return Ok(());
        };
        for table in rows(element) {
            for value in table
                .all("ValueProbability")
                .filter(|_| element.name() == "DiscreteNode")
            {
                let text = value.need("value")?;
                if target {
                    self.class(&mut draft.classes, text);
                }
                let key = self.literal_or_text(nodes[at].kind, text).key();
                state(&mut nodes[at], key);
            }
            for value in table.all("ParentValue") {
                let parent = value.need("parent")?;
                let parent = *numbers
                    .get(parent)
                    .ok_or_else(|| value.invalid(format!("there is no node '{parent}'")))?;
                if nodes[parent].element.is_none() {
                    let key = self.literal_or_text(nodes[parent].kind, value.need("value")?).key();
                    state(&mut nodes[parent], key);
                }
            }
        }
        if element.name() == "DiscreteNode" && nodes[at].states.is_empty() {
            return Err(element.invalid("element ValueProbability is missing"));
        }
        Ok(())
    }

    fn bayesian_content(
        &mut self,
        draft: &Draft<'d>,
        nodes: &[Reading<'d>],
        numbers: &HashMap<&'d str, usize>,
        at: usize,
    ) -> Compiled<Option<Node>> {
        let reading = &nodes[at];
        let mut node = Node {
            slot: reading.slot,
            input: reading.input,
            parents: Box::default(),
            states: reading.states.clone().into(),
            content: Content::Derived,
        };
        let Some(element) = reading.element else {
            return Ok(Some(node));
        };
        let mut parents: Vec<u32> = Vec::new();
        for value in rows(element).flat_map(|row| row.all("ParentValue")) {
            let parent = numbers.get(value.need("parent")?).copied().unwrap_or_default();
            if !nodes[parent].discrete() {
                return Err(value.invalid(format!("'{}' is a continuous node", nodes[parent].name)));
            }
            value.work(parents.len())?;
            if !parents.contains(&(parent as u32)) {
                parents.push(parent as u32);
            }
        }
        let combinations = parents
            .iter()
            .try_fold(1_usize, |cells, parent| {
                cells.checked_mul(nodes[*parent as usize].states.len())
            })
            .filter(|cells| *cells > 0 && cells.saturating_mul(node.states.len().max(1)) <= MOST_CELLS)
            .ok_or_else(|| ModelError::too_large("a table over the states of so many parents").at(element.place()))?;
        element.reserve(
            &[combinations, node.states.len().max(1)],
            size_of::<Option<Distribution>>(),
        )?;
        let row_of = |compiler: &mut Self, row: document::Node<'d>| -> Compiled<usize> {
            row.work(parents.len() * (1 + row.all("ParentValue").count()))?;
            let mut states: Vec<Option<usize>> = vec![None; parents.len()];
            for value in row.all("ParentValue") {
                let parent = numbers.get(value.need("parent")?).copied().unwrap_or_default();
                let key = compiler.literal_or_text(nodes[parent].kind, value.need("value")?).key();
                let known = nodes[parent].index.get(&key).copied();
                let known = known.ok_or_else(|| value.invalid("the parent has no such value"))?;
                for (state, number) in states.iter_mut().zip(&parents) {
                    if *number as usize == parent {
                        *state = Some(known);
                    }
                }
            }
            states.iter().zip(&parents).try_fold(0, |at, (state, parent)| {
                let state = state.ok_or_else(|| {
                    row.invalid(format!(
                        "the value of parent '{}' is missing",
                        nodes[*parent as usize].name
                    ))
                })?;
                Ok(at * nodes[*parent as usize].states.len() + state)
            })
        };
        if reading.discrete() {
            let width = node.states.len();
            let mut table = vec![0.0; combinations * width];
            for row in rows(element) {
                let start = row_of(self, row)? * width;
                for value in row.all("ValueProbability") {
                    let key = self.literal_or_text(reading.kind, value.need("value")?).key();
                    let probability = value.need_number("probability")?;
                    if !(0.0..=1.0 + 1e-6).contains(&probability) {
                        return Err(value.invalid("probability is not between 0 and 1"));
                    }
                    if let Some(state) = reading.index.get(&key) {
                        table[start + state] = probability;
                    }
                }
            }
            node.content = Content::Discrete(table.into());
        } else {
            let mut table: Vec<Option<Distribution>> = Vec::new();
            table.resize_with(combinations, || None);
            let mut needs: Vec<u32> = Vec::new();
            for row in rows(element) {
                let mut found = row.all("ContinuousDistribution");
                let Some(distribution) = found.next() else {
                    continue;
                };
                if found.next().is_some() {
                    self.unsupported(element, "several distributions of a node at once");
                    return Ok(None);
                }
                let place = row_of(self, row)?;
                table[place] = Some(self.distribution(draft, distribution)?);
                for name in references(distribution) {
                    if let Some(parent) = numbers.get(name)
                        && !nodes[*parent].discrete()
                        && !needs.contains(&(*parent as u32))
                    {
                        needs.push(*parent as u32);
                    }
                }
            }
            node.content = Content::Continuous {
                rows: table.into(),
                needs: needs.into(),
            };
        }
        node.parents = parents.into();
        Ok(Some(node))
    }

    fn distribution(&mut self, draft: &Draft<'d>, node: document::Node<'d>) -> Compiled<Distribution> {
        let inner = node
            .children()
            .next()
            .ok_or_else(|| node.invalid("a distribution is missing"))?;
        let (family, names): (_, &[&str]) = match inner.name() {
            "NormalDistributionForBN" => (Family::Normal, &["Mean", "Variance"]),
            "LognormalDistributionForBN" => (Family::LogNormal, &["Mean", "Variance"]),
            "UniformDistributionForBN" => (Family::Uniform, &["Lower", "Upper"]),
            "TriangularDistributionForBN" => (Family::Triangular, &["Lower", "Upper", "Mean"]),
            other => return Err(inner.invalid(format!("unknown distribution '{other}'"))),
        };
        let parameters = names
            .iter()
            .map(|name| {
                let parameter = inner.need_child(name)?;
                Ok(self.only_expression(draft.scope, &[], parameter, Some(Type::Double))?.0)
            })
            .collect::<Compiled<_>>()?;
        Ok(Distribution { family, parameters })
    }
}

/// The rows of a node's table: one for each combination of its parents' values, or the node itself.
fn rows(element: document::Node<'_>) -> impl Iterator<Item = document::Node<'_>> {
    let conditional = |child: &document::Node<'_>| child.name().ends_with("ConditionalProbability");
    let itself = (!element.children().any(|child| conditional(&child))).then_some(element);
    element.children().filter(conditional).chain(itself)
}

fn state(node: &mut Reading<'_>, key: (u8, u64)) {
    let next = node.states.len();
    if let std::collections::hash_map::Entry::Vacant(entry) = node.index.entry(key) {
        entry.insert(next);
        node.states.push(key);
    }
}

/// Names of the fields that expressions below an element refer to.
fn references(element: document::Node<'_>) -> Vec<&str> {
    let (mut found, mut open) = (Vec::new(), vec![element]);
    while let Some(node) = open.pop() {
        found.extend(node.get("field"));
        open.extend(node.children());
    }
    found
}

/// The nodes with parents before children, and the new number of the target.
fn sorted(element: document::Node<'_>, nodes: Vec<Node>, target: usize) -> Compiled<(Box<[Node]>, u32)> {
    let count = nodes.len();
    let parents = |node: &Node| -> Vec<u32> {
        let mut parents = node.parents.to_vec();
        if let Content::Continuous { needs, .. } = &node.content {
            parents.extend(needs);
        }
        parents
    };
    let mut waiting: Vec<usize> = nodes.iter().map(|node| parents(node).len()).collect();
    let mut children: Vec<Vec<usize>> = vec![Vec::new(); count];
    for (number, node) in nodes.iter().enumerate() {
        for parent in parents(node) {
            children[parent as usize].push(number);
        }
    }
    let mut order: Vec<usize> = (0..count).filter(|number| waiting[*number] == 0).collect();
    let mut at = 0;
    while at < order.len() {
        for child in &children[order[at]] {
            waiting[*child] -= 1;
            if waiting[*child] == 0 {
                order.push(*child);
            }
        }
        at += 1;
    }
    if order.len() < count {
        return Err(element.invalid("nodes are their own ancestors"));
    }
    let mut place = vec![0_u32; count];
    for (to, from) in order.iter().enumerate() {
        place[*from] = to as u32;
    }
    let mut nodes: Vec<Option<Node>> = nodes.into_iter().map(Some).collect();
    let sorted = order
        .iter()
        .filter_map(|from| nodes[*from].take())
        .map(|mut node| {
            for parent in &mut node.parents {
                *parent = place[*parent as usize];
            }
            if let Content::Continuous { needs, .. } = &mut node.content {
                for parent in needs {
                    *parent = place[*parent as usize];
                }
            }
            node
        })
        .collect();
    Ok((sorted, place[target]))
}
