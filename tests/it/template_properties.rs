//! Templates of any kind: whatever is in one, resolving it ends, does not panic, and gives the same answer twice.

use std::path::Path;

use proptest::prelude::*;
use sam_rs::function::{Catalog, Function};
use sam_rs::template::{Application, Surroundings, overrides};
use serde_json::{Value, json};

/// Names that are declared, and one that is not.
const NAMES: [&str; 9] = [
    "Stage", "Zones", "IsProd", "Other", "A", "B", "Layer", "Child", "Nobody",
];

/// A value with intrinsics in it, right and wrong ones.
fn value() -> impl Strategy<Value = Value> {
    let name = || prop::sample::select(NAMES.to_vec());
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        (-3_i64..300).prop_map(Value::from),
        "[a-zA-Z0-9,./: ${}!&-]{0,12}".prop_map(Value::from),
        name().prop_map(|name| json!({"Ref": name})),
        name().prop_map(|name| json!({"Condition": name})),
        name().prop_map(|name| json!({"Fn::GetAtt": [name, "Arn"]})),
        name().prop_map(|name| json!({"Fn::GetAtt": format!("{name}.Outputs.Out")})),
        name().prop_map(|name| json!({"Fn::Sub": format!("x-${{{name}}}-${{{name}.Arn}}")})),
        name().prop_map(|name| json!({"Fn::ImportValue": name})),
        Just(json!({"Ref": "AWS::NoValue"})),
        Just(json!({"Fn::GetAZs": ""})),
    ];
    leaf.prop_recursive(4, 40, 4, move |inner| {
        let list = || prop::collection::vec(inner.clone(), 0..4);
        let call = |function: &'static str| list().prop_map(move |items| json!({function: items}));
        let one =
            |function: &'static str| inner.clone().prop_map(move |item| json!({function: item}));
        prop_oneof![
            list().prop_map(Value::from),
            prop::collection::btree_map("[A-Za-z]{1,3}", inner.clone(), 0..3)
                .prop_map(|entries| Value::Object(entries.into_iter().collect())),
            (
                prop::sample::select(vec!["IsProd", "Other", "Loop", "Nobody"]),
                list()
            )
                .prop_map(|(name, mut items)| {
                    items.insert(0, name.into());
                    json!({"Fn::If": items})
                }),
            call("Fn::Join"),
            call("Fn::Split"),
            call("Fn::Select"),
            call("Fn::FindInMap"),
            call("Fn::Sub"),
            call("Fn::Equals"),
            call("Fn::And"),
            call("Fn::Or"),
            call("Fn::Not"),
            call("Fn::Cidr"),
            call("Fn::ForEach::Loop"),
            one("Fn::Base64"),
            one("Fn::Length"),
            one("Fn::ToJsonString"),
            one("Fn::Transform"),
            one("Ref"),
        ]
    })
}

fn template() -> impl Strategy<Value = Value> {
    let properties = prop::collection::vec(value(), 10);
    (properties, any::<bool>()).prop_map(|(values, extended)| {
        let mut values = values.into_iter();
        let mut next = || values.next().unwrap_or_default();
        json!({
            "Transform": if extended { json!(["AWS::LanguageExtensions"]) } else { json!("x") },
            "Parameters": {
                "Stage": {"Type": "String", "Default": "dev"},
                "Zones": {"Type": "CommaDelimitedList", "Default": "a,b"},
            },
            "Mappings": {"Map": {"one": {"two": next()}}},
            "Conditions": {"IsProd": next(), "Other": {"Fn::Not": [{"Condition": "IsProd"}]}, "Loop": {"Condition": "Loop"}},
            "Globals": {"Function": {"Timeout": 5, "Environment": {"Variables": {"G": next()}}}},
            "Resources": {
                "A": {"Type": "AWS::Serverless::Function", "Metadata": next(), "Properties": {
                    "Handler": "a.b", "Runtime": "python3.11", "InlineCode": "x", "FunctionName": next(),
                    "Environment": {"Variables": {"X": next(), "Y": next()}}, "Layers": next(),
                }},
                "B": {"Type": "AWS::Lambda::Function", "Properties": next()},
                "Layer": {"Type": "AWS::Serverless::LayerVersion", "Properties": {"ContentUri": "l", "LayerName": next()}},
                "Child": {"Type": "AWS::CloudFormation::Stack", "Properties": {
                    "TemplateURL": "child.json", "Parameters": {"Stage": next()},
                }},
            },
        })
    })
}

/// Everything that there is to say of a text, in the end as text.
fn resolve(text: &str) -> String {
    let child = r#"{"Resources": {"C": {"Type": "AWS::Lambda::Function", "Properties": {"Environment": {"Variables": {"S": {"Ref": "Stage"}}}}}},
                    "Outputs": {"Out": {"Value": {"Ref": "Stage"}}}}"#;
    let load = |path: &Path| {
        if path.ends_with("child.json") {
            Ok(child.to_owned())
        } else {
            Err("not there".to_owned())
        }
    };
    let surroundings = Surroundings {
        region: "eu-west-1".to_owned(),
        account: "123456789012".to_owned(),
        ..Surroundings::default()
    };
    let application = match Application::load(Path::new("/x/t.json"), text, surroundings, &load) {
        Ok(application) => application,
        Err(problems) => {
            // An error has a place in its file.
            for problem in &problems {
                let span = problem.span.expect("a place");
                assert!(
                    span.line >= 1 && span.range().start <= problem.source_file.text.len(),
                    "{problem:?}"
                );
            }
            return format!("{problems:?}");
        }
    };
    let catalog = Catalog::new(&application);
    let all = catalog.functions().iter().map(Function::resolve);
    format!("{:?}", all.collect::<Vec<_>>())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn resolution_ends_and_is_the_same_twice(template in template()) {
        let text = template.to_string();
        prop_assert_eq!(resolve(&text), resolve(&text));
    }

    #[test]
    fn any_text_is_a_template_or_an_error_with_a_place(text in "(?s).{0,200}") {
        resolve(&text);
    }

    #[test]
    fn any_yaml_like_text_is_a_template_or_an_error_with_a_place(
        text in "(Resources:|[ ]{1,4}|\n|- |[&*]a ?|!Ref |!Sub |\\{|\\}|\\[|\\]|: ?|\"|'|\\||>|#|\t|[A-Za-z]{1,4}|<<){0,60}"
    ) {
        resolve(&text);
    }

    #[test]
    fn any_override_is_taken_or_named(tokens in prop::collection::vec("[A-Za-z0-9=, \"'\\\\:/]{0,24}", 0..4)) {
        let _ = overrides::parse(tokens.iter().map(String::as_str));
    }
}

/// The texts of a corpus.
fn corpus(target: &str) -> impl Iterator<Item = String> {
    let inputs = crate::fuzzed::corpus(target).into_iter();
    inputs.filter_map(|input| String::from_utf8(input).ok())
}

#[test]
fn what_fuzzing_has_found_is_still_taken_or_refused() {
    for text in corpus("template") {
        resolve(&text);
    }
    for text in corpus("overrides") {
        let _ = overrides::parse(text.split('\n'));
    }
}

/// Small files that ask for much: each is refused, or resolved, in a moment and in little memory.
#[test]
fn what_asks_for_too_much_is_refused_in_time() {
    let function = "Type: AWS::Serverless::Function, Properties: {Handler: a.b, Runtime: python3.11, InlineCode: x";
    let resources = |text: &str| format!("Resources:\n  A: {{{function}, {text}}}}}\n");
    let doubled = |depth: usize| {
        let level = |n: usize| match n {
            0 => "g0: &g0 {a: 1}\n".to_owned(),
            n => format!("g{n}: &g{n} {{a: *g{}, b: *g{}}}\n", n - 1, n - 1),
        };
        (0..depth).map(level).collect::<Vec<_>>().concat()
    };
    let many = |text: &str, count: usize| vec![text; count].join(", ");
    let big = "x".repeat(100_000);
    let link = |n: usize| format!("x{n}: &x{n} [*x{}]\n", n - 1);
    let chain = (1..50_000).map(link).collect::<Vec<_>>().concat();
    for text in [
        format!("x0: &x0 [1]\n{chain}"),
        format!("X: &x '{big}'\nL: [{}]\n{}", many("*x", 20_000), resources("Description: a")),
        format!(
            "{}Globals: {{Function: {{Tags: *g25}}}}\n{}",
            doubled(26),
            resources("Tags: *g25")
        ),
        resources(&format!("FunctionName: !Join ['{big}', [{}]]", many("a", 20_000))),
        resources(&format!("FunctionName: !Sub ['{}', {{A: '{big}'}}]", "${A}".repeat(20_000))),
        format!("A: &a {{{}}}\nB: {{<<: [{}]}}\n", many("k: 1", 100), many("*a", 20_000)),
        resources(&format!("Description: a}}, Metadata: {{'aws:asset:path': x, 'aws:asset:property': '{}'", "a.".repeat(50_000))),
        format!(
            "Transform: AWS::LanguageExtensions\nResources:\n  Fn::ForEach::L:\n    - N\n    - !Split [',', '{}']\n    - 'F${{N}}': {{Type: X}}\n",
            (0..20_000).map(|n| format!("n{n}")).collect::<Vec<_>>().join(",")
        ),
        format!(
            "Resources:\n{}",
            (0..2_000).fold(String::new(), |text, n| {
                text + &format!("  C{n}: {{Type: AWS::CloudFormation::Stack, Properties: {{TemplateURL: gone.yaml}}}}\n")
            })
        ),
    ] {
        let begun = std::time::Instant::now();
        let _ = resolve(&text);
        let took = begun.elapsed();
        assert!(took.as_secs() < 20, "{took:?} for {}", &text[..200.min(text.len())]);
    }
    // A file that includes itself.
    let call = "{'Fn::Transform': {Name: AWS::Include, Parameters: {Location: t.json}}}";
    resolve(&format!("Resources: {{A: [{}]}}\n", many(call, 4)));
}
