//! Layers of the template, and what else is mounted: order, links, paths of every kind, engines that see no files.

use std::fmt::Write as _;
use std::fs;
use std::io::Write;
use std::os::unix::fs::symlink;
use std::path::Path;

use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use crate::support::{Project, project::bootstrap};

fn with_layers(project: Project, layers: &[(&str, &str)]) -> Project {
    let mut template = project.read("template.yaml");
    let names: Vec<_> = layers
        .iter()
        .map(|(name, _)| format!("!Ref {name}"))
        .collect();
    let _ = writeln!(template, "      Layers: [{}]", names.join(", "));
    for (name, content) in layers {
        let _ = write!(
            template,
            "  {name}:\n    Type: AWS::Serverless::LayerVersion\n    Properties: {{ContentUri: '{content}'}}\n"
        );
    }
    project.file("template.yaml", &template)
}

fn zipped(path: &Path, files: &[(&str, &str)]) {
    let mut writer = ZipWriter::new(fs::File::create(path).unwrap());
    for (name, text) in files {
        writer
            .start_file(*name, SimpleFileOptions::default())
            .unwrap();
        writer.write_all(text.as_bytes()).unwrap();
    }
    writer.finish().unwrap();
}

#[test]
fn layers_lie_over_each_other_in_their_order() {
    let code = "import one, both, zipped, os\ndef handler(event, context):\n    return [one.NAME, both.NAME, zipped.NAME, sorted(os.listdir('/opt'))]\n";
    let project = Project::python(code)
        .file("a/python/one.py", "NAME = 'one'\n")
        .file("a/python/both.py", "NAME = 'a'\n")
        .file("b/python/both.py", "NAME = 'b'\n")
        .file("b/data.txt", "x");
    zipped(
        &project.path().join("c.zip"),
        &[(
            "python/lib/python3.11/site-packages/zipped.py",
            "NAME = 'zip'\n",
        )],
    );
    let project = with_layers(project, &[("A", "a"), ("B", "b"), ("C", "c.zip")]);
    let output = project.invoke(&["Hello"]).success();
    assert_eq!(
        output.json(),
        serde_json::json!(["one", "b", "zip", ["data.txt", "python"]])
    );
    for line in [
        "A is a local Layer in the template",
        "B is a local Layer in the template",
    ] {
        assert!(output.stderr.contains(line), "{}", output.stderr);
    }
    let project = project.file("b/python/both.py", "NAME = 'changed'\n");
    assert_eq!(project.invoke(&["Hello"]).success().json()[1], "changed");
    let copied = project
        .invoke(&["Hello", "--transport", "archive"])
        .success();
    assert_eq!(copied.json()[1], "changed");
}

#[test]
fn each_runtime_finds_what_layers_bring() {
    let node =
        Project::nodejs("import tool from 'tool';\nexport const handler = async () => tool;")
            .file("src/package.json", "{}")
            .file(
                "l/nodejs/node_modules/tool/index.js",
                "module.exports = 'found';",
            );
    // Modules in Node.js's newer form are found beside the code only, so this is in the older one.
    let node = node.file(
        "src/index.js",
        "exports.handler = async () => require('tool');",
    );
    fs::remove_file(node.path().join("src/index.mjs")).unwrap();
    let node = with_layers(node, &[("L", "l")]);
    assert_eq!(node.invoke(&["Hello"]).success().json(), "found");

    let binary = Project::python("import subprocess\ndef handler(event, context):\n    return subprocess.check_output(['mytool']).decode()\n")
        .file("l/bin/mytool", "#!/bin/sh\necho from the layer\n");
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    fs::set_permissions(binary.path().join("l/bin/mytool"), mode).unwrap();
    let binary = with_layers(binary, &[("L", "l")]);
    assert_eq!(
        binary.invoke(&["Hello"]).success().json(),
        "from the layer\n"
    );

    let provided = Project::new()
        .function("provided.al2023", "any", 10)
        .file("src/.keep", "")
        .file("l/.keep", "");
    fs::copy(bootstrap(), provided.path().join("l/bootstrap")).unwrap();
    let provided = with_layers(provided, &[("L", "l")]);
    let output = provided.invoke_with_input(&["Hello", "-e", "-"], b"{\"do\": \"echo\"}");
    assert!(output.success().stdout.contains("echo"));
}

#[test]
fn a_layer_that_is_not_there_is_told_with_its_place() {
    let project = with_layers(
        Project::python("def handler(event, context): return 1\n"),
        &[("Tools", "nowhere")],
    );
    let output = project.invoke(&["Hello"]);
    let output = output.failure(1, "Local code path '");
    assert!(
        output.stderr.contains("of layer Tools") && output.stderr.contains("template.yaml:"),
        "{}",
        output.stderr
    );
}

#[test]
fn layers_come_through_nested_stacks_too() {
    let parent = "
Resources:
  Tools: {Type: AWS::Serverless::LayerVersion, Properties: {ContentUri: tools}}
  Child:
    Type: AWS::Serverless::Application
    Properties: {Location: child/template.yaml, Parameters: {Layer: !Ref Tools}}
";
    let child = "
Parameters: {Layer: {Type: String}}
Resources:
  Hello:
    Type: AWS::Serverless::Function
    Properties: {CodeUri: src, Handler: app.handler, Runtime: python3.11, Layers: [!Ref Layer]}
";
    let project = Project::new()
        .file("template.yaml", parent)
        .file("child/template.yaml", child)
        .file(
            "child/src/app.py",
            "import tools\ndef handler(event, context):\n    return tools.NAME\n",
        )
        .file("tools/python/tools.py", "NAME = 'of the parent'\n");
    assert_eq!(project.invoke(&["Hello"]).success().json(), "of the parent");
}

#[test]
fn links_of_the_code_are_followed_where_asked_for() {
    let code = "import os\ndef handler(event, context):\n    read = lambda name: open(name).read() if os.path.exists(name) else None\n\
                \x20   return [read(name) for name in ('shared/x', 'deep/er/x', 'node_modules/x', 'inner')]\n";
    let project = Project::python(code)
        .file("shared/x", "shared")
        .file("other/node_modules/x", "modules")
        .file("src/deep/.keep", "")
        .file("src/file", "inner");
    let link = |to: &Path, at: &str| symlink(to, project.path().join("src").join(at)).unwrap();
    link(&project.path().join("shared"), "shared");
    link(Path::new("../../shared"), "deep/er");
    link(Path::new("../other/node_modules"), "node_modules");
    link(Path::new("file"), "inner");
    for transport in ["auto", "archive"] {
        let arguments = ["Hello", "--transport", transport];
        let plain = project.invoke(&arguments).success();
        assert_eq!(
            plain.json(),
            serde_json::json!([null, null, "modules", "inner"]),
            "{transport}"
        );
        let text = "by default. Use --mount-symlinks to always mount symlinks in the container";
        assert_eq!(plain.stderr.matches(text).count(), 1, "{}", plain.stderr);
        let all = project
            .invoke(&[&arguments[..], &["--mount-symlinks"]].concat())
            .success();
        assert_eq!(
            all.json(),
            serde_json::json!(["shared", "shared", "modules", "inner"]),
            "{transport}"
        );
        assert!(
            all.stderr.contains("Mounting resolved symlink ("),
            "{}",
            all.stderr
        );
    }
}

#[test]
fn code_may_be_at_any_path() {
    let long = ["x".repeat(200).as_str(); 18].join("/");
    for name in [
        "with blanks",
        "co:lon",
        "com,ma",
        "üñí\u{1f600}",
        "quo'te\"s",
        "dollar$HOME",
        &long,
    ] {
        let project = Project::new().file(
            &format!("{name}/src/app.py"),
            "import tools\ndef handler(event, context):\n    return tools.NAME\n",
        );
        let template = "Resources:\n  Hello:\n    Type: AWS::Serverless::Function\n    Properties: {CodeUri: src, Handler: app.handler, \
                        Runtime: python3.11, Layers: [!Ref L]}\n  L: {Type: AWS::Serverless::LayerVersion, Properties: {ContentUri: layer}}\n";
        let project = project
            .file(&format!("{name}/template.yaml"), template)
            .file(&format!("{name}/layer/python/tools.py"), "NAME = 1\n");
        let path = format!("{name}/template.yaml");
        for transport in ["auto", "archive"] {
            let output = project.invoke(&["Hello", "-t", &path, "--transport", transport]);
            assert_eq!(output.success().json(), 1, "{name}");
        }
    }
}

#[test]
fn code_may_be_elsewhere_for_the_engine() {
    let project = Project::python("def handler(event, context):\n    return 'here'\n").file(
        "there/src/app.py",
        "def handler(event, context):\n    return 'there'\n",
    );
    let there = project.path().join("there").display().to_string();
    for arguments in [
        &["Hello", "-v", "there"][..],
        &["Hello", "--docker-volume-basedir", &there],
    ] {
        assert_eq!(project.invoke(arguments).success().json(), "there");
    }
    let mut command = project.command(&["local", "invoke", "Hello"]);
    let child = command
        .env("SAM_DOCKER_VOLUME_BASEDIR", &there)
        .spawn()
        .unwrap();
    assert_eq!(project.finish(child).success().json(), "there");
    let output = project.invoke(&["Hello", "-v", "/no/such/place"]);
    let output = output.failure(1, "");
    assert!(
        output.stderr.contains("/no/such/place/src"),
        "{}",
        output.stderr
    );
}

#[test]
fn more_than_five_layers_run_with_a_warning() {
    let project = Project::python("def handler(event, context):\n    return 1\n");
    let names: Vec<_> = (0..6)
        .map(|number| (format!("L{number}"), format!("l{number}")))
        .collect();
    for (_, directory) in &names {
        fs::create_dir(project.path().join(directory)).unwrap();
    }
    let layers: Vec<_> = names
        .iter()
        .map(|(name, path)| (name.as_str(), path.as_str()))
        .collect();
    let output = with_layers(project, &layers).invoke(&["Hello"]).success();
    assert!(
        output.stderr.contains("has 6 layers, and Lambda takes 5"),
        "{}",
        output.stderr
    );
}

#[test]
fn a_large_archive_is_unpacked_once_and_says_how_far_it_is() {
    let project = Project::python("").function("python3.11", "app.handler", 10);
    let template = project
        .read("template.yaml")
        .replace("CodeUri: src", "CodeUri: code.zip");
    let project = project.file("template.yaml", &template);
    let mut writer = ZipWriter::new(fs::File::create(project.path().join("code.zip")).unwrap());
    let options = SimpleFileOptions::default();
    writer.start_file("app.py", options).unwrap();
    writer
        .write_all(b"import os\ndef handler(event, context):\n    return len(os.listdir('many'))\n")
        .unwrap();
    for number in 0..40_000 {
        writer
            .start_file(format!("many/{number}"), options)
            .unwrap();
        writer.write_all(format!("{number}").as_bytes()).unwrap();
    }
    writer.finish().unwrap();
    let first = project.invoke(&["Hello"]).success();
    assert_eq!(first.json(), 40_000);
    let second = project.invoke(&["Hello", "--debug"]).success();
    assert_eq!(second.json(), 40_000);
    assert!(
        !second.stderr.contains("Decompressing:"),
        "{}",
        second.stderr
    );
}

/// The name of an entry, and a file's text or a link's target.
type Entry<'a> = (&'a str, Result<&'a str, &'a str>);

/// An archive that a hostile hand has made.
fn hostile(path: &Path, entries: &[Entry<'_>]) {
    let mut writer = ZipWriter::new(fs::File::create(path).unwrap());
    for (name, what) in entries {
        let options = SimpleFileOptions::default();
        match what {
            Ok(text) => {
                writer.start_file(*name, options).unwrap();
                writer.write_all(text.as_bytes()).unwrap();
            }
            Err(target) => writer.add_symlink(*name, *target, options).unwrap(),
        }
    }
    writer.finish().unwrap();
}

#[test]
fn hostile_archives_are_refused_before_anything_is_started() {
    let project = Project::python("");
    let template = project
        .read("template.yaml")
        .replace("CodeUri: src", "CodeUri: code.zip");
    let project = project.file("template.yaml", &template);
    let archive = project.path().join("code.zip");
    let long = "x/".repeat(2500);
    let many: Vec<_> = (0..200_001).map(|number| number.to_string()).collect();
    let many: Vec<_> = many.iter().map(|name| (name.as_str(), Ok(""))).collect();
    let cases: [(&str, &[Entry<'_>]); 9] = [
        ("up", &[("../x", Ok("x"))]),
        ("up in the middle", &[("a/../../x", Ok("x"))]),
        ("absolute link", &[("link", Err("/etc"))]),
        ("link out", &[("a/link", Err("../../x"))]),
        (
            "through a link",
            &[("d/a", Err("..")), ("d/a/d/a/b", Err("../../x"))],
        ),
        (
            "file below a link",
            &[("out", Err("sub")), ("out/x", Ok("x"))],
        ),
        ("link with a long target", &[("link", Err(&long))]),
        ("many entries", &many),
        ("file and directory", &[("a", Ok("x")), ("a/b", Ok("x"))]),
    ];
    for (name, entries) in cases {
        hostile(&archive, entries);
        let output = project.invoke(&["Hello"]);
        assert_eq!(
            (output.code, output.stdout.as_str()),
            (Some(1), ""),
            "{name}: {}",
            output.stderr
        );
        assert!(
            output.stderr.contains("Error: ") && !output.stderr.contains("SAM_CONTAINER_ID"),
            "{name}: {}",
            output.stderr
        );
    }
    // One that says less than it has, one that is cut short, and none.
    hostile(&archive, &[("app.py", Ok(&"x".repeat(100_000)))]);
    let whole = fs::read(&archive).unwrap();
    let mut damaged = whole.clone();
    damaged[60] ^= 0xff;
    for bytes in [&whole[..whole.len() / 2], &damaged, b"no archive"] {
        fs::write(&archive, bytes).unwrap();
        project
            .invoke(&["Hello"])
            .failure(1, "Failed to extract file from the zip file ");
    }
    assert!(!project.path().parent().unwrap().join("x").exists());
}
