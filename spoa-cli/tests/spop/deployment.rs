//! The files of a project of `spop new` for its deployment: HAProxy, systemd, dpkg and a reader of YAML take them.

use super::new::{KINDS, files, folder, new, run};
use std::env;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

/// Returns whether a program is on the PATH.
fn has(program: &str) -> bool {
    let paths = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&paths).any(|folder| folder.join(program).is_file())
}

/// Checks that the files in `haproxy/` are those of the agent's own `config`, and that every HAProxy takes them.
pub(super) fn haproxy_takes_its_side(kind: &str, project: &Path, program: &Path) {
    let mut config = Command::new(program);
    config.args(["config", "--output", "haproxy", "--diff"]);
    config.args(["--server", "127.0.0.1:12345", "--server", "127.0.0.1:12346"]);
    if kind == "auth" {
        config.args(["--fail", "closed"]);
    }
    let said = run(config.current_dir(project));
    assert!(
        said.contains("nothing would change"),
        "write the output of `{} handlers --json` to handlers.json of the kind, with `{{{{name}}}}` and `{{{{crate}}}}` \
         for the names: {said}",
        program.display()
    );
    let doctor = ["doctor", "haproxy/haproxy.cfg"];
    let said = run(Command::new(program).args(doctor).current_dir(project));
    assert!(said.contains("no problems found"), "{kind}: {said}");
    let haproxies = env::var_os("SPOA_HAPROXY").unwrap_or_else(|| "haproxy".into());
    for haproxy in env::split_paths(&haproxies) {
        for side in ["haproxy", "deploy/kubernetes/sidecar"] {
            let mut check = Command::new(&haproxy);
            check
                .args(["-c", "-f"])
                .arg(Path::new(side).join("haproxy.cfg"));
            run(check.current_dir(project));
        }
        let fleet = project.join("deploy/kubernetes/fleet/agents.cfg");
        let usual = fs::read_to_string(project.join("haproxy/haproxy.cfg")).expect("a text");
        let backend = format!("\nbackend my-{kind}-agents\n");
        let (frontend, _) = usual.split_once(&backend).expect("the backend comes last");
        let before = project.join("haproxy/without-agents.cfg");
        fs::write(&before, format!("{frontend}\n")).expect("it can be written");
        let mut check = Command::new(&haproxy);
        check
            .args(["-c", "-f", "without-agents.cfg", "-f"])
            .arg(fleet);
        run(check.current_dir(project.join("haproxy")));
        fs::remove_file(before).expect("it was there");
    }
}

/// Checks the units with systemd, as if the package were installed.
pub(super) fn units_are_valid(name: &str, project: &Path, program: &Path) {
    if !has("systemd-analyze") {
        println!("NOT TESTED HERE: units, which need systemd-analyze");
        return;
    }
    let units = project.join("deploy/systemd");
    let installed = project.join("deploy/installed");
    fs::create_dir_all(&installed).expect("a folder can be made");
    for file in files(&units) {
        let text = fs::read_to_string(units.join(&file)).expect("a text");
        let text = text
            .replace(&format!("/usr/bin/{name}"), &program.display().to_string())
            .replace(
                &format!("/usr/libexec/{name}"),
                &units.display().to_string(),
            );
        fs::write(installed.join(file), text).expect("it can be written");
    }
    let mut verify = Command::new("systemd-analyze");
    verify.arg("verify").current_dir(&installed);
    for unit in ["@12345.service", ".target", "-restart.service"] {
        verify.arg(installed.join(format!("{name}{unit}")));
    }
    let said = run(&mut verify);
    // It reports units of the machine as well.
    assert!(!said.contains(name), "{said}");
}

/// Runs the script of a package, with a systemd that only notes what it is asked to do. Returns these notes.
fn run_script(project: &Path, script: &str, arguments: &[&str]) -> String {
    let fakes = project.join("fakes");
    let log = fakes.join("log");
    fs::create_dir_all(&fakes).expect("a folder can be made");
    fs::write(&log, "").expect("it can be written");
    let units = "my-agent@12345.service loaded active running\nmy-agent@12346.service loaded active running";
    let note = format!("echo \"${{0##*/}} $*\" >>{}", log.display());
    for (name, text) in [
        ("deb-systemd-helper", String::new()),
        // Like Debian's, it leaves alone units that are not enabled.
        (
            "deb-systemd-invoke",
            format!("case $2 in *.target) {note} ;; esac"),
        ),
        (
            "systemctl",
            format!("case $1 in list-units) echo '{units}' ;; *) {note} ;; esac"),
        ),
        ("sleep", String::new()),
    ] {
        let fake = fakes.join(name);
        fs::write(&fake, format!("#!/bin/sh\n{text}\n")).expect("it can be written");
        fs::set_permissions(fake, fs::Permissions::from_mode(0o755)).expect("it is ours");
    }
    let text = fs::read_to_string(project.join("deploy/debian").join(script)).expect("a text");
    let units = project.join("deploy/systemd").display().to_string();
    let text = text
        .replace("/run/systemd/system", &fakes.display().to_string())
        .replace("/usr/libexec/my-agent", &format!("sh {units}"));
    let path = env::var("PATH").expect("text");
    let mut shell = Command::new("sh");
    shell.args(["-c", &text, script]).args(arguments);
    run(shell.env("PATH", format!("{}:{path}", fakes.display())));
    fs::read_to_string(&log).expect("a text")
}

#[test]
fn an_upgrade_of_the_package_restarts_one_agent_after_the_other() {
    let project = folder("upgrade").join("my-agent");
    assert_eq!(new(&project, &[]).status, 0);
    let start = "systemctl --system daemon-reload\ndeb-systemd-invoke start my-agent.target\n";
    assert_eq!(run_script(&project, "postinst", &["configure"]), start);
    assert_eq!(
        run_script(&project, "postinst", &["configure", "0.1.0-1"]),
        "systemctl --system daemon-reload\n\
         systemctl restart my-agent@12345.service\n\
         systemctl restart my-agent@12346.service\n\
         deb-systemd-invoke start my-agent.target\n"
    );
}

/// Checks that every YAML file can be read.
pub(super) fn manifests_are_yaml(folder: &Path) {
    let mut python = Command::new("python3");
    python.args(["-c", "import yaml"]);
    if !python.output().is_ok_and(|output| output.status.success()) {
        println!("NOT TESTED HERE: YAML, which needs python3 with yaml");
        return;
    }
    let yaml = |path: &String| {
        let extension = Path::new(path).extension().and_then(OsStr::to_str);
        matches!(extension, Some("yaml" | "yml"))
    };
    let paths: Vec<_> = files(folder).into_iter().filter(yaml).collect();
    assert_eq!(paths.len(), 5 * KINDS.len(), "{paths:?}");
    let script = "import sys, yaml\nfor path in sys.argv[1:]:\n    assert all(list(yaml.safe_load_all(open(path)))), path";
    let mut python = Command::new("python3");
    run(python.args(["-c", script]).args(paths).current_dir(folder));
}
