//! Names that may have been meant by one that is not known.

/// Most names that are worth offering.
const MAX: usize = 3;

/// The known names that are similar enough to have been meant, the most similar first.
pub fn names<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Vec<&'a str> {
    let lower = word.to_lowercase();
    let bound = word.chars().count().max(3) / 3;
    let mut near: Vec<_> = known
        .into_iter()
        .map(|name| {
            let distance = strsim::damerau_levenshtein(&lower, &name.to_lowercase());
            (distance, name)
        })
        .filter(|(distance, _)| *distance <= bound)
        .collect();
    near.sort_by_key(|(distance, _)| *distance);
    near.dedup();
    near.into_iter().map(|(_, name)| name).take(MAX).collect()
}

/// The known name that was most likely meant.
pub fn name<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    names(word, known).into_iter().next()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_is_first_and_the_distant_is_none() {
        let known = ["--event", "--env", "--no-event", "--debug"];
        assert_eq!(names("--evnt", known), ["--event", "--env"]);
        assert_eq!(name("--Debgu", known), Some("--debug"));
        assert_eq!(name("--region", known), None);
        assert_eq!(name("", ["", "a"]), Some(""));
    }
}
