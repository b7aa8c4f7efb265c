//! Remembers what the real code answered: most paths ask it the same few questions.

use std::{
    cell::RefCell,
    collections::HashMap,
    hash::{DefaultHasher, Hash, Hasher},
    thread::LocalKey,
};

/// Answers, by the hash of what was asked; each thread has its own.
pub(crate) type Memo<T> = RefCell<HashMap<u64, T>>;

/// More are forgotten, all at once.
const MOST: usize = 60_000;

/// What was answered to that before, or is now.
pub(crate) fn remembered<T: Clone>(
    memo: &'static LocalKey<Memo<T>>,
    question: impl Hash,
    answer: impl FnOnce() -> T,
) -> T {
    let mut hasher = DefaultHasher::new();
    question.hash(&mut hasher);
    let key = hasher.finish();
    if let Some(known) = memo.with_borrow(|known| known.get(&key).cloned()) {
        return known;
    }
    let answer = answer();
    memo.with_borrow_mut(|known| {
        if known.len() >= MOST {
            known.clear();
        }
        known.insert(key, answer.clone());
    });
    answer
}
