//! A scenario as text with other variants: what `recommend` tries.

use serde_yaml::{Mapping, Value};

use super::assumed;
use super::locate::Index;
use super::overlay::{Setting, lengthen, merge, plain_keys};
use super::{Problems, Scenario, Source, parse};

/// An untyped scenario without variants; or one of its variants, as if it stood there alone.
#[derive(Clone, Debug)]
pub struct Draft {
    document: Value,
}

impl Draft {
    /// Of a text with changes as in [`parse`], which must accept it. `None`: there is no such variant.
    ///
    /// # Errors
    /// With everything that is wrong with the text.
    pub fn of(source: Source<'_>, sets: &[String], variant: Option<&str>) -> Result<Option<Draft>, Problems> {
        let scenario = parse(source, sets)?;
        if variant.is_some_and(|name| scenario.variants.iter().all(|variant| variant.name != name)) {
            return Ok(None);
        }
        let text = source.text.strip_prefix('\u{feff}').unwrap_or(source.text);
        let mut document = Index::read(text).map_or(Value::Null, |(index, _)| index.value());
        plain_keys(&mut document);
        // what was assumed is assumed anew
        let _ = assumed::take_out(&mut document);
        lengthen(&mut document);
        for setting in sets.iter().filter_map(|set| Setting::parse(set).ok()) {
            let _ = setting.apply(&mut document);
        }
        lengthen(&mut document);
        let mut take = |key: &str| document.as_mapping_mut().and_then(|map| map.shift_remove(key));
        let variants = take("variants");
        // one of those variants
        take("baseline");
        if let Some(patch) = variant.and_then(|name| variants.as_ref()?.get(name)) {
            let _ = merge(&mut document, patch);
            lengthen(&mut document);
        }
        Ok(Some(Draft { document }))
    }

    /// What the user wrote: nothing is filled in.
    pub fn document(&self) -> &Value {
        &self.document
    }

    /// Its text with these variants.
    pub fn with(&self, variants: &[(&str, &Value)]) -> String {
        let patches: Mapping = variants.iter().map(|(name, patch)| ((*name).into(), (*patch).clone())).collect();
        let mut document = self.document.clone();
        if let (Value::Mapping(map), false) = (&mut document, patches.is_empty()) {
            map.insert("variants".into(), Value::Mapping(patches));
        }
        serde_yaml::to_string(&document).expect("a scenario is plain data")
    }
}

impl Scenario {
    /// Names of the variants that are the same as the scenario as it stands.
    pub fn idle_variants(&self) -> Vec<&str> {
        self.variants.iter().filter(|variant| variant.file == self.file).map(|variant| variant.name.as_str()).collect()
    }
}

/// A value as users write it in one line: `{pods: {replicas: 4}}`; a mapping on top stands without its braces.
pub fn one_line(value: &Value) -> String {
    match value {
        Value::Mapping(map) => entries(map),
        other => flow(other),
    }
}

fn entries(map: &Mapping) -> String {
    map.iter().map(|(key, value)| format!("{}: {}", flow(key), flow(value))).collect::<Vec<_>>().join(", ")
}

fn flow(value: &Value) -> String {
    match value {
        Value::Mapping(map) => format!("{{{}}}", entries(map)),
        Value::Sequence(list) => format!("[{}]", list.iter().map(flow).collect::<Vec<_>>().join(", ")),
        // what means something inside of braces
        Value::String(text) if text.contains([',', '[', ']', '{', '}', ':', '#']) => format!("{text:?}"),
        other => serde_yaml::to_string(other).unwrap_or_default().trim().to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::NoFiles;

    const TEXT: &str = "
name: a
clients: {count: 9}
balancers: {nginx: {method: ip_hash}}
timeline: [{at: 1m, scale: {to: 5}}]
variants: {wide: {pods.replicas: 9}, other: {}}
";

    fn draft(sets: &[&str], variant: Option<&str>) -> Option<Draft> {
        let sets: Vec<String> = sets.iter().map(|set| (*set).to_owned()).collect();
        Draft::of(Source { name: "a.yaml", text: TEXT, folder: &NoFiles }, &sets, variant).unwrap()
    }

    fn read(text: &str) -> Scenario {
        parse(Source { name: "b.yaml", text, folder: &NoFiles }, &[]).unwrap_or_else(|problems| panic!("{problems}"))
    }

    #[test]
    fn a_draft_is_the_scenario_with_its_changes_and_one_variant() {
        let scenario = read(&draft(&["duration=5m", "variants.wide.pods.cpu=2"], Some("wide")).unwrap().with(&[]));
        assert_eq!(scenario.base.pods.replicas, 9);
        assert_eq!(scenario.base.pods.cpu, 2.0);
        assert_eq!(scenario.base.duration, crate::engine::Span::from_secs(300));
        assert!(scenario.variants.is_empty());
        assert!(draft(&[], Some("narrow")).is_none());
    }

    #[test]
    fn patches_become_variants_and_what_changes_nothing_is_told() {
        let patch = |text: &str| serde_yaml::from_str::<Value>(text).unwrap();
        let (same, more) =
            (patch("{balancers: {nginx: {method: ip_hash}}}"), patch("{timeline: {'0': {scale: {to: 6}}}}"));
        let scenario = read(&draft(&[], None).unwrap().with(&[("same", &same), ("more", &more)]));
        assert_eq!(scenario.idle_variants(), ["same"]);
    }

    #[test]
    fn what_is_shown_can_be_written() {
        for (text, line) in [
            (
                "{balancers: {nginx: {method: hash $arg_room consistent}}}",
                "balancers: {nginx: {method: hash $arg_room consistent}}",
            ),
            ("{timeline: {'0': {scale: {to: 6}}}}", "timeline: {'0': {scale: {to: 6}}}"),
            ("{a: 'x, y', b: null, c: [1, true]}", "a: \"x, y\", b: null, c: [1, true]"),
        ] {
            let value: Value = serde_yaml::from_str(text).unwrap();
            assert_eq!(one_line(&value), line);
            assert_eq!(serde_yaml::from_str::<Value>(&format!("{{{line}}}")).unwrap(), value);
        }
    }
}
