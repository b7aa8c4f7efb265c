//! One mapping of the file, key by key. A key that nobody asked for is unknown.

use std::{
    cell::{Cell, RefCell},
    fmt::Display,
};

use super::{
    mistakes::{Mistake, Place},
    tree::{Key, Node, Value},
};

/// Gives the values for `${NAME}`.
pub type Environment<'a> = &'a dyn Fn(&str) -> Option<String>;

/// What is collected while the whole file is read.
pub(super) struct Reading<'a> {
    mistakes: RefCell<Vec<Mistake>>,
    env: Environment<'a>,
    /// What the environment held, and for which `${NAME}`.
    substituted: RefCell<Vec<(String, String)>>,
}

/// A checked value and where it stands.
#[derive(Clone, Debug)]
pub(super) struct At<T> {
    pub(super) place: Place,
    pub(super) value: T,
}

impl<'a> Reading<'a> {
    /// What `read` makes of a whole file; or every mistake that it has found.
    pub(super) fn of<T>(
        tree: &Node,
        env: Environment<'a>,
        read: impl FnOnce(Section<'_>) -> Option<T>,
    ) -> Result<T, Vec<Mistake>> {
        let reading = Self { mistakes: RefCell::default(), env, substituted: RefCell::default() };
        let made = Section::new(&reading, tree, "").and_then(read);
        let mistakes = reading.mistakes.into_inner();
        made.filter(|_| mistakes.is_empty()).ok_or(mistakes)
    }

    pub(super) fn mistake(&self, place: Place, message: impl Display) {
        let mut message = message.to_string();
        for (value, name) in self.substituted.borrow().iter() {
            message = message.replace(&value.escape_debug().to_string(), name).replace(value, name);
        }
        self.mistakes.borrow_mut().push(Mistake { place, message });
    }

    /// A scalar, with `${NAME}` replaced; or why there is none. What the environment holds is never shown.
    fn scalar(&self, node: &Node) -> Result<String, String> {
        let text = match &node.value {
            Value::Scalar(text) => text,
            Value::Null => {
                return Err(
                    "has no value: write one behind it (the words `null` and `~` are texts only in quotes)"
                        .into(),
                );
            }
            Value::Typed(_) => return Err("has a tag that says what it is: quote it, without a tag".into()),
            Value::List(_) | Value::Map(_) => return Err("has to be a single value".into()),
        };
        let mut whole = String::new();
        let mut rest = text.as_str();
        while let Some((before, after)) = rest.split_once("${") {
            whole.push_str(before);
            let Some((variable, after)) = after.split_once('}') else {
                return Err("has a `${` without its `}`".into());
            };
            let Some(value) = (self.env)(variable).filter(|value| !value.is_empty()) else {
                return Err(format!(
                    "needs the environment variable {variable:?}, which is not set, or is empty"
                ));
            };
            whole.push_str(&value);
            self.substituted.borrow_mut().push((value, format!("${{{variable}}}")));
            rest = after;
        }
        whole.push_str(rest);
        Ok(whole)
    }
}

/// One mapping.
pub(super) struct Section<'a> {
    pub(super) reading: &'a Reading<'a>,
    pub(super) place: Place,
    /// What it is called in messages: `secrets[0]`, or nothing at the top.
    title: String,
    entries: Vec<(&'a Key, &'a Node, Cell<bool>)>,
    asked: RefCell<Vec<&'static str>>,
    /// Keys whose value is a mistake, which has been told.
    wrong: RefCell<Vec<&'static str>>,
    /// Keys that have to be there and are not, and what is said of each.
    missing: RefCell<Vec<(&'static str, String)>>,
}

impl<'a> Section<'a> {
    pub(super) fn new(reading: &'a Reading<'a>, node: &'a Node, title: impl Into<String>) -> Option<Self> {
        let title = title.into();
        let entries = match &node.value {
            Value::Map(entries) => entries,
            _ => {
                let what = if title.is_empty() { "the file" } else { &title };
                reading.mistake(node.place, format!("{what} has to be a mapping of keys and values"));
                return None;
            }
        };
        let entries = entries.iter().map(|(key, node)| (key, node, Cell::new(false))).collect();
        let (asked, wrong, missing) = Default::default();
        Some(Self { reading, place: node.place, title, entries, asked, wrong, missing })
    }

    /// The key's full name.
    fn name(&self, key: &str) -> String {
        if self.title.is_empty() { key.to_owned() } else { format!("{}.{key}", self.title) }
    }

    pub(super) fn node(&self, key: &'static str) -> Option<&'a Node> {
        self.asked.borrow_mut().push(key);
        let (_, node, asked) = self.entries.iter().find(|(found, ..)| found.name == key)?;
        asked.set(true);
        Some(node)
    }

    /// An optional scalar, parsed; a wrong one is a mistake, and counts as absent.
    pub(super) fn get<T>(
        &self,
        key: &'static str,
        parse: impl Fn(&str) -> Result<T, String>,
    ) -> Option<At<T>> {
        let node = self.node(key)?;
        let parsed = self.parsed(node, &self.name(key), parse);
        if parsed.is_none() {
            self.mistrust(key);
        }
        parsed
    }

    /// What follows from this key is not judged: its own mistake has been told, and is told once.
    pub(super) fn mistrust(&self, key: &'static str) {
        self.wrong.borrow_mut().push(key);
    }

    /// Whether none of these keys has a value that is a mistake, or is misspelt.
    pub(super) fn trusts(&self, keys: &[&'static str]) -> bool {
        !self.wrong.borrow().iter().any(|wrong| keys.contains(wrong))
            && !keys.iter().any(|key| self.is_misspelt(key))
    }

    /// Whether the key is absent, and one that nobody has asked for yet resembles it.
    fn is_misspelt(&self, key: &'static str) -> bool {
        let mut others = self.entries.iter().filter(|(.., asked)| !asked.get());
        !self.has(key) && others.any(|(found, ..)| nearest(&found.name, &[key]).is_some())
    }

    /// A key that has to be there is not. It is told once: as misspelt, where a key that we don't know resembles it.
    pub(super) fn miss(&self, key: &'static str, what: impl Into<String>) {
        self.missing.borrow_mut().push((key, what.into()));
    }

    pub(super) fn has(&self, key: &str) -> bool {
        self.entries.iter().any(|(found, ..)| found.name == key)
    }

    /// What stands behind the key, be it sound or not.
    pub(super) fn text(&self, key: &'static str) -> Option<String> {
        self.reading.scalar(self.node(key)?).ok()
    }

    /// Whether the key is there, and has a list of nothing.
    pub(super) fn is_empty(&self, key: &'static str) -> bool {
        self.node(key).is_some_and(|node| matches!(&node.value, Value::List(nodes) if nodes.is_empty()))
    }

    fn parsed<T>(&self, node: &Node, name: &str, parse: impl Fn(&str) -> Result<T, String>) -> Option<At<T>> {
        let parsed = match self.reading.scalar(node) {
            Ok(text) => parse(&text).map_err(|why| format!("`{name}`: {why}")),
            Err(why) => Err(format!("`{name}` {why}")),
        };
        let place = node.place;
        parsed.map(|value| At { place, value }).map_err(|why| self.reading.mistake(place, why)).ok()
    }

    /// A scalar that has to be there.
    pub(super) fn need<T>(
        &self,
        key: &'static str,
        parse: impl Fn(&str) -> Result<T, String>,
    ) -> Option<At<T>> {
        if !self.has(key) {
            self.miss(key, format!("`{}` is missing", self.name(key)));
        }
        self.get(key, parse)
    }

    /// The values of a list; or of a single scalar, where `one_is_enough`.
    pub(super) fn list<T>(
        &self,
        key: &'static str,
        one_is_enough: bool,
        parse: impl Fn(&str) -> Result<T, String>,
    ) -> Option<Vec<At<T>>> {
        let node = self.node(key)?;
        let name = self.name(key);
        match &node.value {
            Value::List(nodes) => {
                Some(nodes.iter().filter_map(|node| self.parsed(node, &name, &parse)).collect())
            }
            Value::Scalar(_) | Value::Typed(_) if one_is_enough => {
                Some(self.parsed(node, &name, &parse).into_iter().collect())
            }
            _ => {
                self.reading.mistake(node.place, format!("`{name}` has to be a list"));
                None
            }
        }
    }

    /// The mappings of a list.
    pub(super) fn sections(&self, key: &'static str) -> Vec<Section<'a>> {
        let Some(node) = self.node(key) else { return Vec::new() };
        let Value::List(nodes) = &node.value else {
            self.reading.mistake(node.place, format!("`{}` has to be a list", self.name(key)));
            self.mistrust(key);
            return Vec::new();
        };
        let title = |n: usize| format!("{key}[{n}]");
        let section = |(n, node)| Section::new(self.reading, node, title(n));
        let sections: Vec<_> = nodes.iter().enumerate().filter_map(section).collect();
        if sections.len() < nodes.len() {
            self.mistrust(key);
        }
        sections
    }

    /// Every key that stands twice, or that nobody asked for, and what is missing.
    pub(super) fn finish(self) {
        for (n, (key, _, asked)) in self.entries.iter().enumerate() {
            if self.entries[..n].iter().any(|(earlier, ..)| earlier.name == key.name) {
                self.reading.mistake(key.place, format!("`{}` stands here twice", self.name(&key.name)));
            } else if !asked.get() {
                let near = nearest(&key.name, &self.asked.borrow());
                self.missing.borrow_mut().retain(|(missing, _)| Some(*missing) != near);
                let hint = near.map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
                self.reading
                    .mistake(key.place, format!("`{}` is no key that we know{hint}", self.name(&key.name)));
            }
        }
        for (_, what) in self.missing.borrow().iter() {
            self.reading.mistake(self.place, what);
        }
    }
}

/// The key that somebody may have meant.
fn nearest<'k>(typed: &str, known: &[&'k str]) -> Option<&'k str> {
    let alike = |known: &str| {
        let (a, b): (Vec<char>, Vec<char>) = (typed.chars().collect(), known.chars().collect());
        let head = a.iter().zip(&b).take_while(|(a, b)| a == b).count();
        let tail = a.iter().rev().zip(b.iter().rev()).take_while(|(a, b)| a == b).count();
        (head + tail).min(a.len().min(b.len()))
    };
    let best = known.iter().copied().max_by_key(|known| alike(known))?;
    (alike(best) * 2 > typed.chars().count().max(best.chars().count())).then_some(best)
}
