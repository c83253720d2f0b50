//! The configuration as the ConfigMaps that HAProxy's controllers for Kubernetes take.

use spoa_config::write::WrittenConfiguration;
use std::fmt::Write as _;

/// A controller that runs HAProxy in Kubernetes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ingress {
    /// HAProxy Ingress, `jcmoraisjr/haproxy-ingress`.
    HaproxyIngress,
    /// The controller of HAProxy Technologies, `haproxytech/kubernetes-ingress`.
    KubernetesIngress,
}

impl Ingress {
    /// The names that `--for` takes.
    pub(super) const NAMES: [&'static str; 2] = ["haproxy-ingress", "kubernetes-ingress"];

    /// Returns the controller of this name.
    pub(super) fn of(name: &str) -> Option<Self> {
        match name {
            "haproxy-ingress" => Some(Ingress::HaproxyIngress),
            "kubernetes-ingress" => Some(Ingress::KubernetesIngress),
            _ => None,
        }
    }

    /// Returns the name of the file with the ConfigMaps.
    pub(super) fn file(self) -> &'static str {
        match self {
            Ingress::HaproxyIngress => "haproxy-ingress.yaml",
            Ingress::KubernetesIngress => "kubernetes-ingress.yaml",
        }
    }

    /// Returns the path of spoe.conf in the controller's container.
    pub(super) fn spoe_file(engine: &str) -> String {
        format!("/etc/spoe/{engine}/spoe.conf")
    }

    /// Returns the ConfigMaps for an agent.
    pub(super) fn manifests(self, agent: &str, written: &WrittenConfiguration) -> String {
        let engine = &written.engine;
        let sections = sections(&written.backend, engine);
        let frontend = written.frontend.lines();
        // The controller indents these lines itself.
        let frontend = frontend.map(|line| line.strip_prefix("    ").unwrap_or(line));
        let frontend: Vec<_> = frontend.collect();
        let mut text = String::new();
        self.guide(agent, engine, &mut text);
        map(
            &format!("{engine}-spoe"),
            &[("spoe.conf", &written.spoe)],
            &mut text,
        );
        let frontend = frontend.join("\n");
        match self {
            Ingress::HaproxyIngress => {
                text.push_str("---\n# Keys of the controller's own ConfigMap. `kubectl apply` keeps its other keys.\n");
                let keys = [
                    ("config-sections", sections.as_str()),
                    ("config-frontend", &frontend),
                ];
                map("haproxy-ingress", &keys, &mut text);
            }
            Ingress::KubernetesIngress => {
                text.push_str("---\n");
                map(
                    "haproxy-aux-cfg",
                    &[("haproxy-aux.cfg", &sections)],
                    &mut text,
                );
                text.push_str("---\n# A key of the controller's own ConfigMap. `kubectl apply` keeps its other keys.\n");
                map(
                    "haproxy-kubernetes-ingress",
                    &[("frontend-config-snippet", &frontend)],
                    &mut text,
                );
            }
        }
        text
    }

    /// Writes what is to be done with the file, as its first lines.
    fn guide(self, agent: &str, engine: &str, text: &mut String) {
        let (controller, map) = match self {
            Ingress::HaproxyIngress => ("haproxy-ingress 0.13 and later", "haproxy-ingress"),
            Ingress::KubernetesIngress => (
                "kubernetes-ingress of HAProxy Technologies",
                "haproxy-kubernetes-ingress",
            ),
        };
        let _ = write!(
            text,
            "# HAProxy's side of `{agent}` for {controller}.\n\
             #\n\
             # 1. Mount these files in the pods of the controller, by its Deployment or the values of its chart:\n\
             #\n\
             #        volumeMounts:\n\
             #          - name: {engine}-spoe\n\
             #            mountPath: /etc/spoe/{engine}\n"
        );
        if self == Ingress::KubernetesIngress {
            text.push_str(
                "#          - name: haproxy-aux-cfg\n\
                 #            mountPath: /etc/haproxy/haproxy-aux.cfg\n\
                 #            subPath: haproxy-aux.cfg\n",
            );
        }
        let _ = write!(
            text,
            "#        volumes:\n\
             #          - name: {engine}-spoe\n\
             #            configMap:\n\
             #              name: {engine}-spoe\n"
        );
        if self == Ingress::KubernetesIngress {
            text.push_str(
                "#          - name: haproxy-aux-cfg\n\
                 #            configMap:\n\
                 #              name: haproxy-aux-cfg\n",
            );
        }
        let _ = write!(
            text,
            "#\n\
             # 2. Replace `{map}` below by the name of the controller's ConfigMap, if yours has another.\n\
             # 3. Apply this file in the namespace of the controller: kubectl apply -n NAMESPACE -f FILE\n\
             #\n\
             # The controller does not read spoe.conf itself. After a change of it, restart the pods of the controller.\n"
        );
    }
}

/// Writes a ConfigMap.
fn map(name: &str, keys: &[(&str, &str)], text: &mut String) {
    let _ = write!(
        text,
        "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {name}\ndata:\n"
    );
    for (key, value) in keys {
        // A block of YAML takes any line as it is. The number says how far the lines are in.
        let _ = writeln!(text, "  {key}: |2");
        for line in value.lines() {
            let _ = writeln!(text, "{}", format!("    {line}").trim_end());
        }
    }
}

/// Returns the sections for the agents: the backend, and how HAProxy finds the addresses of a host.
fn sections(backend: &str, engine: &str) -> String {
    let mut hosts = false;
    let mut text = String::new();
    for line in backend.lines() {
        let words: Vec<_> = line.split_whitespace().collect();
        match words.as_slice() {
            ["server", name, address, rest @ ..] if is_host(address) => {
                hosts = true;
                let rest: String = rest.iter().map(|word| format!(" {word}")).collect();
                let _ = write!(
                    text,
                    "    # Room for ten agents of this name. Those that do not exist are in maintenance.\n    \
                     server-template {name}- 10 {address}{rest} resolvers {engine}-dns init-addr none\n"
                );
            }
            _ => {
                text.push_str(line);
                text.push('\n');
            }
        }
    }
    if hosts {
        let _ = write!(
            text,
            "\nresolvers {engine}-dns\n    parse-resolv-conf\n    accepted_payload_size 8192\n    \
             timeout resolve 1s\n    timeout retry 1s\n    \
             # An agent that stops leaves the Service at once. It stays in use until its health check fails.\n    \
             hold obsolete 30s\n"
        );
    }
    text
}

/// Returns whether the address of a server has a name that HAProxy has to resolve.
fn is_host(address: &str) -> bool {
    let host = address.rsplit_once(':').map_or(address, |(host, _)| host);
    let named = host.chars().any(|c| c.is_ascii_alphabetic());
    named && !host.contains([':', '@', '/', '[', '$'])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_resolved_and_addresses_are_not() {
        for host in ["my-agent:12345", "my-agent.default.svc.cluster.local:12345"] {
            assert!(is_host(host), "{host}");
        }
        for address in [
            "127.0.0.1:12345",
            "[::1]:12345",
            "unix@/run/a.sock",
            "/run/a.sock",
            "::1:1",
        ] {
            assert!(!is_host(address), "{address}");
        }
        let backend = "backend a\n    server agent1 my-agent:1 ssl\n    server agent2 10.0.0.1:1\n";
        let text = sections(backend, "a");
        let template =
            "    server-template agent1- 10 my-agent:1 ssl resolvers a-dns init-addr none\n";
        assert!(text.contains(template), "{text}");
        assert!(
            text.contains("    server agent2 10.0.0.1:1\n\nresolvers a-dns\n"),
            "{text}"
        );
        assert!(!sections("backend a\n    server b 10.0.0.1:1\n", "a").contains("resolvers"));
    }
}
