//! `--save-params`: what the command line said becomes the configuration, with the file's comments and order kept.

use std::path::{Path, PathBuf};

use toml_edit::{Array, DocumentMut, Item, Table, Value, value};

use super::{SettingsError, samconfig};
use crate::cli::{CommonArgs, Given};
use crate::env::Env;

/// What is to be saved, and where.
#[derive(Clone, Debug)]
pub struct Save {
    path: PathBuf,
    environment: String,
    command: &'static str,
    given: Vec<Given>,
    region: String,
}

impl Save {
    /// What the arguments ask to be saved; none where they do not.
    ///
    /// # Errors
    /// The file is not of the one format that is written.
    pub(super) fn of(
        args: &CommonArgs,
        command: &'static str,
        region: &str,
        env: &Env,
    ) -> Result<Option<Self>, SettingsError> {
        if !args.config.save_params {
            return Ok(None);
        }
        let template = args.template.template.as_deref().and_then(Path::parent);
        let directory = env.directory.join(template.unwrap_or(Path::new("")));
        let named = args.config.config_file.as_deref();
        let there = |name: &&&str| directory.join(name).exists();
        let usual = samconfig::NAMES.iter().find(there);
        let usual = usual.unwrap_or(&samconfig::NAMES[0]);
        let path = directory.join(named.unwrap_or(Path::new(usual)));
        if path.extension().is_none_or(|extension| extension != "toml") {
            return Err(SettingsError::Unsupported(
                "--save-params writes TOML only, and the configuration is in another format: name a file that ends in `.toml` with \
                 --config-file",
            ));
        }
        let environment = args.config.config_env.as_deref();
        Ok(Some(Self {
            path,
            environment: environment.unwrap_or(samconfig::DEFAULT).to_owned(),
            command,
            given: args.given.clone(),
            region: region.to_owned(),
        }))
    }

    /// Writes the file, and says what was written.
    ///
    /// # Errors
    /// The file cannot be read or written, or is no TOML.
    pub fn write(&self) -> Result<String, SettingsError> {
        let path = &self.path;
        let unreadable = |source| SettingsError::Unreadable {
            path: path.clone(),
            source,
        };
        let text = match std::fs::read_to_string(path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
            text => text.map_err(unreadable)?,
        };
        // What editors of another system write stays as it is.
        let bare = text.trim_start_matches('\u{feff}');
        let wrong = |reason| SettingsError::Save(format!("{}: {reason}", path.display()));
        let mut saved = self.over(bare).map_err(wrong)?;
        if bare.contains("\r\n") {
            saved = saved.replace("\r\n", "\n").replace('\n', "\r\n");
        }
        saved.insert_str(0, &text[..text.len() - bare.len()]);
        std::fs::write(path, saved).map_err(unreadable)?;
        let told = self
            .given
            .iter()
            .map(|given| format!("'{}': {}", given.key, shown(given)));
        let told = told.collect::<Vec<_>>().join(", ");
        Ok(format!(
            "Saved parameters to config file '{}' under environment '{}': {{{told}}}",
            path.file_name().unwrap_or_default().to_string_lossy(),
            self.environment
        ))
    }

    fn over(&self, text: &str) -> Result<String, String> {
        let mut document: DocumentMut = text.parse().map_err(|error| format!("{error}"))?;
        if !document.contains_key("version") {
            document.insert("version", value(0.1));
        }
        let own = section(&mut document, &self.environment, self.command)?;
        for given in &self.given {
            put(own, &given.key, written(given));
        }
        let global = section(&mut document, &self.environment, "global")?;
        put(global, "region", self.region.as_str().into());
        Ok(document.to_string())
    }
}

/// The table of a command's parameters, made where it is missing; only the innermost is shown with a head.
fn section<'a>(
    document: &'a mut DocumentMut,
    environment: &str,
    command: &str,
) -> Result<&'a mut Table, String> {
    let mut table = document.as_table_mut();
    for (depth, name) in [environment, command, "parameters"].into_iter().enumerate() {
        let below = table.entry(name).or_insert_with(|| {
            let mut made = Table::new();
            made.set_implicit(depth < 2);
            Item::Table(made)
        });
        // A table may be written on one line.
        if let Item::Value(Value::InlineTable(inline)) = below {
            *below = Item::Table(std::mem::take(inline).into_table());
        }
        table = below
            .as_table_mut()
            .ok_or_else(|| format!("'{name}' is not a table"))?;
    }
    Ok(table)
}

/// Sets a value, with the comments of the one that was there.
fn put(table: &mut Table, key: &str, mut new: Value) {
    match table.get_mut(key).and_then(Item::as_value_mut) {
        Some(old) => {
            *new.decor_mut() = old.decor().clone();
            *old = new;
        }
        None => _ = table.insert(key, Item::Value(new)),
    }
}

fn written(given: &Given) -> Value {
    match given.values.as_slice() {
        [] => true.into(),
        [one] if !given.list || given.key == "event" => one.into(),
        many => Value::Array(many.iter().collect::<Array>()),
    }
}

/// Settings whose values may be secrets.
const SECRET: [&str; 4] = [
    "env",
    "parameter_overrides",
    "client_context",
    "cognito_identity",
];

/// As Python shows it, which is what people compare with.
fn shown(given: &Given) -> String {
    if SECRET.contains(&given.key.as_str()) {
        return "'***'".to_owned();
    }
    let quoted = |text: &String| format!("'{text}'");
    match given.values.as_slice() {
        [] => "True".to_owned(),
        [one] if !given.list || given.key == "event" => quoted(one),
        many => format!(
            "[{}]",
            many.iter().map(quoted).collect::<Vec<_>>().join(", ")
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_in_the_file_stays() {
        let given = |key: &str, values: &[&str], list| Given {
            key: key.to_owned(),
            values: values.iter().map(|value| (*value).to_owned()).collect(),
            list,
        };
        let save = Save {
            path: "samconfig.toml".into(),
            environment: "dev".to_owned(),
            command: "local_invoke",
            given: vec![
                given("event", &["e.json"], false),
                given("parameter_overrides", &["A=1"], true),
                given("skip_pull_image", &[], false),
            ],
            region: "eu-west-1".to_owned(),
        };
        let made = save.over("").unwrap();
        let expected = "version = 0.1\n\n[dev.local_invoke.parameters]\nevent = \"e.json\"\nparameter_overrides = [\"A=1\"]\n\
                        skip_pull_image = true\n\n[dev.global.parameters]\nregion = \"eu-west-1\"\n";
        assert_eq!(made, expected);
        let file = "# ours\nversion = 0.2\n[dev.local_invoke.parameters]\n# why\nevent = \"old\" # here\nother = 1\n";
        let saved = save.over(file).unwrap();
        assert!(saved.starts_with(
            "# ours\nversion = 0.2\n[dev.local_invoke.parameters]\n# why\nevent = \"e.json\" # here\n"
        ));
        assert!(
            saved.contains("other = 1\n") && saved.contains("[dev.global.parameters]\nregion"),
            "{saved}"
        );
        assert!(
            save.over("dev = 1")
                .unwrap_err()
                .contains("'dev' is not a table")
        );
    }
}
