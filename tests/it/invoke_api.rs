//! The Invoke API, request by request: statuses, headers and bodies as the service has them.

use std::collections::BTreeMap;
use std::fs;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde::Deserialize;
use serde_json::Value;

use crate::support::server::{Response, Server};
use crate::support::{Project, root};

const CORPUS: &str = "testdata/invoke-api";

#[derive(Deserialize)]
struct Case {
    name: String,
    request: Request,
    response: Expected,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Request {
    method: String,
    path: String,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    body: Option<String>,
    body_base64: Option<String>,
}

/// What must be in the answer; what is not named may be anything.
#[derive(Deserialize)]
struct Expected {
    status: u16,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    #[serde(default)]
    absent: Vec<String>,
    body: Option<String>,
    json: Option<Value>,
    begins: Option<String>,
    contains: Option<String>,
}

impl Expected {
    fn problems(&self, response: &Response) -> Vec<String> {
        let mut problems = Vec::new();
        if response.status != self.status {
            problems.push(format!("status {}", response.status));
        }
        for (name, value) in &self.headers {
            if response.header(name) != Some(value) {
                problems.push(format!("{name}: {:?}", response.header(name)));
            }
        }
        for name in self
            .absent
            .iter()
            .filter(|name| response.header(name).is_some())
        {
            problems.push(format!("{name} is there"));
        }
        if response
            .header("x-amzn-requestid")
            .is_none_or(|id| id.len() != 36)
            && self.has_id()
        {
            problems.push("no request id".to_owned());
        }
        let text = response.text();
        let body = self.body.as_ref().is_none_or(|body| *body == text);
        let json = self
            .json
            .as_ref()
            .is_none_or(|json| serde_json::from_str(&text).ok().as_ref() == Some(json));
        let begins = self
            .begins
            .as_ref()
            .is_none_or(|begin| text.starts_with(begin));
        let contains = self
            .contains
            .as_ref()
            .is_none_or(|part| text.contains(part));
        if !(body && json && begins && contains) {
            problems.push(text);
        }
        problems
    }

    /// Reads and our own routes have no invocation.
    fn has_id(&self) -> bool {
        self.headers.contains_key("x-amz-executed-version") || self.status >= 400
    }
}

pub(crate) fn project() -> Project {
    Project::copy_of(&format!("{CORPUS}/project"))
}

/// Functions that bring a runtime in Python need an image that has it.
pub(crate) const IMAGES: [&str; 6] = [
    "-ii",
    "Raw=public.ecr.aws/lambda/python:3.11",
    "-ii",
    "Empty=public.ecr.aws/lambda/python:3.11",
    "-ii",
    "Text=public.ecr.aws/lambda/python:3.11",
];

#[test]
fn requests_are_answered_as_the_service_answers_them() {
    let text = fs::read_to_string(root().join(CORPUS).join("cases.json")).unwrap();
    let cases: Vec<Case> = serde_json::from_str(&text).unwrap();
    assert!(cases.len() >= 80, "{}", cases.len());
    let server = Server::start(
        project(),
        &[&IMAGES[..], &["--warm-containers", "lazy"]].concat(),
    );
    let mut wrong = Vec::new();
    for Case {
        name,
        request,
        response,
    } in &cases
    {
        let bytes = request
            .body_base64
            .as_ref()
            .map(|text| BASE64_STANDARD.decode(text).unwrap());
        let body = bytes.or(request.body.clone().map(String::into_bytes));
        let body = body.or((request.method == "POST").then(Vec::new));
        let headers: Vec<_> = request
            .headers
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect();
        let answer = server.send(&request.method, &request.path, &headers, body.as_deref());
        let problems = response.problems(&answer);
        if !problems.is_empty() {
            wrong.push(format!("{name}:\n  {}", problems.join("\n  ")));
        }
    }
    let output = server.stop("-TERM");
    assert!(
        wrong.is_empty(),
        "{} of {}:\n{}\n{}",
        wrong.len(),
        cases.len(),
        wrong.join("\n"),
        output.stderr
    );
    assert_eq!(output.code, Some(0), "{}", output.stderr);
    assert_eq!(output.stdout, "");
}

#[test]
fn the_end_of_the_log_is_exact() {
    let server = Server::start(project(), &["--warm-containers", "LAZY", "Logs"]);
    for _ in 0..2 {
        let answer = server.invoke("Logs", &[("x-amz-log-type", "Tail")], b"{}");
        let id = answer.header("x-amzn-requestid").unwrap();
        let log = BASE64_STANDARD
            .decode(answer.header("x-amz-log-result").unwrap())
            .unwrap();
        assert_eq!(log.len(), 4096);
        let log = String::from_utf8(log).unwrap();
        let lines: Vec<_> = log.lines().collect();
        let [.., last, end, report] = lines[..] else {
            panic!("{log}")
        };
        assert_eq!(
            (last, end),
            ("line 0399", format!("END RequestId: {id}").as_str())
        );
        assert!(
            report.starts_with(&format!("REPORT RequestId: {id}\tDuration: ")),
            "{report}"
        );
    }
    server.stop("-INT").success();
}
