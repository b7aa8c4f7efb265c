//! Which file of a crate uses which, as its text says.
//!
//! A use is a path into the crate, in an import or in the middle of code: `crate::a::B`, `super::{a, b::C as D}`,
//! `self::a::B`, and `a::b()` where this file declares `a`. What is used is the file that defines the thing: a module that
//! passes a name on (`pub use a::B`) is not used by those who take `B` from there, but uses `a` itself. Whoever declares a
//! module (`mod a;`) uses it too, so that `a` may use nothing that its parent's file defines.
//!
//! Not counted: what only tests use (behind `#[cfg(test)]`, which stands at a file's end, and in files of tests), and what
//! no path tells, as a method of a value that came from elsewhere.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    fs,
    path::{Path, PathBuf},
};

pub(crate) struct Source {
    pub(crate) path: PathBuf,
    /// `a::b` for `a/b.rs`.
    pub(crate) module: String,
    pub(crate) text: String,
}

pub(crate) fn sources(root: &str) -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join(root);
    let mut found = Vec::new();
    let mut folders = vec![root.clone()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|e| e == "rs") {
                let relative = path.strip_prefix(&root).expect("below it").with_extension("");
                let parts: Vec<_> = relative.iter().map(|part| part.to_string_lossy()).collect();
                let text = fs::read_to_string(&path).expect("a source file");
                found.push(Source { module: parts.join("::"), text, path });
            }
        }
    }
    assert!(!found.is_empty());
    found
}

impl Source {
    /// Whether only tests use it.
    pub(crate) fn is_tests(&self) -> bool {
        self.module.split("::").any(|part| part == "tests")
    }

    /// Its text without comments, and without the tests at its end.
    pub(crate) fn code(&self) -> String {
        let text = self.text.split("#[cfg(test)]").next().unwrap_or_default();
        text.lines().map(|line| line.split("//").next().unwrap_or_default()).collect::<Vec<_>>().join("\n")
    }

    /// The paths into the crate that stand in it, from the crate's root on.
    pub(crate) fn uses(&self) -> Vec<Use> {
        let code = self.code();
        let declared = declared(&code);
        let leads_in = |path: &str| {
            let first = path.split_once("::").map(|(first, _)| first);
            first
                .is_some_and(|first| ["crate", "super", "self"].contains(&first) || declared.contains(&first))
        };
        let uses = paths(&code).into_iter().filter(|path| leads_in(&path.path));
        uses.map(|path| Use { path: absolute(self.scope(), &path.path), ..path }).collect()
    }

    /// What its paths are seen from.
    fn scope(&self) -> &str {
        if self.module == "lib" { "" } else { &self.module }
    }
}

/// A path, and what it is called here where it is an import.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Use {
    pub(crate) path: String,
    pub(crate) name: Option<String>,
}

fn declared(code: &str) -> Vec<&str> {
    let names = code.lines().filter_map(|line| line.trim().strip_suffix(';')?.rsplit_once("mod "));
    names.map(|(_, name)| name).collect()
}

/// Every path in the code, with groups spelled out.
fn paths(code: &str) -> Vec<Use> {
    let (mut found, mut end, mut last) = (Vec::new(), 0, ' ');
    for (at, char) in code.char_indices() {
        let begins = is_word(char) && !is_word(last);
        last = char;
        if at < end || !begins {
            continue;
        }
        let (tree, took) = tree(&code[at..]);
        end = at + took;
        // That says who may see something.
        if !code[..at].ends_with("pub(in ") {
            let is_import = code[..at].ends_with("use ");
            found.extend(tree.into_iter().map(|(path, name)| Use { path, name: name.filter(|_| is_import) }));
        }
    }
    found
}

/// A use tree: `a::b`, `a::{b, c::d as e}`, `a::*`. What each path is called, and how much of the text it took.
fn tree(text: &str) -> (Vec<(String, Option<String>)>, usize) {
    let word = text.find(|c| !is_word(c)).unwrap_or(text.len());
    let (name, rest) = (&text[..word], &text[word..]);
    if let Some(inner) = rest.strip_prefix("::").filter(|_| !name.is_empty()) {
        let (below, took) = tree(inner);
        let named = |called: Option<String>| called.map(|c| if c == "self" { name.to_owned() } else { c });
        let paths = below.into_iter().map(|(path, called)| (format!("{name}::{path}"), named(called)));
        return (paths.collect(), word + 2 + took);
    }
    let Some(group) = text.strip_prefix('{') else {
        let alias = rest.strip_prefix(" as ").map(|alias| &alias[..alias.find(|c| !is_word(c)).unwrap_or(0)]);
        let took = word + alias.map_or(0, |alias| " as ".len() + alias.len());
        return (vec![(name.to_owned(), Some(alias.unwrap_or(name).to_owned()))], took);
    };
    let (mut paths, mut at) = (Vec::new(), 0);
    loop {
        at += group[at..].find(|c: char| !c.is_whitespace() && c != ',').unwrap_or(group.len() - at);
        let (found, took) = tree(&group[at..]);
        if took == 0 {
            return (paths, at + 2);
        }
        paths.extend(found);
        at += took;
    }
}

fn is_word(char: char) -> bool {
    char.is_alphanumeric() || char == '_'
}

/// A path from the crate's root on, as it is meant in that module.
fn absolute(module: &str, path: &str) -> String {
    let mut from_root: Vec<&str> = module.split("::").filter(|part| !part.is_empty()).collect();
    for part in path.split("::") {
        match part {
            "crate" => from_root.clear(),
            "super" => drop(from_root.pop()),
            // A module itself, and a glob.
            "self" | "" => {}
            name => from_root.push(name),
        }
    }
    from_root.join("::")
}

pub(crate) fn is_below(path: &str, module: &str) -> bool {
    module.is_empty()
        || path == module
        || path.strip_prefix(module).is_some_and(|rest| rest.starts_with("::"))
}

/// Each file, and those that it uses, with a path by which it does.
pub(crate) type Files = BTreeMap<String, BTreeMap<String, String>>;

/// Of all files but those of tests.
pub(crate) fn files(sources: &[Source]) -> Files {
    let sources = || sources.iter().filter(|source| !source.is_tests());
    let uses = sources().map(|source| (source.scope(), source.uses())).collect();
    let of_one = |source: &Source| {
        let (module, code) = (source.scope(), source.code());
        let declared = declared(&code).into_iter().map(|name| absolute(module, name));
        let declared = declared.map(|path| (path.clone(), format!("mod {path}")));
        let paths = source.uses().into_iter().map(|Use { path, .. }| (home(&uses, &path), path));
        let others = declared.chain(paths).filter(|(file, _)| file != module);
        (module.to_owned(), others.collect())
    };
    sources().map(of_one).collect()
}

/// The file that defines what the path leads to.
fn home(uses: &BTreeMap<&str, Vec<Use>>, path: &str) -> String {
    let around = uses.iter().filter(|(module, _)| is_below(path, module));
    let (module, imports) = around.max_by_key(|(module, _)| module.len()).expect("the crate's root");
    let rest = path[module.len()..].trim_start_matches("::");
    let (name, below) = rest.split_once("::").unwrap_or((rest, ""));
    let passed_on = imports.iter().find(|import| import.name.as_deref() == Some(name));
    match passed_on.map(|import| absolute(&import.path, below)) {
        Some(further) if further != path => home(uses, &further),
        _ => (*module).to_owned(),
    }
}

/// The shortest circle: from a file by those that it uses, each by the one before it, back to that file.
pub(crate) fn circle(files: &Files) -> Option<Vec<&String>> {
    let back_to = |start| {
        let (mut ways, mut seen) = (VecDeque::from([vec![start]]), BTreeSet::new());
        while let Some(way) = ways.pop_front() {
            for next in way.last().and_then(|last| files.get(*last)).into_iter().flat_map(BTreeMap::keys) {
                if next == start {
                    return Some(way);
                }
                if seen.insert(next) {
                    ways.push_back([&way[..], &[next]].concat());
                }
            }
        }
        None
    };
    files.keys().filter_map(back_to).min_by_key(Vec::len)
}

#[test]
fn an_import_is_understood_however_it_is_written() {
    let code = "use super::{a, b::{self, C as D}, e::*};\npub(in crate::x) use self::f::G;\nmod h;\n\
                fn f() -> Vec::<super::super::i::J> { h::k(crate::l::M as u8, std::n::o) }\n// crate::not\n";
    let source = Source {
        path: PathBuf::new(),
        module: "p::q::r".to_owned(),
        text: format!("{code}#[cfg(test)] super::t"),
    };
    let uses = source.uses();
    let called =
        |path: &str, name: Option<&str>| Use { path: path.to_owned(), name: name.map(str::to_owned) };
    let imports =
        [("p::q::a", "a"), ("p::q::b", "b"), ("p::q::b::C", "D"), ("p::q::e", ""), ("p::q::r::f::G", "G")];
    let imports = imports.map(|(path, name)| called(path, Some(name)));
    let others = ["p::i::J", "p::q::r::h::k", "l::M"].map(|path| called(path, None));
    assert_eq!(uses, imports.into_iter().chain(others).collect::<Vec<_>>());
}

#[test]
fn a_circle_is_one_of_files_that_define_what_others_use_and_not_of_those_that_pass_it_on() {
    let source = |module: &str, text: &str| Source {
        path: PathBuf::new(),
        module: module.to_owned(),
        text: text.to_owned(),
    };
    let mut sources = vec![
        source("lib", "mod a;\nmod b;\npub use a::A;"),
        source("a", "mod c;\npub use c::C;\nuse crate::b::B;"),
        source("a::c", "pub struct C;"),
        source("b", "use crate::a::C;"),
        source("b::tests", "use crate::A;"),
    ];
    assert_eq!(circle(&files(&sources)), None);
    sources.push(source("a::d", "use super::A;"));
    assert_eq!(circle(&files(&sources)), None, "nobody uses it");
    sources[1].text.push_str("\nmod d;");
    assert_eq!(circle(&files(&sources)), Some(vec![&"a".to_owned(), &"a::d".to_owned()]));
}
