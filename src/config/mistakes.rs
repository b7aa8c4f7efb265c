//! What is wrong with a file, and where: all of it at once.

use std::{
    fmt,
    path::{Path, PathBuf},
};

/// A line and a column, both from 1; zero where the file as a whole is meant.
#[derive(Copy, Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub struct Place {
    /// From 1.
    pub line: usize,
    /// From 1, in characters.
    pub column: usize,
}

/// One mistake. A value that came from the environment is never part of it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Mistake {
    /// Where.
    pub place: Place,
    /// What is wrong, and what would be right.
    pub message: String,
}

/// Every mistake of a file.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ConfigErrors {
    path: PathBuf,
    lines: Vec<String>,
    /// In the file's order.
    pub mistakes: Vec<Mistake>,
}

impl ConfigErrors {
    pub(super) fn new(path: &Path, text: &str, mut mistakes: Vec<Mistake>) -> Self {
        mistakes.sort();
        mistakes.dedup();
        Self { path: path.to_owned(), lines: text.lines().map(str::to_owned).collect(), mistakes }
    }

    pub(super) fn of_file(path: &Path, message: String) -> Self {
        Self::new(path, "", vec![Mistake { place: Place::default(), message }])
    }

    /// The first mistake, and how many others there are: for a command that needs none of what is wrong.
    pub fn first(&self) -> String {
        let Self { path, mistakes, .. } = self;
        let path = path.display();
        let Some(Mistake { place: Place { line, column }, message }) = mistakes.first() else {
            return path.to_string();
        };
        let place = if *line == 0 { String::new() } else { format!(":{line}:{column}") };
        let message = message.lines().next().unwrap_or_default();
        let others = match mistakes.len() {
            ..=1 => String::new(),
            all => format!(" (one of {all} mistakes: `crossfade check` shows them)"),
        };
        format!("{path}{place}: {message}{others}")
    }
}

/// As compilers write it: `file:line:column: message`, the line, and a caret.
impl fmt::Display for ConfigErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.path.display();
        match self.mistakes.len() {
            1 => write!(f, "the config has a mistake")?,
            many => write!(f, "the config has {many} mistakes")?,
        }
        for Mistake { place: Place { line, column }, message } in &self.mistakes {
            if *line == 0 {
                write!(f, "\n{path}: {message}")?;
                continue;
            }
            write!(f, "\n{path}:{line}:{column}: {message}")?;
            if let Some(text) = self.lines.get(line - 1) {
                write!(f, "\n{line:>5} | {text}\n      | {:>column$}", "^")?;
            }
        }
        Ok(())
    }
}

impl std::error::Error for ConfigErrors {}
