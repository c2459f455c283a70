//! The text of an XML file in, a tree of its elements out: as much of XML as OpenCV writes.
//!
//! Elements, text and comments; attributes are kept as they stand, and entities are none of a cascade's business.

use anyhow::{Context, Result, bail, ensure};
use std::borrow::Cow;

/// Elements inside each other at most: a cascade has eight.
const DEPTH_MOST: usize = 32;

/// An element.
#[derive(Debug, PartialEq)]
pub(super) struct Element<'t> {
    pub name: &'t str,
    /// What stands behind the name, unread.
    attributes: &'t str,
    /// All text in it, but that of its children.
    pub text: Cow<'t, str>,
    pub children: Vec<Element<'t>>,
    /// Where it begins, counted from 1.
    pub line: usize,
}

/// The outermost element. Errors name the line.
pub(super) fn parse(text: &str) -> Result<Element<'_>> {
    let mut reader = Reader { text, at: 0, counted: 0, lines: 1 };
    let mut open: Vec<Element> = Vec::new();
    loop {
        let before = reader.until('<');
        match open.last_mut() {
            Some(parent) => parent.take(before),
            None => ensure!(before.trim().is_empty(), "line {}: text outside of every element", reader.line()),
        }
        if reader.rest().is_empty() {
            match open.last() {
                Some(unfinished) => bail!("it ends within <{}> of line {}", unfinished.name, unfinished.line),
                None => bail!("it has no element"),
            }
        }
        let line = reader.line();
        let finished = match reader.mark().with_context(|| format!("line {line}"))? {
            Mark::Aside => None,
            Mark::Open { name, attributes, is_empty } => {
                ensure!(open.len() < DEPTH_MOST, "line {line}: more than {DEPTH_MOST} elements inside each other");
                let element = Element { name, attributes, text: Cow::Borrowed(""), children: Vec::new(), line };
                if is_empty {
                    Some(element)
                } else {
                    open.push(element);
                    None
                }
            }
            Mark::Close(name) => {
                let Some(element) = open.pop() else { bail!("line {line}: </{name}> closes nothing") };
                ensure!(element.name == name, "line {line}: </{name}> closes <{}> of line {}", element.name, element.line);
                Some(element)
            }
        };
        match (finished, open.last_mut()) {
            (Some(child), Some(parent)) => parent.children.push(child),
            (Some(root), None) => return Ok(root),
            (None, _) => {}
        }
    }
}

impl<'t> Element<'t> {
    /// The first child of that name.
    pub fn child(&self, name: &str) -> Option<&Element<'t>> {
        self.children.iter().find(|child| child.name == name)
    }

    /// Whether these words stand among its attributes.
    pub fn says(&self, words: &str) -> bool {
        self.attributes.contains(words)
    }

    fn take(&mut self, text: &'t str) {
        if self.text.trim().is_empty() {
            self.text = Cow::Borrowed(text);
        } else if !text.trim().is_empty() {
            self.text.to_mut().push_str(text);
        }
    }
}

/// What stands between angle brackets.
enum Mark<'t> {
    /// A comment or a declaration.
    Aside,
    Open {
        name: &'t str,
        attributes: &'t str,
        is_empty: bool,
    },
    Close(&'t str),
}

struct Reader<'t> {
    text: &'t str,
    at: usize,
    /// Up to where lines were counted, and how many there are.
    counted: usize,
    lines: usize,
}

impl<'t> Reader<'t> {
    fn rest(&self) -> &'t str {
        &self.text[self.at..]
    }

    fn line(&mut self) -> usize {
        self.lines += self.text[self.counted..self.at].bytes().filter(|&b| b == b'\n').count();
        self.counted = self.at;
        self.lines
    }

    /// What comes before the sign, or all that is left; then stands at it.
    fn until(&mut self, sign: char) -> &'t str {
        let rest = self.rest();
        let length = rest.find(sign).unwrap_or(rest.len());
        self.at += length;
        &rest[..length]
    }

    /// What comes before the words; then stands behind them.
    fn past(&mut self, words: &str) -> Result<&'t str> {
        let rest = self.rest();
        let Some(length) = rest.find(words) else { bail!("it ends without `{words}`") };
        self.at += length + words.len();
        Ok(&rest[..length])
    }

    /// Reads from a `<` on.
    fn mark(&mut self) -> Result<Mark<'t>> {
        if self.rest().starts_with("<!--") {
            self.at += 4;
            return self.past("-->").map(|_| Mark::Aside);
        }
        self.at += 1;
        let inside = self.past(">")?;
        if inside.starts_with(['?', '!']) {
            return Ok(Mark::Aside);
        }
        if let Some(name) = inside.strip_prefix('/') {
            return Ok(Mark::Close(name.trim_end()));
        }
        let (inside, is_empty) = inside.strip_suffix('/').map_or((inside, false), |inside| (inside, true));
        let (name, attributes) = inside.split_once(char::is_whitespace).unwrap_or((inside, ""));
        let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
        ensure!(!name.is_empty() && name.chars().all(is_name), "<{}> is no element", name.escape_debug());
        Ok(Mark::Open { name, attributes, is_empty })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn complaint(text: &str) -> String {
        format!("{:#}", parse(text).unwrap_err())
    }

    #[test]
    fn elements_keep_their_text_and_children() {
        let root = parse("<?xml version=\"1.0\"?>\n<!-- a < b -->\n<a b=\"c\">\n 1 <!-- x -->2<_> 3\n 4</_><_/></a>\n").unwrap();
        assert_eq!((root.name, root.text.trim(), root.line), ("a", "1 2", 3));
        assert!(root.says("b=\"c\"") && !root.says("d"));
        let texts: Vec<(&str, usize)> = root.children.iter().map(|c| (c.text.trim(), c.line)).collect();
        assert_eq!(texts, [("3\n 4", 4), ("", 5)]);
        assert_eq!(root.child("_"), root.children.first());
        assert_eq!(root.child("x"), None);
    }

    #[test]
    fn what_is_cut_or_garbled_is_told_with_its_line() {
        assert_eq!(complaint(""), "it has no element");
        assert_eq!(complaint("<a>\n<b>1"), "it ends within <b> of line 2");
        assert_eq!(complaint("<a>\n<b"), "line 2: it ends without `>`");
        assert_eq!(complaint("<a><!-- <b></b>"), "line 1: it ends without `-->`");
        assert_eq!(complaint("<a>\n</b>"), "line 2: </b> closes <a> of line 1");
        assert_eq!(complaint("</a>"), "line 1: </a> closes nothing");
        assert_eq!(complaint("Dear visitor"), "line 1: text outside of every element");
        assert_eq!(complaint("< >"), "line 1: <> is no element");
        assert_eq!(complaint("<a><\u{1b}[0m/></a>"), "line 1: <\\u{1b}[0m> is no element");
        assert!(complaint(&"<a>".repeat(99)).contains("more than 32 elements"));
    }
}
