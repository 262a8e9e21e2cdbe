//! The functions of an application, and the lookup of one by name.

use std::path::PathBuf;

use super::Runtime;
use super::error::LookupError;
use super::identifier::Identifier;
use crate::near;
use crate::template::{Application, Resource, Scope};

/// A function as the application declares it.
#[derive(Clone, Debug)]
pub struct Declared<'a> {
    /// The view from its stack.
    pub scope: Scope<'a>,
    /// What the template says.
    pub resource: &'a Resource,
    /// Its id with the stacks above it, with slashes.
    pub path: String,
    /// `FunctionName`, where the template sets it.
    pub name: Option<String>,
    /// Runtime instead of the template's.
    pub runtime: Option<Runtime>,
    /// Directory that code is in, instead of the template's: of the engine's machine, where it is another one.
    pub code_base: Option<PathBuf>,
}

/// The function that a name means.
#[derive(Debug)]
pub struct Found<'a> {
    /// The function.
    pub function: &'a Declared<'a>,
    /// The version or alias that was asked for.
    pub qualifier: Option<String>,
    /// Where several have the name, what to say of that.
    pub ambiguity: Option<String>,
}

/// The functions of an application.
#[derive(Debug)]
pub struct Catalog<'a> {
    functions: Vec<Declared<'a>>,
}

impl<'a> Catalog<'a> {
    /// Lists the functions; their `FunctionName` is resolved, nothing else of them.
    #[must_use]
    pub fn new(application: &'a Application) -> Self {
        let stacks = application.stacks().iter().enumerate();
        let functions = stacks.flat_map(|(index, stack)| {
            let scope = application.scope(index);
            let functions = stack
                .resources()
                .iter()
                .filter(|resource| resource.is_function());
            functions.map(move |resource| Declared::new(scope, resource))
        });
        Self {
            functions: functions.collect(),
        }
    }

    /// All of them, in the order of their stacks.
    #[must_use]
    pub fn functions(&self) -> &[Declared<'a>] {
        &self.functions
    }

    /// The function of a name; without one the only function there is.
    ///
    /// # Errors
    /// There is no such function, or no name and not exactly one function.
    pub fn find(&self, name: Option<&str>) -> Result<Found<'_>, LookupError> {
        let Some(text) = name else {
            return match self.functions.as_slice() {
                [only] => Ok(Found {
                    function: only,
                    qualifier: None,
                    ambiguity: None,
                }),
                _ => Err(LookupError::NotNamed {
                    known: self.paths(),
                }),
            };
        };
        let identifier = Identifier::parse(text).map_err(LookupError::Invalid)?;
        let name = identifier.name.as_str();
        let meant = meant(&self.functions, name);
        let Some(function) = meant.first() else {
            let known = self.paths();
            let nearest = near::name(name, known.iter().map(String::as_str)).map(str::to_owned);
            return Err(LookupError::NotFound {
                name: text.to_owned(),
                known,
                nearest,
            });
        };
        let several = meant.len() > 1;
        Ok(Found {
            function,
            qualifier: identifier.qualifier,
            ambiguity: several.then(|| ambiguity(name, &meant)),
        })
    }

    /// The functions, each by the name that nothing else has.
    #[must_use]
    pub fn paths(&self) -> Vec<String> {
        self.functions.iter().map(|one| one.path.clone()).collect()
    }
}

impl<'a> Declared<'a> {
    fn new(scope: Scope<'a>, resource: &'a Resource) -> Self {
        let stack = &scope.stack().path;
        let path = if stack.is_empty() {
            resource.id.clone()
        } else {
            format!("{stack}/{}", resource.id)
        };
        let name = resource.property("FunctionName");
        Self {
            scope,
            resource,
            path,
            name: name.and_then(|node| scope.resolve(node).scalar_text()),
            runtime: None,
            code_base: None,
        }
    }
}

/// Something that functions are found by.
pub(super) trait Names {
    /// The name that nothing else has.
    fn path(&self) -> &str;

    /// Whether this is one of its names.
    fn is(&self, name: &str) -> bool;
}

impl Names for Declared<'_> {
    fn path(&self) -> &str {
        &self.path
    }

    fn is(&self, name: &str) -> bool {
        let names = [&self.resource.id, &self.resource.logical_id];
        names.iter().any(|known| *known == name) || self.name.as_deref() == Some(name)
    }
}

/// What a name means, the first choice first: the one of that path, else all of that name.
pub(super) fn meant<'a, T: Names>(functions: &'a [T], name: &str) -> Vec<&'a T> {
    if let Some(whole) = functions.iter().find(|one| one.path() == name) {
        return vec![whole];
    }
    let mut meant: Vec<_> = functions.iter().filter(|one| one.is(name)).collect();
    meant.sort_by_key(|one| one.path().to_lowercase());
    meant
}

/// SAM CLI's words for a name that several have.
fn ambiguity(name: &str, meant: &[&Declared<'_>]) -> String {
    let mut text = format!(
        "Multiple functions found with keyword {name}! Function {} will be invoked! If it's not the function you are going \
         to invoke, please choose one of them from below:",
        meant[0].path
    );
    for one in meant {
        text.extend(["\n", &one.path]);
    }
    text
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::template::Surroundings;

    const TEMPLATE: &str = "
Resources:
  Ratings: {Type: AWS::Serverless::Function}
  Orders: {Type: AWS::Lambda::Function, Properties: {FunctionName: shop-orders}}
  Copy: {Type: AWS::Lambda::Function, Properties: {FunctionName: twice}}
  Other: {Type: AWS::Lambda::Function, Properties: {FunctionName: twice}}
  Table: {Type: AWS::DynamoDB::Table}
";

    fn find(text: &str, name: Option<&str>) -> Result<(String, Option<String>), LookupError> {
        let load = |_: &Path| Err(String::new());
        let application =
            Application::load(Path::new("t.yaml"), text, Surroundings::default(), &load).unwrap();
        let catalog = Catalog::new(&application);
        let found = catalog.find(name)?;
        Ok((found.function.path.clone(), found.ambiguity))
    }

    #[test]
    fn a_function_is_found_by_either_name() {
        let one = |name: &str| Ok((name.to_owned(), None));
        assert_eq!(find(TEMPLATE, Some("Ratings")), one("Ratings"));
        assert_eq!(find(TEMPLATE, Some("shop-orders:live")), one("Orders"));
        assert!(
            matches!(find(TEMPLATE, None), Err(LookupError::NotNamed { known }) if known.len() == 4)
        );
        let single = "Resources: {A: {Type: AWS::Lambda::Function}}";
        assert_eq!(find(single, None), one("A"));
        let (path, ambiguity) = find(TEMPLATE, Some("twice")).unwrap();
        assert_eq!(path, "Copy");
        assert!(ambiguity.unwrap().ends_with("from below:\nCopy\nOther"));
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
