//! The files that `config --output` writes, and what would change in them.

use super::{Config, Part, diff, replaced};
use spoa_config::write::{Writer, WrittenConfiguration, signed, writer};
use std::fs::{self, Permissions};
use std::io::ErrorKind::{NotADirectory, NotFound};
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use tempfile::NamedTempFile;

impl Config {
    /// Returns the files to write, with their texts.
    fn files(
        &self,
        path: &Path,
        agent: &str,
        written: &WrittenConfiguration,
    ) -> Vec<(PathBuf, String)> {
        let part = |name: &str, text: &str| vec![(place(path, name), text.to_owned())];
        if let Some(ingress) = self.ingress {
            let text = signed(agent, &ingress.manifests(agent, written));
            return part(ingress.file(), &text);
        }
        match self.part {
            Part::Spoe => part("spoe.conf", &written.spoe),
            Part::Backend => part("backend.cfg", &signed(agent, &written.backend)),
            Part::Frontend => part("frontend.cfg", &signed(agent, &written.frontend)),
            Part::All => vec![
                (path.join("spoe.conf"), written.spoe.clone()),
                (path.join("haproxy.cfg"), written.haproxy.clone()),
            ],
        }
    }

    /// Shows what writing the files would change.
    pub(super) fn changes(
        &self,
        path: &Path,
        agent: &str,
        written: &WrittenConfiguration,
    ) -> Result<String, String> {
        let mut changes = String::new();
        for (path, text) in self.files(path, agent, written) {
            let present = read(&path)?.unwrap_or_default();
            changes.push_str(&diff::unified(&path.display().to_string(), &present, &text));
        }
        if changes.is_empty() {
            changes.push_str("nothing would change\n");
        }
        Ok(changes)
    }

    /// Writes the files, unless the user has edited one. Returns a list of them, and warnings.
    pub(super) fn write(
        &self,
        path: &Path,
        agent: &str,
        written: &WrittenConfiguration,
    ) -> Result<(String, Vec<String>), String> {
        let (mut list, mut warnings) = (String::new(), Vec::new());
        let mut changed = Vec::new();
        for (path, text) in self.files(path, agent, written) {
            let shown = path.display();
            let Some(present) = read(&path)? else {
                list.push_str(&format!("wrote {shown}\n"));
                changed.push((path, text));
                continue;
            };
            let state = match writer(&present) {
                _ if present == text => {
                    list.push_str(&format!("kept {shown}: nothing has changed\n"));
                    continue;
                }
                writer if self.force || writer == Writer::Config => {
                    let (added, removed) = diff::count(body(&present), body(&text));
                    list.push_str(&format!(
                        "replaced {shown}: {added} {} added, {removed} removed\n",
                        if added == 1 { "line" } else { "lines" }
                    ));
                    warnings.extend(replaced::lost(&shown.to_string(), &present, &text));
                    changed.push((path, text));
                    continue;
                }
                Writer::Edited => "has changed since `config` wrote it",
                _ => "exists, and `config` has not written it",
            };
            return Err(format!(
                "`{shown}` {state}: `--diff` shows what would change, `--force` overwrites it; keep your own \
                 lines in the file of `--rules`"
            ));
        }
        let about = |path: &Path, error| format!("cannot write `{}`: {error}", path.display());
        let mut complete = Vec::new();
        for (path, text) in &changed {
            if let Some(directory) = path.parent().filter(|it| !it.as_os_str().is_empty()) {
                fs::create_dir_all(directory).map_err(|error| about(directory, error))?;
            }
            let file = File::write(path, text).map_err(|error| about(path, error))?;
            complete.push((path, file));
        }
        for (path, file) in complete {
            file.replace().map_err(|error| about(path, error))?;
        }
        Ok((list, warnings))
    }
}

/// Returns the text of a file, or `None` if it does not exist. The user may have written it in another encoding: bytes
/// that are not UTF-8 are replaced.
fn read(path: &Path) -> Result<Option<String>, String> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(String::from_utf8_lossy(&bytes).into_owned())),
        Err(error) if matches!(error.kind(), NotFound | NotADirectory) => Ok(None),
        Err(error) => Err(format!("cannot read `{}`: {error}", path.display())),
    }
}

/// Returns a file without its first line, whose hash changes with every other line.
fn body(text: &str) -> &str {
    text.split_once('\n').map_or("", |(_, body)| body)
}

/// Returns the file of a part: the path itself if it names a file, else a file of this name in it.
fn place(path: &Path, name: &str) -> PathBuf {
    if path.is_file() || (path.extension().is_some() && !path.is_dir()) {
        path.to_owned()
    } else {
        path.join(name)
    }
}

/// A complete file that has not taken its place yet: on a full disk, the old one stays.
struct File {
    written: NamedTempFile,
    place: PathBuf,
}

impl File {
    fn write(path: &Path, text: &str) -> io::Result<Self> {
        // The target of a link is replaced, not the link.
        let place = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        let present = fs::metadata(&place).map(|file| file.permissions());
        // The umask applies, as for any file.
        let usual = Permissions::from_mode(0o666);
        let mut written = tempfile::Builder::new()
            .prefix(".spoa-config-")
            .permissions(usual)
            .tempfile_in(match place.parent() {
                Some(parent) if !parent.as_os_str().is_empty() => parent,
                _ => Path::new("."),
            })?;
        written.write_all(text.as_bytes())?;
        let file = written.as_file();
        if let Ok(present) = present {
            file.set_permissions(present)?;
        }
        file.sync_all()?;
        Ok(File { written, place })
    }

    fn replace(self) -> io::Result<()> {
        self.written.persist(&self.place)?;
        Ok(())
    }
}
