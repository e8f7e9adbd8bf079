//! What the names within a function refer to.

use std::collections::HashMap;
use std::sync::Arc;

use super::Port;
use super::attributes::tensors_of;
use super::library::{Function, Library};
use super::operators::ports::named_port;
use super::proto::NodeDef;

/// A reference to a value within a function.
enum Reference<'a> {
    Control(&'a str),
    /// Argument or node; output of it; index within the output.
    Value(&'a str, Option<&'a str>, usize),
}

fn reference(text: &str) -> Option<Reference<'_>> {
    if let Some(node) = text.strip_prefix('^') {
        return Some(Reference::Control(node));
    }
    let mut parts = text.split(':');
    let (name, output, index) = (parts.next()?, parts.next(), parts.next());
    let index = index.map_or(Ok(0), str::parse).ok()?;
    parts.next().is_none().then_some(Reference::Value(name, output, index))
}

/// What a name refers to.
pub(super) enum Found {
    Value(Port),
    Control(usize),
}

/// What names mean within a copy of a function.
pub(super) struct Naming<'a> {
    pub(super) library: &'a Library,
    pub(super) function: &'a Function,
    pub(super) arguments: &'a HashMap<&'a str, Vec<Port>>,
    pub(super) copies: &'a [Arc<NodeDef>],
    pub(super) base: usize,
}

impl Naming<'_> {
    pub(super) fn find(&self, text: &str) -> Option<Found> {
        let place = |name: &str| self.function.places.get(name).copied();
        match reference(text)? {
            Reference::Control(name) => {
                let node = place(name).map(|place| self.base + place);
                // Arguments are there before anything runs.
                node.or_else(|| self.arguments.contains_key(name).then_some(self.base))
                    .map(Found::Control)
            }
            Reference::Value(name, output, index) => {
                if let Some(ports) = self.arguments.get(name) {
                    let index = output.map_or(Ok(index), str::parse).ok()?;
                    return ports.get(index).copied().map(Found::Value);
                }
                let place = place(name)?;
                let port = self.port(&self.copies[place], output.unwrap_or_default(), index)?;
                let node = self.base + place;
                Some(Found::Value(Port { node, port }))
            }
        }
    }

    fn port(&self, node: &NodeDef, output: &str, index: usize) -> Option<usize> {
        let Some(called) = self.library.functions.get(&node.op) else {
            return named_port(node, output, index);
        };
        let mut first = 0;
        for argument in &called.signature.output_arg {
            let count = tensors_of(argument, &node.attr)?;
            if argument.name == output {
                return (index < count).then_some(first + index);
            }
            first += count;
        }
        None
    }
}
