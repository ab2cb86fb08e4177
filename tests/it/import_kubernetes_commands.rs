//! `stickysim import kubernetes` as its users start it.

use crate::program::Place;

const PODS: &str = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\nspec: {replicas: 3, selector: \
                    {matchLabels: {app: web}}, template: {metadata: {labels: {app: web}}}}\n";
const ROUTE: &str = "apiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata: {name: web, annotations: \
                     {nginx.ingress.kubernetes.io/websocket-services: web}}\nspec: {ingressClassName: nginx, defaultBackend: {service: \
                     {name: web, port: {number: 80}}}}\n";

/// A folder with manifests in folders of its own, and other things beside them.
fn place() -> Place {
    let place = Place::new();
    place.write("deploy/web/a.yaml", PODS);
    place.write("deploy/b.yml", ROUTE);
    place.write("deploy/values.yaml", "replicas: 3\n");
    place.write("deploy/README.md", "not read");
    place.write("deploy/tsconfig.json", "{ // no manifest\n");
    place.write("deploy/app.conf", "[server]\nport = 80\n");
    place.write("deploy/.hidden/x.yaml", "a: [");
    place
}

#[test]
fn a_folder_becomes_a_scenario_that_runs() {
    let place = place();
    let said = place.run("import kubernetes deploy");
    let out = said.fine();
    assert!(out.starts_with("Read: Deployment, Ingress\nNot read: `deploy/app.conf` has no `upstream`\n"), "{out}");
    assert!(out.contains("\nNot read: `deploy/tsconfig.json` is no manifest\n"), "{out}");
    assert!(out.contains("\nNot read: deploy/values.yaml:1 has no `apiVersion`"), "{out}");
    assert!(out.contains("\nWritten:\n  output/web/web.yaml\n  output/web/findings.csv\nNext:\n"), "{out}");
    assert!(out.contains("warning[foreign-annotation] deploy/b.yml:3  Ingress `web`"), "{out}");
    let scenario = place.read("output/web/web.yaml");
    assert!(
        scenario.contains("replicas: 3                               # deploy/web/a.yaml:4 spec.replicas"),
        "{scenario}"
    );
    assert!(
        place
            .read("output/web/findings.csv")
            .starts_with("severity,code,file,line,object,what,why,fix\nwarning,foreign-")
    );
    place.run("check output/web/web.yaml --quiet").fine();
    let next = out.split("Next:\n  stickysim ").nth(1).unwrap().trim();
    place.run(&format!("{next} -r 1 --quiet --set clients.people.count=10 --set duration=11m --out ran")).fine();
}

#[test]
fn files_standard_input_and_names() {
    let place = place();
    let said = place.run_with("import kubernetes - --name Shop --out there --quiet", &[], PODS.as_bytes());
    assert_eq!(said.fine(), "");
    assert!(place.read("there/shop.yaml").contains("# stdin:4 spec.replicas"));
    place.run("import kubernetes deploy/b.yml deploy/web/a.yaml --out both").fine();
    assert_eq!(place.files("both").len(), 2);
}

#[test]
fn denied_findings_are_the_exit_code() {
    let place = place();
    assert_eq!(place.run("import kubernetes deploy --deny error").code, Some(0));
    let said = place.run("import kubernetes deploy --deny warning --quiet");
    assert_eq!((said.code, said.err.as_str()), (Some(1), ""));
    assert!(said.out.starts_with("warning[foreign-annotation] deploy/b.yml:3"), "{}", said.out);
    assert!(!place.files("output/web").is_empty(), "what is denied is written all the same");
}

#[test]
fn what_is_refused_writes_nothing() {
    let place = place();
    place.write("empty/README.md", "");
    place.write("chart/Chart.yaml", "name: web\n");
    place.write("chart/templates/a.yaml", "kind: {{ .Values.kind }}\n");
    place.write("bad.yaml", "a: [\n");
    for (words, said) in [
        ("", "<PATH>"),
        ("missing", "cannot read `missing`"),
        ("empty", "there is no manifest in `empty`"),
        ("chart", "helm template"),
        ("chart/templates/a.yaml", "a.yaml:1: this is a template of Helm"),
        ("bad.yaml", "bad.yaml:2"),
        ("deploy --workload nobody", "there are no pods `nobody`"),
        ("deploy --deny notes", "warning"),
        ("/dev/null", "not a regular file"),
    ] {
        place.run(&format!("import kubernetes {words}")).refused(&[said]);
    }
    assert!(place.files("output").is_empty());
}
