//! What a descriptor's engine does to loading, sharing and restoring.
#![allow(clippy::unwrap_used)]

use std::path::Path;
use std::sync::Arc;

use serving_engine::{Engine, Loaded};
use serving_model::wire::ModelDescriptor;
use serving_model::wire::model_descriptor::Engine as Choice;
use serving_model::{ErrorCode, ModelError, ModelType};

const TRACT: i32 = Choice::Tract as i32;

fn file(name: &str) -> Vec<u8> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../tensor/tests/tract-data")
        .join(name);
    std::fs::read(path.join("model.onnx")).unwrap()
}

fn load(engine: &Engine, content: &[u8], model_type: ModelType, choice: i32) -> Result<Arc<Loaded>, ModelError> {
    let descriptor = ModelDescriptor {
        name: "m".into(),
        modeltype: model_type.into(),
        engine: choice,
        ..ModelDescriptor::default()
    };
    engine.load(&descriptor, content)
}

fn is_on_tract(loaded: &Loaded) -> bool {
    loaded.model().summary().contains("evaluated by tract")
}

#[test]
fn one_content_on_two_engines_is_two_models_and_a_checkpoint_keeps_which() {
    let engine = Engine::default();
    let content = file("shape-of-rows");
    let own = load(&engine, &content, ModelType::Onnx, 0).unwrap();
    let tract = load(&engine, &content, ModelType::Onnx, TRACT).unwrap();
    assert!(!is_on_tract(&own) && is_on_tract(&tract));
    assert!(Arc::ptr_eq(
        &tract,
        &load(&engine, &content, ModelType::Onnx, TRACT).unwrap()
    ));
    let stored = tract.to_bytes().to_vec();
    // Same content, same choice: the bytes are the same, be it after a restore or from another process.
    let other = Engine::default();
    let restored = other.restore(&stored).unwrap();
    assert!(is_on_tract(&restored));
    assert_eq!(restored.to_bytes(), stored);
    assert_eq!(
        load(&Engine::default(), &content, ModelType::Onnx, TRACT)
            .unwrap()
            .to_bytes(),
        stored
    );
    assert!(!is_on_tract(&other.restore(own.to_bytes()).unwrap()));
    // Nobody asked for tract here: a later library may have the operators.
    let unasked = load(&engine, &file("encoder"), ModelType::Onnx, 0).unwrap();
    assert!(is_on_tract(&unasked) && is_on_tract(&other.restore(unasked.to_bytes()).unwrap()));
}

#[test]
fn an_engine_that_is_not_there_or_not_for_the_type_is_refused() {
    let engine = Engine::default();
    let refused = |model_type, choice, wanted: &str| {
        let error = load(&engine, b"<PMML/>", model_type, choice).err().unwrap();
        assert_eq!(error.code, ErrorCode::DescriptorInvalid, "{error}");
        assert_eq!(error.message, wanted);
    };
    let others = [
        (ModelType::Pmml, "PMML"),
        (ModelType::Tensorflow, "TENSORFLOW"),
        (ModelType::Tensorflowsaved, "TENSORFLOWSAVED"),
    ];
    for (model_type, name) in others {
        refused(
            model_type,
            TRACT,
            &format!("models of type {name} do not run on the engine TRACT"),
        );
    }
    refused(ModelType::Onnx, 7, "there is no engine 7");
}
