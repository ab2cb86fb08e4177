//! A check that a text is well-formed XML, as far as this project's SVG uses it.

/// Panics with the place of the first mistake.
pub fn assert_well_formed(name: &str, text: &str) {
    let mut open: Vec<&str> = Vec::new();
    let mut rest = text.trim_start_matches("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    let mut has_root = false;
    while let Some(start) = rest.find('<') {
        assert_entities(name, &rest[..start]);
        let end = rest[start..].find('>').unwrap_or_else(|| panic!("{name}: a tag does not end")) + start;
        let tag = &rest[start + 1..end];
        assert!(!tag.contains('<'), "{name}: `<` in a tag: {tag}");
        if let Some(closed) = tag.strip_prefix('/') {
            assert_eq!(open.pop(), Some(closed), "{name}: closes what is not open");
        } else {
            let element = tag.split([' ', '/', '\n']).next().unwrap();
            assert!(!open.is_empty() || !has_root, "{name}: two roots");
            has_root = true;
            assert_attributes(name, tag.trim_end_matches('/')[element.len()..].trim());
            if !tag.ends_with('/') {
                open.push(element);
            }
        }
        rest = &rest[end + 1..];
    }
    assert!(open.is_empty(), "{name}: left open: {open:?}");
    assert!(has_root && rest.trim().is_empty(), "{name}: text after the end");
}

fn assert_attributes(name: &str, mut text: &str) {
    while !text.is_empty() {
        let (key, after) = text.split_once("=\"").unwrap_or_else(|| panic!("{name}: no value: {text}"));
        assert!(!key.is_empty() && !key.contains([' ', '"']), "{name}: bad attribute {key}");
        let (value, after) = after.split_once('"').unwrap_or_else(|| panic!("{name}: open quote: {text}"));
        assert_entities(name, value);
        text = after.trim();
    }
}

fn assert_entities(name: &str, text: &str) {
    for piece in text.split('&').skip(1) {
        let known = ["amp;", "lt;", "gt;", "quot;", "apos;"];
        assert!(known.iter().any(|entity| piece.starts_with(entity)), "{name}: bare & before {piece}");
    }
}
