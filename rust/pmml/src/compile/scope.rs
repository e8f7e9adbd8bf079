//! Which field a name means: a model sees its mining fields, its derived fields, and those of the models around it.

use std::collections::{HashMap, HashSet};

use super::model::is_embedded;
use super::problems::Problems;
use super::{Compiled, Compiler, data_type};
use crate::document::Node;
use crate::heap::HeapBytes;
use crate::order::Order;
use crate::run::{Slot, SlotDefinition, Source};
use crate::value::{OpType, Type};

/// Index of a scope.
pub(crate) type ScopeId = usize;

/// The names that one model sees.
pub(super) struct Scope<'d> {
    parent: Option<ScopeId>,
    names: HashMap<&'d str, Slot>,
    derived: HashMap<&'d str, Node<'d>>,
    busy: HashSet<&'d str>,
    /// A mining field here has another value than around: derived fields of outer scopes are computed anew.
    changes: bool,
}

impl Scope<'_> {
    pub(super) fn new(parent: Option<ScopeId>, changes: bool) -> Self {
        Self {
            parent,
            names: HashMap::new(),
            derived: HashMap::new(),
            busy: HashSet::new(),
            changes,
        }
    }
}

impl<'d> Compiler<'d> {
    /// Declares the derived fields of a dictionary; each is compiled when it is first used.
    pub(super) fn declare_derived(&mut self, scope: ScopeId, dictionary: Node<'d>) -> Compiled<()> {
        for node in dictionary.all("DerivedField") {
            let name = node.need("name")?;
            if self.scopes[scope].derived.insert(name, node).is_some() {
                return Err(node.invalid(format!("field '{name}' is defined twice")));
            }
        }
        Ok(())
    }

    /// The scope of a model inside another scope.
    pub(crate) fn model_scope(&mut self, parent: ScopeId, model: Node<'d>) -> Compiled<ScopeId> {
        let outermost = parent == 0;
        let scope = self.scopes.len();
        self.scopes.push(Scope::new(Some(parent), outermost));
        let schema = match model.child("MiningSchema") {
            None if is_embedded(model) => None,
            None => Some(model.need_child("MiningSchema")?),
            found => found,
        };
        let mut problems = Problems::default();
        for field in schema.into_iter().flat_map(|schema| schema.all("MiningField")) {
            let listed = self.mining_field((parent, scope), field);
            problems.take(listed)?;
        }
        problems.finish()?;
        if let Some(transformations) = model.child("LocalTransformations") {
            self.declare_derived(scope, transformations)?;
        }
        Ok(scope)
    }

    /// Adds a field of a mining schema to the scope of its model.
    fn mining_field(&mut self, (parent, scope): (ScopeId, ScopeId), field: Node<'d>) -> Compiled<()> {
        let outermost = parent == 0;
        let name = field.need("name")?;
        let usage = field.get("usageType").unwrap_or("active");
        match usage {
            "active" | "supplementary" | "group" | "order" | "frequencyWeight" | "analysisWeight" => {}
            "predicted" | "target" => return Ok(()),
            other => return Err(field.invalid(format!("unknown usageType '{other}'"))),
        }
        if self.scopes[scope].names.contains_key(name) {
            return Err(field.invalid(format!("field '{name}' is listed twice")));
        }
        let slot = if outermost {
            let Some(data) = self.fields.get(name).cloned() else {
                return Err(field.invalid(format!("field '{name}' is not in the DataDictionary")));
            };
            let (treatment, _) = self.mining_treatment(field, data.kind, Some(&data))?;
            let order = self.order_of(&data);
            self.input(name, data.kind, treatment, order, usage == "active" || usage == "group")
        } else {
            let Some(from) = self.find(parent, name)? else {
                return Ok(());
            };
            let (kind, depth) = (self.slots[from as usize].kind, self.slots[from as usize].depth);
            let (treatment, changes) = self.mining_treatment(field, kind, None)?;
            if changes {
                self.scopes[scope].changes = true;
                let order = self.slots[from as usize].order.clone();
                let source = Source::Inherited {
                    from,
                    treatment: Box::new(treatment),
                };
                self.slot(name, kind, source, order, depth + 1)
            } else {
                from
            }
        };
        self.scopes[scope].names.insert(name, slot);
        Ok(())
    }

    /// Number of scopes.
    pub(super) fn scope_count(&self) -> usize {
        self.scopes.len()
    }

    /// Drops all but the first scopes, whose models are compiled.
    pub(super) fn forget_scopes(&mut self, first: usize) {
        self.scopes.truncate(first);
    }

    /// The texts of an ordinal field in their order.
    fn order_of(&mut self, data: &super::DataField<'d>) -> Order {
        if data.optype != OpType::Ordinal || data.kind != Type::String {
            return Order::default();
        }
        data.values.iter().map(|text| self.strings.intern(text)).collect()
    }

    /// Makes a name mean a slot from here on.
    pub(crate) fn define(&mut self, scope: ScopeId, name: &'d str, slot: Slot) {
        self.scopes[scope].names.insert(name, slot);
    }

    /// The field that a name means in a scope.
    pub(crate) fn resolve(&mut self, scope: ScopeId, name: &str, node: Node<'d>) -> Compiled<Slot> {
        let slot = self
            .find(scope, name)?
            .ok_or_else(|| node.invalid(format!("field '{name}' is not defined here")))?;
        Ok(slot)
    }

    /// The field that a name means in a scope, `None` when it means nothing.
    pub(crate) fn find(&mut self, scope: ScopeId, name: &str) -> Compiled<Option<Slot>> {
        let found = self.look_up(scope, name)?;
        if let Some(slot) = found
            && matches!(self.slots[slot as usize].source, Source::Output)
        {
            self.read_outputs.insert(slot);
        }
        Ok(found)
    }

    fn look_up(&mut self, scope: ScopeId, name: &str) -> Compiled<Option<Slot>> {
        // Names live as long as the document where they are declared; a look-up may come with any text.
        if let Some(slot) = self.scopes[scope].names.get(name) {
            let slot = *slot;
            if let Source::Input { cell, .. } = &self.slots[slot as usize].source {
                self.inputs[*cell as usize].used = true;
            }
            return Ok(Some(slot));
        }
        // The nearest definition, and the innermost scope from there on where values differ.
        let mut at = scope;
        let mut changed = None;
        loop {
            if changed.is_none() && self.scopes[at].changes {
                changed = Some(at);
            }
            if let Some((key, node)) = self.scopes[at]
                .derived
                .get_key_value(name)
                .map(|(key, node)| (*key, *node))
            {
                let home = changed.unwrap_or(at);
                if home != at
                    && let Some(slot) = self.scopes[home].names.get(key)
                {
                    return Ok(Some(*slot));
                }
                return self.derive(home, key, node).map(Some);
            }
            let Some(parent) = self.scopes[at].parent else {
                return Ok(None);
            };
            at = parent;
            if let Some(slot) = self.scopes[at].names.get(name).copied() {
                let slot_source = &self.slots[slot as usize].source;
                if let Source::Input { cell, .. } = slot_source {
                    self.inputs[*cell as usize].used = true;
                }
                // A derived field that was computed out there is computed anew where its inputs differ.
                if let (Some(home), Source::Derived(_), Some((key, node))) =
                    (changed, slot_source, self.declaration(at, name))
                {
                    return self.derive(home, key, node).map(Some);
                }
                return Ok(Some(slot));
            }
        }
    }

    fn derive(&mut self, home: ScopeId, name: &'d str, node: Node<'d>) -> Compiled<Slot> {
        if let Some(slot) = self.scopes[home].names.get(name) {
            return Ok(*slot);
        }
        if !self.scopes[home].busy.insert(name) {
            return Err(node.invalid(format!("field '{name}' is defined by itself")));
        }
        let slot = self.descend(node, |compiler| compiler.derived_slot(home, name, node));
        self.scopes[home].busy.remove(name);
        let slot = slot?;
        // Each scope may compile it anew.
        if let Source::Derived(expression) = &self.slots[slot as usize].source {
            node.reserve(&[1], size_of::<SlotDefinition>() + expression.heap())?;
        }
        self.scopes[home].names.insert(name, slot);
        Ok(slot)
    }

    /// A slot for the value of a `DerivedField`.
    pub(crate) fn derived_slot(&mut self, scope: ScopeId, name: &str, node: Node<'d>) -> Compiled<Slot> {
        let kind = data_type(node)?.ok_or_else(|| node.invalid("attribute 'dataType' is missing"))?;
        let (expression, depth) = self.only_expression(scope, &[], node, Some(kind))?;
        let order = match node.get("optype") {
            Some("ordinal") if kind == Type::String => node
                .all("Value")
                .map(|value| value.need("value").map(|text| self.strings.intern(text)))
                .collect::<Compiled<_>>()?,
            _ => Order::default(),
        };
        let kind = if expression.is_list() { Type::String } else { kind };
        Ok(self.slot(name, kind, Source::Derived(Box::new(expression)), order, depth + 1))
    }

    /// The field of the record behind a field that inner mining schemas treat again.
    pub(crate) fn of_record(&self, mut slot: Slot) -> Slot {
        while let Source::Inherited { from, .. } = &self.slots[slot as usize].source {
            slot = *from;
        }
        slot
    }
}

impl<'d> Compiler<'d> {
    /// The element of a derived field that a scope sees.
    pub(crate) fn declared(&self, scope: ScopeId, name: &str) -> Option<Node<'d>> {
        self.declaration(scope, name).map(|(_, node)| node)
    }

    fn declaration(&self, scope: ScopeId, name: &str) -> Option<(&'d str, Node<'d>)> {
        let mut at = Some(scope);
        while let Some(scope) = at {
            if let Some((key, node)) = self.scopes[scope].derived.get_key_value(name) {
                return Some((*key, *node));
            }
            at = self.scopes[scope].parent;
        }
        None
    }
}
