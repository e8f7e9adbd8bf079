//! From a document to a [`Program`].

mod anomaly;
mod association;
mod baseline;
mod bayesian_network;
mod dictionary;
mod expression;
mod forest;
mod gaussian_process;
mod general_regression;
mod lowering;
mod matrix;
mod mining;
mod model;
mod naive_bayes;
mod neighbors;
mod neural_network;
mod output;
mod partition;
mod predicate;
mod problems;
mod regression;
mod rule_set;
mod rules;
mod scope;
mod scorecard;
mod sequence;
mod series;
mod similarity;
mod support_vector;
mod table;
mod targets;
mod text;
mod time_series;
mod tree;
mod uncertainty;

use std::collections::{HashMap, HashSet};

pub(crate) use dictionary::DataField;
pub(crate) use model::{Lookup, model_of};
use scope::Scope;
pub(crate) use scope::ScopeId;
use serving_model::{ErrorCode, ModelError};
pub(crate) use targets::target_names;

use crate::document::{Document, Node};
use crate::expression::Defined;
use crate::models::Model;
use crate::order::Order;
use crate::run::{Slot, SlotDefinition, Source};
use crate::strings::Strings;
use crate::treatment::Treatment;
use crate::value::{Type, Value, parse};

pub(crate) type Compiled<T> = Result<T, ModelError>;

/// A field of the record.
#[derive(Debug)]
pub(crate) struct Input {
    pub(crate) name: String,
    pub(crate) slot: Slot,
    /// In the schema even when no expression or model reads it.
    pub(crate) active: bool,
    pub(crate) used: bool,
}

enum Function<'d> {
    Waiting(Node<'d>),
    Busy,
    Done(u32),
}

/// State of the compilation.
#[allow(
    clippy::struct_excessive_bools,
    reason = "each is about what surrounds the model at hand"
)]
pub(crate) struct Compiler<'d> {
    pub(crate) strings: Strings,
    pub(crate) slots: Vec<SlotDefinition>,
    pub(crate) functions: Vec<Defined>,
    function_depths: Vec<(usize, u64)>,
    function_names: HashMap<&'d str, Function<'d>>,
    /// Types of the arguments of the function that is being compiled.
    parameter_kinds: Vec<Option<Type>>,
    pub(crate) models: Vec<Option<Model>>,
    /// How many model elements of each kind there are, inner ones first.
    pub(crate) elements: Vec<(&'static str, usize)>,
    pub(crate) shares: usize,
    pub(crate) fields: HashMap<&'d str, DataField<'d>>,
    pub(crate) inputs: Vec<Input>,
    /// Output fields that something in the document reads.
    pub(crate) read_outputs: HashSet<Slot>,
    /// Output fields whose values are lists.
    list_outputs: HashSet<Slot>,
    scopes: Vec<Scope<'d>>,
    unsupported: Vec<(u32, String)>,
    nesting: usize,
    deepest: usize,
    /// It would have become deeper than that.
    pub(crate) too_deep: bool,
    /// An output asks for the node of a tree.
    pub(crate) entity_ids: bool,
    /// Classes without a declaration of their own are values of a type, not text.
    pub(crate) typed_classes: bool,
    /// The answer of a tree is the length of the path through it, not its score.
    pub(crate) path_lengths: bool,
    /// Trees here are lowered together, by the model around them.
    pub(crate) in_forest: bool,
}

/// How deep fields, functions and expressions may refer to each other: evaluation recurses this deep.
pub(crate) const DEEPEST: usize = 256;
/// Most steps that one expression may take with the functions that it calls.
const MOST_STEPS: u64 = 1 << 22;

impl<'d> Compiler<'d> {
    /// A compiler that recurses at most so deep, which is no more than [`DEEPEST`].
    pub(crate) fn new(document: &'d Document<'d>, deepest: usize) -> Compiled<Self> {
        let root = document.root();
        if root.name() != "PMML" {
            return Err(root.invalid("the root element is not PMML"));
        }
        let mut compiler = Self {
            strings: Strings::default(),
            slots: Vec::new(),
            functions: Vec::new(),
            function_depths: Vec::new(),
            function_names: HashMap::new(),
            parameter_kinds: Vec::new(),
            models: Vec::new(),
            elements: Vec::new(),
            shares: 0,
            fields: HashMap::new(),
            inputs: Vec::new(),
            read_outputs: HashSet::new(),
            list_outputs: HashSet::new(),
            scopes: Vec::new(),
            unsupported: Vec::new(),
            nesting: 0,
            deepest,
            too_deep: false,
            entity_ids: false,
            typed_classes: false,
            path_lengths: false,
            in_forest: false,
        };
        compiler.strings.intern("");
        compiler.dictionary(root.need_child("DataDictionary")?)?;
        if let Some(transformations) = root.child("TransformationDictionary") {
            for function in transformations.all("DefineFunction") {
                let name = function.need("name")?;
                if compiler
                    .function_names
                    .insert(name, Function::Waiting(function))
                    .is_some()
                {
                    return Err(function.invalid(format!("function '{name}' is defined twice")));
                }
            }
        }
        compiler.scopes.push(Scope::new(None, false));
        if let Some(transformations) = root.child("TransformationDictionary") {
            compiler.declare_derived(0, transformations)?;
        }
        Ok(compiler)
    }

    /// Notes something that this build does not have; all such are reported together.
    pub(crate) fn unsupported(&mut self, node: Node<'_>, what: impl Into<String>) {
        self.unsupported.push((
            node.line(),
            format!("{} (line {}): {}", node.name(), node.line(), what.into()),
        ));
    }

    /// Number of things noted as unsupported.
    pub(crate) fn unsupported_count(&self) -> usize {
        self.unsupported.len()
    }

    /// Drops all but the first notes.
    pub(crate) fn forget_unsupported(&mut self, first: usize) {
        self.unsupported.truncate(first);
    }

    /// The error that lists everything unsupported, if there is anything.
    pub(crate) fn refusal(&self) -> Option<ModelError> {
        const SHOWN: usize = 100;
        let (line, _) = self.unsupported.first()?;
        let mut list: Vec<&str> = self.unsupported.iter().map(|(_, text)| text.as_str()).collect();
        list.dedup();
        let more = list.len().saturating_sub(SHOWN);
        list.truncate(SHOWN);
        let mut message = format!("not supported: {}", list.join("; "));
        if more > 0 {
            message.extend(["; and ", &more.to_string(), " more"]);
        }
        let mut error = ModelError::new(ErrorCode::ModelUnsupported, message);
        error.place.line = *line;
        Some(error)
    }

    /// An error together with everything unsupported that was met before it.
    pub(crate) fn with_unsupported(&self, mut error: ModelError) -> ModelError {
        if let Some(refusal) = self.refusal() {
            error.message = format!("{}; besides, {}", error.message, refusal.message);
        }
        error
    }

    /// Guards the stack while fields refer to fields.
    pub(crate) fn descend<T>(&mut self, node: Node<'_>, work: impl FnOnce(&mut Self) -> Compiled<T>) -> Compiled<T> {
        if self.nesting >= self.deepest {
            self.too_deep = true;
            return Err(ModelError::too_large(format!(
                "fields, functions and expressions refer to each other more than {DEEPEST} deep"
            ))
            .at(node.place()));
        }
        self.nesting += 1;
        let result = work(self);
        self.nesting -= 1;
        result
    }

    pub(crate) fn slot(&mut self, name: &str, kind: Type, source: Source, order: Order, depth: usize) -> Slot {
        let name = self.strings.intern(name);
        self.slots.push(SlotDefinition {
            name,
            kind,
            source,
            order,
            depth,
        });
        (self.slots.len() - 1) as Slot
    }

    /// Text as a value of a type; `None` when it isn't one.
    pub(crate) fn literal(&mut self, kind: Type, text: &str) -> Option<Value> {
        match kind {
            Type::String => Some(Value::Text(self.strings.intern(text))),
            _ => parse(kind, text),
        }
    }

    /// Text as a value of a type, or as a number, or as text.
    pub(crate) fn literal_or_text(&mut self, kind: Type, text: &str) -> Value {
        self.literal(kind, text)
            .or_else(|| parse(Type::Double, text))
            .unwrap_or_else(|| Value::Text(self.strings.intern(text)))
    }

    /// Text without declared type: an integer, a number, or text.
    pub(crate) fn inferred(&mut self, text: &str) -> Value {
        if text.bytes().any(|byte| byte.is_ascii_digit())
            && let Some(value) = parse(Type::Double, text)
        {
            if let Ok(integer) = text.trim().parse::<i64>() {
                return Value::Int(integer);
            }
            return value;
        }
        Value::Text(self.strings.intern(text))
    }

    /// Adds a field of the record.
    pub(crate) fn input(&mut self, name: &str, kind: Type, treatment: Treatment, order: Order, active: bool) -> Slot {
        let source = Source::Input {
            cell: self.inputs.len() as u32,
            treatment: Box::new(treatment),
        };
        let slot = self.slot(name, kind, source, order, 1);
        self.inputs.push(Input {
            name: name.to_owned(),
            slot,
            active,
            used: false,
        });
        slot
    }
}

/// `dataType` of an element.
pub(crate) fn data_type(node: Node<'_>) -> Compiled<Option<Type>> {
    node.get("dataType")
        .map(|name| Type::parse(name).ok_or_else(|| node.invalid(format!("unknown dataType '{name}'"))))
        .transpose()
}

/// The strings of an `Array`.
pub(crate) fn array(node: Node<'_>) -> Compiled<Vec<String>> {
    let text = node.raw_text();
    let mut items = Vec::new();
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        if character.is_whitespace() {
            continue;
        }
        let mut item = String::new();
        if character == '"' {
            loop {
                match characters.next() {
                    Some('\\') if characters.peek() == Some(&'"') => {
                        item.push('"');
                        characters.next();
                    }
                    Some('"') => break,
                    Some(other) => item.push(other),
                    None => return Err(node.invalid("a quoted string does not end")),
                }
            }
        } else {
            item.push(character);
            while let Some(next) = characters.next_if(|next| !next.is_whitespace()) {
                if next == '\\' && characters.peek() == Some(&'"') {
                    continue;
                }
                item.push(next);
            }
        }
        items.push(item);
    }
    if let Some(count) = node.get("n")
        && count.trim().parse::<usize>().ok() != Some(items.len())
    {
        return Err(node.invalid(format!("the array has {} elements, n says {count}", items.len())));
    }
    Ok(items)
}

/// The numbers of an `Array`, or of a sparse array.
pub(crate) fn numbers(node: Node<'_>) -> Compiled<Vec<f64>> {
    let read = |node: Node<'_>, text: &str| {
        text.parse::<f64>()
            .ok()
            .filter(|value| value.is_finite())
            .ok_or_else(|| node.invalid(format!("'{text}' is not a finite number")))
    };
    if node.name().ends_with("SparseArray") {
        let entries =
            node.children()
                .find(|child| child.name().ends_with("Entries"))
                .map_or(Ok(Vec::new()), |entries| {
                    entries
                        .text()
                        .split_whitespace()
                        .map(|text| read(entries, text))
                        .collect::<Compiled<Vec<f64>>>()
                })?;
        let indices: Vec<usize> = node.child("Indices").map_or(Ok(Vec::new()), |indices| {
            indices
                .text()
                .split_whitespace()
                .map(|text| {
                    text.parse::<usize>()
                        .ok()
                        .filter(|index| *index > 0)
                        .ok_or_else(|| indices.invalid(format!("'{text}' is not an index")))
                })
                .collect::<Compiled<Vec<usize>>>()
        })?;
        if entries.len() != indices.len() {
            return Err(node.invalid("a sparse array has as many indices as entries"));
        }
        let length = match node.get("n") {
            Some(text) => text
                .trim()
                .parse::<usize>()
                .map_err(|_| node.invalid("n is not a number"))?,
            None => indices.iter().copied().max().unwrap_or(0),
        };
        if length > 1 << 24 || indices.iter().any(|index| *index > length) {
            return Err(node.invalid("an index of a sparse array is out of range"));
        }
        node.reserve(&[length], size_of::<f64>())?;
        let mut values = vec![node.number_or("defaultValue", 0.0)?; length];
        for (index, value) in indices.into_iter().zip(entries) {
            values[index - 1] = value;
        }
        return Ok(values);
    }
    array(node)?.iter().map(|text| read(node, text)).collect()
}
