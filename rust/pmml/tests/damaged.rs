//! Documents of the statistical models with one value changed: each is refused or scores, none panics or takes long.
#![allow(clippy::unwrap_used)]

mod common;

use std::sync::Arc;
use std::time::{Duration, Instant};

use common::{document, load};
use serving_model::{Block, Output};

const FIELDS: &str = r#"<DataField name="x" optype="continuous" dataType="double"><Interval closure="closedOpen"
    leftMargin="-9" rightMargin="9"/></DataField><DataField name="c" optype="categorical" dataType="string">
    <Value value="a"/><Value value="b"/></DataField><DataField name="y" optype="continuous" dataType="double"/>
    <DataField name="h" optype="continuous" dataType="integer"/>"#;

const OUTPUT: &str = r#"<Output><OutputField name="s" feature="standardError" dataType="double" optype="continuous"/>
    <OutputField name="low" feature="confidenceIntervalLower" value="80" dataType="double" optype="continuous"/></Output>"#;

fn series(best: &str, inside: &str) -> String {
    let output = if best == "ExponentialSmoothing" { "" } else { OUTPUT };
    let values: String = [3, 5, 4, 6, 8, 7, 9, 12]
        .iter()
        .enumerate()
        .map(|(index, value)| format!(r#"<TimeValue index="{index}" value="{value}"/>"#))
        .collect::<Vec<_>>()
        .concat();
    format!(
        r#"<TimeSeriesModel functionName="timeSeries" bestFit="{best}"><MiningSchema><MiningField name="y"
        usageType="target"/><MiningField name="h" usageType="supplementary"/></MiningSchema>{output}
        <TimeSeries startTime="0" endTime="7" interpolationMethod="none">{values}</TimeSeries>{inside}</TimeSeriesModel>"#
    )
}

fn documents() -> Vec<String> {
    let schema = r#"<MiningSchema><MiningField name="x"/><MiningField name="c"/><MiningField name="y" usageType="target"/>
        </MiningSchema>"#;
    let component = r#"<AR><Array n="1" type="real">0.5</Array></AR><MA><MACoefficients><Array n="1" type="real">0.3</Array>
        </MACoefficients><Residuals><Array n="1" type="real">1.5</Array></Residuals></MA>"#;
    let constant = |value: f64| format!(r#"<Constant dataType="double">{value}</Constant>"#);
    let normal = |mean: f64| {
        format!(
            "<ContinuousDistribution><NormalDistributionForBN><Mean>{}</Mean><Variance>{}</Variance>\
             </NormalDistributionForBN></ContinuousDistribution>",
            constant(mean),
            constant(2.0)
        )
    };
    let models = [
        series(
            "ExponentialSmoothing",
            r#"<ExponentialSmoothing transformation="none"><Level alpha="0.5" smoothedValue="5"/>
            <Trend_ExpoSmooth trend="damped_additive" gamma="0.1" phi="0.9" smoothedValue="0.5"/>
            <Seasonality_ExpoSmooth type="additive" period="2" phase="1" delta="0.1"><Array n="2" type="real">1 -1</Array>
            </Seasonality_ExpoSmooth></ExponentialSmoothing>"#,
        ),
        series(
            "ARIMA",
            &format!(
                r#"<ARIMA RMSE="1.5" transformation="none" constantTerm="0.5" predictionMethod="conditionalLeastSquares">
                <NonseasonalComponent p="1" d="1" q="1">{component}</NonseasonalComponent>
                <SeasonalComponent P="1" D="1" Q="1" period="2">{component}</SeasonalComponent>
                <OutlierEffect type="transient" startTime="3" magnitude="2" dampingCoefficient="0.5"/></ARIMA>"#
            ),
        ),
        series(
            "ARIMA",
            &format!(
                r#"<ARIMA RMSE="1.5" predictionMethod="exactLeastSquares"><NonseasonalComponent p="1" d="0" q="1">{component}
                </NonseasonalComponent></ARIMA>"#
            ),
        ),
        series(
            "StateSpaceModel",
            r#"<StateSpaceModel intercept="1"><StateVector><Array n="2" type="real">4 1</Array></StateVector>
            <TransitionMatrix><Matrix nbRows="2" nbCols="2"><Array n="2" type="real">1 1</Array><Array n="2" type="real">0 0.5
            </Array></Matrix></TransitionMatrix><MeasurementMatrix><Matrix nbRows="1" nbCols="2"><Array n="2" type="real">1 0
            </Array></Matrix></MeasurementMatrix><PredictedStateCovarianceMatrix><Matrix kind="diagonal"><Array n="2"
            type="real">3 1</Array></Matrix></PredictedStateCovarianceMatrix><SelectedStateCovarianceMatrix><Matrix
            kind="symmetric" nbRows="2" nbCols="2" diagDefault="1"><MatCell row="1" col="2">0.5</MatCell></Matrix>
            </SelectedStateCovarianceMatrix></StateSpaceModel>"#,
        ),
        series(
            "GARCH",
            r#"<GARCH><ARMAPart constant="2" p="1" q="0"><AR><Array n="1" type="real">0.5</Array></AR><MA/></ARMAPart>
            <GARCHPart constant="1" gp="1" gq="1"><ResidualSquareCoefficients><MACoefficients><Array n="1" type="real">0.5
            </Array></MACoefficients></ResidualSquareCoefficients><VarianceCoefficients><PastVariances><Array n="1"
            type="real">8</Array></PastVariances><MACoefficients><Array n="1" type="real">0.25</Array></MACoefficients>
            </VarianceCoefficients></GARCHPart></GARCH>"#,
        ),
        format!(
            r#"<GaussianProcessModel functionName="regression">{schema}{OUTPUT}<GeneralizedExponentialKernel gamma="2"
            noiseVariance="0.1" degree="1.5"><Lambda><Array n="1" type="real">2</Array></Lambda>
            </GeneralizedExponentialKernel><TrainingInstances isTransformed="false"><InstanceFields><InstanceField field="x"
            column="x"/><InstanceField field="y" column="y"/></InstanceFields><InlineTable><row><x>1</x><y>2</y></row><row>
            <x>2</x><y>3</y></row></InlineTable></TrainingInstances></GaussianProcessModel>"#
        ),
        format!(
            r#"<BayesianNetworkModel functionName="regression">{schema}<BayesianNetworkNodes><DiscreteNode name="c">
            <ValueProbability value="a" probability="0.5"/><ValueProbability value="b" probability="0.5"/></DiscreteNode>
            <ContinuousNode name="x"><ContinuousConditionalProbability><ParentValue parent="c" value="a"/>{}
            </ContinuousConditionalProbability><ContinuousConditionalProbability><ParentValue parent="c" value="b"/>{}
            </ContinuousConditionalProbability></ContinuousNode><ContinuousNode name="y"><ContinuousConditionalProbability>
            <ParentValue parent="c" value="a"/>{}</ContinuousConditionalProbability></ContinuousNode>
            </BayesianNetworkNodes></BayesianNetworkModel>"#,
            normal(1.0),
            normal(2.0),
            normal(3.0)
        ),
        format!(
            r#"<BaselineModel functionName="regression">{schema}<TestDistributions field="x" testStatistic="CUSUM"
            resetValue="0.5" windowSize="3"><Baseline><GaussianDistribution mean="1" variance="2"/></Baseline><Alternate>
            <GaussianDistribution mean="3" variance="2"/></Alternate></TestDistributions></BaselineModel>"#
        ),
        format!(
            r#"<BaselineModel functionName="regression">{schema}<TestDistributions field="c" weightField="x" windowSize="2"
            testStatistic="chiSquareDistribution"><Baseline><CountTable sample="4"><FieldValueCount field="c" value="a"
            count="3"/><FieldValueCount field="c" value="b" count="1"/></CountTable></Baseline></TestDistributions>
            </BaselineModel>"#
        ),
        r#"<ClusteringModel functionName="clustering" modelClass="distributionBased" numberOfClusters="2"><MiningSchema>
            <MiningField name="c"/><MiningField name="x"/></MiningSchema><ComparisonMeasure kind="distance"
            compareFunction="absDiff"><minkowski p-parameter="3"/></ComparisonMeasure><ClusteringField field="c"
            fieldWeight="2" compareFunction="table"><Comparisons><Matrix kind="any"><Array n="2" type="real">0 1</Array><Array
            n="2" type="real">2 0</Array></Matrix></Comparisons></ClusteringField><ClusteringField field="x"/><Cluster id="1">
            <Array n="2" type="string">a 3</Array></Cluster><Cluster id="2"><Partition name="p"><PartitionFieldStats field="c">
            <Array n="2" type="int">3 4</Array></PartitionFieldStats><PartitionFieldStats field="x"><NumericInfo mean="3"/>
            </PartitionFieldStats></Partition></Cluster></ClusteringModel>"#
            .to_owned(),
        r#"<SequenceModel functionName="sequences"><MiningSchema><MiningField name="y" usageType="group"/><MiningField name="c"/>
            <MiningField name="h" usageType="order"/></MiningSchema><Constraints maximumItemsetSeparationTime="9"
            minimumAntConsSeparationTime="1" maximumTotalSequenceTime="20"/><Item id="1" value="a"/><Item id="2" value="b"/>
            <Itemset id="i"><ItemRef itemRef="1"/></Itemset><Itemset id="j"><ItemRef itemRef="1"/><ItemRef itemRef="2"/></Itemset>
            <SetPredicate id="p" field="c" operator="supersetOf"><Array n="1" type="string">b</Array></SetPredicate>
            <Sequence id="s"><SetReference setId="i"/><Delimiter delimiter="sameTimeWindow" gap="true"/><SetReference setId="p"/>
            </Sequence><Sequence id="t"><SetReference setId="j"/></Sequence><SequenceRule id="r" confidence="0.5">
            <AntecedentSequence><SequenceReference seqId="s"/></AntecedentSequence><Delimiter delimiter="acrossTimeWindows"
            gap="false"/><ConsequentSequence><SequenceReference seqId="t"/></ConsequentSequence></SequenceRule></SequenceModel>"#
            .to_owned(),
        r#"<TextModel functionName="clustering" numberOfTerms="2" numberOfDocuments="2"><MiningSchema><MiningField name="c"/>
            </MiningSchema><Output><OutputField name="second" feature="entityId" rank="2"/><OutputField name="near" feature="affinity"
            rank="1"/></Output><TextDictionary><Array n="2" type="string">a "b c"</Array></TextDictionary><TextCorpus>
            <TextDocument id="1"/><TextDocument id="2"/></TextCorpus><DocumentTermMatrix><Matrix nbRows="2" nbCols="2">
            <Array n="2" type="real">2 0</Array><Array n="2" type="real">1 3</Array></Matrix></DocumentTermMatrix>
            <TextModelNormalization localTermWeights="logarithmic" globalTermWeights="inverseDocumentFrequency"
            documentNormalization="cosine"/><TextModelSimiliarity similarityType="cosine"/></TextModel>"#
            .to_owned(),
        r#"<RegressionModel functionName="regression"><MiningSchema><MiningField name="x"/><MiningField name="c"/><MiningField
            name="h"/><MiningField name="y" usageType="target"/></MiningSchema><Output><OutputField name="all"
            feature="transformedValue"><Aggregate field="h" function="multiset" groupField="c"/></OutputField></Output>
            <LocalTransformations><DerivedField name="before" optype="continuous" dataType="double"><Lag field="x" n="2"
            aggregate="stddev"><BlockIndicator field="c"/></Lag></DerivedField><DerivedField name="mean" optype="continuous"
            dataType="double"><Aggregate field="h" function="average"/></DerivedField></LocalTransformations>
            <RegressionTable intercept="1"><NumericPredictor name="before" coefficient="2"/><NumericPredictor name="mean"
            coefficient="3"/></RegressionTable></RegressionModel>"#
            .to_owned(),
    ];
    models.iter().map(|model| document(FIELDS, model)).collect()
}

/// Loads, and scores a few records when that works.
fn survives(content: &str) -> bool {
    let Ok(model) = load(content.as_bytes()) else {
        return false;
    };
    let inputs = &model.schema().inputs;
    let mut block = Block::new(inputs.len());
    block.reset(5);
    for (slot, field) in inputs.iter().enumerate() {
        match field.name.as_str() {
            "c" => block.set_text(1, slot, "a"),
            "h" => block.set_long(1, slot, 600),
            _ => block.set_double(1, slot, 2.5),
        }
        block.set_text(2, slot, "b");
        block.set_double(3, slot, f64::INFINITY);
        block.set_double(4, slot, 1e308);
        if field.list {
            block.set_text(2, slot, r#"[1,"2",null,5,true]"#);
            block.set_text(3, slot, r#"[["a","b"],[],["b"]]"#);
            block.set_text(4, slot, r#"["a"#);
        }
    }
    let mut output = Output::new(model.schema().outputs.len());
    output.reset(5);
    Arc::clone(&model).scorer().unwrap().score(&block, &mut output);
    true
}

#[test]
fn a_changed_value_is_refused_or_scores() {
    let words = ["0", "-1", "3", "1e300", "99999999", "0.5", "c", "symmetric", ""];
    let started = Instant::now();
    for whole in documents() {
        assert!(survives(&whole), "{whole}");
        let attributes = whole.match_indices("=\"").map(|(at, _)| (at + 2, '"'));
        let texts = whole.match_indices("\">").map(|(at, _)| (at + 2, '<'));
        for (start, end) in attributes.chain(texts) {
            let end = start + whole[start..].find(end).unwrap();
            for word in words {
                survives(&format!("{}{word}{}", &whole[..start], &whole[end..]));
            }
        }
    }
    assert!(started.elapsed() < Duration::from_mins(2));
}
