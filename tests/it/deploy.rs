//! What stands in `deploy/`, `docker-compose.yml` and the `Dockerfile`: there is no container engine
//! here, so the files are read, and what can be run of them is run against the real program.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::{Map, Value};

use crate::program::{command, serve, stdout};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).to_owned()
}

fn text(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap()
}

fn yaml(path: &str) -> Value {
    serde_saphyr::from_str(&text(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn object(value: &Value) -> &Map<String, Value> {
    value.as_object().unwrap_or_else(|| panic!("{value}"))
}

fn words(value: &Value) -> Vec<&str> {
    let list = value.as_array().unwrap_or_else(|| panic!("{value}"));
    list.iter().map(|word| word.as_str().unwrap()).collect()
}

/// The settings that `weir config` prints, as variables.
fn settings() -> BTreeSet<String> {
    let dir = tempfile::tempdir().unwrap();
    let printed = stdout(&command(dir.path()).arg("config").output().unwrap());
    let printed: toml::Table = printed.parse().unwrap();
    let mut names = BTreeSet::new();
    for (section, keys) in &printed {
        for key in keys.as_table().unwrap().keys() {
            names.insert(format!("WEIR_{section}_{key}").to_uppercase());
        }
    }
    names
}

/// Variables with our prefix must be settings; a program does not start with others.
fn assert_settings<'a>(names: impl IntoIterator<Item = &'a str>, of: &str) {
    let known = settings();
    let mut ours = 0;
    for name in names.into_iter().filter(|name| name.starts_with("WEIR_")) {
        let setting = name.strip_suffix("_FILE").unwrap_or(name);
        assert!(known.contains(setting), "{of}: {name} is not a setting");
        ours += 1;
    }
    assert!(ours > 0, "{of} sets nothing");
}

fn assert_pinned(image: &str) {
    let (_, tag) = image
        .rsplit_once(':')
        .unwrap_or_else(|| panic!("{image} has no tag"));
    let version = tag.trim_start_matches('v');
    let numbered = version.starts_with(|c: char| c.is_ascii_digit()) && version.contains('.');
    assert!(numbered, "{image} may be another one tomorrow");
}

#[test]
fn r3_compose_has_the_full_set_and_gives_nobody_more_than_needed() {
    let compose = yaml("docker-compose.yml");
    let services = object(&compose["services"]);
    let names: Vec<&str> = services.keys().map(String::as_str).collect();
    for needed in ["weir", "postgres", "coturn", "prometheus", "grafana"] {
        assert!(names.contains(&needed), "{needed}");
    }
    let secrets = object(&compose["secrets"]);
    let volumes = object(&compose["volumes"]);
    for (name, service) in services {
        assert_pinned(service["image"].as_str().unwrap());
        let user = service["user"]
            .as_str()
            .unwrap_or_else(|| panic!("{name}: no user"));
        assert!(
            !user.starts_with('0') && !user.starts_with("root"),
            "{name} is root"
        );
        assert_eq!(service["read_only"], true, "{name}");
        assert_eq!(words(&service["cap_drop"]), ["ALL"], "{name}");
        assert!(words(&service["security_opt"]).contains(&"no-new-privileges:true"));
        let health = &service["healthcheck"];
        assert!(words(&health["test"])[0].starts_with("CMD"), "{name}");
        for key in ["interval", "timeout", "retries"] {
            assert!(!health[key].is_null(), "{name}: healthcheck.{key}");
        }
        let limits = &service["deploy"]["resources"]["limits"];
        for key in ["cpus", "memory", "pids"] {
            assert!(!limits[key].is_null(), "{name}: limits.{key}");
        }
        for secret in service["secrets"].as_array().into_iter().flatten() {
            assert!(
                secrets.contains_key(secret.as_str().unwrap()),
                "{name}: {secret}"
            );
        }
        // What is published is published to this machine; the rest uses the host's network.
        for port in service["ports"].as_array().into_iter().flatten() {
            assert!(
                port.as_str().unwrap().starts_with("127.0.0.1:"),
                "{name}: {port}"
            );
        }
        for volume in service["volumes"].as_array().into_iter().flatten() {
            let source = volume.as_str().unwrap().split(':').next().unwrap();
            match source.strip_prefix("./") {
                Some(path) => assert!(root().join(path).exists(), "{name}: {path}"),
                None => assert!(volumes.contains_key(source), "{name}: {source}"),
            }
        }
        // Secrets come as files, never as values.
        for (variable, value) in service["environment"].as_object().into_iter().flatten() {
            let secret = ["PASSWORD", "SECRET", "TOKEN", "DATABASE_URL"]
                .iter()
                .any(|word| variable.contains(word));
            let value = value.as_str().unwrap();
            assert!(
                !secret || value.starts_with("/run/secrets/"),
                "{name}: {variable}"
            );
        }
    }
    let weir = object(&services["weir"]["environment"]);
    assert_settings(weir.keys().map(String::as_str), "docker-compose.yml");
}

#[test]
fn r3_secrets_are_made_once_and_differ() {
    let dir = tempfile::tempdir().unwrap();
    let script = dir.path().join("make-secrets");
    fs::copy(root().join("deploy/make-secrets"), &script).unwrap();
    // By its interpreter: a process that another test forks just now may still hold the copy open for
    // writing, and the kernel refuses to execute such a file.
    let make = |script| {
        assert!(
            Command::new("sh")
                .arg(script)
                .output()
                .unwrap()
                .status
                .success()
        )
    };
    let read = || -> BTreeMap<String, String> {
        let files = fs::read_dir(dir.path().join("secrets")).unwrap();
        let files = files.map(|file| file.unwrap().path());
        files
            .map(|path| {
                let name = path.file_name().unwrap().to_str().unwrap().to_owned();
                (name, fs::read_to_string(path).unwrap())
            })
            .collect()
    };
    make(&script);
    let made = read();
    let compose = yaml("docker-compose.yml");
    let named: BTreeSet<String> = object(&compose["secrets"]).keys().cloned().collect();
    assert_eq!(made.keys().cloned().collect::<BTreeSet<_>>(), named);
    let different: BTreeSet<&String> = made.values().collect();
    assert_eq!(different.len(), made.len());
    assert!(made.values().all(|secret| secret.len() >= 48), "{made:?}");
    assert!(made["database_url"].contains(&made["postgres_password"]));
    make(&script);
    assert_eq!(read(), made, "what is there stays");
    let others = tempfile::tempdir().unwrap();
    let elsewhere = others.path().join("make-secrets");
    fs::copy(&script, &elsewhere).unwrap();
    make(&elsewhere);
    let other = fs::read_to_string(others.path().join("secrets/turn_secret")).unwrap();
    assert_ne!(other, made["turn_secret"]);
}

#[tokio::test]
async fn r3_the_images_health_check_tells_ready_from_not() {
    let dockerfile = text("Dockerfile");
    let froms: Vec<&str> = dockerfile
        .lines()
        .filter_map(|line| line.strip_prefix("FROM "))
        .collect();
    assert_eq!(froms.len(), 2, "one stage compiles, one runs");
    for image in &froms {
        assert_pinned(image.split(' ').next().unwrap());
    }
    let last = dockerfile.rsplit("FROM ").next().unwrap();
    assert!(last.contains("\nUSER 10001:10001\n"), "not root");
    let check = last
        .split("\n    CMD ")
        .nth(1)
        .unwrap()
        .lines()
        .next()
        .unwrap();
    let check: Vec<String> = serde_json::from_str(check).unwrap();
    let compose = yaml("docker-compose.yml");
    let in_compose = words(&compose["services"]["weir"]["healthcheck"]["test"])[1..].to_vec();
    assert_eq!(check, in_compose, "one question");

    let server = serve().await;
    let ask = |port: u16| {
        let script = check[2].replace("8080", &port.to_string());
        let mut ask = Command::new(&check[0]);
        ask.arg(&check[1]).arg(script).output().unwrap().status
    };
    assert!(ask(server.http_port()).success());
    let nobody = weir_bench::server::free_port().unwrap();
    assert!(!ask(nobody).success());
}

#[test]
fn r3_kubernetes_manifests_fit_together() {
    let folder = "deploy/kubernetes";
    let kustomization = yaml(&format!("{folder}/kustomization.yaml"));
    let listed: BTreeSet<&str> = words(&kustomization["resources"]).into_iter().collect();
    let mut there = BTreeSet::new();
    for file in fs::read_dir(root().join(folder)).unwrap() {
        let name = file.unwrap().file_name().into_string().unwrap();
        if name != "kustomization.yaml" {
            there.insert(name);
        }
    }
    assert_eq!(listed, there.iter().map(String::as_str).collect());
    let mut kinds = BTreeMap::new();
    for name in &there {
        let manifest = yaml(&format!("{folder}/{name}"));
        for key in ["apiVersion", "kind", "metadata"] {
            assert!(!manifest[key].is_null(), "{name}: {key}");
        }
        assert_eq!(manifest["metadata"]["name"], "weir", "{name}");
        kinds.insert(manifest["kind"].as_str().unwrap().to_owned(), manifest);
    }
    let set = &kinds["StatefulSet"]["spec"];
    let pod = &set["template"]["spec"];
    let labels = &set["template"]["metadata"]["labels"];
    assert_eq!(&set["selector"]["matchLabels"], labels);
    assert_eq!(&kinds["Service"]["spec"]["selector"], labels);
    assert_eq!(
        &kinds["PodDisruptionBudget"]["spec"]["selector"]["matchLabels"],
        labels
    );
    assert_eq!(pod["securityContext"]["runAsNonRoot"], true);
    assert_eq!(pod["automountServiceAccountToken"], false);

    let weir = &pod["containers"][0];
    assert_pinned(weir["image"].as_str().unwrap());
    let context = &weir["securityContext"];
    assert_eq!(context["allowPrivilegeEscalation"], false);
    assert_eq!(context["readOnlyRootFilesystem"], true);
    assert_eq!(words(&context["capabilities"]["drop"]), ["ALL"]);
    for probe in ["startupProbe", "readinessProbe", "livenessProbe"] {
        let path = weir[probe]["httpGet"]["path"].as_str().unwrap();
        assert!(["/healthz", "/readyz"].contains(&path), "{probe}");
    }
    for key in ["cpu", "memory"] {
        assert!(!weir["resources"]["limits"][key].is_null(), "{key}");
    }
    let ports: BTreeSet<&str> = weir["ports"]
        .as_array()
        .unwrap()
        .iter()
        .map(|port| port["name"].as_str().unwrap())
        .collect();
    for port in kinds["Service"]["spec"]["ports"].as_array().unwrap() {
        assert!(
            ports.contains(port["targetPort"].as_str().unwrap()),
            "{port}"
        );
    }
    let mounted = weir["volumeMounts"].as_array().unwrap().iter();
    let volumes = pod["volumes"].as_array().unwrap().iter();
    let claims = set["volumeClaimTemplates"].as_array().unwrap().iter();
    let mounted: BTreeSet<&str> = mounted.map(|it| it["name"].as_str().unwrap()).collect();
    let volumes: BTreeSet<&str> = volumes
        .map(|it| it["name"].as_str().unwrap())
        .chain(claims.map(|it| it["metadata"]["name"].as_str().unwrap()))
        .collect();
    assert_eq!(mounted, volumes);
    let config = object(&kinds["ConfigMap"]["data"]);
    let environment = weir["env"].as_array().unwrap().iter();
    let environment = environment.map(|it| it["name"].as_str().unwrap());
    let all = config.keys().map(String::as_str).chain(environment);
    assert_settings(all, folder);
}

#[test]
fn r3_prometheus_and_grafana_are_provisioned() {
    let prometheus = yaml("deploy/prometheus/prometheus.yml");
    for file in words(&prometheus["rule_files"]) {
        let file = file.strip_prefix("/etc/prometheus/").unwrap();
        assert!(root().join("deploy/prometheus").join(file).exists());
    }
    let alerts = yaml("deploy/prometheus/alerts.yml");
    for rule in alerts["groups"][0]["rules"].as_array().unwrap() {
        for key in ["alert", "expr"] {
            assert!(rule[key].is_string(), "{rule}");
        }
        assert!(rule["labels"]["severity"].is_string(), "{rule}");
        assert!(rule["annotations"]["summary"].is_string(), "{rule}");
    }
    let source = yaml("deploy/grafana/provisioning/datasources/prometheus.yml");
    let provider = yaml("deploy/grafana/provisioning/dashboards/weir.yml");
    let folder = &provider["providers"][0]["options"]["path"];
    let compose = text("docker-compose.yml");
    assert!(compose.contains(&format!(
        "./deploy/grafana/dashboards:{}",
        folder.as_str().unwrap()
    )));
    let dashboard: Value =
        serde_json::from_str(&text("deploy/grafana/dashboards/weir.json")).unwrap();
    let panels = dashboard["panels"].as_array().unwrap();
    let ids: BTreeSet<i64> = panels
        .iter()
        .map(|panel| panel["id"].as_i64().unwrap())
        .collect();
    assert_eq!(ids.len(), panels.len());
    for panel in panels.iter().filter(|panel| panel["type"] != "row") {
        assert_eq!(panel["datasource"]["uid"], source["datasources"][0]["uid"]);
        assert!(!panel["targets"].as_array().unwrap().is_empty(), "{panel}");
    }
}

#[test]
fn r3_the_systemd_unit_sets_what_there_is() {
    let unit = text("deploy/systemd/weir.service");
    let variables = unit
        .lines()
        .filter_map(|line| line.trim_start_matches("# ").strip_prefix("Environment="))
        .filter_map(|assignment| assignment.split('=').next());
    assert_settings(variables, "weir.service");
    for line in [
        "DynamicUser=yes",
        "ProtectSystem=strict",
        "NoNewPrivileges=yes",
    ] {
        assert!(unit.contains(line), "{line}");
    }
    let dir = tempfile::tempdir().unwrap();
    let start = unit
        .lines()
        .find_map(|line| line.strip_prefix("ExecStart="));
    // The command line is one that the program takes: asked for its help, it says so.
    let mut arguments: Vec<&str> = start.unwrap().split(' ').skip(1).collect();
    arguments.push("--help");
    stdout(&command(dir.path()).args(arguments).output().unwrap());
}
