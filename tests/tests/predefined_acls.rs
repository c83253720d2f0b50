//! Compares the ACLs that `spoa-facts` calls predefined with those that HAProxy takes in a condition.

use spoa_facts::{PREDEFINED_ACLS, Series, is_predefined_acl};
use spoa_tests::{Haproxy, TempDir, for_each_haproxy};
use std::process::Command;

/// Names that no HAProxy defines: they differ from a predefined one in case, or follow its pattern.
const OTHERS: [&str; 4] = ["METH_PATCH", "meth_get", "HTTP_4.0", "RES_CONTENT"];

fn takes(haproxy: &Haproxy, name: &str) -> bool {
    let dir = TempDir::new();
    let file = dir.write(
        "haproxy.cfg",
        &format!(
            "defaults\n mode http\n timeout client 1s\n timeout connect 1s\n timeout server 1s\n\
             frontend front\n bind 127.0.0.1:1\n http-request deny if {name}\n"
        ),
    );
    let mut command = Command::new(haproxy.path());
    let output = command.arg("-c").arg("-f").arg(file).output();
    output.expect("HAProxy runs").status.success()
}

#[test]
fn haproxy_takes_the_predefined_acls_and_no_others() {
    for_each_haproxy(|haproxy| {
        let (major, minor) = haproxy.series();
        let series: Series = format!("{major}.{minor}").parse().expect("a known series");
        let predefined = PREDEFINED_ACLS.iter().map(|(name, _)| *name);
        for name in predefined.chain(OTHERS) {
            let known = is_predefined_acl(name, Some(series));
            assert_eq!(takes(haproxy, name), known, "{name}");
        }
    });
}
