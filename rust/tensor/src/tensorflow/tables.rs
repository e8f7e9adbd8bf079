//! Lookup tables: found by what fills them when a model is loaded.

use std::collections::HashMap;
use std::sync::Arc;

use serving_model::ModelError;

use super::attributes::constant;
use super::builder::{self, Prepared};
use super::examples::Examples;
use super::inputs::Given;
use super::library::{Extent, Library, Program, Role};
use super::proto::NodeDef;
use super::{Import, Port, Raw, invalid_at, unsupported_at};
use crate::array::{Array, DType, Text};
use crate::graph::Op;
use crate::ops::convert::cast;
use crate::ops::lookup::{Lookup, Table};
use crate::ops::partition::Partition;
use crate::ops::{concatenate, evaluate};
use crate::run::{Budget, run};
use crate::trouble::{Trouble, at_node};

/// Most nodes that pass a handle on.
const MOST_PASSED: usize = 1 << 10;

/// Most bytes of all tables.
const MOST_BYTES: usize = 1 << 30;

/// Tables by name.
#[derive(Default)]
pub(super) struct Tables {
    known: HashMap<String, Result<Arc<Table>, ModelError>>,
}

/// Whether an operator fills a table.
pub(super) fn fills(operator: &str) -> bool {
    matches!(
        operator,
        "LookupTableImport"
            | "LookupTableImportV2"
            | "InitializeTable"
            | "InitializeTableV2"
            | "InitializeTableFromTextFile"
            | "InitializeTableFromTextFileV2"
    )
}

/// Whether an operator is a table whose content a checkpoint may hold.
fn may_change(operator: &str) -> bool {
    operator.starts_with("Mutable") && is_table(operator)
}

/// Whether an operator is a table.
pub(super) fn is_table(operator: &str) -> bool {
    matches!(
        operator.trim_end_matches("V2"),
        "HashTable" | "MutableHashTable" | "MutableHashTableOfTensors" | "MutableDenseHashTable"
    )
}

/// What reading tables has taken, all together.
#[derive(Default)]
struct Spent {
    budget: Budget,
    bytes: usize,
}

impl Tables {
    /// Reads what the initializer fills; without one, what any node of the graph fills. What is in a table that may change comes from
    /// the checkpoint. A table that can't be read is an error once it is used.
    ///
    /// # Errors
    /// When functions can't be expanded.
    pub(super) fn read(
        import: &Import<'_>,
        library: &Library,
        raw: &[Raw],
        names: &HashMap<String, usize>,
    ) -> Result<Self, ModelError> {
        let named = |name: &Option<String>| {
            let name = name.as_deref()?;
            let node = names.get(name.trim_start_matches('^').trim_end_matches(":0"))?;
            Some(vec![(String::new(), Port { node: *node, port: 0 })])
        };
        let filling = || {
            let nodes = (0..raw.len()).filter(|node| fills(&raw[*node].definition.op));
            nodes.map(|node| (String::new(), Port { node, port: 0 })).collect()
        };
        let restored = named(&import.restorer).filter(|_| raw.iter().any(|raw| may_change(&raw.definition.op)));
        let starts = [Some(named(&import.initializer).unwrap_or_else(filling)), restored];
        let mut tables = Self::default();
        let mut spent = Spent::default();
        for mut ends in starts.into_iter().flatten().filter(|ends| !ends.is_empty()) {
            let copies = raw.iter().map(|raw| Raw {
                definition: Arc::clone(&raw.definition),
                inputs: raw.inputs.clone(),
                controls: raw.controls.clone(),
                instance: 0,
                role: Role::Plain,
            });
            // An initializer gives no value; only what it does counts.
            let program = library.expand(
                copies.collect(),
                &mut ends,
                &std::collections::HashSet::new(),
                Extent::Everything,
            )?;
            tables.fill(&program, import, &mut spent)?;
        }
        Ok(tables)
    }

    /// Reads the tables that a program fills.
    fn fill(&mut self, program: &Program, import: &Import<'_>, spent: &mut Spent) -> Result<(), ModelError> {
        let mut source = Source {
            program,
            loops: Prepared::new(program)?,
            assigned: assigned(program),
            import,
            spent,
        };
        for node in 0..program.nodes.len() {
            if !program.reached[node] || !fills(&program.definition(node).op) {
                continue;
            }
            let Some(table) = program.nodes[node].inputs.first() else {
                continue;
            };
            let name = name_of(program, *table);
            let content = source.read(node);
            self.known.insert(name, content);
        }
        Ok(())
    }

    /// The operator of a node that uses a table; its inputs are those of the node without the table.
    pub(super) fn used_by(&self, program: &Program, node: usize) -> Option<Result<Op, ModelError>> {
        let definition = program.definition(node);
        let lookup: fn(Arc<Table>) -> Lookup = match definition.op.as_str() {
            "LookupTableFind" | "LookupTableFindV2" => Lookup::Find,
            "LookupTableSize" | "LookupTableSizeV2" => Lookup::Size,
            _ => return None,
        };
        let table = program.nodes[node].inputs.first()?;
        let name = name_of(program, *table);
        Some(match self.known.get(&name) {
            Some(Ok(table)) => Ok(Op::Lookup(lookup(Arc::clone(table)))),
            Some(Err(error)) => Err(error.clone()),
            None => Err(unsupported_at(
                definition,
                format!("nothing fills the lookup table '{name}' when the model is loaded"),
            )),
        })
    }
}

/// The value that a handle has been passed on from.
pub(super) fn origin(program: &Program, mut port: Port) -> Port {
    for _ in 0..MOST_PASSED {
        let raw = &program.nodes[port.node];
        match (raw.definition.op.as_str(), raw.inputs.first()) {
            ("Identity" | "_Arg" | "Enter" | "Merge" | "Switch", Some(input)) => port = *input,
            _ => break,
        }
    }
    port
}

/// What variables are filled with: the path of a file may be kept in one.
fn assigned(program: &Program) -> HashMap<Port, Port> {
    let assignments = program
        .nodes
        .iter()
        .filter(|raw| raw.definition.op == "AssignVariableOp");
    let pairs = assignments.filter_map(|raw| match raw.inputs.as_slice() {
        [variable, value, ..] => Some((origin(program, *variable), origin(program, *value))),
        _ => None,
    });
    pairs.collect()
}

/// The name by which nodes that mean the same table call it.
fn name_of(program: &Program, table: Port) -> String {
    let node = origin(program, table).node;
    let shared = program.definition(node).text("shared_name");
    if shared.is_empty() {
        program.name(node)
    } else {
        shared.to_owned()
    }
}

/// What tables are read from.
struct Source<'a> {
    program: &'a Program,
    loops: Prepared<'a>,
    assigned: HashMap<Port, Port>,
    import: &'a Import<'a>,
    spent: &'a mut Spent,
}

impl Source<'_> {
    /// The table that a node fills.
    fn read(&mut self, node: usize) -> Result<Arc<Table>, ModelError> {
        let program = self.program;
        let definition = program.definition(node);
        let failed = |trouble: Trouble| at_node(ModelError::invalid(trouble.message), &definition.name);
        let (keys, values) = if definition.op.starts_with("InitializeTableFromTextFile") {
            self.read_file(node)?
        } else {
            let inputs = &self.program.nodes[node].inputs;
            let [_, keys, values] = inputs.as_slice() else {
                return Err(invalid_at(definition, "a table needs keys and values"));
            };
            if let Some(stored) = self.stored(*keys, *values) {
                let (keys, values) = stored?;
                let (keys, values) = self.occupied(inputs[0], keys, values)?;
                return self.table(node, (keys, values));
            }
            let wanted = [(String::new(), *keys), (String::new(), *values)];
            let outside = Given::new(&[], &[], self.import.variables, Tables::default(), Examples::new())?;
            let graph = builder::build_prepared(self.program, &self.loops, &wanted, &outside)?;
            let outputs = run(&graph, &[], &mut self.spent.budget).map_err(failed)?;
            let outputs = <[Array; 2]>::try_from(outputs);
            let [keys, values] = outputs.map_err(|_| invalid_at(definition, "no keys and values"))?;
            (keys, values)
        };
        self.table(node, (keys, values))
    }

    fn table(&mut self, node: usize, (keys, values): (Array, Array)) -> Result<Arc<Table>, ModelError> {
        let name = &self.program.definition(node).name;
        let table = Table::new(&keys, values);
        let table = table.map_err(|trouble| at_node(ModelError::invalid(trouble.message), name))?;
        self.spent.bytes += table.heap_bytes();
        if self.spent.bytes > MOST_BYTES {
            let error = ModelError::too_large(format!("lookup tables take more than {MOST_BYTES} bytes"));
            return Err(at_node(error, name));
        }
        Ok(Arc::new(table))
    }

    /// Keys and values without those of empty places, which a dense table stores as well.
    fn occupied(&self, table: Port, keys: Array, mut values: Array) -> Result<(Array, Array), ModelError> {
        let raw = &self.program.nodes[origin(self.program, table).node];
        if !raw.definition.op.starts_with("MutableDenseHashTable") {
            return Ok((keys, values));
        }
        let failed = |trouble: Trouble| at_node(ModelError::invalid(trouble.message), &raw.definition.name);
        // Single values are stored as vectors of one.
        let entry = raw.definition.shape("value_shape").map_or(0, |entry| entry.dim.len());
        if entry == 0 {
            values = values.reshaped(vec![values.len()]).map_err(failed)?;
        }
        let mut marks = Vec::with_capacity(2);
        for mark in &raw.inputs {
            let definition = self.program.definition(origin(self.program, *mark).node);
            let tensor = definition.tensor("value");
            let tensor = tensor.ok_or_else(|| unsupported_at(definition, "an empty key that is not constant"))?;
            let mark = constant(tensor).map_err(|error| at_node(error, &definition.name))?;
            marks.push(mark.reshaped(vec![1]).map_err(failed)?);
        }
        let marks = concatenate(&marks, 0).map_err(failed)?;
        let difference = Op::Partition(Partition::Difference { places: DType::I64 });
        let [keys, places] =
            <[Array; 2]>::try_from(evaluate(&difference, vec![keys, marks], &mut Budget::default()).map_err(failed)?)
                .map_err(|_| invalid_at(&raw.definition, "no keys"))?;
        let (gather, zero) = (
            Op::Gather {
                batch_axes: 0,
                with_axis: true,
            },
            Array::scalar(0_i64),
        );
        let values = evaluate(&gather, vec![values, places, zero], &mut Budget::default()).map_err(failed)?;
        let values = values.into_iter().next();
        Ok((keys, values.ok_or_else(|| invalid_at(&raw.definition, "no values"))?))
    }

    /// Keys and values that are restored from the checkpoint.
    fn stored(&self, keys: Port, values: Port) -> Option<Result<(Array, Array), ModelError>> {
        let key = |port: Port| {
            let Port { node, port } = origin(self.program, port);
            let raw = &self.program.nodes[node];
            let names = (raw.definition.op == "RestoreV2").then(|| raw.inputs.get(1))??;
            let names = self.program.definition(origin(self.program, *names).node);
            let name = names.tensor("value")?.string_val.get(port)?;
            Some(String::from_utf8_lossy(name).into_owned())
        };
        let (keys, values) = (key(keys)?, key(values)?);
        let stored = |key: &str| self.import.variables.stored(key);
        Some(stored(&keys).and_then(|keys| Ok((keys, stored(&values)?))))
    }

    /// The tensor that holds the path of a file, past a variable that keeps it.
    fn path(&self, read: Port) -> String {
        let raw = &self.program.nodes[read.node];
        let kept = match (raw.definition.op.as_str(), raw.inputs.first()) {
            ("ReadVariableOp", Some(variable)) => self.assigned.get(&origin(self.program, *variable)),
            _ => None,
        };
        super::tensor_name(self.program, *kept.unwrap_or(&read))
    }

    fn read_file(&mut self, node: usize) -> Result<(Array, Array), ModelError> {
        let (program, definition) = (self.program, self.program.definition(node));
        let inputs = &program.nodes[node].inputs;
        let [table, file] = inputs.as_slice() else {
            return Err(invalid_at(definition, "a table needs a file"));
        };
        let file = self.path(origin(program, *file));
        let asset = self
            .import
            .assets
            .iter()
            .find(|asset| crate::same_tensor_name(asset.tensor, &file))
            .ok_or_else(|| invalid_at(definition, format!("'{file}' is not the path of an asset")))?;
        let text = std::str::from_utf8(asset.content)
            .map_err(|_| invalid_at(definition, format!("file '{}' is not UTF-8", asset.file)))?;
        let size = definition
            .integer("vocab_size")
            .and_then(|size| usize::try_from(size).ok());
        let first = usize::try_from(definition.integer("offset").unwrap_or(0)).unwrap_or(0);
        let lines: Vec<&str> = text.lines().skip(first).take(size.unwrap_or(usize::MAX)).collect();
        let price = self.spent.budget.charge(text.len());
        price.map_err(|trouble| at_node(ModelError::too_large(trouble.message), &definition.name))?;
        let delimiter = match definition.text("delimiter") {
            "" => "\t",
            other => other,
        };
        let handle = program.definition(origin(program, *table).node);
        let typed = |index: &str, dtype: &str| {
            let column = column(&lines, definition.integer(index).unwrap_or(0), delimiter, definition)?;
            let dtype = handle.dtype(dtype).unwrap_or(DType::Text);
            cast(&column, dtype).map_err(|trouble| at_node(ModelError::invalid(trouble.message), &definition.name))
        };
        Ok((typed("key_index", "key_dtype")?, typed("value_index", "value_dtype")?))
    }
}

/// What keys or values are read from: `-2` the line, `-1` its number, others a column.
fn column(lines: &[&str], index: i64, delimiter: &str, definition: &NodeDef) -> Result<Array, ModelError> {
    if index == -1 {
        return Ok(Array::new(vec![lines.len()], (0..lines.len() as i64).collect()));
    }
    let text = |line: &&str| -> Result<Text, ModelError> {
        if index == -2 {
            return Ok(Text::from(*line));
        }
        let place = usize::try_from(index).ok();
        let part = place.and_then(|place| line.split(delimiter).nth(place));
        part.map(Text::from)
            .ok_or_else(|| invalid_at(definition, format!("a line without column {index}")))
    };
    let texts = lines.iter().map(text).collect::<Result<Vec<_>, _>>()?;
    Ok(Array::new(vec![texts.len()], texts))
}
