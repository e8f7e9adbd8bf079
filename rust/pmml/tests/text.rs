//! `TextModel`: three small documents, and by hand what the formulas of the specification say about a text. `TextIndex`: the
//! answers of JPMML-Evaluator 1.7.7 and PMML4S.
#![allow(clippy::unwrap_used, clippy::unreadable_literal)]

mod common;

use common::fields::{category, number};
use common::{document, load, score_texts};
use serving_model::ErrorCode;

/// Documents `d1`: cat twice, guinea pig once; `d2`: dog three times; `d3`: dog once.
const MATRIX: &str = r#"<Matrix nbRows="3" nbCols="3"><Array n="3" type="real">2 0 1</Array><Array n="3" type="real">0 3 0</Array>
<Array n="3" type="real">0 1 0</Array></Matrix>"#;

const OUTPUTS: &str = r#"<Output><OutputField name="first" feature="entityId"/><OutputField name="second" feature="entityId" rank="2"/>
<OutputField name="third" feature="entityId" rank="3"/><OutputField name="d1" feature="affinity" value="d1"/>
<OutputField name="d2" feature="affinity" value="d2"/><OutputField name="d3" feature="affinity" value="d3"/></Output>"#;

fn model(schema: &str, matrix: &str, settings: &str) -> String {
    document(
        r#"<DataField name="title" optype="categorical" dataType="string"/>
        <DataField name="body" optype="categorical" dataType="string"/>
        <DataField name="cat" optype="continuous" dataType="integer"/>
        <DataField name="dog" optype="continuous" dataType="double"/>
        <DataField name="best" optype="categorical" dataType="string"/>"#,
        &format!(
            r#"<TextModel functionName="clustering" numberOfTerms="3" numberOfDocuments="3"><MiningSchema>{schema}
            <MiningField name="best" usageType="target"/></MiningSchema>{OUTPUTS}
            <TextDictionary><Array n="3" type="string">Cat dog "guinea pig"</Array></TextDictionary>
            <TextCorpus><TextDocument id="d1" name="pets"/><TextDocument id="d2" name="dogs"/><TextDocument id="d3"/></TextCorpus>
            <DocumentTermMatrix>{matrix}</DocumentTermMatrix>{settings}</TextModel>"#
        ),
    )
}

const TEXT: &str = r#"<MiningField name="body"/>"#;

/// The best document, and how similar the three are.
fn similar(settings: &str, body: &str) -> (String, Vec<f64>) {
    let answer = score_texts(&model(TEXT, MATRIX, settings), &[("body", body)]);
    let values: Vec<&str> = answer.split(' ').map(|pair| pair.split_once('=').unwrap().1).collect();
    let numbers = values[4..].iter().map(|value| value.parse().unwrap()).collect();
    (values[0].to_owned(), numbers)
}

#[test]
fn weights_are_local_global_and_of_the_document() {
    let euclidean = r#"<TextModelSimiliarity similarityType="euclidean"/>"#;
    for (attributes, distances) in [
        (
            r#"globalTermWeights="none""#,
            [2.449489742783178, 2_f64.sqrt(), 2_f64.sqrt()],
        ),
        (
            r#"globalTermWeights="none" localTermWeights="binary""#,
            [2_f64.sqrt(), 1.0, 1.0],
        ),
        (
            r#"globalTermWeights="none" localTermWeights="logarithmic""#,
            [0.5909922854915591, 0.32592751678054843, 0.3487508993612369],
        ),
        (
            r#"globalTermWeights="none" localTermWeights="augmentedNormalizedTermFrequency""#,
            [1.2747548783981961, 0.75, 0.75],
        ),
        ("", [0.7611319921497126, 0.5085792202018089, 0.5085792202018089]),
        (
            r#"globalTermWeights="GFIDF""#,
            [4.58257569495584, 2.8284271247461903, 2.8284271247461903],
        ),
        (
            r#"globalTermWeights="normal""#,
            [1.284523257866513, 0.5916079783099616, 0.5916079783099616],
        ),
        (
            r#"globalTermWeights="probabilisticInverse""#,
            [0.7373698866489865, 0.42572070254911615, 0.4257207025491162],
        ),
        (
            r#"globalTermWeights="none" documentNormalization="cosine""#,
            [1.0954451150103321, 0.45950584109472237, 0.45950584109472237],
        ),
    ] {
        let (best, found) = similar(
            &format!("<TextModelNormalization {attributes}/>{euclidean}"),
            "dog cat dog",
        );
        for (found, distance) in found.iter().zip(distances) {
            assert!((found - distance).abs() < 1e-14, "{attributes}: {found} for {distance}");
        }
        assert_ne!(best, "d1", "{attributes}");
    }
}

#[test]
fn the_cosine_is_that_of_the_weighted_vectors() {
    let (best, found) = similar("", "dog cat dog");
    assert_eq!(best, "d2");
    for (found, cosine) in found.iter().zip([0.4, 2.0 / 5_f64.sqrt(), 2.0 / 5_f64.sqrt()]) {
        assert!((found - cosine).abs() < 1e-14);
    }
    let (best, found) = similar("<TextModelNormalization/>", "dog cat dog");
    assert_eq!(best, "d1");
    assert!((found[0] - 0.7196173736174843).abs() < 1e-14 && (found[1] - 0.5938758662252934).abs() < 1e-14);
}

#[test]
fn terms_are_words_of_any_case_without_punctuation() {
    let euclidean = r#"<TextModelSimiliarity similarityType="euclidean"/>"#;
    for (body, start) in [
        (
            "CAT, \"cat\" (guinea\n pigs) GUINEA Pig!",
            "best=d1 first=d1 second=d3 third=d2 d1=0",
        ),
        ("guinea dog pig dog dog", "best=d2 first=d2 second=d3 third=d1 d1=3.74"),
        ("cats dogs doggy", "best=null first=null second=null third=null d1=null"),
        ("", "best=null first=null"),
    ] {
        let found = score_texts(&model(TEXT, MATRIX, euclidean), &[("body", body)]);
        assert!(found.starts_with(start), "{body}: {found}");
    }
    assert!(score_texts(&model(TEXT, MATRIX, ""), &[]).starts_with("best=null first=null"));
}

#[test]
fn several_texts_are_one_and_fields_named_as_terms_are_frequencies() {
    let euclidean = r#"<TextModelSimiliarity similarityType="euclidean"/>"#;
    let texts = model(
        r#"<MiningField name="title"/><MiningField name="body"/>"#,
        MATRIX,
        euclidean,
    );
    let found = score_texts(&texts, &[("title", "dog"), ("body", "dog dog")]);
    assert!(found.ends_with("d2=0 d3=2"), "{found}");
    let found = score_texts(&texts, &[("body", "dog")]);
    assert!(found.ends_with("d2=2 d3=0"), "{found}");
    let numbers = model(
        r#"<MiningField name="dog"/><MiningField name="body"/>"#,
        MATRIX,
        euclidean,
    );
    let found = score_texts(&numbers, &[("dog", "3"), ("body", "cat")]);
    assert!(found.ends_with("d2=0 d3=2"), "{found}");
}

#[test]
fn a_matrix_may_have_a_row_for_each_term() {
    let euclidean = r#"<TextModelSimiliarity similarityType="euclidean"/>"#;
    let wide = r#"<Matrix nbRows="2" nbCols="3"><MatCell row="1" col="1">2</MatCell><MatCell row="2" col="2">3</MatCell></Matrix>"#;
    let tall = r#"<Matrix nbRows="3" nbCols="2"><MatCell row="1" col="1">2</MatCell><MatCell row="2" col="2">3</MatCell></Matrix>"#;
    for matrix in [wide, tall] {
        let model = model(TEXT, matrix, euclidean)
            .replace(r#"<TextDocument id="d3"/>"#, "")
            .replace(r#"numberOfDocuments="3""#, r#"numberOfDocuments="2""#);
        let found = score_texts(&model, &[("body", "cat cat")]);
        assert!(
            found.starts_with("best=d1 first=d1 second=d2 third=null d1=0"),
            "{found}"
        );
    }
}

#[test]
fn what_contradicts_itself_is_refused() {
    let good = model(TEXT, MATRIX, "<TextModelNormalization/>");
    for (from, to, message) in [
        (r#"numberOfTerms="3""#, r#"numberOfTerms="4""#, "numberOfTerms says 4"),
        (
            r#"numberOfDocuments="3""#,
            r#"numberOfDocuments="2""#,
            "numberOfDocuments says 2",
        ),
        (
            r#"<TextDocument id="d3"/>"#,
            r#"<TextDocument id="d1"/>"#,
            "two documents have the id 'd1'",
        ),
        ("2 0 1", "2 0 -1", "a frequency is negative"),
        (r#"nbRows="3""#, r#"nbRows="2""#, "3 rows, nbRows says 2"),
        (
            "<TextModelNormalization",
            r#"<TextModelNormalization globalTermWeights="x""#,
            "unknown globalTermWeights 'x'",
        ),
        (TEXT, "", "no field holds text"),
    ] {
        assert!(good.contains(from), "{from}");
        let error = load(good.replace(from, to).as_bytes()).map(|_| ()).unwrap_err();
        assert_eq!(error.code, ErrorCode::ModelInvalid, "{to}");
        assert!(error.message.contains(message), "{to}: {error}");
    }
    let regression = good.replace("clustering", "regression");
    assert_eq!(
        load(regression.as_bytes()).map(|_| ()).unwrap_err().code,
        ErrorCode::ModelUnsupported
    );
}

/// How often a term occurs in `c`, after the normalisation of rows.
fn counted(term: &str, rows: &str) -> String {
    document(
        &format!("{}{}", category("c", "categorical", ""), number("y")),
        &format!(
            r#"<RegressionModel functionName="regression"><MiningSchema><MiningField name="c"/>
            <MiningField name="y" usageType="target"/></MiningSchema><Output><OutputField name="o" dataType="integer"
            feature="transformedValue" optype="continuous"><TextIndex textField="c"><TextIndexNormalization>
            <InlineTable>{rows}</InlineTable></TextIndexNormalization><Constant dataType="string">{term}</Constant>
            </TextIndex></OutputField></Output><RegressionTable intercept="1"/></RegressionModel>"#
        ),
    )
}

#[test]
fn a_blank_stands_for_a_term_that_normalisation_takes_out() {
    let pattern = counted("y", "<row><string>a</string><stem> </stem><regex>true</regex></row>");
    let nothing = counted("y", "<row><string>a</string><stem></stem><regex>true</regex></row>");
    for (text, blank, empty) in [("yay", 2, 0), ("xay", 1, 0), ("y a y", 2, 2)] {
        assert_eq!(
            score_texts(&pattern, &[("c", text)]),
            format!("y=1 o={blank}"),
            "{text}"
        );
        assert_eq!(
            score_texts(&nothing, &[("c", text)]),
            format!("y=1 o={empty}"),
            "{text}"
        );
    }
}

#[test]
fn normalisation_replaces_plain_strings_within_the_words_of_texts_but_not_of_terms() {
    let (letter, sign) = ("<string>a</string><stem>q</stem>", "<string>$</string><stem>usd</stem>");
    for (row, term, text, hits) in [
        (letter, "q", "a b A", 2),
        (letter, "yqy", "yay", 1),
        (letter, "yay", "yay", 0),
        (letter, "Q", "a", 1),
        (letter, "q", "aa", 0),
        (sign, "usd", "10 $", 1),
        (sign, "10usd", "10$", 1),
        ("<string>a.b</string><stem>x</stem>", "x", "a.b acb", 1),
        ("<string>ab cd</string><stem>x</stem>", "zx", "zab cd", 1),
    ] {
        let model = counted(term, &format!("<row>{row}</row>"));
        assert_eq!(
            score_texts(&model, &[("c", text)]),
            format!("y=1 o={hits}"),
            "{row} {term} {text}"
        );
    }
}
