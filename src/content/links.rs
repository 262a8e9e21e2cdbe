//! Links in a directory that lead out of it: inside a sandbox they lead to nothing, unless what they lead to is there too.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// The name of what is followed always, as in SAM CLI: package managers link it.
const ALWAYS: &str = "node_modules";

/// A link that leads out of its directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// Where it is, below the directory.
    pub inside: PathBuf,
    /// Where it leads.
    pub target: PathBuf,
}

impl Link {
    /// Whether it is followed without being asked for.
    #[must_use]
    pub fn is_always_followed(&self) -> bool {
        self.target.file_name().is_some_and(|name| name == ALWAYS)
    }
}

/// The links of a directory that lead out of it: those at its top, or all. One that leads to nothing, or to what cannot be
/// read, is none.
///
/// # Errors
/// A directory cannot be read.
pub fn links(directory: &Path, all: bool) -> io::Result<Vec<Link>> {
    let whole = fs::canonicalize(directory)?;
    let mut found = Vec::new();
    gather(&whole, &whole, all, &mut found)?;
    found.sort_by(|one, other| one.inside.cmp(&other.inside));
    Ok(found)
}

fn gather(root: &Path, directory: &Path, all: bool, found: &mut Vec<Link>) -> io::Result<()> {
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        let kind = entry.file_type()?;
        if kind.is_dir() && all {
            gather(root, &entry.path(), all, found)?;
        } else if kind.is_symlink()
            && let Ok(target) = fs::canonicalize(entry.path())
            && !target.starts_with(root)
            && let Ok(inside) = entry.path().strip_prefix(root)
        {
            let inside = inside.to_owned();
            found.push(Link { inside, target });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn only_what_leads_out_is_found() {
        let home = tempfile::tempdir().unwrap();
        let home = fs::canonicalize(home.path()).unwrap();
        for name in ["code/deep", "shared", "other/node_modules"] {
            fs::create_dir_all(home.join(name)).unwrap();
        }
        let link = |to: &str, at: &str| symlink(to, home.join("code").join(at)).unwrap();
        link("deep", "within");
        link("../shared", "out");
        link("../other/node_modules", "modules");
        link("../nothing", "broken");
        link("../../shared", "deep/out");
        let inside = |all| {
            let found = links(&home.join("code"), all).unwrap();
            let names = found.iter().map(|link| {
                let always = if link.is_always_followed() { "!" } else { "" };
                format!("{}{always}", link.inside.display())
            });
            names.collect::<Vec<_>>().join(" ")
        };
        assert_eq!(inside(false), "modules! out");
        assert_eq!(inside(true), "deep/out modules! out");
    }
}
