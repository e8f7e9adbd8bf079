//! Loading and sharing of models.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Weak};
use std::thread::ScopedJoinHandle;

use parking_lot::Mutex;
use serving_model::wire::{ErrorCode, ModelDescriptor, ModelInfo};
use serving_model::{
    Block, Digest, Field, Limits, Model, ModelError, ModelFactoriesResolver, ModelSource, Output, Scorer, Tag, stored,
};

use crate::memory::{MemoryUse, Reservation};

/// The factories that this build has.
#[derive(Clone, Copy, Debug, Default)]
pub struct ServedFactories;

impl ServedFactories {
    /// A resolver that knows them all.
    #[must_use]
    pub fn resolver() -> ModelFactoriesResolver {
        ModelFactoriesResolver::default()
            .with(serving_pmml::PmmlModelFactory)
            .with(serving_tensor::TensorFlowModelFactory)
            .with(serving_tensor::SavedModelFactory)
            .with(serving_tensor::OnnxModelFactory)
    }
}

/// Bytes of content from which on compressing them takes longer than starting a thread for it.
const WORTH_A_THREAD: usize = 64 << 10;
/// Bytes of content from which on it is compressed only after the model is compiled: both need about as much memory.
const SIDE_BY_SIDE: usize = 32 << 20;

/// Same content, type, signature, engine and folder: same compiled model.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Key {
    digest: Digest,
    model_type: i32,
    signature: String,
    engine: i32,
    directory: Option<PathBuf>,
}

type Slot = Arc<Mutex<Weak<Loaded>>>;

/// Loads models, shares those of the same content, and keeps the memory budget. One per process.
pub struct Engine {
    resolver: ModelFactoriesResolver,
    models: Mutex<HashMap<Key, Slot>>,
    memory: Arc<MemoryUse>,
}

impl Default for Engine {
    fn default() -> Self {
        Self::new(ServedFactories::resolver())
    }
}

/// A loaded model with its identity. Dropping the last reference gives its bytes back to the budget.
pub struct Loaded {
    model: Arc<dyn Model>,
    digest: Digest,
    stored: Box<[u8]>,
    memory: Reservation,
}

impl Loaded {
    /// The compiled model.
    #[must_use]
    pub fn model(&self) -> &Arc<dyn Model> {
        &self.model
    }

    /// Digest of the content.
    #[must_use]
    pub fn digest(&self) -> &Digest {
        &self.digest
    }

    /// What a checkpoint holds: FLIP-23's `toBytes`.
    #[must_use]
    pub fn to_bytes(&self) -> &[u8] {
        &self.stored
    }

    /// Counted bytes: the compiled model and what [`to_bytes`](Self::to_bytes) keeps.
    #[must_use]
    pub fn native_bytes(&self) -> usize {
        self.memory.bytes()
    }

    /// The model as the boundary describes it.
    #[must_use]
    pub fn info(&self) -> ModelInfo {
        let schema = self.model.schema();
        ModelInfo {
            model_type: self.model.model_type().into(),
            sha256: self.digest.as_bytes().to_vec(),
            native_bytes: self.memory.bytes() as u64,
            inputs: schema.inputs.iter().map(Field::to_wire).collect(),
            outputs: schema.outputs.iter().map(Field::to_wire).collect(),
            summary: self.model.summary(),
        }
    }
}

impl Engine {
    /// An engine with other factories.
    #[must_use]
    pub fn new(resolver: ModelFactoriesResolver) -> Self {
        Self {
            resolver,
            models: Mutex::default(),
            memory: Arc::default(),
        }
    }

    /// The memory budget.
    #[must_use]
    pub fn memory(&self) -> &MemoryUse {
        &self.memory
    }

    /// Loads a model, or returns the loaded one of the same content.
    ///
    /// # Errors
    /// A [`ModelError`]: unknown type, other digest than the descriptor's, whatever the format finds, or the budget.
    pub fn load(&self, descriptor: &ModelDescriptor, content: &[u8]) -> Result<Arc<Loaded>, ModelError> {
        self.load_from(descriptor, content, None)
    }

    /// [`load`](Self::load) for a model that has a folder, from which it may read more. The digest does not cover what lies
    /// there: models from other folders are other models.
    ///
    /// # Errors
    /// As [`load`](Self::load).
    pub fn load_from(
        &self,
        descriptor: &ModelDescriptor,
        content: &[u8],
        directory: Option<&Path>,
    ) -> Result<Arc<Loaded>, ModelError> {
        let digest = Digest::of(content);
        if !descriptor.sha256.is_empty() && descriptor.sha256 != digest.as_bytes() {
            return Err(ModelError::new(
                ErrorCode::DigestMismatch,
                format!("the content has SHA-256 {digest}, the descriptor names another"),
            ));
        }
        self.compile(descriptor, content, digest, directory, None)
    }

    /// Loads a model from what a checkpoint holds.
    ///
    /// # Errors
    /// As [`load`](Self::load), and when the bytes are damaged.
    pub fn restore(&self, bytes: &[u8]) -> Result<Arc<Loaded>, ModelError> {
        let (descriptor, content, digest) = stored::unpack(bytes, Limits::default())?;
        self.compile(&descriptor, &content, digest, None, Some(bytes))
    }

    /// Compiles content with a digest, or returns the model that was. `stored` is what a checkpoint holds of it, if that is known.
    fn compile(
        &self,
        descriptor: &ModelDescriptor,
        content: &[u8],
        digest: Digest,
        directory: Option<&Path>,
        stored: Option<&[u8]>,
    ) -> Result<Arc<Loaded>, ModelError> {
        let factory = self.resolver.resolve_for(descriptor)?;
        self.share(descriptor, digest, directory, || {
            // How much the model will take is not known yet; no less than this, as its content is kept.
            let memory = self.memory.reserve(content.len())?;
            let limits = Limits {
                native_bytes: memory.most(),
                ..Limits::default()
            };
            if content.len() > limits.content_bytes {
                return Err(ModelError::too_large(format!(
                    "the model has {} bytes, the limit is {}",
                    content.len(),
                    limits.content_bytes
                )));
            }
            let source = ModelSource {
                descriptor,
                content,
                directory: directory.map(Path::to_path_buf),
                limits,
            };
            let pack = || match stored {
                Some(stored) => Ok(stored.to_vec()),
                None => stored::pack_with(descriptor, content, digest),
            };
            if !(WORTH_A_THREAD..SIDE_BY_SIDE).contains(&content.len()) || stored.is_some() {
                return Ok((factory.create(&source)?, pack()?, memory));
            }
            // Compressing takes about as long as compiling.
            std::thread::scope(|scope| {
                let packing = std::thread::Builder::new()
                    .name("pack-model".into())
                    .spawn_scoped(scope, pack);
                let model = factory.create(&source);
                let packed = match packing.map(ScopedJoinHandle::join) {
                    Ok(Ok(packed)) => packed,
                    Ok(Err(panic)) => std::panic::resume_unwind(panic),
                    Err(_) => pack(),
                };
                Ok((model?, packed?, memory))
            })
        })
    }

    fn share(
        &self,
        descriptor: &ModelDescriptor,
        digest: Digest,
        directory: Option<&Path>,
        compile: impl FnOnce() -> Result<(Arc<dyn Model>, Vec<u8>, Reservation), ModelError>,
    ) -> Result<Arc<Loaded>, ModelError> {
        let key = Key {
            digest,
            model_type: descriptor.modeltype,
            signature: descriptor.signature.clone(),
            engine: descriptor.engine,
            directory: directory.map(Path::to_path_buf),
        };
        let slot = {
            let mut models = self.models.lock();
            models.retain(|_, slot| {
                Arc::strong_count(slot) > 1 || slot.try_lock().is_none_or(|weak| weak.strong_count() > 0)
            });
            Arc::clone(models.entry(key).or_default())
        };
        // Two tasks that want the same model at the same time must not compile it twice: the second waits here.
        let mut weak = slot.lock();
        if let Some(loaded) = weak.upgrade() {
            return Ok(loaded);
        }
        let (model, stored, mut memory) = compile()?;
        memory.resize(model.native_bytes() + stored.len())?;
        let loaded = Arc::new(Loaded {
            model,
            digest,
            stored: stored.into_boxed_slice(),
            memory,
        });
        warm_up(&loaded)?;
        *weak = Arc::downgrade(&loaded);
        Ok(loaded)
    }
}

/// Scores a few neutral rows, so that the first record does not pay for cold code and data. What comes out does not matter.
fn warm_up(loaded: &Loaded) -> Result<(), ModelError> {
    const ROUNDS: usize = 3;
    let schema = loaded.model.schema();
    let (Some(inputs), Some(outputs)) = (schema.input_width(), schema.output_width()) else {
        return Ok(());
    };
    let mut scorer: Box<dyn Scorer> = Arc::clone(&loaded.model).scorer()?;
    let (mut input, mut output) = (Block::new(inputs), Output::new(outputs));
    for _ in 0..ROUNDS {
        input.reset(1);
        let (tags, values) = input.row_mut(0);
        tags.fill(Tag::Double as u8);
        values.fill(0);
        output.reset(1);
        scorer.score(&input, &mut output);
    }
    Ok(())
}
