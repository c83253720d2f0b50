//! The files of the template, and their places in a project.

use super::kind::Kind;

/// The folder of the pod with HAProxy and the agent.
pub(super) const SIDECAR: &str = "deploy/kubernetes/sidecar";

/// A file of the template, and its place in a project.
pub(super) struct ProjectFile {
    /// The path in the template.
    #[cfg_attr(
        not(test),
        expect(dead_code, reason = "only cargo-generate moves files")
    )]
    pub(super) template: String,
    pub(super) text: &'static str,
    /// The path in the project.
    pub(super) path: String,
    /// The purpose of the file, for the report. The report leaves out a file without one.
    pub(super) about: &'static str,
}

/// Makes the place of a file that all kinds have.
macro_rules! place {
    ($template:literal, $about:literal) => {
        place!($template, $template, $about)
    };
    ($template:literal, $path:expr, $about:literal) => {
        ProjectFile {
            template: $template.to_owned(),
            text: include_str!(concat!("template/", $template)),
            path: $path.into(),
            about: $about,
        }
    };
}

/// Returns the files of a project, in the order of the report.
pub(super) fn layout(name: &str, kind: Kind) -> Vec<ProjectFile> {
    let of_kind = |path: &str, text, about| ProjectFile {
        template: format!("kinds/{}/{path}", kind.name),
        text,
        path: path.to_owned(),
        about,
    };
    let mut places = vec![
        place!("README.md", "how to change, run and deploy it"),
        of_kind("src/main.rs", kind.main, "the handler: begin here"),
        of_kind("src/tests.rs", kind.tests, "tests without HAProxy"),
        of_kind("tests/haproxy.rs", kind.haproxy_test, "tests with HAProxy"),
    ];
    if let Some(table) = kind.table {
        places.push(of_kind(table.file, table.text, table.holds));
    }
    places.extend([
        place!(
            "Cargo.toml.liquid",
            "Cargo.toml",
            "dependencies, and the package of `cargo deb`"
        ),
        place!("gitignore", ".gitignore", ""),
        place!(
            "github/workflows/ci.yml",
            ".github/workflows/ci.yml",
            "checks for every change"
        ),
        place!("Containerfile", "an image of the program alone"),
        place!("containerignore", ".containerignore", ""),
        place!("containerignore", ".dockerignore", ""),
        place!(
            "deploy/systemd/agent@.service",
            format!("deploy/systemd/{name}@.service"),
            "one agent of several"
        ),
        place!(
            "deploy/systemd/agent.target",
            format!("deploy/systemd/{name}.target"),
            "two agents"
        ),
        place!(
            "deploy/systemd/restart.service",
            format!("deploy/systemd/{name}-restart.service"),
            "a rolling restart"
        ),
        place!("deploy/systemd/rolling-restart", ""),
        place!("deploy/debian/postinst", "scripts of the Debian package"),
        place!("deploy/debian/changelog", "changes of the Debian package"),
        place!("deploy/debian/prerm", ""),
        place!("deploy/debian/postrm", ""),
        place!(
            "deploy/agent.default",
            format!("deploy/{name}.default"),
            "options of the agents"
        ),
        place!(
            "deploy/agent.1",
            format!("deploy/{name}.1"),
            "the manual page"
        ),
        place!("deploy/kubernetes/fleet/kustomization.yaml", ""),
        place!(
            "deploy/kubernetes/fleet/agents.yaml",
            "agents of their own in Kubernetes"
        ),
        place!(
            "deploy/kubernetes/fleet/agents.cfg",
            "how HAProxy finds them"
        ),
        place!("deploy/kubernetes/sidecar/kustomization.yaml", ""),
        place!("deploy/kubernetes/sidecar/haproxy.yaml", ""),
    ]);
    if let Some(table) = kind.table {
        places.push(ProjectFile {
            path: format!("deploy/kubernetes/fleet/{}", table.file),
            ..of_kind(table.file, table.text, "")
        });
    }
    places
}
