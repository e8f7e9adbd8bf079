//! What a few words of a document or a record can ask for: memory that is a product of counts, time that grows with their square,
//! texts that grow without bound.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::pedantic,
    reason = "a test fails by panicking"
)]

mod common;

use std::sync::Arc;
use std::time::Duration;

use common::{document, processor_time};
use serving_model::wire::ModelDescriptor;
use serving_model::{Block, ErrorCode, Limits, Model, ModelError, ModelFactory, ModelSource, Output};
use serving_pmml::PmmlModelFactory;

const FIELDS: &str = r#"<DataField name="x" optype="continuous" dataType="double"/><DataField name="t" optype="categorical"
    dataType="string"/><DataField name="k" optype="categorical" dataType="string"/><DataField name="y" optype="continuous"
    dataType="double"/>"#;
const NUMBER: &str = r#"<MiningSchema><MiningField name="x"/><MiningField name="t"/><MiningField name="y" usageType="target"/>
    </MiningSchema>"#;
const CLASS: &str = r#"<MiningSchema><MiningField name="x"/><MiningField name="k" usageType="target"/></MiningSchema>"#;
const EQUATION: &str = r#"<RegressionTable intercept="1"/>"#;

const LIMITS: Limits = Limits {
    content_bytes: 1 << 26,
    depth: 512,
    native_bytes: 1 << 26,
    steps: 1 << 24,
};

/// Loads a model in time that is linear.
fn load(fields: &str, model: &str) -> Result<Arc<dyn Model>, ModelError> {
    let content = document(fields, model);
    let (loaded, taken) = processor_time(|| {
        PmmlModelFactory.create(&ModelSource {
            descriptor: &ModelDescriptor::default(),
            content: content.as_bytes(),
            directory: None,
            limits: LIMITS,
        })
    });
    assert!(
        taken < Duration::from_secs(10),
        "{} bytes take {taken:?}",
        content.len()
    );
    loaded
}

fn code(model: &str) -> Option<ErrorCode> {
    load(FIELDS, model).err().map(|error| error.code)
}

/// The same text for each number below a count.
fn each(count: usize, text: impl Fn(usize) -> String) -> String {
    (0..count).map(text).collect()
}

#[test]
fn memory_that_is_a_product_of_counts_is_refused() {
    const MANY: usize = 3000;
    let shares = each(MANY, |number| {
        format!(
            r#"<Node score="{number}"><SimplePredicate field="x" operator="lessThan" value="{number}"/>
            <ScoreDistribution value="{number}" recordCount="1"/></Node>"#
        )
    });
    let counts = |count: usize| {
        each(count, |number| {
            format!(r#"<TargetValueCount value="{number}" count="1"/>"#)
        })
    };
    let pairs = each(MANY, |number| {
        format!(
            r#"<PairCounts value="{number}"><TargetValueCounts>{}</TargetValueCounts></PairCounts>"#,
            counts(1)
        )
    });
    let vectors = each(MANY, |number| {
        format!(r#"<VectorInstance id="{number}"><REAL-SparseArray n="{MANY}"/></VectorInstance>"#)
    });
    let vector_fields = r#"<FieldRef field="x"/>"#.repeat(MANY);
    let parameters = each(MANY, |number| format!(r#"<Parameter name="{number}"/>"#));
    let cells = each(MANY, |number| {
        format!(r#"<PCell targetCategory="{number}" parameterName="{number}" beta="1"/>"#)
    });
    let matrix = r#"<Matrix nbRows="4096" nbCols="4096"><MatCell row="1" col="1">1</MatCell></Matrix>"#;
    for (what, model) in [
        (
            "class shares",
            format!(r#"<TreeModel functionName="classification">{CLASS}<Node><True/>{shares}</Node></TreeModel>"#),
        ),
        (
            "counts of naive Bayes",
            format!(
                r#"<NaiveBayesModel functionName="classification" threshold="0">{CLASS}<BayesInputs><BayesInput fieldName="x">{pairs}
                </BayesInput></BayesInputs><BayesOutput fieldName="k"><TargetValueCounts>{}</TargetValueCounts></BayesOutput>
                </NaiveBayesModel>"#,
                counts(MANY)
            ),
        ),
        (
            "support vectors",
            format!(
                r#"<SupportVectorMachineModel functionName="regression">{NUMBER}<LinearKernelType/><VectorDictionary><VectorFields>
                {vector_fields}</VectorFields>{vectors}</VectorDictionary></SupportVectorMachineModel>"#
            ),
        ),
        (
            "coefficients",
            format!(
                r#"<GeneralRegressionModel functionName="classification" modelType="multinomialLogistic"
                targetReferenceCategory="other">{CLASS}<ParameterList>{parameters}</ParameterList><ParamMatrix>{cells}</ParamMatrix>
                </GeneralRegressionModel>"#
            ),
        ),
        (
            "a matrix",
            format!(
                r#"<TextModel functionName="clustering"><MiningSchema><MiningField name="t"/></MiningSchema><TextDictionary><Array
                type="string">a b</Array></TextDictionary><TextCorpus><TextDocument id="1"/></TextCorpus><DocumentTermMatrix>
                {matrix}</DocumentTermMatrix></TextModel>"#
            ),
        ),
        (
            "a sparse array",
            format!(
                r#"<SupportVectorMachineModel functionName="regression">{NUMBER}<LinearKernelType/><VectorDictionary><VectorFields>
                <FieldRef field="x"/></VectorFields><VectorInstance id="1"><REAL-SparseArray n="16777216"/></VectorInstance>
                </VectorDictionary></SupportVectorMachineModel>"#
            ),
        ),
        (
            "labels",
            format!(
                r#"<TreeModel functionName="classification">{CLASS}<Output>{}</Output><Node><True/>{}</Node></TreeModel>"#,
                each(MANY, |number| format!(
                    r#"<OutputField name="o{number}" feature="predictedValue"/>"#
                )),
                each(MANY, |number| format!(r#"<Node score="{number}"><True/></Node>"#)),
            ),
        ),
    ] {
        assert_eq!(code(&model), Some(ErrorCode::ModelTooLarge), "{what}");
    }
}

#[test]
fn fields_that_each_segment_computes_anew_are_counted() {
    let rows = each(200, |number| format!("<row><in>{number}</in><out>{number}</out></row>"));
    let derived = each(60, |number| {
        format!(
            r#"<DerivedField name="d{number}" optype="continuous" dataType="double"><MapValues outputColumn="out"><FieldColumnPair
            field="x" column="in"/><InlineTable>{rows}</InlineTable></MapValues></DerivedField>"#
        )
    });
    let terms = each(60, |number| {
        format!(r#"<NumericPredictor name="d{number}" coefficient="1"/>"#)
    });
    let segments = format!(
        r#"<Segment><True/><RegressionModel functionName="regression"><MiningSchema><MiningField name="x"
        missingValueReplacement="1"/></MiningSchema><RegressionTable intercept="1">{terms}</RegressionTable></RegressionModel></Segment>"#
    )
    .repeat(300);
    let model = format!(
        r#"<MiningModel functionName="regression">{NUMBER}<LocalTransformations>{derived}</LocalTransformations><Segmentation
        multipleModelMethod="sum">{segments}</Segmentation></MiningModel>"#
    );
    assert_eq!(code(&model), Some(ErrorCode::ModelTooLarge));
}

#[test]
fn what_is_mostly_empty_takes_no_matrix() {
    const MANY: usize = 4000;
    let layer = |first: usize, before: usize| {
        let neurons = each(MANY, |number| {
            format!(
                r#"<Neuron id="{}"><Con from="{}" weight="1"/></Neuron>"#,
                first + number,
                before + number % MANY.min(first)
            )
        });
        format!("<NeuralLayer>{neurons}</NeuralLayer>")
    };
    let derived = r#"<DerivedField optype="continuous" dataType="double"><FieldRef field="x"/></DerivedField>"#;
    let network = format!(
        r#"<NeuralNetwork functionName="regression" activationFunction="identity">{NUMBER}<NeuralInputs><NeuralInput id="0">{derived}
        </NeuralInput></NeuralInputs>{}{}<NeuralOutputs><NeuralOutput outputNeuron="{}">{derived}</NeuralOutput></NeuralOutputs>
        </NeuralNetwork>"#,
        layer(1, 0),
        layer(1 + MANY, 1),
        1 + MANY
    );
    let tables = each(MANY, |number| {
        let terms = if number == 0 {
            r#"<NumericPredictor name="x" coefficient="1"/>"#.repeat(MANY)
        } else {
            String::new()
        };
        format!(r#"<RegressionTable intercept="0" targetCategory="{number}">{terms}</RegressionTable>"#)
    });
    let regression = format!(
        r#"<RegressionModel functionName="classification" normalizationMethod="softmax">{CLASS}{tables}</RegressionModel>"#
    );
    for model in [network, regression] {
        let model = load(FIELDS, &model).unwrap_or_else(|error| panic!("{error}"));
        assert!(model.native_bytes() < 8 << 20, "{} bytes", model.native_bytes());
        assert_eq!(scored(&model, "a"), ErrorCode::Ok);
    }
}

#[test]
fn time_grows_with_the_document_and_not_with_its_square() {
    const MANY: usize = 50_000;
    let inner = r#"<RegressionModel functionName="regression"><MiningSchema/><RegressionTable intercept="1"/></RegressionModel>"#;
    let segments = format!("<Segment><True/>{inner}</Segment>").repeat(MANY);
    let values = each(MANY, |number| format!(r#"<Value value="v{number}"/>"#));
    let ordinal = format!(r#"{FIELDS}<DataField name="o" optype="ordinal" dataType="string">{values}</DataField>"#);
    let ordered = each(MANY, |number| {
        format!(
            r#"<SimpleRule score="a"><SimplePredicate field="o" operator="greaterThan" value="v{number}"/></SimpleRule>"#
        )
    });
    let rules = |schema: &str, rules: &str| {
        format!(
            r#"<RuleSetModel functionName="classification">{schema}<RuleSet defaultScore="b"><RuleSelectionMethod
            criterion="weightedSum"/>{rules}</RuleSet></RuleSetModel>"#
        )
    };
    let columns = each(MANY, |number| format!("<c{number}>1</c{number}>"));
    let instance_fields = each(MANY, |number| {
        format!(r#"<InstanceField field="f{number}" column="c{number}"/>"#)
    });
    let characteristics = each(MANY, |number| {
        format!(
            r#"<Characteristic><Attribute partialScore="1" reasonCode="r{number}"><True/></Attribute></Characteristic>"#
        )
    });
    for (fields, model) in [
        (
            FIELDS,
            format!(
                r#"<MiningModel functionName="regression">{NUMBER}<Output><OutputField name="o" segmentId="7"/></Output><Segmentation
                multipleModelMethod="modelChain">{segments}</Segmentation></MiningModel>"#
            ),
        ),
        (
            FIELDS,
            rules(CLASS, &r#"<SimpleRule score="a"><True/></SimpleRule>"#.repeat(MANY)),
        ),
        (
            &ordinal,
            rules(
                r#"<MiningSchema><MiningField name="o"/><MiningField name="k" usageType="target"/></MiningSchema>"#,
                &ordered,
            ),
        ),
        (
            FIELDS,
            format!(
                r#"<NearestNeighborModel functionName="regression" numberOfNeighbors="1">{NUMBER}<TrainingInstances isTransformed="true">
                <InstanceFields><InstanceField field="x"/><InstanceField field="y"/>{instance_fields}</InstanceFields><InlineTable><row>
                <x>1</x><y>2</y>{columns}</row></InlineTable></TrainingInstances><ComparisonMeasure><euclidean/></ComparisonMeasure>
                <KNNInputs><KNNInput field="x"/></KNNInputs></NearestNeighborModel>"#
            ),
        ),
        (
            FIELDS,
            format!(
                r#"<Scorecard functionName="regression" baselineScore="0">{NUMBER}<Characteristics>{characteristics}</Characteristics>
                </Scorecard>"#
            ),
        ),
        (
            FIELDS,
            format!(
                r#"<RegressionModel functionName="regression">{NUMBER}<Output>{}</Output>{EQUATION}</RegressionModel>"#,
                each(MANY, |number| format!(
                    r#"<OutputField name="o{number}" feature="predictedValue"/>"#
                ))
            ),
        ),
        (
            FIELDS,
            format!(
                r#"<GaussianProcessModel functionName="regression"><MiningSchema><MiningField name="x"/><MiningField name="y"
                usageType="target"/></MiningSchema><Output>{}</Output><RadialBasisKernel/><TrainingInstances><InstanceFields>
                <InstanceField field="x"/><InstanceField field="y"/></InstanceFields><InlineTable><row><x>1</x><y>2</y></row>
                </InlineTable></TrainingInstances></GaussianProcessModel>"#,
                r#"<OutputField name="o" feature="standardError"/>"#.repeat(MANY)
            ),
        ),
    ] {
        let model = load(fields, &model).unwrap_or_else(|error| panic!("{error}"));
        let (code, taken) = processor_time(|| scored(&model, "v1"));
        assert_eq!(code, ErrorCode::Ok, "{}", model.summary());
        assert!(taken < Duration::from_secs(5), "{} takes {taken:?}", model.summary());
    }
}

/// The status of a record of numbers, and of a text where there are texts.
fn scored(model: &Arc<dyn Model>, text: &str) -> ErrorCode {
    let inputs = &model.schema().inputs;
    let mut block = Block::new(inputs.len());
    block.reset(1);
    for (slot, field) in inputs.iter().enumerate() {
        match field.name.as_str() {
            "t" | "o" => block.set_text(0, slot, text),
            _ => block.set_double(0, slot, 2.5),
        }
    }
    let mut output = Output::new(model.schema().outputs.len());
    output.reset(1);
    let ((), taken) = processor_time(|| Arc::clone(model).scorer().unwrap().score(&block, &mut output));
    assert!(taken < Duration::from_secs(5), "scoring takes {taken:?}");
    output.status(0).code
}

fn computed(expression: &str) -> String {
    format!(
        r#"<RegressionModel functionName="regression">{NUMBER}<Output><OutputField name="o" feature="transformedValue"
        dataType="string">{expression}</OutputField></Output>{EQUATION}</RegressionModel>"#
    )
}

#[test]
fn texts_that_grow_end_at_the_limit_of_steps() {
    let nested = |function: &str, arguments: &str, depth: usize| {
        let open = format!(r#"<Apply function="{function}">"#).repeat(depth);
        let close = format!("{arguments}</Apply>").repeat(depth);
        format!(r#"{open}<FieldRef field="t"/>{close}"#)
    };
    let constant = |text: &str| format!(r#"<Constant dataType="string">{text}</Constant>"#);
    let doubled = nested("replace", &(constant("(.)") + &constant("$1$1")), 60);
    let of_records = nested("replace", &format!("{}<FieldRef field=\"t\"/>", constant("a")), 60);
    let long = nested("concat", &constant(&"x".repeat(1 << 18)), 100);
    for (what, expression, text, expected) in [
        ("replace", &doubled, "a", ErrorCode::StepLimit),
        (
            "replace by what the record has",
            &of_records,
            "aaaa",
            ErrorCode::StepLimit,
        ),
        ("concat", &long, "a", ErrorCode::StepLimit),
        (
            "the same with a text that does not grow",
            &of_records,
            "b",
            ErrorCode::Ok,
        ),
    ] {
        let model = load(FIELDS, &computed(expression)).unwrap_or_else(|error| panic!("{what}: {error}"));
        assert_eq!(scored(&model, text), expected, "{what}");
    }
}

#[test]
fn a_normalisation_that_never_settles_ends() {
    for (from, to) in [(" ", "  x "), ("x", "xx"), ("", "a")] {
        let index = format!(
            r#"<TextIndex textField="t"><TextIndexNormalization recursive="true" inField="from" outField="to" regexField="re">
            <InlineTable><row><from>{from}</from><to>{to}</to><re>true</re></row></InlineTable></TextIndexNormalization>
            <Constant>bread</Constant></TextIndex>"#
        );
        let model = load(FIELDS, &computed(&index)).unwrap_or_else(|error| panic!("{error}"));
        let status = scored(&model, &"x bread ".repeat(1000));
        assert!(matches!(status, ErrorCode::Ok | ErrorCode::StepLimit), "{status:?}");
    }
}

#[test]
fn a_part_of_a_text_from_nowhere_is_none() {
    let nan = r#"<Apply function="-"><Apply function="*"><FieldRef field="x"/><Constant dataType="double">1e308</Constant></Apply>
        <Apply function="*"><FieldRef field="x"/><Constant dataType="double">1e308</Constant></Apply></Apply>"#;
    for (from, length) in [(nan, "<Constant>1</Constant>"), ("<Constant>1</Constant>", nan)] {
        let model = computed(&format!(
            r#"<Apply function="substring"><FieldRef field="t"/>{from}{length}</Apply>"#
        ));
        assert_eq!(scored(&load(FIELDS, &model).unwrap(), "text"), ErrorCode::ScoringFailed);
    }
}

/// What a refused record leaves behind must not grow with their number.
#[test]
fn refused_records_leave_nothing_behind() {
    let map = r#"<MapValues outputColumn="out"><FieldColumnPair field="t" column="a"/><FieldColumnPair field="x" column="b"/>
        <InlineTable><row><a>1</a><b>1</b><out>1</out></row></InlineTable></MapValues>"#;
    let model = load(FIELDS, &computed(map)).unwrap_or_else(|error| panic!("{error}"));
    let slot = |name: &str| {
        model
            .schema()
            .inputs
            .iter()
            .position(|field| field.name == name)
            .unwrap()
    };
    let (text, number) = (slot("t"), slot("x"));
    let mut scorer = Arc::clone(&model).scorer().unwrap();
    let mut block = Block::new(model.schema().inputs.len());
    block.reset(1);
    block.set_text(0, text, "1");
    block.set_text(0, number, "no number");
    let mut output = Output::new(model.schema().outputs.len());
    let mut score = |times: usize| {
        for _ in 0..times {
            output.reset(1);
            scorer.score(&block, &mut output);
            assert_eq!(output.status(0).code, ErrorCode::FieldInvalid);
        }
    };
    score(10);
    let more = allocation_counter::measure(|| score(100_000));
    assert!(more.bytes_current < 1 << 16, "{} bytes", more.bytes_current);
}
