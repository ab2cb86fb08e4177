//! Words for messages: the name that was meant, and text that is fit to be shown.

/// Longest word that is compared, in bytes.
const LONGEST: usize = 256;

/// The accepted name nearest to `word`, if any is near enough to be meant.
pub fn nearest<'a>(word: &str, names: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    // no slip of a name, and slow to compare
    if word.len() > LONGEST {
        return None;
    }
    let word = word.to_lowercase();
    let score = |name: &str| strsim::damerau_levenshtein(&word, &name.to_lowercase());
    names
        .into_iter()
        .map(|name| (score(name), name))
        .filter(|(distance, name)| {
            let longer = word.chars().count().max(name.chars().count());
            *distance <= (longer / 3).max(1) || (word.len() >= 4 && name.contains(&word))
        })
        .min()
        .map(|(_, name)| name)
}

/// Somebody's text in a message: one line, no control characters, not endless.
pub fn readable(text: &str) -> String {
    const MOST_CHARS: usize = 400;
    let mut out: String = text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).take(MOST_CHARS).collect();
    if text.chars().count() > MOST_CHARS {
        out.push('…');
    }
    out
}
