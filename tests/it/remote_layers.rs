//! Layers of the service: found, downloaded, checked and kept, from a service on this machine that speaks both calls.

use std::io::{Cursor, Write};
use std::process::Child;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use sha2::{Digest, Sha256};
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use crate::support::http::{Asked, Service};
use crate::support::{Output, Project};

const ARN: &str = "arn:aws:lambda:eu-west-3:123456789012:layer:tools";
const CODE: &str = "import tools\ndef handler(event, context):\n    return tools.NAME\n";

fn archive(name: &str) -> Vec<u8> {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    writer
        .start_file("python/tools.py", SimpleFileOptions::default())
        .unwrap();
    writer
        .write_all(format!("NAME = '{name}'\n").as_bytes())
        .unwrap();
    writer.finish().unwrap().into_inner()
}

/// What the service does with a download.
#[derive(Clone, Copy, PartialEq)]
enum Manner {
    Well,
    Damaged,
    Slow,
}

/// The service: versions 1 to 8 are there, 9 is forbidden, others are not.
struct Layers {
    service: Arc<Mutex<Option<Service>>>,
    url: String,
}

impl Layers {
    fn start(manner: Manner) -> Self {
        let place: Arc<Mutex<Option<Service>>> = Arc::default();
        let known = Arc::clone(&place);
        let service = Service::start(move |asked| {
            let url = known.lock().unwrap().as_ref().map(Service::url);
            answer(asked, &url.unwrap_or_default(), manner)
        });
        let url = service.url();
        *place.lock().unwrap() = Some(service);
        Self {
            service: place,
            url,
        }
    }

    fn asked(&self, part: &str) -> usize {
        let asked = self.service.lock().unwrap().as_ref().unwrap().asked();
        asked
            .iter()
            .filter(|asked| asked.line.contains(part))
            .count()
    }
}

fn answer(asked: &Asked, url: &str, manner: Manner) -> (u16, String, Vec<u8>) {
    let plain = |status, text: &str| (status, String::new(), text.as_bytes().to_vec());
    if let Some(name) = asked.line.strip_prefix("GET /archive/") {
        if manner == Manner::Slow {
            std::thread::sleep(Duration::from_millis(1500));
        }
        let bytes = archive(if manner == Manner::Damaged {
            "other"
        } else {
            name
        });
        return (200, String::new(), bytes);
    }
    let signed = asked.header("authorization").unwrap_or_default();
    let (scope, query) = (
        "/eu-west-3/lambda/aws4_request",
        "/2018-10-31/layers?find=LayerVersion&Arn=",
    );
    if !signed.contains(scope) || !asked.line.contains(query) {
        return plain(400, &format!("{{\"message\": \"{}\"}}", asked.line));
    }
    let version = asked.line.rsplit("%3A").next().unwrap().to_owned();
    match version.as_str() {
        "9" => plain(
            403,
            "{\"__type\": \"AccessDeniedException\", \"message\": \"no\"}",
        ),
        version if version.parse::<u8>().is_ok_and(|number| number < 9) => {
            let archive = archive(version);
            let digest = BASE64_STANDARD.encode(Sha256::digest(&archive));
            let text = format!(
                "{{\"Content\": {{\"Location\": \"{url}/archive/{version}\", \"CodeSha256\": \"{digest}\", \"CodeSize\": {}}}}}",
                archive.len()
            );
            plain(200, &text)
        }
        _ => plain(
            404,
            "{\"__type\": \"ResourceNotFoundException\", \"message\": \"no such version\"}",
        ),
    }
}

fn project(versions: &[&str]) -> Project {
    let project = Project::python(CODE);
    let layers: Vec<_> = versions
        .iter()
        .map(|version| format!("'{ARN}:{version}'"))
        .collect();
    let template =
        project.read("template.yaml") + &format!("      Layers: [{}]\n", layers.join(", "));
    project.file("template.yaml", &template)
}

fn start(project: &Project, layers: &Layers, arguments: &[&str], keys: bool) -> Child {
    let mut command = project.command(&[&["local", "invoke", "Hello"], arguments].concat());
    command.env("AWS_ENDPOINT_URL_LAMBDA", &layers.url);
    if keys {
        command
            .env("AWS_ACCESS_KEY_ID", "k")
            .env("AWS_SECRET_ACCESS_KEY", "s");
    }
    command.spawn().unwrap()
}

fn run(project: &Project, layers: &Layers, arguments: &[&str], keys: bool) -> Output {
    project.finish(start(project, layers, arguments, keys))
}

#[test]
fn a_layer_is_downloaded_once_and_kept() {
    let (project, layers) = (project(&["1"]), Layers::start(Manner::Well));
    let first = run(&project, &layers, &[], true).success();
    assert_eq!(first.json(), "1");
    assert!(
        first.stderr.contains(&format!("Downloading {ARN}\n")),
        "{}",
        first.stderr
    );
    let second = run(&project, &layers, &["--region", "us-west-1"], false).success();
    assert_eq!(second.json(), "1");
    let text = format!("{ARN}:1 is already cached. Skipping download\n");
    assert!(second.stderr.contains(&text), "{}", second.stderr);
    assert_eq!(
        (layers.asked("/layers?"), layers.asked("/archive/")),
        (1, 1)
    );
    assert!(project.home().join(".aws-sam/layers-pkg").is_dir());
    run(
        &project,
        &layers,
        &["--force-image-build", "--skip-pull-image"],
        true,
    )
    .success();
    assert_eq!(layers.asked("/archive/"), 2);
    run(&project, &layers, &["--layer-cache-basedir", "mine"], true).success();
    assert!(project.path().join("mine").is_dir());
}

#[test]
fn what_cannot_be_had_is_told_in_known_words() {
    let layers = Layers::start(Manner::Well);
    let error = |version: &str, keys, words: &str| {
        run(&project(&[version]), &layers, &[], keys).failure(1, words);
    };
    error(
        "1",
        false,
        "Layers require credentials to download the layers locally.",
    );
    error(
        "9",
        true,
        "Credentials provided are missing lambda:Getlayerversion policy",
    );
    error("10", true, &format!("{ARN}:10 was not found."));
    error("x", true, &format!("{ARN}:x is an Invalid Layer Arn."));
    let damaged = Layers::start(Manner::Damaged);
    let project = project(&["1"]);
    let words = format!("the archive of {ARN}:1 is not what the service says it is");
    run(&project, &damaged, &[], true).failure(1, &words);
    // Nothing of it stays.
    assert_eq!(run(&project, &layers, &[], true).success().json(), "1");
    let nowhere = Layers {
        url: "http://127.0.0.1:9".to_owned(),
        service: Arc::default(),
    };
    let words = format!("{ARN}:2 cannot be downloaded: ");
    run(&self::project(&["2"]), &nowhere, &[], true).failure(1, &words);
}

#[test]
fn runs_at_the_same_time_share_a_download() {
    let (project, layers) = (project(&["2"]), Layers::start(Manner::Slow));
    let runs: Vec<_> = (0..4)
        .map(|_| start(&project, &layers, &[], true))
        .collect();
    let outputs: Vec<_> = runs
        .into_iter()
        .map(|run| run.wait_with_output().unwrap())
        .collect();
    for output in &outputs {
        assert_eq!(
            output.stdout,
            b"\"2\"",
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
    }
    assert_eq!(layers.asked("/archive/"), 1);
    let waited = outputs.iter().filter(|output| {
        String::from_utf8_lossy(&output.stderr)
            .contains(&format!("Another run downloads {ARN}:2, waiting"))
    });
    assert_eq!(waited.count(), 3);
}

#[test]
fn a_download_that_was_cut_short_is_made_anew() {
    let (project, layers) = (project(&["3"]), Layers::start(Manner::Slow));
    let mut child = start(&project, &layers, &[], true);
    std::thread::sleep(Duration::from_millis(700));
    child.kill().unwrap();
    child.wait().unwrap();
    let output = run(&project, &layers, &[], true).success();
    assert_eq!((output.json(), layers.asked("/archive/")), ("3".into(), 2));
}
