//! The checked graph that every front end ends in. Nothing here knows a file format.

mod control;

use serving_kernels::activation::Activation;

pub(crate) use control::{Control, Scan};

use crate::array::{Array, DType};
use crate::ops::spatial::PreparedConvolution;
use crate::ops::{
    Attention, Classical, Dense, Equation, Learning, Move, Normalization, Quantization, Random, Ranking, Recurrent,
    Scatter, Sequence, Signal, Spatial, Texts,
};

/// An output of a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Value {
    pub(crate) node: usize,
    pub(crate) port: usize,
}

/// A node. Its inputs come from nodes before it.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    pub(crate) name: String,
    /// The operator as the source calls it, for messages.
    pub(crate) operator: String,
    pub(crate) op: Op,
    pub(crate) inputs: Vec<Value>,
}

/// What a graph reads.
#[derive(Clone, Debug, Default)]
pub(crate) struct Input {
    /// Name for callers.
    pub(crate) name: String,
    /// `None` inside a loop, where types follow from the values.
    pub(crate) dtype: Option<DType>,
    /// Lengths of the axes, batch axis included; `None` where they are unknown.
    pub(crate) shape: Option<Vec<Option<usize>>>,
    /// Type of a list's items, or of a map's keys and values.
    pub(crate) inside: Vec<DType>,
    /// Whether nothing may be given.
    pub(crate) optional: bool,
}

/// Nodes in an order in which they can be evaluated.
#[derive(Clone, Debug, Default)]
pub(crate) struct Graph {
    pub(crate) nodes: Vec<Node>,
    pub(crate) inputs: Vec<Input>,
    /// Names for callers, empty inside a loop, and values.
    pub(crate) outputs: Vec<(String, Value)>,
    /// For every node, the values that nobody needs after it.
    pub(crate) freed: Vec<Vec<Value>>,
}

/// Functions of one element. Those with parameters are defined by ONNX's operators of the same name.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Unary {
    Negative,
    Absolute,
    SquareRoot,
    ReciprocalSquareRoot,
    Logarithm,
    LogarithmPlusOne,
    ExponentialMinusOne,
    Floor,
    Ceiling,
    /// To the nearest integer, halves to the even one.
    Round,
    Sign,
    Square,
    Tangent,
    ArcSine,
    ArcCosine,
    ArcTangent,
    HyperbolicSine,
    HyperbolicCosine,
    AreaSine,
    AreaCosine,
    AreaTangent,
    ErrorFunction,
    InverseErrorFunction,
    /// The number that a normally distributed one is below with this probability.
    NormalQuantile,
    /// Logarithm of the gamma function, and its derivative.
    LogGamma,
    Digamma,
    /// Of truth values, or of each bit.
    Not,
    /// Times a number.
    Scale(f64),
    HardSigmoid {
        alpha: f64,
        beta: f64,
    },
    HardSwish,
    Celu(f64),
    Selu {
        alpha: f64,
        gamma: f64,
    },
    Shrink {
        bias: f64,
        limit: f64,
    },
    ThresholdedRelu(f64),
    Swish(f64),
    Mish,
    Gelu {
        by_tanh: bool,
    },
}

/// Functions of two elements of the same type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Binary {
    Add,
    Subtract,
    Multiply,
    Divide,
    FloorDivide,
    FloorModulo,
    Maximum,
    Minimum,
    Power,
    SquaredDifference,
    /// With the sign of the dividend.
    Remainder,
    BitAnd,
    BitOr,
    BitXor,
    ShiftLeft,
    ShiftRight,
    /// The left one where it is positive, else the product.
    LeakySlope,
}

/// Predicates of two elements of the same type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Compare {
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    Equal,
    NotEqual,
    And,
    Or,
    Xor,
}

/// How axes are reduced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reduce {
    Sum,
    Mean,
    Maximum,
    Minimum,
    Product,
    All,
    Any,
    SumOfMagnitudes,
    SumOfSquares,
    /// Root of the sum of squares.
    Length,
    LogarithmOfSum,
    LogarithmOfSumOfExponentials,
}

/// How a window is moved over height and width of `[batch, height, width, channels]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Window {
    pub(crate) strides: [usize; 2],
    pub(crate) dilations: [usize; 2],
    pub(crate) padding: Padding,
}

/// Zeros around an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Padding {
    /// None.
    Valid,
    /// As many that the output is as large as the input divided by the stride, the odd one at the end.
    Same,
}

/// Bits of a strided slice: the n-th of each says something about its n-th entry.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct SliceMasks {
    pub(crate) begin: u64,
    pub(crate) end: u64,
    pub(crate) ellipsis: u64,
    pub(crate) new_axis: u64,
    pub(crate) shrink: u64,
}

/// `while condition(variables, captures) { variables = body(variables, captures) }`. Inputs of the node are the initial
/// variables and the captures, outputs the last variables.
#[derive(Clone, Debug)]
pub(crate) struct Loop {
    pub(crate) variables: usize,
    pub(crate) condition: Graph,
    pub(crate) body: Graph,
}

/// Operators. Where nothing is said, axes count from 0, negative ones from the back, and inputs are in TensorFlow's order.
#[derive(Clone, Debug)]
pub(crate) enum Op {
    Input(usize),
    Constant(Array),
    Identity,
    Unary(Unary),
    Activate(Activation),
    Binary(Binary),
    Compare(Compare),
    /// Condition, value where true, value where false; broadcast. `leading`: a condition vector chooses whole rows.
    Select {
        leading: bool,
    },
    /// Adds a vector along the channels.
    BiasAdd {
        channels_first: bool,
    },
    /// Matrices in the last two axes.
    MatMul {
        transpose_left: bool,
        transpose_right: bool,
    },
    LogSoftmax,
    /// Index of the largest (or smallest) along an axis.
    ArgExtreme {
        largest: bool,
        long: bool,
        /// Of equal ones, the last counts.
        last: bool,
    },
    /// Data, axes. `all`: over all axes when none are given.
    Reduce {
        how: Reduce,
        keep_axes: bool,
        all: bool,
    },
    Cast(DType),
    Shape {
        long: bool,
    },
    Rank,
    Size {
        long: bool,
    },
    Reshape,
    Squeeze(Vec<i64>),
    ExpandDims,
    Transpose,
    Pack {
        axis: i64,
    },
    Unpack {
        axis: i64,
        count: usize,
    },
    /// Axis is the last input.
    Concat {
        axis_first: bool,
    },
    /// Axis and tensor.
    Split {
        count: usize,
    },
    /// Tensor, sizes, axis.
    SplitSizes {
        count: usize,
    },
    Slice,
    StridedSlice(SliceMasks),
    Pad,
    Tile,
    BroadcastTo,
    Fill,
    Range,
    Zeros,
    Ones,
    AddN,
    /// `batch_axes` leading axes are common to parameters and indices.
    Gather {
        batch_axes: i64,
        with_axis: bool,
    },
    OneHot {
        axis: i64,
    },
    Convolution(Window),
    DepthwiseConvolution(Window),
    /// Gradient of a convolution: sizes of the result, filter, input.
    TransposedConvolution(Window),
    Pool {
        window: Window,
        size: [usize; 2],
        maximum: bool,
    },
    SpaceToBatch,
    BatchToSpace,
    BatchNormalization {
        epsilon: f32,
    },
    /// Numbers in [0, 1); from a fixed seed, so that a score can be repeated.
    RandomUniform {
        dtype: DType,
    },
    ListFromTensor,
    ListReserve,
    ListGet {
        dtype: DType,
    },
    ListSet,
    ListStack {
        dtype: DType,
    },
    ListLength,
    Loop(Box<Loop>),
    /// Data, condition: the data where the condition does not hold, and where it does; nothing on the other side, and
    /// nothing of what depends on that.
    Switch,
    /// Condition, value where it does not hold, value where it does: the one that is there, and its number.
    Merge,
    Lookup(crate::ops::lookup::Lookup),
    System(crate::ops::systems::System),
    Strings(crate::ops::strings::Strings),
    Ragged(crate::ops::ragged::Ragged),
    List(crate::ops::lists::Lists),
    Arrange(crate::ops::arrange::Arrange),
    Counting(crate::ops::counting::Counting),
    IsNan,
    IsInfinite {
        positive: bool,
        negative: bool,
    },
    /// Base, exponent of any type.
    Power,
    /// Data, lower and upper limit, each of which may be missing.
    Clip,
    /// Mean of the inputs.
    Average,
    /// Data, axis.
    Cumulate {
        product: bool,
        exclusive: bool,
        reverse: bool,
    },
    Einsum(Equation),
    Determinant,
    Move(Move),
    Scatter(Scatter),
    Ranking(Ranking),
    Partition(crate::ops::partition::Partition),
    Decomposition(crate::ops::decompositions::Decomposition),
    Detection(crate::ops::detection::Detection),
    Picture(crate::ops::pictures::Picture),
    Normalization(Normalization),
    Spatial(Spatial),
    Recurrent(Box<Recurrent>),
    Attention(Attention),
    Signal(Signal),
    Quantization(Quantization),
    Learning(Learning),
    Random(Random),
    Sequence(Sequence),
    Texts(Texts),
    Classical(Classical),
    /// Product with a constant matrix.
    Dense(Dense),
    /// Convolution with a constant filter.
    PreparedConvolution(PreparedConvolution),
    Control(Box<Control>),
}

impl Op {
    /// Number of outputs.
    pub(crate) fn ports(&self) -> usize {
        match self {
            Self::Unpack { count, .. } | Self::Split { count } | Self::SplitSizes { count } => *count,
            Self::Loop(repeated) => repeated.variables,
            Self::Switch | Self::Merge => 2,
            Self::Strings(what) => what.ports(),
            Self::Ragged(what) => what.ports(),
            Self::List(what) => what.ports(),
            Self::Move(what) => what.ports(),
            Self::Ranking(what) => what.ports(),
            Self::Partition(what) => what.ports(),
            Self::Decomposition(what) => what.ports(),
            Self::Detection(what) => what.ports(),
            Self::Normalization(what) => what.ports(),
            Self::Spatial(what) => what.ports(),
            Self::Recurrent(what) => what.ports(),
            Self::Attention(what) => what.ports(),
            Self::Quantization(what) => what.ports(),
            Self::Learning(_) => 1 << 10,
            Self::Texts(what) => what.ports(),
            Self::Classical(what) => what.ports(),
            Self::Control(what) => what.ports(),
            _ => 1,
        }
    }
}

impl Graph {
    /// Finds the values that nobody needs after a node. Once the graph is complete.
    pub(crate) fn find_last_uses(&mut self) {
        let mut last = std::collections::HashMap::new();
        for (index, node) in self.nodes.iter().enumerate() {
            for value in &node.inputs {
                last.insert(*value, index);
            }
        }
        for (_, value) in &self.outputs {
            last.remove(value);
        }
        self.freed = vec![Vec::new(); self.nodes.len()];
        for (value, index) in last {
            self.freed[index].push(value);
        }
    }

    /// Empties all constants, once the graph is not evaluated any more.
    pub(crate) fn drop_constants(&mut self) {
        for node in &mut self.nodes {
            if let Op::Constant(array) = &mut node.op {
                *array = Array::new(vec![0], Vec::<f32>::new());
            }
        }
    }

    /// Bytes of heap, without small change.
    pub(crate) fn heap_bytes(&self) -> usize {
        self.nodes
            .iter()
            .map(|node| {
                let inside = match &node.op {
                    Op::Constant(array) => array.heap_bytes(),
                    Op::Loop(repeated) => repeated.condition.heap_bytes() + repeated.body.heap_bytes(),
                    Op::Control(control) => control.graphs().iter().map(Self::heap_bytes).sum(),
                    Op::Lookup(lookup) => lookup.heap_bytes(),
                    Op::Classical(classical) => classical.heap_bytes(),
                    Op::Dense(dense) => dense.heap_bytes(),
                    Op::PreparedConvolution(convolution) => convolution.heap_bytes(),
                    _ => 0,
                };
                size_of::<Node>()
                    + node.name.len()
                    + node.operator.len()
                    + node.inputs.len() * size_of::<Value>()
                    + inside
            })
            .sum()
    }
}
