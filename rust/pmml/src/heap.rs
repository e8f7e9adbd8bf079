//! Bytes of heap that a compiled document occupies, counted by what is allocated for it.

use std::collections::HashMap;

use regex::Regex;
use serving_model::{DataType, Field};

use crate::expression::{Defined, Expression};
use crate::function::Builtin;
use crate::model::{Cell, PmmlModel};
use crate::models::general_regression::{Baseline, Cox, Factor, GeneralRegression, Parameter, StandardError};
use crate::models::mining::{Mining, Segment};
use crate::models::naive_bayes::{Evidence, NaiveBayes};
use crate::models::neural_network::{Destination, Layer, NeuralNetwork, Neuron};
use crate::models::output::{Feature, OutputField};
use crate::models::regression::{Plain, Regression, Table, Term};
use crate::models::rule_set::{Rule, RuleSet};
use crate::models::scorecard::{Attribute, Characteristic, Partial, Scorecard};
use crate::models::similarity::{Codes, Neighbors, Voted};
use crate::models::support_vector::{Element, Machine, SupportVector};
use crate::models::target::Target;
use crate::models::tree::{Embedded, TreeNode};
use crate::models::{Class, Kind, Model};
use crate::order::Order;
use crate::predicate::Predicate;
use crate::run::{Direct, SlotDefinition, Source};
use crate::series::{Aggregate, Lag};
use crate::strings::Strings;
use crate::text_index::{TextIndex, Weights};
use crate::treatment::{Interval, Treatment};
use crate::value::{Type, Value};

/// Bytes that a value has on the heap; those of the value itself belong to what holds it.
pub(crate) trait HeapBytes {
    /// See [`HeapBytes`].
    fn heap(&self) -> usize;
}

macro_rules! nothing {
    ($($plain:ty),* $(,)?) => {
        $(impl HeapBytes for $plain {
            fn heap(&self) -> usize {
                0
            }
        })*
    };
}

macro_rules! fields {
    ($($what:ident { $($field:ident),* })*) => {
        $(impl HeapBytes for $what {
            fn heap(&self) -> usize {
                0 $(+ self.$field.heap())*
            }
        })*
    };
}

nothing!(
    u8, u32, u64, usize, i32, f64, bool, Value, Type, Cell, DataType, Class, Interval, Element, Aggregate
);

impl HeapBytes for str {
    fn heap(&self) -> usize {
        0
    }
}

impl HeapBytes for String {
    fn heap(&self) -> usize {
        self.capacity()
    }
}

impl<T: HeapBytes + ?Sized> HeapBytes for Box<T> {
    fn heap(&self) -> usize {
        size_of_val(&**self) + (**self).heap()
    }
}

impl<T: HeapBytes> HeapBytes for [T] {
    fn heap(&self) -> usize {
        self.iter().map(HeapBytes::heap).sum()
    }
}

impl<T: HeapBytes> HeapBytes for Vec<T> {
    fn heap(&self) -> usize {
        self.capacity() * size_of::<T>() + self.as_slice().heap()
    }
}

impl<T: HeapBytes> HeapBytes for Option<T> {
    fn heap(&self) -> usize {
        self.as_ref().map_or(0, HeapBytes::heap)
    }
}

impl<A: HeapBytes, B: HeapBytes> HeapBytes for (A, B) {
    fn heap(&self) -> usize {
        self.0.heap() + self.1.heap()
    }
}

impl<A: HeapBytes, B: HeapBytes, C: HeapBytes> HeapBytes for (A, B, C) {
    fn heap(&self) -> usize {
        self.0.heap() + self.1.heap() + self.2.heap()
    }
}

impl<K: HeapBytes, V: HeapBytes> HeapBytes for HashMap<K, V> {
    fn heap(&self) -> usize {
        map_bytes(self.capacity(), size_of::<(K, V)>()) + self.iter().map(|(k, v)| k.heap() + v.heap()).sum::<usize>()
    }
}

/// The table of a map: a power of two of buckets, of which an eighth stays empty, and a byte for each.
pub(crate) fn map_bytes(capacity: usize, entry: usize) -> usize {
    if capacity == 0 {
        return 0;
    }
    let buckets = (capacity * 8 / 7).next_power_of_two();
    buckets * (entry + 1) + 16
}

impl HeapBytes for Regex {
    /// Measured, as the library does not say: most of it are tables of the letters and digits of all scripts.
    fn heap(&self) -> usize {
        let pattern = self.as_str().as_bytes();
        let plain = !pattern.iter().any(|byte| br"\.+*?()|[]{}^$".contains(byte));
        let classes: usize = pattern
            .windows(2)
            .map(|pair| match pair {
                b"\\w" | b"\\W" | b"\\b" | b"\\B" | b"\\p" | b"\\P" => 52_000,
                b"\\d" | b"\\D" => 33_000,
                _ => 0,
            })
            .sum();
        if plain {
            2_300
        } else {
            6_000 + 40 * pattern.len() + classes
        }
    }
}

impl HeapBytes for Expression {
    fn heap(&self) -> usize {
        match self {
            Self::Constant(_) | Self::Field { .. } | Self::Parameter(_) | Self::Aggregate(_) => 0,
            Self::Continuous { of, points, .. } => of.heap() + points.heap(),
            Self::Discrete { of, .. } | Self::Cast { of, .. } => of.heap(),
            Self::Discretize { of, bins, .. } => of.heap() + bins.heap(),
            Self::Map { of, table, .. } => of.heap() + table.heap(),
            Self::Apply {
                function, arguments, ..
            } => function.heap() + arguments.heap(),
            Self::Call { arguments, .. } => arguments.heap(),
            Self::Text(index) => index.heap(),
            Self::Lag(lag) => lag.heap(),
        }
    }
}

impl HeapBytes for Builtin {
    fn heap(&self) -> usize {
        match self {
            Self::Matches(pattern) => pattern.heap(),
            Self::Replace(pattern, replacement) => pattern.heap() + replacement.heap(),
            _ => 0,
        }
    }
}

impl HeapBytes for Predicate {
    fn heap(&self) -> usize {
        self.heap_bytes()
    }
}

impl HeapBytes for Treatment {
    fn heap(&self) -> usize {
        self.heap_bytes()
    }
}

impl HeapBytes for Strings {
    fn heap(&self) -> usize {
        self.heap_bytes()
    }
}

impl HeapBytes for Order {
    fn heap(&self) -> usize {
        self.heap_bytes()
    }
}

impl HeapBytes for Source {
    fn heap(&self) -> usize {
        match self {
            Self::Input { treatment, .. } | Self::Inherited { treatment, .. } => treatment.heap(),
            Self::Derived(expression) => expression.heap(),
            Self::Output => 0,
        }
    }
}

impl HeapBytes for Feature {
    fn heap(&self) -> usize {
        match self {
            Self::Transformed(expression) => expression.heap(),
            _ => 0,
        }
    }
}

impl HeapBytes for Term {
    fn heap(&self) -> usize {
        match self {
            Self::Product { slots, .. } => slots.heap(),
            Self::Number { .. } | Self::Category { .. } => 0,
        }
    }
}

impl HeapBytes for Factor {
    fn heap(&self) -> usize {
        match self {
            Self::Contrast { values, .. } => values.heap(),
            Self::Category { .. } | Self::Covariate { .. } => 0,
        }
    }
}

impl HeapBytes for Partial {
    fn heap(&self) -> usize {
        match self {
            Self::Complex(expression) => expression.heap(),
            Self::Number(_) => 0,
        }
    }
}

impl HeapBytes for Destination {
    fn heap(&self) -> usize {
        match self {
            Self::Number(points) => points.heap(),
            Self::Class(_) => 0,
        }
    }
}

impl HeapBytes for Evidence {
    fn heap(&self) -> usize {
        match self {
            Self::Counts(rows) => rows.heap(),
            Self::Gaussian(rows) => rows.heap(),
            Self::Densities(rows) => size_of_val(&**rows),
        }
    }
}

impl HeapBytes for Weights {
    fn heap(&self) -> usize {
        0
    }
}

impl HeapBytes for NeuralNetwork {
    fn heap(&self) -> usize {
        let chain = self
            .chain
            .as_ref()
            .map_or(0, serving_kernels::dense::DenseChain::heap_bytes);
        let further = self.further.iter().map(|(_, outputs)| outputs.heap());
        chain
            + self.inputs.heap()
            + self.direct.heap()
            + self.layers.heap()
            + self.outputs.heap()
            + size_of_val(&*self.further)
            + further.sum::<usize>()
    }
}

impl HeapBytes for Mining {
    fn heap(&self) -> usize {
        self.segments.heap()
            + self
                .forest
                .as_ref()
                .map_or(0, crate::models::forest::Forest::heap_bytes)
    }
}

impl HeapBytes for Neighbors {
    fn heap(&self) -> usize {
        let voted = |voted: &Voted| voted.answers.heap() + 4 * voted.places.capacity();
        let further = self.further.iter().map(|(_, of)| voted(of)).sum::<usize>() + size_of_val(&*self.further);
        self.points.heap_bytes()
            + voted(&self.voted)
            + further
            + self.names.heap()
            + self.raw.heap()
            + self.raw_fields.heap()
    }
}

impl HeapBytes for Kind {
    fn heap(&self) -> usize {
        match self {
            Self::Tree(tree) => size_of_val(&**tree) + tree.heap_bytes(),
            Self::Regression(regression) => regression.heap(),
            Self::GeneralRegression(regression) => regression.heap(),
            Self::NeuralNetwork(network) => network.heap(),
            Self::Mining(mining) => mining.heap(),
            Self::Clustering(clustering) => clustering.heap_bytes(),
            Self::Neighbors(neighbors) => neighbors.heap(),
            Self::NaiveBayes(bayes) => bayes.heap(),
            Self::SupportVector(machine) => machine.heap(),
            Self::Scorecard(scorecard) => scorecard.heap(),
            Self::RuleSet(set) => set.heap(),
            Self::Anomaly(_) | Self::Further => 0,
            Self::Association(association) => size_of_val(&**association) + association.heap_bytes(),
            Self::Sequences(sequences) => size_of_val(&**sequences) + sequences.heap_bytes(),
            Self::Baseline(baseline) => size_of_val(&**baseline) + baseline.heap_bytes(),
            Self::BayesianNetwork(network) => size_of_val(&**network) + network.heap_bytes(),
            Self::Text(text) => size_of_val(&**text) + text.heap_bytes(),
            Self::TimeSeries(series) => size_of_val(&**series) + series.heap_bytes(),
            Self::GaussianProcess(process) => size_of_val(&**process) + process.heap_bytes(),
        }
    }
}

fields! {
    Attribute { predicate, partial }
    Baseline { stratum, steps }
    Characteristic { attributes }
    Codes { keys, intervals }
    Cox { baselines }
    Defined { body, kinds }
    Direct { cells }
    Embedded { classes }
    Field { name, shape, labels, notes }
    GeneralRegression { parameters, plain, cox, error }
    Lag { blocks }
    Layer { neurons }
    Machine { vectors, weights }
    Model { kind, classes, target_name, target, outputs }
    NaiveBayes { inputs, priors }
    Neuron { inputs }
    OutputField { name, feature }
    Parameter { factors, coefficients }
    Plain { slots, direct, intercepts, weights }
    Regression { tables, plain }
    Rule { predicate }
    RuleSet { rules }
    Scorecard { codes, characteristics }
    Segment { predicate, classes }
    SlotDefinition { source, order }
    StandardError { covariances }
    SupportVector { elements, vectors, machines }
    Table { terms }
    Target { priors, display }
    TextIndex { text, term, separator, normalizations }
    TreeNode { predicate }
}

impl PmmlModel {
    /// What the allocator has given for the model, about.
    pub(crate) fn count(&self) -> usize {
        // The model is behind a pointer that counts its users.
        let itself = size_of::<Self>() + 2 * size_of::<usize>();
        let program = &self.program;
        itself
            + program.strings.heap()
            + program.slots.heap()
            + program.functions.heap()
            + program.models.heap()
            + self.schema.inputs.heap()
            + self.schema.outputs.heap()
            + self.cells.heap()
            + self.inputs.heap()
            + self.summary.heap()
    }
}
