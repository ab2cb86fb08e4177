//! Files → objects: what each document is, and what is refused with a reason.

use std::borrow::Cow;
use std::rc::Rc;

use super::finding::{Code, Findings};
use super::object::Object;
use super::tree::{self, Node};

/// Longest file, in bytes.
pub const MAX_FILE_BYTES: usize = 16 << 20;
/// Most objects of all files together.
const MAX_OBJECTS: usize = 10_000;
/// Most bytes of all files together.
const MAX_TOTAL_BYTES: usize = 64 << 20;

/// A file, or what came by standard input.
#[derive(Clone, Debug)]
pub struct File {
    /// As it stands in messages and comments.
    pub name: String,
    /// What it holds.
    pub bytes: Vec<u8>,
    /// True when the user named it; false when it was found in a folder, where other things may lie as well.
    pub named: bool,
}

/// Why nothing can be made of the files: sentences with the place and what to do instead.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Refusal(pub(super) String);

/// What the files hold.
#[derive(Debug, Default)]
pub(super) struct Inputs {
    /// Kubernetes objects in the order of the files.
    pub objects: Vec<Object>,
    /// CloudFormation templates.
    pub templates: Vec<Object>,
    /// Load balancers of Cloudflare.
    pub cloudflare: Vec<Object>,
    /// nginx configurations.
    pub nginx: Vec<(Rc<str>, String)>,
    /// What was not read, with the reason.
    pub skipped: Vec<String>,
}

/// Reads all files.
pub(super) fn read(files: &[File], findings: &mut Findings) -> Result<Inputs, Refusal> {
    if files.is_empty() {
        return Err(Refusal("there is no manifest: no file ends in `.yaml`, `.yml`, `.json` or `.conf`".to_owned()));
    }
    let total: usize = files.iter().map(|file| file.bytes.len()).sum();
    if total > MAX_TOTAL_BYTES {
        let (total, most) = (total >> 20, MAX_TOTAL_BYTES >> 20);
        return Err(Refusal(format!("the files have {total} MiB together, more than {most}: name fewer of them")));
    }
    let mut inputs = Inputs::default();
    for file in files {
        inputs.file(file)?;
    }
    if inputs.is_empty() {
        return Err(nothing(&inputs));
    }
    if inputs.objects.len() > MAX_OBJECTS {
        let n = inputs.objects.len();
        return Err(Refusal(format!(
            "the files hold {n} objects, more than {MAX_OBJECTS}: name those that belong together"
        )));
    }
    inputs.drop_duplicates(findings);
    Ok(inputs)
}

fn nothing(inputs: &Inputs) -> Refusal {
    let found: Vec<&str> = inputs.skipped.iter().map(String::as_str).take(8).collect();
    let found = if found.is_empty() { String::new() } else { format!("\nFound: {}", found.join("; ")) };
    Refusal(format!(
        "there is nothing to import: no workload, Service, Ingress or route, no CloudFormation target group, no \
         Cloudflare load balancer and no nginx `upstream`{found}"
    ))
}

/// What a line break or an escape sequence in a file's name would do to comments and terminals.
fn shown(name: &str) -> String {
    name.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}

impl Inputs {
    fn is_empty(&self) -> bool {
        self.objects.is_empty() && self.templates.is_empty() && self.cloudflare.is_empty() && self.nginx.is_empty()
    }

    fn file(&mut self, file: &File) -> Result<(), Refusal> {
        let name: Rc<str> = shown(&file.name).into();
        let refuse = |what: &str| Err(Refusal(format!("`{name}` {what}")));
        if file.bytes.len() > MAX_FILE_BYTES {
            return refuse(&format!("has more than {} MiB; name the part that matters", MAX_FILE_BYTES >> 20));
        }
        let Ok(text) = std::str::from_utf8(&file.bytes) else {
            return refuse("is not text in UTF-8; manifests are YAML or JSON");
        };
        if text.contains('\0') {
            return refuse("holds bytes that no text has; manifests are YAML or JSON");
        }
        let text = text.trim_start_matches('\u{feff}');
        if text.trim().is_empty() {
            if file.named {
                return refuse("is empty");
            }
            self.skipped.push(format!("`{name}` is empty"));
            return Ok(());
        }
        let last = name.rsplit(['/', '\\']).next().unwrap_or(&name).to_ascii_lowercase();
        if ["chart.yaml", "chart.yml"].contains(&last.as_str()) {
            return refuse(HELM);
        }
        if ["kustomization.yaml", "kustomization.yml"].contains(&last.as_str()) {
            return refuse(KUSTOMIZE);
        }
        // in a folder lie other files with these endings as well
        let other = !file.named && (last.ends_with(".json") || last.ends_with(".conf"));
        if other && last.ends_with(".conf") && !text.contains("upstream") {
            self.skipped.push(format!("`{name}` has no `upstream`"));
            return Ok(());
        }
        if last.ends_with(".conf") || is_nginx(text) {
            self.nginx.push((name, text.to_owned()));
            return Ok(());
        }
        let template = template_line(text);
        if let Some(line) = template {
            return Err(Refusal(format!("{name}:{line}: {HELM_TEMPLATE}")));
        }
        // JSON may be indented by tabs, and has none inside of its texts
        let json = text.trim_start().starts_with(['{', '[']) && text.contains('\t');
        let text = if json { Cow::Owned(text.replace('\t', " ")) } else { Cow::Borrowed(text) };
        let documents = match tree::read(&text) {
            Ok(documents) => documents,
            Err(_) if other => {
                self.skipped.push(format!("`{name}` is no manifest"));
                return Ok(());
            }
            Err(fault) => {
                let tabs = text.lines().any(|line| line.starts_with('\t'));
                let help =
                    if tabs { "YAML forbids tabs for indentation" } else { "check the indentation and the quotes" };
                return Err(Refusal(format!("{name}:{}: {}; {help} around here", fault.line, fault.message)));
            }
        };
        if documents.is_empty() {
            self.skipped.push(format!("`{name}` holds nothing but comments"));
        }
        for document in documents {
            self.document(&name, document)?;
        }
        Ok(())
    }

    fn document(&mut self, file: &Rc<str>, node: Rc<Node>) -> Result<(), Refusal> {
        let (api, kind) = (node.text_at("apiVersion"), node.text_at("kind"));
        if let (Some(api), Some(kind)) = (api, kind) {
            if api.starts_with("kustomize.config.k8s.io/") {
                return Err(Refusal(format!("{file}:{}: this {KUSTOMIZE}", node.line)));
            }
            if let Some(items) = node.entry("items").filter(|_| kind == "List" || kind.ends_with("List")) {
                return items.value.items().iter().try_for_each(|item| self.document(file, Rc::clone(item)));
            }
            self.objects.push(object(file, Rc::clone(&node), api, kind));
            return Ok(());
        }
        let resources = node.entry("Resources").map_or(&[][..], |entry| entry.value.entries());
        if resources.iter().any(|entry| entry.value.text_at("Type").is_some_and(|t| t.starts_with("AWS::"))) {
            let mut template = object(file, Rc::clone(&node), "", "CloudFormation template");
            template.name = file.to_string();
            self.templates.push(template);
            return Ok(());
        }
        let balancer = node.entry("load_balancer").map_or(&node, |entry| &entry.value);
        if ["session_affinity", "default_pools", "session_affinity_ttl"].iter().any(|key| balancer.entry(key).is_some())
        {
            let mut found = object(file, Rc::clone(balancer), "", "Cloudflare load balancer");
            found.name = balancer.text_at("name").unwrap_or("load_balancer").to_owned();
            self.cloudflare.push(found);
            return Ok(());
        }
        let line = node.line;
        self.skipped.push(if node.entries().is_empty() {
            format!("{file}:{line} is no object")
        } else if node.entry("services").is_some() && kind.is_none() {
            format!(
                "{file}:{line} looks like a Compose file, which is not read; `kompose convert` makes manifests of it"
            )
        } else if api.is_some() {
            format!("{file}:{line} has no `kind`")
        } else {
            format!("{file}:{line} has no `apiVersion` and `kind`")
        });
        Ok(())
    }

    /// Of several objects of one kind and name the last one stands, as with `kubectl apply`.
    fn drop_duplicates(&mut self, findings: &mut Findings) {
        let mut kept: Vec<Object> = Vec::with_capacity(self.objects.len());
        let mut seen = std::collections::BTreeMap::new();
        for object in std::mem::take(&mut self.objects) {
            let group = object.group().to_owned();
            let key = (object.kind.clone(), group, object.namespace().to_owned(), object.name.clone());
            let named = object.node.at("metadata.name").is_some();
            match seen.get(&key).filter(|_| named).copied() {
                Some(at) => {
                    let first: &Object = &kept[at];
                    let (file, line) = (&first.file, first.named().line);
                    findings.add(
                        Code::DuplicateObject,
                        &object.named(),
                        format!("{} stands at {file}:{line} as well", object.label()),
                        "give one of them another name, or leave one out of the import",
                    );
                    kept[at] = object;
                }
                None => {
                    seen.insert(key, kept.len());
                    kept.push(object);
                }
            }
        }
        self.objects = kept;
    }
}

fn object(file: &Rc<str>, node: Rc<Node>, api: &str, kind: &str) -> Object {
    let text = |path: &str| node.text_at(path).map(|text| text.chars().filter(|c| !c.is_control()).collect::<String>());
    let name = text("metadata.name").or_else(|| text("metadata.generateName")).unwrap_or_else(|| "unnamed".to_owned());
    let namespace = text("metadata.namespace").filter(|namespace| !namespace.is_empty());
    let (api, kind) = (api.to_owned(), kind.to_owned());
    Object { file: Rc::clone(file), node, api, kind, name, namespace }
}

const HELM: &str =
    "belongs to a Helm chart, which is a template: write `helm template NAME CHART | stickysim import kubernetes -`";
const HELM_TEMPLATE: &str = "this is a template of Helm (`{{ … }}`), not a manifest: write `helm template NAME CHART | \
                             stickysim import kubernetes -`";
const KUSTOMIZE: &str = "is a Kustomize file, which changes other manifests: write `kubectl kustomize FOLDER | \
                         stickysim import kubernetes -`";

/// The first line with an instruction of Helm's templates. Other texts between double braces are none of our business.
fn template_line(text: &str) -> Option<usize> {
    const MARKS: [&str; 12] = [
        ".Values",
        ".Release",
        ".Chart",
        ".Capabilities",
        "include \"",
        "template \"",
        "{{-",
        "{{ if",
        "{{ range",
        "{{ end",
        "{{if",
        "{{end",
    ];
    let is_instruction = |line: &str| {
        let Some(at) = line.find("{{") else { return false };
        MARKS.iter().any(|mark| line[at..].contains(mark))
    };
    text.lines().position(is_instruction).map(|at| at + 1)
}

/// True when the first words are those of an nginx configuration.
fn is_nginx(text: &str) -> bool {
    let start = text.lines().map(str::trim).find(|line| !line.is_empty() && !line.starts_with('#')).unwrap_or_default();
    let first = start.split(|c: char| c.is_whitespace() || c == '{').next().unwrap_or_default();
    let block = ["upstream", "server", "http", "events", "stream"].contains(&first) && start.contains('{');
    let directive =
        ["user", "worker_processes", "load_module", "pid", "error_log"].contains(&first) && start.ends_with(';');
    block || directive
}
