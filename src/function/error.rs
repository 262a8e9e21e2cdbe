//! Why there is no function to run.

/// A function that cannot be found.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LookupError {
    /// No function has the name.
    #[error("Function {name} not found in template")]
    NotFound {
        /// The name as it was given.
        name: String,
        /// Names that there are.
        known: Vec<String>,
        /// The most similar one.
        nearest: Option<String>,
    },
    /// No name was given, and there is not exactly one function.
    #[error(
        "You must provide a function logical ID when there are more than one functions in your template. Possible \
         options in your template: {}",
        python_list(known)
    )]
    NotNamed {
        /// Names that there are.
        known: Vec<String>,
    },
    /// What was given cannot be a name, in the service's words.
    #[error("{0}")]
    Invalid(String),
}

impl LookupError {
    /// A line for standard error ahead of the error, as SAM CLI prints it.
    #[must_use]
    pub fn preamble(&self) -> Option<String> {
        match self {
            Self::NotFound { name, known, .. } => Some(format!(
                "{name} not found. Possible options in your template: {}",
                python_list(known)
            )),
            Self::NotNamed { .. } | Self::Invalid(_) => None,
        }
    }

    /// What the user can do.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::NotFound { nearest, .. } => nearest
                .as_ref()
                .map(|nearest| format!("did you mean '{nearest}'?")),
            Self::NotNamed { known } => known
                .first()
                .map(|first| format!("name one: `sam-rs local invoke {first}`")),
            Self::Invalid(_) => None,
        }
    }
}

/// A list as SAM CLI prints it.
fn python_list(names: &[String]) -> String {
    let quoted: Vec<_> = names.iter().map(|name| format!("'{name}'")).collect();
    format!("[{}]", quoted.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_texts_are_those_that_people_search_for() {
        let known = vec!["A".to_owned(), "B".to_owned()];
        let error = LookupError::NotNamed {
            known: known.clone(),
        };
        assert!(
            error
                .to_string()
                .ends_with("Possible options in your template: ['A', 'B']")
        );
        let error = LookupError::NotFound {
            name: "X".into(),
            known,
            nearest: None,
        };
        assert_eq!(
            error.preamble().unwrap(),
            "X not found. Possible options in your template: ['A', 'B']"
        );
        assert_eq!(error.to_string(), "Function X not found in template");
    }
}
