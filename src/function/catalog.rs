//! The functions of a template, and the lookup of one by name.

use super::error::LookupError;
use crate::template::{Resource, Scope, Template};

/// The functions of a template.
#[derive(Debug)]
pub struct Catalog<'a> {
    functions: Vec<(&'a Resource, Option<String>)>,
}

impl<'a> Catalog<'a> {
    /// Lists the functions; their `FunctionName` is resolved, nothing else of them.
    #[must_use]
    pub fn new(template: &'a Template, scope: &Scope<'_>) -> Self {
        let functions = template
            .resources()
            .iter()
            .filter(|resource| resource.is_function());
        let named = |resource: &'a Resource| {
            let name = resource
                .property("FunctionName")
                .map(|node| scope.resolve(node));
            (resource, name.and_then(|name| name.scalar_text()))
        };
        Self {
            functions: functions.map(named).collect(),
        }
    }

    /// The function of a logical id or a `FunctionName`; without a name the only function there is.
    ///
    /// # Errors
    /// There is no such function, or no name and not exactly one function.
    pub fn find(&self, name: Option<&str>) -> Result<&'a Resource, LookupError> {
        let known = || {
            self.functions
                .iter()
                .map(|(resource, _)| resource.logical_id.clone())
                .collect::<Vec<_>>()
        };
        let Some(name) = name else {
            return match self.functions.as_slice() {
                [(only, _)] => Ok(only),
                _ => Err(LookupError::NotNamed { known: known() }),
            };
        };
        let by_id = self
            .functions
            .iter()
            .find(|(resource, _)| resource.logical_id == name);
        let by_name = || {
            self.functions
                .iter()
                .find(|(_, given)| given.as_deref() == Some(name))
        };
        if let Some((resource, _)) = by_id.or_else(by_name) {
            Ok(resource)
        } else {
            let known = known();
            let nearest = nearest(name, &known);
            Err(LookupError::NotFound {
                name: name.to_owned(),
                known,
                nearest,
            })
        }
    }
}

/// The most similar name, if one is similar enough to have been meant.
fn nearest(name: &str, known: &[String]) -> Option<String> {
    let lower = name.to_lowercase();
    let scored = known.iter().map(|candidate| {
        (
            strsim::damerau_levenshtein(&lower, &candidate.to_lowercase()),
            candidate,
        )
    });
    let (best, candidate) = scored.min_by_key(|(distance, _)| *distance)?;
    (best <= name.chars().count().max(3) / 3).then(|| candidate.clone())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::template::Overrides;

    const TEMPLATE: &str = "
Resources:
  Ratings: {Type: AWS::Serverless::Function}
  Orders: {Type: AWS::Lambda::Function, Properties: {FunctionName: shop-orders}}
  Table: {Type: AWS::DynamoDB::Table}
";

    fn find(text: &str, name: Option<&str>) -> Result<String, LookupError> {
        let template = Template::parse("t.yaml".into(), text).unwrap();
        let overrides = Overrides::new();
        let scope = Scope::new(&template, &overrides, "us-east-1", "1");
        Catalog::new(&template, &scope)
            .find(name)
            .map(|resource| resource.logical_id.clone())
    }

    #[test]
    fn a_function_is_found_by_either_name() {
        assert_eq!(find(TEMPLATE, Some("Ratings")).unwrap(), "Ratings");
        assert_eq!(find(TEMPLATE, Some("shop-orders")).unwrap(), "Orders");
        assert!(
            matches!(find(TEMPLATE, None), Err(LookupError::NotNamed { known }) if known.len() == 2)
        );
        assert_eq!(
            find("Resources: {A: {Type: AWS::Lambda::Function}}", None).unwrap(),
            "A"
        );
    }

    #[test]
    fn a_slip_of_the_finger_is_recognised() {
        let nearest = |name| match find(TEMPLATE, Some(name)) {
            Err(LookupError::NotFound { nearest, .. }) => nearest,
            other => panic!("{other:?}"),
        };
        assert_eq!(nearest("ratigns").as_deref(), Some("Ratings"));
        assert_eq!(nearest("Rating").as_deref(), Some("Ratings"));
        assert_eq!(nearest("Payments"), None);
        assert_eq!(nearest("Table"), None);
    }
}
