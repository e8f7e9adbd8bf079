//! The command line.

use std::path::{Path, PathBuf};

use clap::{Args, Parser, Subcommand, ValueEnum};
use serving_model::ModelType;
use serving_model::wire::model_descriptor::Engine;
use serving_model::wire::{InputBinding, ModelPreprocessing};

/// Inspect, validate, score and time a model with the engine that runs inside Flink.
#[derive(Debug, Parser)]
#[command(name = "flink-serving", version, about, arg_required_else_help = true)]
#[command(
    after_help = "Exit status: 0 done, 1 a model or an input can't be used, 2 wrong arguments.\n\
    A record that can't be scored does not change the exit status: its result says why."
)]
pub(crate) struct Arguments {
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Show a model: type, digest, size, inputs and outputs
    Inspect(InspectArguments),
    /// Load a model as a job would and list every problem
    Validate(ValidateArguments),
    /// Score records and print one JSON object per record, in order
    #[command(after_help = SCORE_HELP)]
    Score(ScoreArguments),
    /// Measure how long scoring one record takes
    Bench(BenchArguments),
}

const SCORE_HELP: &str = "\
Records:
  JSON array    [{\"alcohol\": 9.4, \"color\": \"red\"}, ...]
  JSON lines    one object per line
  CSV           a header, then one record per line; separator , ; or tab; an empty cell is a missing value
  For a model of tensors a record is one call: input name -> nested list, batch axis included.

Results:
  {\"quality\": \"6\", \"probability(6)\": 0.75}      outputs by name; missing is null, tensors are nested arrays
  {\"$error\": \"FIELD_INVALID\", \"$message\": ...}   a record that can't be scored
  NaN and infinities are the strings \"NaN\", \"Infinity\", \"-Infinity\", in records and in results.";

#[derive(Debug, Args)]
pub(crate) struct ModelArguments {
    /// Type of the model; told from the file name (.pmml, .pfa, .onnx, .pb, .zip, .tar, a folder) when left out
    #[arg(long = "type", value_enum, value_name = "TYPE")]
    kind: Option<ModelKind>,
    /// The model: a file or a folder; repeat it for a model that is made of several files
    #[arg(long = "model", value_name = "FILE")]
    files: Vec<PathBuf>,
    /// The same as --model
    #[arg(value_name = "MODEL")]
    more_files: Vec<PathBuf>,
    /// Signature of a SavedModel; when left out, `serving_default`, else the only one
    #[arg(long, value_name = "NAME")]
    pub(crate) signature: Option<String>,
    /// What evaluates an ONNX model
    #[arg(long, value_enum, default_value_t = EngineChoice::Own)]
    pub(crate) engine: EngineChoice,
}

/// Engines as the command line names them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum EngineChoice {
    /// Kernels and interpreter of this library; tract where a model has an operator that only it has
    Own,
    /// tract
    Tract,
}

impl EngineChoice {
    /// The engine on the wire.
    pub(crate) fn wire(self) -> Engine {
        match self {
            Self::Own => Engine::Own,
            Self::Tract => Engine::Tract,
        }
    }
}

/// Preprocessing, as a descriptor has it.
#[derive(Debug, Args)]
pub(crate) struct WindowArguments {
    /// The model's input is a window: the last WIDTH values of the number that each record brings
    #[arg(long = "window", value_name = "WIDTH", allow_negative_numbers = true)]
    width: Option<i32>,
    /// What is subtracted from each value of the window
    #[arg(
        long,
        default_value_t = 0.0,
        requires = "width",
        value_name = "NUMBER",
        allow_negative_numbers = true
    )]
    mean: f64,
    /// What each value of the window is then divided by
    #[arg(
        long,
        default_value_t = 1.0,
        requires = "width",
        value_name = "NUMBER",
        allow_negative_numbers = true
    )]
    std: f64,
    /// Input that takes the window; when left out, the only one
    #[arg(long, requires = "width", value_name = "INPUT")]
    window_input: Option<String>,
}

impl WindowArguments {
    /// The preprocessing, if there is any.
    pub(crate) fn preprocessing(&self) -> Option<ModelPreprocessing> {
        self.width.map(|width| ModelPreprocessing {
            width,
            mean: self.mean,
            std: self.std,
            input: self.window_input.clone().unwrap_or_default(),
            output: String::new(),
        })
    }
}

#[derive(Debug, Args)]
pub(crate) struct RecordArguments {
    /// Format of the records; told from the file name and the content when left out
    #[arg(long, value_enum)]
    pub(crate) format: Option<RecordFormat>,
    /// CSV without a header: the names of the columns
    #[arg(long, value_name = "NAME,NAME,...", value_delimiter = ',')]
    pub(crate) columns: Vec<String>,
    /// Which record fields feed a model input, repeatable; a tensor takes as many fields as it has values
    #[arg(long = "bind", value_name = "INPUT=FIELD,...", value_parser = parse_binding)]
    pub(crate) bindings: Vec<InputBinding>,
}

#[derive(Debug, Args)]
pub(crate) struct InspectArguments {
    #[command(flatten)]
    pub(crate) model: ModelArguments,
    #[command(flatten)]
    pub(crate) window: WindowArguments,
    /// Print one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct ValidateArguments {
    #[command(flatten)]
    pub(crate) model: ModelArguments,
    #[command(flatten)]
    pub(crate) window: WindowArguments,
    /// Print one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct ScoreArguments {
    #[command(flatten)]
    pub(crate) model: ModelArguments,
    #[command(flatten)]
    pub(crate) window: WindowArguments,
    /// The records; - for standard input
    #[arg(long, value_name = "FILE")]
    pub(crate) input: PathBuf,
    #[command(flatten)]
    pub(crate) records: RecordArguments,
}

#[derive(Debug, Args)]
pub(crate) struct BenchArguments {
    #[command(flatten)]
    pub(crate) model: ModelArguments,
    /// Records to score again and again; zeros and first labels when left out
    #[arg(long, value_name = "FILE")]
    pub(crate) input: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) records: RecordArguments,
    /// How long to measure, in all
    #[arg(long, default_value_t = 4.0, value_parser = parse_seconds)]
    pub(crate) seconds: f64,
    /// Records per call of the second measurement; the first one has a single record per call
    #[arg(long, default_value_t = 64, value_parser = clap::value_parser!(u32).range(1..=65_536))]
    pub(crate) batch: u32,
    /// Print one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

/// The file that tells a folder with a SavedModel.
pub(crate) const SAVED_MODEL: &str = "saved_model.pb";

/// Model types as the command line names them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ModelKind {
    /// PMML document
    Pmml,
    /// PFA document
    Pfa,
    /// ONNX model; with external data its folder, or a zip or tar of it
    Onnx,
    /// Frozen TensorFlow graph
    TfFrozen,
    /// TensorFlow SavedModel: its folder, or a zip or tar of it
    TfSavedmodel,
    /// Factors of alternating least squares, as text
    Als,
    /// Weights of support vector machines, as text
    SvmWeights,
}

impl ModelKind {
    /// The type on the wire; `None` for one that the wire does not have.
    pub(crate) fn wire(self) -> Option<ModelType> {
        match self {
            Self::Pmml => Some(ModelType::Pmml),
            Self::Pfa => Some(ModelType::Pfa),
            Self::Onnx => Some(ModelType::Onnx),
            Self::TfFrozen => Some(ModelType::Tensorflow),
            Self::TfSavedmodel => Some(ModelType::Tensorflowsaved),
            Self::Als | Self::SvmWeights => None,
        }
    }

    /// The name on the command line.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Pmml => "pmml",
            Self::Pfa => "pfa",
            Self::Onnx => "onnx",
            Self::TfFrozen => "tf-frozen",
            Self::TfSavedmodel => "tf-savedmodel",
            Self::Als => "als",
            Self::SvmWeights => "svm-weights",
        }
    }

    /// A folder with an ONNX model is one if there is no SavedModel in it.
    fn of_folder(folder: &Path) -> Self {
        let is_onnx = |path: &Path| {
            path.extension()
                .is_some_and(|extension| extension.eq_ignore_ascii_case("onnx"))
        };
        let mut entries = folder.read_dir().into_iter().flatten().flatten();
        if !folder.join(SAVED_MODEL).exists() && entries.any(|entry| is_onnx(&entry.path())) {
            Self::Onnx
        } else {
            Self::TfSavedmodel
        }
    }

    fn of_path(path: &Path) -> Option<Self> {
        if path.file_name().is_some_and(|name| name == SAVED_MODEL) {
            return Some(Self::TfSavedmodel);
        }
        if path.is_dir() {
            return Some(Self::of_folder(path));
        }
        match path.extension()?.to_str()?.to_ascii_lowercase().as_str() {
            "pmml" => Some(Self::Pmml),
            "pfa" => Some(Self::Pfa),
            "onnx" => Some(Self::Onnx),
            "pb" => Some(Self::TfFrozen),
            "zip" | "tar" | "tgz" => Some(Self::TfSavedmodel),
            _ => None,
        }
    }
}

impl ModelArguments {
    /// Files in the order given.
    pub(crate) fn files(&self) -> Vec<&Path> {
        self.files
            .iter()
            .chain(&self.more_files)
            .map(PathBuf::as_path)
            .collect()
    }

    /// The type that was given, or that the first file's name tells.
    pub(crate) fn kind(&self) -> Option<ModelKind> {
        self.kind
            .or_else(|| self.files().first().and_then(|path| ModelKind::of_path(path)))
    }
}

/// How records are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum RecordFormat {
    /// One JSON array of objects, or a single object
    Json,
    /// One JSON object per line
    Jsonl,
    /// Comma separated values
    Csv,
}

fn parse_binding(text: &str) -> Result<InputBinding, String> {
    let (input, fields) = text
        .split_once('=')
        .filter(|(input, fields)| !input.is_empty() && !fields.is_empty())
        .ok_or("a binding is written INPUT=FIELD or INPUT=FIELD,FIELD,...")?;
    Ok(InputBinding {
        model_input: input.to_owned(),
        record_fields: fields.split(',').map(|field| field.trim().to_owned()).collect(),
    })
}

fn parse_seconds(text: &str) -> Result<f64, String> {
    text.parse()
        .ok()
        .filter(|seconds| (0.01..=3600.0).contains(seconds))
        .ok_or_else(|| "a number of seconds from 0.01 to 3600".to_owned())
}
