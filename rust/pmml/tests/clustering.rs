//! Clusters compared by tables and by the statistics of their members.
#![allow(clippy::unwrap_used)]

mod common;

use common::{document, load, score};
use serving_model::ErrorCode;

fn model(attributes: &str, measure: &str, fields: &str, clusters: &str) -> String {
    document(
        r#"<DataField name="c" optype="categorical" dataType="string"><Value value="red"/><Value value="pink"/>
        <Value value="blue"/></DataField><DataField name="x" optype="continuous" dataType="double">
        <Interval closure="closedOpen" leftMargin="0" rightMargin="10"/>
        <Interval closure="closedClosed" leftMargin="10" rightMargin="30"/></DataField>"#,
        &format!(
            r#"<ClusteringModel functionName="clustering" numberOfClusters="2" {attributes}><MiningSchema>
            <MiningField name="c" invalidValueTreatment="asIs"/><MiningField name="x" invalidValueTreatment="asIs"/>
            </MiningSchema><Output><OutputField name="one" feature="affinity" value="1" dataType="double"
            optype="continuous"/><OutputField name="two" feature="affinity" value="2" dataType="double"
            optype="continuous"/></Output>{measure}{fields}{clusters}</ClusteringModel>"#
        ),
    )
}

fn affinities(document: &str, record: &str) -> (String, [f64; 2]) {
    let answer = score(document, record);
    let mut parts = answer.split(' ');
    let winner = parts.next().unwrap().split_once('=').unwrap().1.to_owned();
    let numbers: Vec<f64> = parts
        .map(|part| part.split_once('=').unwrap().1.parse().unwrap())
        .collect();
    (winner, numbers.try_into().unwrap())
}

fn close(document: &str, record: &str, winner: &str, want: [f64; 2]) {
    let (got, affinities) = affinities(document, record);
    assert_eq!(got, winner, "{record}");
    for (got, want) in affinities.iter().zip(want) {
        assert!((got - want).abs() < 1e-12, "{record}: {affinities:?} for {want}");
    }
}

const DISTANCE: &str = r#"<ComparisonMeasure kind="distance"><cityBlock/></ComparisonMeasure>"#;
const SIMILARITY: &str =
    r#"<ComparisonMeasure kind="similarity" compareFunction="equal"><cityBlock/></ComparisonMeasure>"#;
/// Red and pink are near.
const TABLE: &str = r#"<ClusteringField field="c" fieldWeight="2" compareFunction="table"><Comparisons>
    <Matrix kind="symmetric"><Array n="1" type="real">0</Array><Array n="2" type="real">1 0</Array>
    <Array n="3" type="real">5 4 0</Array></Matrix></Comparisons></ClusteringField>"#;

#[test]
fn a_table_compares_the_values_of_a_field() {
    let clusters = r#"<Cluster><Array n="2" type="string">red 1</Array></Cluster>
        <Cluster><Array n="2" type="string">blue 4</Array></Cluster>"#;
    let fields = format!(r#"{TABLE}<ClusteringField field="x"/>"#);
    let model = model(r#"modelClass="centerBased""#, DISTANCE, &fields, clusters);
    close(&model, "c=pink x=2", "1", [2.0 + 1.0, 8.0 + 2.0]);
    close(&model, "c=blue x=1", "2", [10.0, 3.0]);
    // What the table has no row for is missing: the other field counts twice.
    close(&model, "c=green x=2", "1", [2.0, 4.0]);
    close(&model, "x=2", "1", [2.0, 4.0]);
}

#[test]
fn a_table_can_have_a_row_for_each_interval() {
    let fields = r#"<ClusteringField field="x" compareFunction="table"><Comparisons><Matrix>
        <Array n="2" type="real">0 3</Array><Array n="2" type="real">7 0</Array></Matrix></Comparisons></ClusteringField>"#;
    let clusters = r#"<Cluster><Array n="1" type="real">5</Array></Cluster>
        <Cluster><Array n="1" type="real">12</Array></Cluster>"#;
    let model = model(r#"modelClass="centerBased""#, DISTANCE, fields, clusters);
    close(&model, "x=0", "1", [0.0, 3.0]);
    close(&model, "x=30", "2", [7.0, 0.0]);
}

#[test]
fn a_cluster_can_be_its_members() {
    let cluster = |counts: &str, mean: f64| {
        format!(
            r#"<Cluster><Partition name="p"><PartitionFieldStats field="c"><Array n="3" type="int">{counts}</Array>
            </PartitionFieldStats><PartitionFieldStats field="x"><NumericInfo mean="{mean}"/></PartitionFieldStats>
            </Partition></Cluster>"#
        )
    };
    let clusters = cluster("6 2 2", 5.0) + &cluster("0 1 3", 20.0);
    let gaussian = r#"<ClusteringField field="c"/><ClusteringField field="x" compareFunction="gaussSim"
        similarityScale="10"/>"#;
    let equal = model(r#"modelClass="distributionBased""#, SIMILARITY, gaussian, &clusters);
    // The share of members with the value, and 2^-(difference / 10)^2
    close(&equal, "c=red x=5", "1", [0.6 + 1.0, 0.0 + 2_f64.powf(-2.25)]);
    close(&equal, "c=blue x=20", "2", [0.2 + 2_f64.powf(-2.25), 0.75 + 1.0]);
    close(&equal, "c=green x=20", "2", [2_f64.powf(-2.25), 1.0]);

    let fields = format!(r#"{TABLE}<ClusteringField field="x"/>"#);
    let table = model(r#"modelClass="distributionBased""#, DISTANCE, &fields, &clusters);
    // Distances from pink are 1, 0, 4.
    close(&table, "c=pink x=6", "1", [2.0 * (0.6 + 0.8) + 1.0, 2.0 * 3.0 + 14.0]);

    // Frequencies of intervals of the population stand at their middles, 5 and 20.
    let stats = r#"<ModelStats><UnivariateStats field="x"><ContStats><Interval closure="openClosed" leftMargin="0"
        rightMargin="10"/><Interval closure="openClosed" leftMargin="10" rightMargin="30"/></ContStats></UnivariateStats>
        </ModelStats>"#;
    let member = |counts: &str| {
        format!(
            r#"<Cluster><Partition name="p"><PartitionFieldStats field="x"><Array n="2" type="int">{counts}</Array>
            </PartitionFieldStats></Partition></Cluster>"#
        )
    };
    let clusters = member("3 1") + &member("0 4");
    let measure = format!("{stats}{DISTANCE}");
    let intervals = model(
        r#"modelClass="distributionBased""#,
        &measure,
        r#"<ClusteringField field="x"/>"#,
        &clusters,
    );
    close(&intervals, "x=8", "1", [0.75 * 3.0 + 0.25 * 12.0, 12.0]);
}

#[test]
fn what_can_not_be_compared_is_refused() {
    let distributed = r#"modelClass="distributionBased""#;
    let bare = r#"<ClusteringField field="c" compareFunction="delta"/>"#;
    let members = |counts: &str| {
        format!(
            r#"<Cluster><Partition name="p"><PartitionFieldStats field="c"><Array>{counts}</Array></PartitionFieldStats>
            </Partition></Cluster>"#
        )
    };
    let center = r#"<Cluster><Array n="1" type="string">red</Array></Cluster>"#;
    for (attributes, measure, fields, clusters, code) in [
        (distributed, DISTANCE, bare, members("1 2"), ErrorCode::ModelInvalid),
        (distributed, DISTANCE, bare, members("0 0 0"), ErrorCode::ModelInvalid),
        (
            distributed,
            DISTANCE,
            bare,
            "<Cluster/>".to_owned(),
            ErrorCode::ModelInvalid,
        ),
        (
            distributed,
            r#"<ComparisonMeasure kind="similarity"><jaccard/></ComparisonMeasure>"#,
            bare,
            members("1 2 3"),
            ErrorCode::ModelUnsupported,
        ),
        (
            r#"modelClass="centerBased""#,
            DISTANCE,
            r#"<ClusteringField field="c" compareFunction="table"/>"#,
            center.to_owned(),
            ErrorCode::ModelInvalid,
        ),
        (
            r#"modelClass="centerBased""#,
            DISTANCE,
            r#"<ClusteringField field="c" compareFunction="table"><Comparisons><Matrix><Array>1</Array></Matrix>
            </Comparisons></ClusteringField>"#,
            center.to_owned(),
            ErrorCode::ModelInvalid,
        ),
        (
            r#"modelClass="centerBased""#,
            DISTANCE,
            bare,
            center.replace("red", "green"),
            ErrorCode::ModelInvalid,
        ),
    ] {
        let error = load(model(attributes, measure, fields, &clusters).as_bytes())
            .map(|_| ())
            .unwrap_err();
        assert_eq!(error.code, code, "{fields} {clusters}: {}", error.message);
    }
}
