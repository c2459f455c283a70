//! One pickle (protocol 2, as torch writes it) in, a plain value out. Nothing is imported and nothing is called:
//! a class stays a name, a call stays a name with its arguments.
//!
//! Only the opcodes that state dictionaries use are known. Memory and depth are bounded by the input's length,
//! since a value that could hold others is never shared through the memo. Every malformed input is an error.

use anyhow::{Context, Result, bail, ensure};
use std::collections::HashMap;
use std::rc::Rc;

/// How deeply values may be nested; torch's state dictionaries need 5.
const DEEPEST: u8 = 32;
/// Longest string, in bytes.
const LONGEST: usize = 4096;

/// What a pickle says.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// `None`.
    None,
    /// `True` or `False`.
    Bool(bool),
    /// A whole number of up to 64 bits.
    Int(i64),
    /// A longer number: its little-endian two's complement bytes.
    BigInt(Vec<u8>),
    /// Text.
    Text(Rc<str>),
    /// A class or function, as `module.name`.
    Global(Rc<str>),
    /// A tuple.
    Tuple(Vec<Value>),
    /// A list.
    List(Vec<Value>),
    /// A dictionary or ordered dictionary, in the order written.
    Dict(Vec<(Value, Value)>),
    /// A call that a Python reader would make: callee (`module.name`) and arguments.
    Call(Rc<str>, Vec<Value>),
    /// Something stored outside the pickle, under this key.
    Persistent(Box<Value>),
}

impl Value {
    /// The number, or an error.
    pub fn int(&self) -> Result<i64> {
        match self {
            Value::Int(i) => Ok(*i),
            other => bail!("expected a whole number, found {}", other.kind()),
        }
    }

    /// The text, or an error.
    pub fn text(&self) -> Result<&str> {
        match self {
            Value::Text(s) => Ok(s),
            other => bail!("expected text, found {}", other.kind()),
        }
    }

    /// The elements of a list or tuple, or an error.
    pub fn items(&self) -> Result<&[Value]> {
        match self {
            Value::List(items) | Value::Tuple(items) => Ok(items),
            other => bail!("expected a list, found {}", other.kind()),
        }
    }

    /// The pairs of a dictionary, or an error.
    pub fn pairs(&self) -> Result<&[(Value, Value)]> {
        match self {
            Value::Dict(pairs) => Ok(pairs),
            other => bail!("expected a dictionary, found {}", other.kind()),
        }
    }

    fn kind(&self) -> &'static str {
        match self {
            Value::None => "None",
            Value::Bool(_) => "a truth value",
            Value::Int(_) => "a whole number",
            Value::BigInt(_) => "a very long number",
            Value::Text(_) => "text",
            Value::Global(_) => "a class",
            Value::Tuple(_) => "a tuple",
            Value::List(_) => "a list",
            Value::Dict(_) => "a dictionary",
            Value::Call(..) => "a call",
            Value::Persistent(_) => "an outside value",
        }
    }
}

/// Reads one pickle from the front of `bytes` and moves `bytes` past it.
pub fn read(bytes: &mut &[u8]) -> Result<Value> {
    let mut machine = Machine { rest: bytes, stack: Vec::new(), marks: Vec::new(), memo: HashMap::new() };
    let total = machine.rest.len();
    loop {
        let at = total - machine.rest.len();
        if let Some(value) = machine.step().with_context(|| format!("pickle, byte {at}"))? {
            *bytes = machine.rest;
            return Ok(value);
        }
    }
}

/// A value with how deeply it is nested, so that dropping it can never exhaust the call stack.
struct Item {
    value: Value,
    depth: u8,
}

struct Machine<'a> {
    rest: &'a [u8],
    stack: Vec<Item>,
    marks: Vec<usize>,
    /// `None` stands for a value that cannot be fetched again.
    memo: HashMap<u32, Option<Value>>,
}

impl<'a> Machine<'a> {
    /// Obeys one opcode; `Some` at the end of the pickle.
    fn step(&mut self) -> Result<Option<Value>> {
        match self.byte()? {
            0x80 => {
                let protocol = self.byte()?;
                ensure!(protocol == 2, "protocol {protocol} is not supported");
            }
            b'.' => {
                ensure!(self.stack.len() == 1 && self.marks.is_empty(), "ends with {} values", self.stack.len());
                return Ok(Some(self.pop()?.value));
            }
            b'(' => self.marks.push(self.stack.len()),
            b'N' => self.push(Value::None),
            0x88 => self.push(Value::Bool(true)),
            0x89 => self.push(Value::Bool(false)),
            b'K' => {
                let value = self.byte()?;
                self.push(Value::Int(value.into()));
            }
            b'M' => {
                let value = u16::from_le_bytes(self.array()?);
                self.push(Value::Int(value.into()));
            }
            b'J' => {
                let value = i32::from_le_bytes(self.array()?);
                self.push(Value::Int(value.into()));
            }
            0x8a => self.long()?,
            b'X' => {
                let length = u32::from_le_bytes(self.array()?) as usize;
                ensure!(length <= LONGEST, "text of {length} bytes");
                let text = std::str::from_utf8(self.take(length)?).context("text is not UTF-8")?;
                self.push(Value::Text(text.into()));
            }
            b'c' => {
                let (module, name) = (self.line()?, self.line()?);
                self.push(Value::Global(format!("{module}.{name}").into()));
            }
            b')' => self.push(Value::Tuple(vec![])),
            b']' => self.push(Value::List(vec![])),
            b'}' => self.push(Value::Dict(vec![])),
            b't' => {
                let items = self.since_mark()?;
                self.nest(items, Value::Tuple)?;
            }
            code @ 0x85..=0x87 => {
                let first = self.stack.len().checked_sub(usize::from(code - 0x84)).context("too few values")?;
                ensure!(self.marks.last().is_none_or(|&m| first >= m), "tuple reaches beyond a mark");
                let items = self.stack.split_off(first);
                self.nest(items, Value::Tuple)?;
            }
            b'a' => {
                let item = self.pop()?;
                self.append(vec![item])?;
            }
            b'e' => {
                let items = self.since_mark()?;
                self.append(items)?;
            }
            b's' => {
                let value = self.pop()?;
                let key = self.pop()?;
                self.set(vec![key, value])?;
            }
            b'u' => {
                let items = self.since_mark()?;
                self.set(items)?;
            }
            b'q' => {
                let slot = self.byte()?;
                self.remember(slot.into())?;
            }
            b'r' => {
                let slot = u32::from_le_bytes(self.array()?);
                self.remember(slot)?;
            }
            b'h' => {
                let slot = self.byte()?;
                self.recall(slot.into())?;
            }
            b'j' => {
                let slot = u32::from_le_bytes(self.array()?);
                self.recall(slot)?;
            }
            b'R' => self.call()?,
            b'Q' => {
                let key = self.pop()?;
                self.nest(vec![key], |mut items| Value::Persistent(Box::new(items.pop().unwrap_or(Value::None))))?;
            }
            // State set on an object: torch keeps only version notes there.
            b'b' => {
                self.pop()?;
                ensure!(!self.stack.is_empty(), "state without an object");
            }
            other => bail!("opcode {other:#04x} is not supported"),
        }
        Ok(None)
    }

    fn call(&mut self) -> Result<()> {
        let arguments = self.pop()?;
        let callee = self.pop()?;
        let (Value::Global(name), Value::Tuple(items)) = (callee.value, arguments.value) else {
            bail!("a call needs a name and a tuple");
        };
        if &*name == "collections.OrderedDict" && items.is_empty() {
            self.push(Value::Dict(vec![]));
        } else {
            self.stack.push(Item { value: Value::Call(name, items), depth: arguments.depth });
        }
        Ok(())
    }

    fn long(&mut self) -> Result<()> {
        let length = self.byte()?.into();
        let bytes = self.take(length)?;
        let value = if length <= 8 {
            let negative = bytes.last().is_some_and(|b| b & 0x80 != 0);
            let mut full = [if negative { 0xff } else { 0 }; 8];
            full[..length].copy_from_slice(bytes);
            Value::Int(i64::from_le_bytes(full))
        } else {
            Value::BigInt(bytes.to_vec())
        };
        self.push(value);
        Ok(())
    }

    fn remember(&mut self, slot: u32) -> Result<()> {
        let top = &self.stack.last().context("nothing to remember")?.value;
        let light = match top {
            Value::None | Value::Bool(_) | Value::Int(_) | Value::Text(_) | Value::Global(_) => Some(top.clone()),
            _ => None,
        };
        self.memo.insert(slot, light);
        Ok(())
    }

    fn recall(&mut self, slot: u32) -> Result<()> {
        let value = self.memo.get(&slot).with_context(|| format!("memo {slot} is empty"))?;
        let value = value.clone().with_context(|| format!("memo {slot} holds a shared container: not supported"))?;
        self.push(value);
        Ok(())
    }

    fn append(&mut self, items: Vec<Item>) -> Result<()> {
        let depth = deepest(&items)?;
        let target = self.stack.last_mut().context("no list to append to")?;
        let Value::List(list) = &mut target.value else { bail!("appends to what is not a list") };
        list.extend(items.into_iter().map(|i| i.value));
        target.depth = target.depth.max(depth);
        Ok(())
    }

    fn set(&mut self, items: Vec<Item>) -> Result<()> {
        ensure!(items.len().is_multiple_of(2), "a key without a value");
        let depth = deepest(&items)?;
        let target = self.stack.last_mut().context("no dictionary to fill")?;
        let Value::Dict(pairs) = &mut target.value else { bail!("sets keys of what is not a dictionary") };
        let mut items = items.into_iter();
        while let (Some(key), Some(value)) = (items.next(), items.next()) {
            pairs.push((key.value, value.value));
        }
        target.depth = target.depth.max(depth);
        Ok(())
    }

    fn nest(&mut self, items: Vec<Item>, wrap: impl FnOnce(Vec<Value>) -> Value) -> Result<()> {
        let depth = deepest(&items)?;
        let value = wrap(items.into_iter().map(|i| i.value).collect());
        self.stack.push(Item { value, depth });
        Ok(())
    }

    fn push(&mut self, value: Value) {
        self.stack.push(Item { value, depth: 0 });
    }

    fn pop(&mut self) -> Result<Item> {
        ensure!(self.marks.last().is_none_or(|&m| self.stack.len() > m), "takes a value from beyond a mark");
        self.stack.pop().context("too few values")
    }

    fn since_mark(&mut self) -> Result<Vec<Item>> {
        let mark = self.marks.pop().context("no mark")?;
        Ok(self.stack.split_off(mark))
    }

    fn byte(&mut self) -> Result<u8> {
        Ok(self.take(1)?[0])
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N]> {
        Ok(self.take(N)?.try_into()?)
    }

    fn take(&mut self, length: usize) -> Result<&'a [u8]> {
        let (head, tail) = self.rest.split_at_checked(length).context("cut short")?;
        self.rest = tail;
        Ok(head)
    }

    fn line(&mut self) -> Result<&'a str> {
        let end = self.rest.iter().take(LONGEST).position(|&b| b == b'\n').context("a name without an end")?;
        let line = self.take(end + 1)?;
        std::str::from_utf8(&line[..end]).context("a name is not UTF-8")
    }
}

fn deepest(items: &[Item]) -> Result<u8> {
    let depth = items.iter().map(|i| i.depth).max().unwrap_or(0) + 1;
    ensure!(depth <= DEEPEST, "values nested more than {DEEPEST} deep");
    Ok(depth)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// {"a": (1, -2), "b": [True, None]} after protocol 2.
    const SMALL: &[u8] = b"\x80\x02}q\x00(X\x01\x00\x00\x00aq\x01K\x01J\xfe\xff\xff\xff\x86q\x02X\x01\x00\x00\x00b](\x88Neu.";

    #[test]
    fn a_dictionary_is_read_in_order() {
        let mut bytes = [SMALL, b"tail"].concat();
        let mut rest = bytes.as_mut_slice() as &[u8];
        let value = read(&mut rest).unwrap();
        assert_eq!(rest, b"tail");
        let pairs = value.pairs().unwrap();
        assert_eq!(pairs[0], (Value::Text("a".into()), Value::Tuple(vec![Value::Int(1), Value::Int(-2)])));
        assert_eq!(pairs[1], (Value::Text("b".into()), Value::List(vec![Value::Bool(true), Value::None])));
    }

    #[test]
    fn a_pickle_cut_anywhere_is_an_error() {
        for end in 0..SMALL.len() {
            assert!(read(&mut &SMALL[..end]).is_err(), "cut at {end}");
        }
    }

    #[test]
    fn any_changed_byte_is_survived() {
        for at in 0..SMALL.len() {
            for value in 0..=255 {
                let mut bytes = SMALL.to_vec();
                bytes[at] = value;
                let _ = read(&mut bytes.as_slice());
            }
        }
    }

    #[test]
    fn deep_nesting_is_refused() {
        let bomb = [b"\x80\x02)".as_slice(), &[0x85; 100_000], b"."].concat();
        assert!(format!("{:#}", read(&mut bomb.as_slice()).unwrap_err()).contains("nested"));
    }

    #[test]
    fn doubling_through_the_memo_is_refused() {
        let bomb = [b"\x80\x02)".as_slice(), &b"q\x00h\x00\x86".repeat(60), b"."].concat();
        assert!(format!("{:#}", read(&mut bomb.as_slice()).unwrap_err()).contains("shared container"));
    }

    #[test]
    fn a_claimed_length_allocates_nothing() {
        assert!(read(&mut b"\x80\x02X\xff\xff\xff\x7fab.".as_slice()).is_err());
    }
}
