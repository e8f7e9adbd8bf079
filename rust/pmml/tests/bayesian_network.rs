//! Bayesian networks: a text book example, continuous nodes by hand, and random networks against the sum over all states.
#![allow(clippy::unwrap_used, clippy::panic, clippy::format_push_string)]

mod common;

use std::fmt::Write as _;

use common::{document, load, score};
use proptest::prelude::*;
use serving_model::ErrorCode;

/// A network over fields `name:type`, of which the first is the target.
fn network(fields: &[(&str, &str)], function: &str, nodes: &str) -> String {
    let mut dictionary = String::new();
    let mut schema = String::new();
    for (number, (name, kind)) in fields.iter().enumerate() {
        let optype = if *kind == "double" { "continuous" } else { "categorical" };
        writeln!(
            dictionary,
            r#"<DataField name="{name}" dataType="{kind}" optype="{optype}"/>"#
        )
        .unwrap();
        let usage = if number == 0 { "target" } else { "active" };
        writeln!(schema, r#"<MiningField name="{name}" usageType="{usage}"/>"#).unwrap();
    }
    let output = if function == "classification" {
        r#"<Output><OutputField name="p" feature="probability" dataType="double" optype="continuous"/></Output>"#
    } else {
        ""
    };
    document(
        &dictionary,
        &format!(
            r#"<BayesianNetworkModel functionName="{function}"><MiningSchema>{schema}</MiningSchema>{output}
            <BayesianNetworkNodes>{nodes}</BayesianNetworkNodes></BayesianNetworkModel>"#
        ),
    )
}

/// A discrete node with values T and F: the probability of T for each combination of the parents' values.
fn node(name: &str, parents: &[&str], rows: &[(&str, f64)]) -> String {
    let values = |p: f64| {
        format!(
            r#"<ValueProbability value="T" probability="{p}"/><ValueProbability value="F" probability="{}"/>"#,
            1.0 - p
        )
    };
    let mut inside = String::new();
    for (states, p) in rows {
        if parents.is_empty() {
            inside += &values(*p);
            continue;
        }
        inside += "<DiscreteConditionalProbability>";
        for (parent, state) in parents.iter().zip(states.chars()) {
            write!(inside, r#"<ParentValue parent="{parent}" value="{state}"/>"#).unwrap();
        }
        inside += &values(*p);
        inside += "</DiscreteConditionalProbability>";
    }
    format!(r#"<DiscreteNode name="{name}">{inside}</DiscreteNode>"#)
}

fn numbers(answer: &str) -> (String, f64) {
    let (first, share) = answer.split_once(" p=").unwrap_or_else(|| panic!("{answer}"));
    (first.to_owned(), share.parse().unwrap())
}

#[test]
fn wet_grass_tells_about_rain() {
    let nodes = node(
        "wet",
        &["sprinkler", "rain"],
        &[("TT", 0.99), ("TF", 0.9), ("FT", 0.8), ("FF", 0.0)],
    ) + &node("sprinkler", &["rain"], &[("T", 0.01), ("F", 0.4)])
        + &node("rain", &[], &[("", 0.2)]);
    let fields = [("rain", "string"), ("wet", "string"), ("sprinkler", "string")];
    let model = network(&fields, "classification", &nodes);
    for (record, answer, share) in [
        ("", "rain=F", 0.8),
        // 0.1584 + 0.00198 of 0.44838
        ("wet=T", "rain=F", 1.0 - 891.0 / 2491.0),
        ("sprinkler=T", "rain=F", 0.32 / 0.322),
        ("wet=T sprinkler=F", "rain=T", 1.0),
        ("wet=T sprinkler=T", "rain=F", 0.288 / (0.288 + 0.00198)),
    ] {
        let (got, p) = numbers(&score(&model, record));
        assert_eq!(got, answer, "{record}");
        assert!((p - share).abs() < 1e-12, "{record}: {p}");
    }
    // A value without probability leaves nothing to answer.
    assert_eq!(score(&model, "sprinkler=maybe"), "rain=null p=null");
}

/// A continuous node: distributions for each combination of parents' values.
fn continuous(name: &str, parents: &[&str], rows: &[(&str, String)]) -> String {
    let mut inside = String::new();
    for (states, distribution) in rows {
        let mut values = String::new();
        for (parent, state) in parents.iter().zip(states.chars()) {
            write!(values, r#"<ParentValue parent="{parent}" value="{state}"/>"#).unwrap();
        }
        let distribution = format!("<ContinuousDistribution>{distribution}</ContinuousDistribution>");
        inside += &if parents.is_empty() {
            distribution
        } else {
            format!("<ContinuousConditionalProbability>{values}{distribution}</ContinuousConditionalProbability>")
        };
    }
    format!(r#"<ContinuousNode name="{name}">{inside}</ContinuousNode>"#)
}

fn distribution(family: &str, parameters: &[(&str, &str)]) -> String {
    let mut inside = String::new();
    for (name, value) in parameters {
        let expression = match value.parse::<f64>() {
            Ok(_) => format!("<Constant>{value}</Constant>"),
            Err(_) => format!(
                r#"<Apply function="+"><Constant>1</Constant><Apply function="*"><Constant>2</Constant>
                <FieldRef field="{value}"/></Apply></Apply>"#
            ),
        };
        write!(inside, "<{name}>{expression}</{name}>").unwrap();
    }
    format!("<{family}DistributionForBN>{inside}</{family}DistributionForBN>")
}

fn normal(mean: &str) -> String {
    distribution("Normal", &[("Mean", mean), ("Variance", "4")])
}

#[test]
fn a_continuous_value_weighs_the_states_of_its_parent() {
    let uniform = distribution("Uniform", &[("Lower", "0"), ("Upper", "4")]);
    let triangular = distribution("Triangular", &[("Lower", "0"), ("Upper", "3"), ("Mean", "1")]);
    let logarithm = distribution("Lognormal", &[("Mean", "0"), ("Variance", "1")]);
    let density = |x: f64, mean: f64, variance: f64| {
        (-(x - mean).powi(2) / (2.0 * variance)).exp() / (2.0 * std::f64::consts::PI * variance).sqrt()
    };
    for (one, other, value, likelihoods) in [
        (
            normal("0"),
            normal("3"),
            1.0,
            [density(1.0, 0.0, 4.0), density(1.0, 3.0, 4.0)],
        ),
        (uniform.clone(), normal("3"), 1.0, [0.25, density(1.0, 3.0, 4.0)]),
        (uniform.clone(), normal("3"), 5.0, [0.0, density(5.0, 3.0, 4.0)]),
        // The likeliest value is 3 * 1 - 0 - 3; from there the density falls from 2/3 to 0.
        (uniform.clone(), triangular, 1.0, [0.25, 2.0 / 3.0 * 2.0 / 3.0]),
        (
            uniform.clone(),
            logarithm.clone(),
            2.0,
            [0.25, density(2_f64.ln(), 0.0, 1.0) / 2.0],
        ),
        (normal("0"), logarithm, -1.0, [density(-1.0, 0.0, 4.0), 0.0]),
        // The mean is 1 + 2 * x of another field, which is 3.
        (uniform, normal("x"), 2.0, [0.25, density(2.0, 7.0, 4.0)]),
    ] {
        let nodes = node("c", &[], &[("", 0.3)])
            + &continuous("x", &[], &[("", normal("0"))])
            + &continuous("y", &["c"], &[("T", one.clone()), ("F", other.clone())]);
        let model = network(
            &[("c", "string"), ("x", "double"), ("y", "double")],
            "classification",
            &nodes,
        );
        let [t, f] = [0.3 * likelihoods[0], 0.7 * likelihoods[1]];
        let (answer, p) = numbers(&score(&model, &format!("x=3 y={value}")));
        assert_eq!(answer, if t > f { "c=T" } else { "c=F" }, "{one} {other}");
        assert!((p - t.max(f) / (t + f)).abs() < 1e-12, "{one} {other}: {p}");
        let (_, prior) = numbers(&score(&model, "x=3"));
        assert!((prior - 0.7).abs() < 1e-12);
        if other.contains("FieldRef") {
            assert!(score(&model, "y=2").starts_with("SCORING_FAILED"));
        }
    }
}

#[test]
fn a_continuous_target_is_answered_by_its_expectation() {
    let rows = [("T", normal("10")), ("F", normal("20"))];
    let nodes = node("c", &["e"], &[("T", 0.9), ("F", 0.5)])
        + &node("e", &[], &[("", 0.25)])
        + &continuous("y", &["c"], &rows)
        + &continuous("z", &[], &[("", normal("y"))]);
    let model = network(
        &[("y", "double"), ("c", "string"), ("e", "string"), ("z", "double")],
        "regression",
        &nodes,
    );
    for (record, answer) in [("c=T", 10.0), ("c=F", 20.0), ("e=T", 11.0), ("e=F", 15.0), ("", 14.0)] {
        let got: f64 = score(&model, record).strip_prefix("y=").unwrap().parse().unwrap();
        assert!((got - answer).abs() < 1e-12, "{record}: {got}");
    }
    // What lies below a continuous target would have to be inverted.
    assert!(score(&model, "z=1").starts_with("SCORING_FAILED"));
    // The other way round: 1 + 2 * 14 without a value between, 1 + 2 * 3 with one.
    let chain = network(
        &[("z", "double"), ("c", "string"), ("e", "string"), ("y", "double")],
        "regression",
        &nodes,
    );
    for (record, answer) in [("", 29.0), ("c=T", 21.0), ("y=3", 7.0), ("y=3 c=T", 7.0)] {
        let got: f64 = score(&chain, record).strip_prefix("z=").unwrap().parse().unwrap();
        assert!((got - answer).abs() < 1e-12, "{record}: {got}");
    }
    for (family, parameters, mean) in [
        ("Uniform", [("Lower", "1"), ("Upper", "5"), ("", "0")], 3.0),
        ("Triangular", [("Lower", "0"), ("Upper", "3"), ("Mean", "1")], 1.0),
        ("Lognormal", [("Mean", "0"), ("Variance", "2"), ("", "0")], 1_f64.exp()),
    ] {
        let parameters: Vec<_> = parameters.into_iter().filter(|(name, _)| !name.is_empty()).collect();
        let nodes = continuous("y", &[], &[("", distribution(family, &parameters))]);
        let got: f64 = score(&network(&[("y", "double")], "regression", &nodes), "")
            .strip_prefix("y=")
            .unwrap()
            .parse()
            .unwrap();
        assert!((got - mean).abs() < 1e-12, "{family}: {got}");
    }
}

#[test]
fn a_derived_field_discretises_a_parent() {
    let derived = r#"<DerivedField name="level" dataType="string" optype="categorical"><Discretize field="x">
        <DiscretizeBin binValue="T"><Interval closure="closedOpen" leftMargin="10"/></DiscretizeBin>
        <DiscretizeBin binValue="F"><Interval closure="openOpen" rightMargin="10"/></DiscretizeBin></Discretize>
        </DerivedField>"#;
    let nodes = continuous("x", &[], &[("", normal("0"))])
        + &node("c", &["level"], &[("T", 0.9), ("F", 0.2)]).replace(
            r#"<DiscreteNode name="c">"#,
            &format!(r#"<DiscreteNode name="c">{derived}"#),
        );
    let model = network(&[("c", "string"), ("x", "double")], "classification", &nodes);
    assert_eq!(score(&model, "x=12"), "c=T p=0.9");
    assert_eq!(score(&model, "x=9"), "c=F p=0.8");
    assert_eq!(score(&model, ""), "c=null p=null");
}

#[test]
fn networks_that_make_no_sense_are_refused() {
    let fields = [("a", "string"), ("b", "string")];
    let two = |a: String, b: String| network(&fields, "classification", &(a + &b));
    let plain = |name: &str| node(name, &[], &[("", 0.5)]);
    let below = |name: &str, parent: &str| node(name, &[parent], &[("T", 0.5), ("F", 0.1)]);
    let many: Vec<String> = (0..40).map(|number| format!("n{number}")).collect();
    let many_nodes: String = many.iter().map(|name| plain(name)).collect();
    let parents: Vec<&str> = many.iter().map(String::as_str).collect();
    let huge = node("a", &parents, &[("T".repeat(40).as_str(), 0.5)]) + &many_nodes;
    for (document, code) in [
        (two(below("a", "b"), below("b", "a")), ErrorCode::ModelInvalid),
        (two(below("a", "a"), plain("b")), ErrorCode::ModelInvalid),
        (two(below("a", "x"), plain("b")), ErrorCode::ModelInvalid),
        (two(plain("b"), plain("b")), ErrorCode::ModelInvalid),
        (two(plain("b"), String::new()), ErrorCode::ModelInvalid),
        (
            two(node("a", &["b"], &[("X", 0.5)]), plain("b")),
            ErrorCode::ModelInvalid,
        ),
        (two(node("a", &[], &[("", 7.0)]), plain("b")), ErrorCode::ModelInvalid),
        (
            two(plain("a"), plain("b")).replace("classification", "regression"),
            ErrorCode::ModelInvalid,
        ),
        (
            network(&[("a", "string")], "classification", &huge),
            ErrorCode::ModelTooLarge,
        ),
    ] {
        let error = load(document.as_bytes()).map(|_| ()).unwrap_err();
        assert_eq!(error.code, code, "{}", error.message);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]
    /// Eight nodes with up to three parents each, any evidence: the share of the target is that of the sum over all
    /// states of the product of all tables.
    #[test]
    fn inference_is_the_sum_over_all_states(
        parents in prop::collection::vec(prop::collection::vec(any::<bool>(), 8), 8),
        tables in prop::collection::vec(prop::collection::vec(1_u32..100, 8), 8),
        evidence in prop::collection::vec(prop::option::of(any::<bool>()), 8),
        target in 0_usize..8,
    ) {
        let names = ["n0", "n1", "n2", "n3", "n4", "n5", "n6", "n7"];
        let above: Vec<Vec<usize>> = (0..8)
            .map(|node| (0..node).filter(|parent| parents[node][*parent]).take(3).collect())
            .collect();
        // Rows count from all true to all false, the last parent fastest.
        let row = |node: usize, states: &[bool]| {
            above[node].iter().fold(0, |row, parent| 2 * row + usize::from(!states[*parent]))
        };
        let mut nodes = String::new();
        for at in 0..8 {
            let width = above[at].len();
            let rows: Vec<(String, f64)> = (0..1 << width)
                .map(|row| {
                    let states = (0..width).map(|bit| if row >> (width - 1 - bit) & 1 == 0 { 'T' } else { 'F' });
                    (states.collect(), f64::from(tables[at][row]) / 100.0)
                })
                .collect();
            let rows: Vec<(&str, f64)> = rows.iter().map(|(states, p)| (states.as_str(), *p)).collect();
            let parents: Vec<&str> = above[at].iter().map(|parent| names[*parent]).collect();
            nodes += &node(names[at], &parents, &rows);
        }
        let mut fields = vec![(names[target], "string")];
        fields.extend(names.iter().enumerate().filter(|(at, _)| *at != target).map(|(_, name)| (*name, "string")));
        let model = network(&fields, "classification", &nodes);
        let mut sums = [0.0; 2];
        for combination in 0..256_u32 {
            let states: Vec<bool> = (0..8).map(|bit| combination >> bit & 1 == 1).collect();
            if (0..8).any(|at| at != target && evidence[at].is_some_and(|value| value != states[at])) {
                continue;
            }
            let product: f64 = (0..8)
                .map(|at| {
                    let p = f64::from(tables[at][row(at, &states)]) / 100.0;
                    if states[at] { p } else { 1.0 - p }
                })
                .product();
            sums[usize::from(states[target])] += product;
        }
        let mut record = String::new();
        for at in 0..8 {
            if let (Some(value), true) = (evidence[at], at != target) {
                write!(record, "{}={} ", names[at], if value { "T" } else { "F" }).unwrap();
            }
        }
        let (answer, p) = numbers(&score(&model, &record));
        let want = sums[1].max(sums[0]) / (sums[0] + sums[1]);
        prop_assert!((p - want).abs() < 1e-9, "{} {} for {}", answer, p, want);
    }
}
