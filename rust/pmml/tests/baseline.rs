//! Statistics of a few records, calculated by hand.
#![allow(clippy::unwrap_used)]

mod common;

use common::{answers, document, load};
use serving_model::{Block, ErrorCode};

fn model(attributes: &str, inside: &str) -> String {
    document(
        r#"<DataField name="x" optype="continuous" dataType="double"/>
        <DataField name="w" optype="continuous" dataType="double"/>
        <DataField name="a" optype="categorical" dataType="string"><Value value="0"/><Value value="1"/></DataField>
        <DataField name="b" optype="categorical" dataType="string"><Value value="0"/><Value value="1"/></DataField>
        <DataField name="c" optype="categorical" dataType="string"/>
        <DataField name="s" optype="continuous" dataType="double"/>"#,
        &format!(
            r#"<BaselineModel functionName="regression"><MiningSchema><MiningField name="x"/><MiningField name="w"/>
            <MiningField name="a" invalidValueTreatment="asIs"/><MiningField name="b"/><MiningField name="c"/>
            <MiningField name="s" usageType="target"/></MiningSchema>
            <TestDistributions {attributes}>{inside}</TestDistributions></BaselineModel>"#
        ),
    )
}

/// The answers to records, one after the other; each is a list of `name=value` pairs.
fn stream(document: &str, records: &[&str]) -> Vec<Option<f64>> {
    let model = load(document.as_bytes()).unwrap();
    let inputs = &model.schema().inputs;
    let mut block = Block::new(inputs.len());
    block.reset(records.len());
    for (row, record) in records.iter().enumerate() {
        for pair in record.split_whitespace() {
            let (name, value) = pair.split_once('=').unwrap();
            let slot = inputs.iter().position(|field| field.name == name).unwrap();
            block.set_text(row, slot, value);
        }
    }
    let answers = answers(&model, &block);
    let numbers = answers.iter().map(|answer| answer.strip_prefix("s=").unwrap());
    numbers
        .map(|text| (text != "null").then(|| text.parse().unwrap()))
        .collect()
}

fn close(got: &[Option<f64>], want: &[Option<f64>], what: &str) {
    assert_eq!(got.len(), want.len(), "{what}");
    for (got, want) in got.iter().zip(want) {
        let same = match (got, want) {
            (Some(got), Some(want)) => got == want || (got - want).abs() < 1e-12 * want.abs().max(1.0),
            _ => got == want,
        };
        assert!(same, "{what}: {got:?} for {want:?}");
    }
}

const GAUSSIAN: &str = r#"<Baseline><GaussianDistribution mean="10" variance="4"/></Baseline>"#;

#[test]
fn the_z_value_is_in_standard_errors() {
    let records = ["x=12", "x=14", "", "x=6", "x=10"];
    for (attributes, inside, want) in [
        (
            r#"field="x" testStatistic="zValue""#,
            GAUSSIAN,
            [Some(1.0), Some(2.0), None, Some(-2.0), Some(0.0)],
        ),
        (
            r#"field="x" testStatistic="zValue" windowSize="2""#,
            GAUSSIAN,
            // Means 12, 13, 10, 8 of one or two.
            [
                Some(1.0),
                Some(1.5 * 2_f64.sqrt()),
                None,
                Some(0.0),
                Some(-2_f64.sqrt()),
            ],
        ),
        (
            r#"field="x" testStatistic="zValue""#,
            r#"<Baseline><UniformDistribution lower="4" upper="16"/></Baseline>"#,
            [2.0, 4.0, f64::NAN, -4.0, 0.0].map(|x| (!x.is_nan()).then(|| x / 12_f64.sqrt())),
        ),
        (
            r#"field="x" testStatistic="zValue""#,
            r#"<Baseline><PoissonDistribution mean="4"/></Baseline>"#,
            [Some(4.0), Some(5.0), None, Some(1.0), Some(3.0)],
        ),
    ] {
        close(&stream(&model(attributes, inside), &records), &want, attributes);
    }
}

#[test]
fn cusum_adds_log_ratios_and_is_reset() {
    let gaussian = format!(r#"{GAUSSIAN}<Alternate><GaussianDistribution mean="14" variance="4"/></Alternate>"#);
    // ((x - 10)^2 - (x - 14)^2) / 8 = x - 12
    let records = ["x=13", "x=12.5", "x=9", "", "x=14"];
    let want = [Some(1.0), Some(1.5), Some(0.0), None, Some(2.0)];
    close(
        &stream(&model(r#"field="x" testStatistic="CUSUM""#, &gaussian), &records),
        &want,
        "Gaussian",
    );
    let want = [Some(1.0), Some(1.5), Some(-1.0), None, Some(1.0)];
    let reset = model(r#"field="x" testStatistic="CUSUM" resetValue="-1""#, &gaussian);
    close(&stream(&reset, &records), &want, "reset");
    let poisson = r#"<Baseline><PoissonDistribution mean="1"/></Baseline>
        <Alternate><PoissonDistribution mean="2"/></Alternate>"#;
    let want = [Some(3.0 * 2_f64.ln() - 1.0), Some(4.0 * 2_f64.ln() - 2.0)];
    close(
        &stream(&model(r#"field="x" testStatistic="CUSUM""#, poisson), &["x=3", "x=1"]),
        &want,
        "Poisson",
    );
    let uniform = r#"<Baseline><UniformDistribution lower="0" upper="4"/></Baseline>
        <Alternate><UniformDistribution lower="0" upper="2"/></Alternate>"#;
    let want = [Some(2_f64.ln()), Some(0.0), None, Some(2_f64.ln())];
    let uniform = model(r#"field="x" testStatistic="CUSUM""#, uniform);
    close(&stream(&uniform, &["x=1", "x=3", "x=9", "x=1"]), &want, "uniform");
}

#[test]
fn counts_are_compared_with_a_table() {
    let table = r#"<Baseline><CountTable sample="4"><FieldValueCount field="c" value="u" count="3"/>
        <FieldValueCount field="c" value="v" count="1"/></CountTable></Baseline>"#;
    let records = ["c=u", "c=u", "c=v", "c=w", "c=v"];
    // Expected 0.75 and 0.25 of each record.
    let term = |u: f64, v: f64| {
        let n = u + v;
        Some((u - 0.75 * n).powi(2) / (0.75 * n) + (v - 0.25 * n).powi(2) / (0.25 * n))
    };
    let all = model(r#"field="c" testStatistic="chiSquareDistribution""#, table);
    let want = [term(1.0, 0.0), term(2.0, 0.0), term(2.0, 1.0), None, term(2.0, 2.0)];
    close(&stream(&all, &records), &want, "all");
    let window = model(
        r#"field="c" testStatistic="chiSquareDistribution" windowSize="2""#,
        table,
    );
    let want = [term(1.0, 0.0), term(2.0, 0.0), term(1.0, 1.0), None, term(0.0, 2.0)];
    close(&stream(&window, &records), &want, "window");
    let weighted = model(
        r#"field="c" testStatistic="chiSquareDistribution" weightField="w""#,
        table,
    );
    let want = [term(2.0, 0.0), term(2.0, 3.0), None];
    close(&stream(&weighted, &["c=u w=2", "c=v w=3", "c=u"]), &want, "weights");

    let product = model(r#"field="c" testStatistic="scalarProduct""#, table);
    close(
        &stream(&product, &records),
        &[Some(3.0), Some(6.0), Some(7.0), None, Some(8.0)],
        "product",
    );
    let cosine = model(
        r#"field="c" testStatistic="scalarProduct" normalizationScheme="Independent""#,
        table,
    );
    let want = [
        Some(3.0 / 10_f64.sqrt()),
        Some(6.0 / 40_f64.sqrt()),
        Some(7.0 / 50_f64.sqrt()),
    ];
    close(&stream(&cosine, &records[..3]), &want, "cosine");

    let nested = r#"<Baseline><NormalizedCountTable><FieldValue field="a" value="0">
        <FieldValueCount field="b" value="0" count="0.5"/><FieldValueCount field="b" value="1" count="0.25"/></FieldValue>
        <FieldValue field="a" value="1"><FieldValueCount field="b" value="0" count="0.25"/></FieldValue>
        </NormalizedCountTable></Baseline>"#;
    let nested = model(r#"field="a" testStatistic="chiSquareDistribution""#, nested);
    // One record in a cell of share p: (1 - p)^2 / p + (1 - p)
    close(&stream(&nested, &["a=1 b=0"]), &[Some(3.0)], "nested");
    close(&stream(&nested, &["a=0 b=0", "a=1 b=1"]), &[Some(1.0), None], "nested");
}

#[test]
fn independence_is_tested_against_the_margins() {
    let fields = r#"<Baseline><FieldRef field="a"/><FieldRef field="b"/></Baseline>"#;
    let model = model(r#"field="a" testStatistic="chiSquareIndependence""#, fields);
    let records = ["a=0 b=0", "a=1 b=1", "a=0 b=1", "a=2 b=1", "a=0 b=0"];
    // Tables 1,0,0,1 and 1,1,0,1 and 2,1,0,1: n (ad - bc)^2 over the product of the margins.
    let want = [
        Some(0.0),
        Some(2.0),
        Some(3.0 / (2.0 * 1.0 * 1.0 * 2.0)),
        None,
        Some(4.0 * 4.0 / (3.0 * 1.0 * 2.0 * 2.0)),
    ];
    close(&stream(&model, &records), &want, "independence");
}

#[test]
fn statistics_that_make_no_sense_are_refused() {
    let any = r#"<Baseline><AnyDistribution mean="1" variance="2"/></Baseline>"#;
    let table = r#"<Baseline><CountTable><FieldValueCount field="c" value="u" count="3"/></CountTable></Baseline>"#;
    let alternate = r#"<Alternate><GaussianDistribution mean="1" variance="2"/></Alternate>"#;
    let poisson = r#"<Baseline><PoissonDistribution mean="1"/></Baseline>"#;
    for (attributes, inside, code) in [
        (
            r#"field="x" testStatistic="zValue""#,
            table.to_owned(),
            ErrorCode::ModelInvalid,
        ),
        (
            r#"field="z" testStatistic="zValue""#,
            any.to_owned(),
            ErrorCode::ModelInvalid,
        ),
        (
            r#"field="x" testStatistic="psi""#,
            any.to_owned(),
            ErrorCode::ModelInvalid,
        ),
        (
            r#"field="x" testStatistic="zValue" windowSize="1e9""#,
            any.to_owned(),
            ErrorCode::ModelInvalid,
        ),
        (
            r#"field="x" testStatistic="CUSUM""#,
            format!("{any}{alternate}"),
            ErrorCode::ModelInvalid,
        ),
        (
            r#"field="x" testStatistic="CUSUM""#,
            GAUSSIAN.to_owned(),
            ErrorCode::ModelInvalid,
        ),
        (
            r#"field="x" testStatistic="CUSUM""#,
            format!("{poisson}{alternate}"),
            ErrorCode::ModelInvalid,
        ),
        (
            r#"field="c" testStatistic="chiSquareDistribution""#,
            any.to_owned(),
            ErrorCode::ModelInvalid,
        ),
        (
            r#"field="c" testStatistic="chiSquareIndependence""#,
            table.to_owned(),
            ErrorCode::ModelInvalid,
        ),
        (
            r#"field="c" testStatistic="chiSquareIndependence""#,
            r#"<Baseline><FieldRef field="a"/><FieldRef field="c"/></Baseline>"#.to_owned(),
            ErrorCode::ModelUnsupported,
        ),
        (
            r#"field="c" testStatistic="scalarProduct" normalizationScheme="SizeWeighted""#,
            table.to_owned(),
            ErrorCode::ModelUnsupported,
        ),
        (
            r#"field="c" testStatistic="scalarProduct""#,
            table.replace("\"3\"", "\"0\""),
            ErrorCode::ModelInvalid,
        ),
    ] {
        let error = load(model(attributes, &inside).as_bytes()).map(|_| ()).unwrap_err();
        assert_eq!(error.code, code, "{attributes} {inside}: {}", error.message);
    }
}
