//! Values that renew themselves, and services that run while an agent serves.

mod common;

use common::{program, said};
use spoa::client::{Ack, Client};
use spoa_tests::{PATIENCE, Process, TempDir, assert_few_switches};
use std::fs::File;
use std::io::Write;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

fn command(dir: &TempDir) -> Command {
    let mut command = program(env!("CARGO_BIN_EXE_agent-renewing"));
    for name in ["watched", "polled", "pushed"] {
        command.arg(format!("--{name}")).arg(dir.join(name));
    }
    command
}

async fn start(command: &mut Command) -> (Process, Client) {
    let agent = Process::start(command);
    let line = agent.wait_for_line("listening on ");
    let address = line.trim_start_matches("listening on ").to_owned();
    agent.wait_for_line("the endless service has started");
    let client = Client::options().ack_timeout(PATIENCE).connect(&address);
    (agent, client.await.expect("it listens"))
}

fn files() -> TempDir {
    let dir = TempDir::new();
    for name in ["watched", "polled", "pushed"] {
        dir.write(name, &format!("{name} 1"));
    }
    dir
}

fn var(ack: &Ack, name: &str) -> String {
    let value = ack.get(name).map(ToString::to_string);
    value.unwrap_or_default().trim_matches('"').to_owned()
}

/// Waits until a variable has a value.
async fn becomes(client: &Client, name: &str, value: &str) {
    let start = Instant::now();
    loop {
        let ack = client.send("show", &[]).await.expect("it answers");
        let now = var(&ack, name);
        if now == value {
            return;
        }
        assert!(
            start.elapsed() < PATIENCE,
            "{name} is `{now}`, not `{value}`"
        );
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// Replaces a file as editors do: writes another one and renames it.
fn replace(path: &Path, text: &str) {
    let other = path.with_extension("tmp");
    std::fs::write(&other, text).expect("it can be written");
    std::fs::rename(other, path).expect("it can be renamed");
}

#[tokio::test]
async fn a_watched_file_may_be_written_replaced_and_removed() {
    let dir = files();
    let (agent, client) = start(&mut command(&dir)).await;
    becomes(&client, "txn.watched", "watched 1").await;
    dir.write("watched", "watched 2");
    becomes(&client, "txn.watched", "watched 2").await;
    let watched = dir.join("watched");
    let changed = format!("INFO {} changed: reloaded in ", watched.display());
    agent.wait_for_line(&changed);
    replace(&watched, "watched 3");
    becomes(&client, "txn.watched", "watched 3").await;
    // Its inode is another one now: the new one is watched.
    dir.write("watched", "watched 4");
    becomes(&client, "txn.watched", "watched 4").await;
    // At once: a file that is empty for a moment is a value.
    replace(&watched, "broken");
    agent.wait_for_line(&format!(
        "ERROR {} changed: reload failed, the old value is kept: `reload = \
         Watched(read(&options.watched)?)` failed: the file is broken",
        watched.display()
    ));
    std::fs::remove_file(&watched).expect("it is there");
    agent.wait_for_line("failed: No such file or directory");
    becomes(&client, "txn.watched", "watched 4").await;
    dir.write("watched", "watched 5");
    becomes(&client, "txn.watched", "watched 5").await;
}

/// It is not read after each of the writes.
#[tokio::test]
async fn a_file_that_is_written_slowly_is_read_at_the_end() {
    let dir = files();
    let (agent, client) = start(&mut command(&dir)).await;
    let begin = Instant::now();
    let mut file = File::options()
        .append(true)
        .open(dir.join("watched"))
        .expect("it is there");
    for _ in 0..300 {
        file.write_all(b"x").expect("it can be written");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    // On a busy machine the writes pause for long enough.
    let most = begin.elapsed().as_millis() / 100;
    becomes(
        &client,
        "txn.watched",
        &format!("watched 1{}", "x".repeat(300)),
    )
    .await;
    let lines = agent.output();
    let reloads = lines.iter().filter(|line| line.contains(" changed: "));
    let reloads = reloads.count() as u128;
    assert!(reloads <= most, "{reloads} > {most}: {lines:#?}");
}

/// Its parent cannot be watched, as in `/etc/secret` with the mode 711.
#[tokio::test]
async fn a_file_in_a_directory_that_cannot_be_read_is_checked_from_time_to_time() {
    let dir = files();
    let closed = dir.join("closed");
    std::fs::create_dir(&closed).expect("it can be made");
    std::fs::write(closed.join("rules"), "rules 1").expect("it can be written");
    let mode = |mode| std::fs::Permissions::from_mode(mode);
    std::fs::set_permissions(dir.path(), mode(0o755)).expect("it is ours");
    std::fs::set_permissions(&closed, mode(0o311)).expect("it is ours");
    std::fs::remove_file(dir.join("watched")).expect("it is there");
    symlink("closed/rules", dir.join("watched")).expect("a link can be made");
    let mut command = command(&dir);
    // Root may read every directory.
    if std::fs::read_dir(&closed).is_ok() {
        command.uid(65534);
    }
    let (agent, client) = start(&mut command).await;
    agent.wait_for_line(&format!(
        "WARN cannot watch directory `{}`: EACCES: Permission denied; watched files are checked every 2s, too; \
         let the agent read the directory, or raise `fs.inotify.max_user_watches`",
        closed.display()
    ));
    becomes(&client, "txn.watched", "rules 1").await;
    std::fs::write(closed.join("rules"), "rules 2").expect("it can be written");
    becomes(&client, "txn.watched", "rules 2").await;
    std::fs::set_permissions(&closed, mode(0o755)).expect("it is ours");
    let lines = agent.output();
    let warnings = lines.iter().filter(|line| line.contains("cannot watch"));
    assert_eq!(warnings.count(), 1, "{lines:#?}");
}

#[tokio::test]
async fn a_config_map_is_swapped_by_a_symbolic_link() {
    let dir = files();
    let map = dir.join("map");
    for (name, text) in [("..1", "map 1"), ("..2", "map 2"), ("..3", "map 3")] {
        std::fs::create_dir_all(map.join(name)).expect("it can be made");
        std::fs::write(map.join(name).join("rules"), text).expect("it can be written");
    }
    symlink("..1", map.join("..data")).expect("a link can be made");
    symlink("..data/rules", map.join("rules")).expect("a link can be made");
    std::fs::remove_file(dir.join("watched")).expect("it is there");
    symlink("map/rules", dir.join("watched")).expect("a link can be made");
    let (_agent, client) = start(&mut command(&dir)).await;
    becomes(&client, "txn.watched", "map 1").await;
    for next in 2..=3 {
        symlink(format!("..{next}"), map.join("..data_tmp")).expect("a link can be made");
        std::fs::rename(map.join("..data_tmp"), map.join("..data")).expect("it can be renamed");
        std::fs::remove_dir_all(map.join(format!("..{}", next - 1))).expect("it is there");
        becomes(&client, "txn.watched", &format!("map {next}")).await;
    }
}

/// The file and its own directory have no event of such a rename.
#[tokio::test]
async fn a_folder_above_the_file_may_be_renamed_and_replaced() {
    let dir = files();
    for (release, text) in [("release", "release 1"), ("next", "release 2")] {
        let etc = dir.join(release).join("etc");
        std::fs::create_dir_all(&etc).expect("it can be made");
        std::fs::write(etc.join("rules"), text).expect("it can be written");
    }
    let mut command = program(env!("CARGO_BIN_EXE_agent-renewing"));
    let rules = dir.join("release/etc/rules");
    command.arg("--watched").arg(&rules);
    command.arg("--polled").arg(dir.join("polled"));
    command.arg("--pushed").arg(dir.join("pushed"));
    let (agent, client) = start(&mut command).await;
    becomes(&client, "txn.watched", "release 1").await;
    std::fs::rename(dir.join("release"), dir.join("old")).expect("it can be renamed");
    agent.wait_for_line("failed: No such file or directory");
    std::fs::rename(dir.join("next"), dir.join("release")).expect("it can be renamed");
    becomes(&client, "txn.watched", "release 2").await;
    std::fs::write(&rules, "release 3").expect("it can be written");
    becomes(&client, "txn.watched", "release 3").await;
}

#[tokio::test]
async fn a_value_is_reloaded_at_every_period_and_an_outage_is_one_line() {
    let dir = files();
    let (agent, client) = start(command(&dir).arg("--log=debug")).await;
    becomes(&client, "txn.polled", "polled 1").await;
    dir.write("polled", "polled 2");
    becomes(&client, "txn.polled", "polled 2").await;
    replace(&dir.join("polled"), "broken");
    let failed = "ERROR reload failed, the old value is kept: `reload = Polled(";
    agent.wait_for_line(failed);
    agent.wait_for_line("DEBUG reload failed 2 times in a row: ");
    becomes(&client, "txn.polled", "polled 2").await;
    dir.write("polled", "polled 3");
    becomes(&client, "txn.polled", "polled 3").await;
    agent.wait_for_line(" failures: `reload = Polled(");
    let lines = agent.output();
    let failures = lines.iter().filter(|line| line.contains(failed));
    assert_eq!(failures.count(), 1, "{lines:#?}");
}

#[tokio::test]
async fn a_service_starts_again_pushes_a_value_and_ends_with_the_agent() {
    let dir = files();
    let (mut agent, client) = start(&mut command(&dir)).await;
    becomes(&client, "txn.pushed", "first").await;
    agent.wait_for_line(
        "ERROR service `push(options, serving)` failed, it starts again in 500ms: the stream \
         is away",
    );
    agent.wait_for_line("failed, it starts again in 1s: panicked: the stream is odd, at ");
    agent.wait_for_line("the service has pushed");
    becomes(&client, "txn.pushed", "pushed 1").await;
    drop(client);
    agent.signal("TERM");
    agent.wait_for_line("the service ends what it does");
    agent.wait_for_line("INFO stopped");
    assert_eq!(agent.wait(PATIENCE).code(), Some(0));
}

/// A service may bind an address that the running agent has bound already.
#[test]
fn other_commands_start_no_service() {
    let dir = files();
    let called = said(command(&dir).args(["--log=info", "call", "show"]));
    assert_eq!(called.status, Some(0), "{called:?}");
    assert!(!called.err.contains("service"), "{called:?}");
    let checked = said(command(&dir).args(["--log=info", "check"]));
    assert_eq!(checked.status, Some(0), "{checked:?}");
    assert!(!checked.err.contains("service"), "{checked:?}");
}

#[tokio::test]
async fn an_agent_that_only_watches_does_not_wake() {
    let dir = files();
    let (agent, _client) = start(command(&dir).arg("--period=0")).await;
    agent.wait_for_line("the service has pushed");
    assert_few_switches(agent.id(), 6, Duration::from_secs(2));
}
