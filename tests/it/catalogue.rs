//! What templates resolve to: every case of `testdata/templates` against the right answer, and where that is not what SAM
//! CLI gives, a reason.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use sam_rs::function::{Architecture, Catalog, Code, Declared, Function, Layer, Package};
use sam_rs::template::{Application, Problem, Surroundings, overrides};
use serde_json::{Map, Value, json};

use crate::support::root;

/// The catalogue of a template, as the cases write it.
fn catalogue(case: &Path) -> Value {
    let template = ["template.yaml", "template.json"]
        .map(|name| case.join(name))
        .into_iter()
        .find(|path| path.exists())
        .expect("a template");
    let text = fs::read_to_string(&template).unwrap();
    let load = |path: &Path| fs::read_to_string(path).map_err(|error| error.to_string());
    let application = match Application::load(&template, &text, surroundings(case), &load) {
        Ok(application) => application,
        Err(problems) => {
            let subjects = subjects(&problems);
            let whole = subjects.iter().any(String::is_empty);
            return if whole {
                json!({"error": problems[0].message})
            } else {
                json!({"functions": null, "problems": subjects})
            };
        }
    };
    let (mut functions, mut warnings, mut problems) = (Map::new(), Vec::new(), Vec::new());
    for declared in Catalog::new(&application).functions() {
        match Function::resolve(declared) {
            Ok((function, found)) => {
                functions.insert(declared.path.clone(), one(&function, declared, case));
                let unresolved = found
                    .into_iter()
                    .filter(|one| one.label == "not resolved" || one.label == "passed on as it is");
                warnings.extend(unresolved.map(|one| one.subject));
            }
            Err(found) => problems.extend(subjects(&found)),
        }
    }
    let broken = subjects(application.broken()).into_iter();
    problems.extend(broken.filter(|subject| !subject.is_empty()));
    let mut result = json!({"functions": functions});
    for (name, list) in [("warnings", warnings), ("problems", problems)] {
        if !list.is_empty() {
            result[name] = list.into();
        }
    }
    result
}

fn subjects(problems: &[Problem]) -> Vec<String> {
    problems.iter().map(|one| one.subject.clone()).collect()
}

fn surroundings(case: &Path) -> Surroundings {
    let options = fs::read_to_string(case.join("options.json")).unwrap_or("{}".to_owned());
    let options: Value = serde_json::from_str(&options).unwrap();
    let tokens = options["parameter_overrides"].as_array().cloned();
    let tokens = tokens.unwrap_or_default();
    let tokens = tokens.iter().map(|token| token.as_str().unwrap());
    Surroundings {
        overrides: overrides::parse(tokens).unwrap().values,
        region: options["region"].as_str().unwrap_or("us-east-1").to_owned(),
        account: "123456789012".to_owned(),
    }
}

fn one(function: &Function, declared: &Declared<'_>, case: &Path) -> Value {
    let case = fs::canonicalize(case).unwrap();
    let relative = |path: &Path| {
        let path = path
            .strip_prefix(&case)
            .unwrap_or(path)
            .display()
            .to_string();
        if path.is_empty() {
            ".".to_owned()
        } else {
            path
        }
    };
    assert_eq!(function.path, declared.path);
    let mut result = Map::new();
    let mut put = |name: &str, value: Value, default: Value| {
        if value != default {
            result.insert(name.to_owned(), value);
        }
    };
    put("name", function.name.clone().into(), Value::Null);
    for (name, value) in package(function, &relative) {
        put(name, value, Value::Null);
    }
    put("memory", function.memory_mb.into(), 128.into());
    put("timeout", function.timeout.as_secs().into(), 3.into());
    let architecture = function.architecture.name();
    put(
        "architecture",
        architecture.into(),
        Architecture::X86_64.name().into(),
    );
    let variables: Map<_, _> = function
        .variables
        .iter()
        .map(|(name, value)| (name.clone(), value.clone().into()))
        .collect();
    put("variables", variables.into(), json!({}));
    let layers: Vec<_> = function
        .layers
        .iter()
        .map(|layer| match layer {
            Layer::Local {
                content: Code::Directory(path) | Code::Archive(path),
                ..
            } => relative(path),
            Layer::Local { .. } => String::new(),
            Layer::Remote(arn) => arn.to_string(),
        })
        .collect();
    put("layers", layers.into(), json!([]));
    put("storage", function.storage_mb.into(), 512.into());
    put("tenancy", function.tenancy.into(), false.into());
    put("snap_start", function.snap_start.into(), false.into());
    put("url", function.url.into(), false.into());
    put("aliases", json!(function.aliases), json!([]));
    result.into()
}

/// What the function is made of; null for what it does not have.
fn package(function: &Function, relative: &dyn Fn(&Path) -> String) -> Vec<(&'static str, Value)> {
    let list = |items: &[String]| {
        if items.is_empty() {
            Value::Null
        } else {
            json!(items)
        }
    };
    match &function.package {
        Package::Zip(zip) => vec![
            ("runtime", zip.runtime.to_string().into()),
            ("handler", zip.handler.clone().into()),
            (
                "code",
                match &zip.code {
                    Code::Directory(path) | Code::Archive(path) => relative(path).into(),
                    Code::Inline { text, .. } => json!({"inline": text}),
                },
            ),
        ],
        Package::Image(image) => vec![
            ("package", "Image".into()),
            ("image", json!(image.uri)),
            ("command", list(&image.command)),
            ("entrypoint", list(&image.entrypoint)),
            ("working_directory", json!(image.working_directory)),
        ],
    }
}

fn json_of(path: &Path) -> Value {
    let text =
        fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Two answers to the same template: of an error only that it is one is compared.
fn same(one: &Value, other: &Value) -> bool {
    let set = |value: &Value, name: &str| -> BTreeSet<String> {
        let list = value[name].as_array().cloned().unwrap_or_default();
        list.iter().map(Value::to_string).collect()
    };
    if one.get("error").is_some() || other.get("error").is_some() {
        return one.get("error").is_some() == other.get("error").is_some();
    }
    one["functions"] == other["functions"]
        && set(one, "warnings") == set(other, "warnings")
        && set(one, "problems") == set(other, "problems")
}

#[test]
fn every_case_resolves_to_the_right_answer() {
    let directory = root().join("testdata/templates");
    let differences = fs::read_to_string(directory.join("DIFFERENCES.md")).unwrap();
    let (mut wrong, mut cases, mut undocumented) = (Vec::new(), 0, Vec::new());
    let mut entries: Vec<_> = fs::read_dir(directory).unwrap().flatten().collect();
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries.iter().filter(|entry| entry.path().is_dir()) {
        let (case, name) = (entry.path(), entry.file_name());
        let name = name.to_string_lossy();
        let (ours, expected) = (catalogue(&case), json_of(&case.join("expected.json")));
        cases += 1;
        if !same(&ours, &expected) {
            wrong.push(format!(
                "{name}:\n  ours     {ours}\n  expected {expected}\n"
            ));
        }
        if case.join("sam.json").exists() {
            let sam = json_of(&case.join("sam.json"));
            let differs = sam["functions"] != expected["functions"];
            let documented = differences.contains(&format!("- {name}: "));
            if differs != documented {
                undocumented.push(name.into_owned());
            }
        }
    }
    assert!(cases >= 60, "the cases are there");
    assert!(
        wrong.is_empty(),
        "{} of {cases}:\n{}",
        wrong.len(),
        wrong.concat()
    );
    assert!(
        undocumented.is_empty(),
        "DIFFERENCES.md is wrong about {undocumented:?}"
    );
}
