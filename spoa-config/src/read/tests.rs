//! Which files belong to a configuration.

use super::*;
use crate::Series;
use proptest::prelude::*;
use std::io;
use std::path::{Path, PathBuf};

/// Files in memory.
struct Texts(Vec<(&'static str, Vec<u8>)>);

impl Files for Texts {
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        let found = self.0.iter().find(|(name, _)| Path::new(name) == path);
        let found = found.map(|(_, bytes)| bytes.clone());
        found.ok_or_else(|| io::Error::from(io::ErrorKind::NotFound))
    }

    fn list(&self, path: &Path) -> Option<Vec<PathBuf>> {
        let inside = |name: &&'static str| Path::new(name).parent() == Some(path);
        let names = self.0.iter().map(|(name, _)| *name);
        let found: Vec<_> = names.filter(inside).map(PathBuf::from).collect();
        (!found.is_empty()).then_some(found)
    }
}

fn texts(files: &[(&'static str, &str)]) -> Texts {
    Texts(
        files
            .iter()
            .map(|(name, text)| (*name, text.as_bytes().to_owned()))
            .collect(),
    )
}

fn read(files: &Texts, paths: &[&str]) -> Result<Configuration, ReadError> {
    let around = Surroundings {
        series: Some(Series::V3_2),
        environment: &|_| None,
    };
    Configuration::read(paths, files, &around)
}

const SPOE: &str = "[e]\nspoe-agent a\n";

/// Returns whether the file of the only filter is found, and the path that was read.
fn found(files: &[(&'static str, &str)], paths: &[&str]) -> (Found, Option<PathBuf>) {
    let configuration = read(&texts(files), paths).unwrap();
    assert_eq!(configuration.filters.len(), 1);
    let found = configuration.filters[0].file.clone();
    let file = found.file().map(|file| configuration.spoe[file].source);
    let source = file.and_then(|source| configuration.sources.get(source));
    (found, source.map(|source| source.path.clone()))
}

#[test]
fn the_file_of_a_filter_is_found_from_where_haproxy_is_started() {
    let filter = "frontend f\nfilter spoe engine e config spoe.conf\n";
    let files = [("etc/haproxy.cfg", filter), ("spoe.conf", SPOE)];
    let (found, path) = found(&files, &["etc/haproxy.cfg"]);
    assert_eq!(found, Found::There(0));
    assert_eq!(path, Some("spoe.conf".into()));
}

#[test]
fn a_path_with_an_unset_variable_names_the_variable_or_means_a_given_file() {
    let unset = |names: &[&str]| Found::Unset(names.iter().map(|it| (*it).to_owned()).collect());
    for (path, alone, given) in [
        (r#""${DIR}/spoe.conf""#, unset(&["DIR"]), Found::There(0)),
        (
            r#""$DIR/${SUB}/spoe.conf""#,
            unset(&["DIR", "SUB"]),
            Found::There(0),
        ),
        (r#""$DIR/other.conf""#, unset(&["DIR"]), unset(&["DIR"])),
        (r#""$DIR/${HERE-x}.conf""#, unset(&["DIR"]), unset(&["DIR"])),
        (r#""${DIR}spoe.conf""#, unset(&["DIR"]), Found::There(0)),
        // All of it may be anything, and so the only file there is.
        (r#""$DIR""#, unset(&["DIR"]), Found::There(0)),
        (r#""$DIR/$NAME""#, unset(&["DIR", "NAME"]), Found::There(0)),
    ] {
        let filter = format!("frontend f\nfilter spoe engine e config {path}\n");
        let files = texts(&[("haproxy.cfg", &filter), ("x/spoe.conf", SPOE)]);
        let found = |paths: &[&str]| read(&files, paths).unwrap().filters[0].file.clone();
        assert_eq!(found(&["haproxy.cfg"]), alone, "{path}");
        assert_eq!(found(&["haproxy.cfg", "x/spoe.conf"]), given, "{path}");
    }
}

/// HAProxy 3.1 and later have already read `global` once, if they are started without `-W`.
#[test]
fn a_variable_of_a_later_line_is_known_only_before_3_1() {
    let early = "frontend f\nfilter spoe engine e config \"$FILE\"\n";
    let global = "global\nsetenv FILE spoe.conf\n";
    let uncertain = Found::Uncertain(vec!["FILE".to_owned()]);
    for (text, series, expected) in [
        (format!("{global}{early}"), None, Found::There(0)),
        (
            format!("{global}{early}"),
            Some(Series::V3_2),
            Found::There(0),
        ),
        (
            format!("{global}{early}"),
            Some(Series::V3_0),
            Found::There(0),
        ),
        // It depends on `-W`.
        (format!("{early}{global}"), None, uncertain.clone()),
        (
            format!("{early}{global}"),
            Some(Series::V3_2),
            uncertain.clone(),
        ),
        // It is given from outside, or an error.
        (format!("{early}{global}"), Some(Series::V3_0), uncertain),
    ] {
        let files = texts(&[("haproxy.cfg", &text), ("spoe.conf", SPOE)]);
        let around = Surroundings {
            series,
            environment: &|_| None,
        };
        let read = Configuration::read(&["haproxy.cfg"], &files, &around).unwrap();
        assert_eq!(read.filters[0].file, expected, "{series:?} {text}");
    }
    let given = |series| {
        let text = format!("{early}global\nsetenv FILE other.conf\n");
        let files = texts(&[("haproxy.cfg", &text), ("spoe.conf", SPOE)]);
        let around = Surroundings {
            series: Some(series),
            environment: &|name| (name == "FILE").then(|| "spoe.conf".to_owned()),
        };
        let read = Configuration::read(&["haproxy.cfg"], &files, &around).unwrap();
        read.filters[0].file.clone()
    };
    assert_eq!(given(Series::V3_0), Found::There(0));
    assert_eq!(
        given(Series::V3_2),
        Found::Uncertain(vec!["FILE".to_owned()])
    );
}

#[test]
fn a_file_found_beside_the_configuration_is_marked_as_such() {
    let filter = "frontend f\nfilter spoe config spoe.conf engine e\n";
    let files = [("etc/haproxy.cfg", filter), ("etc/spoe.conf", SPOE)];
    let (found, path) = found(&files, &["etc/haproxy.cfg"]);
    assert_eq!(found, Found::Beside(0, "etc".into()));
    assert_eq!(path, Some("etc/spoe.conf".into()));
}

#[test]
fn default_path_says_where_paths_begin() {
    for (policy, there) in [
        ("config", "etc/spoe.conf"),
        ("parent", "etc/../spoe.conf"),
        ("origin /srv", "/srv/spoe.conf"),
    ] {
        let filter = format!(
            "global\ndefault-path {policy}\nfrontend f\nfilter spoe engine e config spoe.conf\n"
        );
        let files = [("etc/haproxy.cfg", filter.as_str()), (there, SPOE)];
        let (found, path) = found(&files, &["etc/haproxy.cfg"]);
        assert_eq!(found, Found::There(0), "{policy}");
        assert_eq!(path, Some(there.into()));
    }
}

#[test]
fn a_given_file_replaces_the_one_of_its_name() {
    let filter = "frontend f\nfilter spoe engine e config /etc/haproxy/spoe.conf\n";
    let files = [("haproxy.cfg", filter), ("here/spoe.conf", SPOE)];
    let (there, path) = found(&files, &["haproxy.cfg", "here/spoe.conf"]);
    assert_eq!(there, Found::There(0));
    assert_eq!(path, Some("here/spoe.conf".into()));
    let (nowhere, _) = found(&files, &["haproxy.cfg"]);
    let path = PathBuf::from("/etc/haproxy/spoe.conf");
    assert_eq!(nowhere, Found::Nowhere(vec![path]));
}

#[test]
fn two_filters_read_one_file_once() {
    let filters =
        "frontend f\nfilter spoe engine e config s\nfrontend g\nfilter spoe engine e config s\n";
    let configuration = read(&texts(&[("a", filters), ("s", SPOE)]), &["a"]).unwrap();
    assert_eq!(configuration.spoe.len(), 1);
    let proxies = configuration.filters.iter().map(|filter| filter.proxy);
    assert_eq!(proxies.collect::<Vec<_>>(), [0, 1]);
}

#[test]
fn of_a_directory_the_configurations_are_read_in_order() {
    let files = texts(&[
        ("d/20.cfg", "frontend b\n"),
        ("d/10.cfg", "frontend a\n"),
        ("d/.hidden.cfg", "frontend x\n"),
        ("d/README", "frontend y\n"),
    ]);
    let configuration = read(&files, &["d"]).unwrap();
    let names: Vec<_> = configuration.sections.iter().map(Section::title).collect();
    assert_eq!(names, ["a", "b"]);
}

#[test]
fn a_file_that_is_not_there_is_named() {
    let error = read(&texts(&[]), &["none.cfg"]).unwrap_err();
    assert!(error.to_string().starts_with("cannot read `none.cfg`: "));
}

#[test]
fn a_file_that_is_not_text_is_an_error() {
    let error = read(&texts(&[("a", "frontend f\n\0")]), &["a"]).unwrap_err();
    assert_eq!(error.to_string(), "cannot read `a`: the file is not text");
}

#[test]
fn proxies_take_the_defaults_before_them_or_the_ones_they_name() {
    let text = "defaults one\ntimeout a 1\ndefaults two from one\ntimeout b 2\n\
                frontend f\nmode http\nfrontend g from one\ndefaults\nbackend h\n";
    let configuration = read(&texts(&[("a", text)]), &["a"]).unwrap();
    let lines = |proxy: usize| -> Vec<_> {
        let lines = configuration.lines(proxy);
        lines.map(|line| line.word(1).to_owned()).collect()
    };
    assert_eq!(lines(2), ["http", "b", "a"]);
    assert_eq!(lines(3), ["a"]);
    assert_eq!(lines(5), [""; 0]);
    assert_eq!(configuration.backend("h"), Some(5));
    assert_eq!(configuration.backend("f"), None);
}

proptest! {
    #[test]
    fn any_bytes_can_be_read(
        haproxy in prop::collection::vec(1_u8.., 0..400),
        spoe in prop::collection::vec(1_u8.., 0..200),
    ) {
        let mut text = b"frontend f\nfilter spoe engine e config s\n".to_vec();
        text.extend(haproxy);
        let files = Texts(vec![("a", text), ("s", spoe)]);
        let configuration = read(&files, &["a", "s"]).unwrap();
        prop_assert!(have_places(&configuration));
    }

    #[test]
    fn lines_of_special_words_can_be_read(
        lines in prop::collection::vec(r#"(\.if|\.elif|\.else|\.endif|\[|defaults|global|filter spoe|from|default-path)?[ a"'\\$#{}\[\]é*x0-9.\-=\r]{0,20}"#, 0..12),
    ) {
        let text = lines.join("\n").into_bytes();
        let files = Texts(vec![("a", text)]);
        let configuration = read(&files, &["a"]).unwrap();
        prop_assert!(have_places(&configuration));
    }
}

/// Returns whether the place of each word has characters.
fn have_places(configuration: &Configuration) -> bool {
    let spoe = configuration.spoe.iter().flat_map(|file| &file.sections);
    let mut sections = configuration.sections.iter().chain(spoe);
    sections.all(|section| {
        let mut lines = section.lines.iter().chain([&section.head]);
        lines.all(|line| {
            let mut words = line.words.iter();
            words.all(|word| {
                let text = &configuration.sources.get(word.span.source).unwrap().text;
                let there = text.get(word.span.start..word.span.end);
                there.is_some_and(|there| !there.is_empty())
                    && text.get(line.span().start..line.span().end).is_some()
            })
        })
    })
}
