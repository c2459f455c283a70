//! Who is enrolled, and which rows are theirs: numbers for names and names for numbers, a few bytes each, whatever lies on disk.
//!
//! A person is a number that stays, a picture is a row that stays; both are used once. Rows are in the order of the file.

/// None of them.
pub const NONE: u32 = u32::MAX;
/// The place of a row that is not on disk yet.
pub const FRESH: u64 = u64::MAX;

/// Names, and the rows of each.
#[derive(Clone, Default)]
pub struct Roster {
    pub(super) text: String,
    /// Where each person's name ends in `text`.
    pub(super) ends: Vec<u32>,
    /// The first row of each person, [`NONE`] for who left.
    pub(super) first: Vec<u32>,
    /// Person and one more by the hash of the name, or 0; as many as a power of two.
    table: Vec<u32>,
    people: usize,
    /// Where each row lies in the file.
    pub(super) place: Vec<u64>,
    /// Whose each row is, [`NONE`] where it is gone.
    pub(super) owner: Vec<u32>,
    /// The row after each row of the same person, or [`NONE`].
    pub(super) next: Vec<u32>,
    pictures: usize,
}

impl Roster {
    /// As it was kept, or nothing where the lists do not fit together. `[text, ends, first]` are of the people, the others of
    /// the rows.
    pub fn from_lists(
        text: String,
        ends: Vec<u32>,
        first: Vec<u32>,
        place: Vec<u64>,
        owner: Vec<u32>,
        next: Vec<u32>,
    ) -> Option<Self> {
        let rows = place.len();
        let is_row = |&row: &u32| row == NONE || (row as usize) < rows;
        let fits = ends.len() == first.len()
            && owner.len() == rows
            && next.len() == rows
            && ends.is_sorted()
            && ends.iter().all(|&end| text.is_char_boundary(end as usize))
            && first.iter().all(is_row)
            // A list of rows only leads forwards, so it ends.
            && next.iter().enumerate().all(|(row, next)| is_row(next) && (*next == NONE || *next as usize > row))
            && owner.iter().all(|&owner| owner == NONE || (owner as usize) < ends.len());
        if !fits {
            return None;
        }
        let people = first.iter().filter(|&&row| row != NONE).count();
        let pictures = owner.iter().filter(|&&owner| owner != NONE).count();
        let mut roster = Self { text, ends, first, table: Vec::new(), people, place, owner, next, pictures };
        roster.hash_all();
        Some(roster)
    }

    /// Names that have pictures.
    pub fn people(&self) -> usize {
        self.people
    }

    /// Pictures of all of them.
    pub fn pictures(&self) -> usize {
        self.pictures
    }

    /// Rows that there ever were.
    pub fn rows(&self) -> usize {
        self.place.len()
    }

    /// Who has pictures.
    pub fn everybody(&self) -> impl Iterator<Item = u32> + '_ {
        (0..self.first.len() as u32).filter(|&person| self.first[person as usize] != NONE)
    }

    /// Who has pictures, in the order of their names.
    pub fn in_order(&self) -> Vec<u32> {
        let mut all: Vec<u32> = self.everybody().collect();
        all.sort_unstable_by(|&a, &b| self.name(a).cmp(self.name(b)));
        all
    }

    /// As shown.
    pub fn name(&self, person: u32) -> &str {
        let person = person as usize;
        let start = if person == 0 { 0 } else { self.ends[person - 1] as usize };
        &self.text[start..self.ends[person] as usize]
    }

    /// Who has that name, and a picture.
    pub fn find(&self, name: &str) -> Option<u32> {
        self.slot(name).ok().filter(|&person| self.first[person as usize] != NONE)
    }

    /// The first so many of [`Self::in_order`], without putting all in order.
    pub fn first_in_order(&self, wanted: usize) -> Vec<u32> {
        let mut all: Vec<u32> = self.everybody().collect();
        let order = |a: &u32, b: &u32| self.name(*a).cmp(self.name(*b));
        if (1..all.len()).contains(&wanted) {
            all.select_nth_unstable_by(wanted - 1, order);
        }
        all.truncate(wanted);
        all.sort_unstable_by(order);
        all
    }

    /// Whose a row is.
    pub fn owner(&self, row: u32) -> Option<u32> {
        self.owner.get(row as usize).copied().filter(|&owner| owner != NONE)
    }

    /// A person's rows, in the order of their enrolment.
    pub fn rows_of(&self, person: u32) -> impl Iterator<Item = u32> + '_ {
        let row = |row: u32| Some(row).filter(|&row| row != NONE);
        std::iter::successors(row(self.first[person as usize]), move |&at| row(self.next[at as usize]))
    }

    /// The row that lies there.
    pub fn row_at(&self, place: u64) -> Option<u32> {
        let first = self.place.partition_point(|&other| other < place);
        let there = self.place[first..].iter().take_while(|&&other| other == place).count();
        (first..first + there).map(|row| row as u32).find(|&row| self.owner(row).is_some())
    }

    /// Adds a picture, behind all others.
    pub fn add(&mut self, name: &str, place: u64) -> u32 {
        let person = match self.slot(name) {
            Ok(person) => person,
            Err(slot) => self.enter(name, slot),
        };
        let row = self.place.len() as u32;
        self.place.push(place);
        self.owner.push(person);
        self.next.push(NONE);
        self.pictures += 1;
        match self.rows_of(person).last() {
            Some(last) => self.next[last as usize] = row,
            None => {
                self.first[person as usize] = row;
                self.people += 1;
            }
        }
        row
    }

    /// Takes a picture out.
    pub fn remove(&mut self, row: u32) {
        let Some(person) = self.owner(row) else { return };
        let after = self.next[row as usize];
        match self.rows_of(person).take_while(|&at| at != row).last() {
            Some(before) => self.next[before as usize] = after,
            None => {
                self.first[person as usize] = after;
                self.people -= usize::from(after == NONE);
            }
        }
        self.owner[row as usize] = NONE;
        self.pictures -= 1;
    }

    fn enter(&mut self, name: &str, slot: usize) -> u32 {
        let person = self.ends.len() as u32;
        self.text.push_str(name);
        self.ends.push(self.text.len() as u32);
        self.first.push(NONE);
        if self.table.len() < 4 * self.ends.len() / 3 + 2 {
            self.hash_all();
        } else {
            self.table[slot] = person + 1;
        }
        person
    }

    /// Who has that name, else the slot where they would be entered.
    fn slot(&self, name: &str) -> Result<u32, usize> {
        let Some(mask) = self.table.len().checked_sub(1) else { return Err(0) };
        let mut slot = hash(name) as usize & mask;
        loop {
            match self.table[slot] {
                0 => return Err(slot),
                person if self.name(person - 1) == name => return Ok(person - 1),
                _ => slot = (slot + 1) & mask,
            }
        }
    }

    fn hash_all(&mut self) {
        let slots = (3 * self.ends.len() / 2 + 4).next_power_of_two();
        self.table = vec![0; slots];
        for person in 0..self.ends.len() as u32 {
            if let Err(slot) = self.slot(self.name(person)) {
                self.table[slot] = person + 1;
            }
        }
    }
}

/// Of a name: FNV-1a, with its high bits brought down.
fn hash(name: &str) -> u64 {
    let hash = name.bytes().fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3));
    hash ^ (hash >> 32)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    proptest! {
        /// Against a plain map, over names that come and go.
        #[test]
        fn everybody_keeps_their_own_pictures(steps in prop::collection::vec((0usize..30, any::<bool>()), 0..200)) {
            let (mut roster, mut plain) = (Roster::default(), BTreeMap::<String, Vec<u32>>::new());
            for (place, (who, comes)) in steps.into_iter().enumerate() {
                let name = format!("né {who}");
                if comes {
                    let row = roster.add(&name, place as u64);
                    plain.entry(name).or_default().push(row);
                } else if let Some(rows) = plain.get_mut(&name) {
                    // The middle one.
                    roster.remove(rows.remove(rows.len() / 2));
                    plain.retain(|_, rows| !rows.is_empty());
                }
            }
            prop_assert_eq!(roster.people(), plain.len());
            prop_assert_eq!(roster.pictures(), plain.values().map(Vec::len).sum::<usize>());
            let names: Vec<&str> = roster.in_order().into_iter().map(|p| roster.name(p)).collect();
            prop_assert_eq!(names, plain.keys().collect::<Vec<_>>());
            let Roster { text, ends, first, place, owner, next, .. } = roster.clone();
            let again = Roster::from_lists(text, ends, first, place, owner, next).unwrap();
            for roster in [roster, again] {
                for (name, rows) in &plain {
                    let person = roster.find(name).unwrap();
                    prop_assert_eq!(&roster.rows_of(person).collect::<Vec<_>>(), rows);
                    prop_assert!(rows.iter().all(|&row| roster.owner(row) == Some(person) && roster.row_at(roster.place[row as usize]) == Some(row)));
                }
                prop_assert!(roster.find("nobody").is_none());
            }
        }
    }

    #[test]
    fn lists_that_do_not_fit_are_refused() {
        let lists = |next: u32, owner: u32, end: u32| {
            Roster::from_lists("é".into(), vec![end], vec![0], vec![5, 9], vec![owner, 0], vec![next, NONE])
        };
        assert!(lists(1, 0, 2).is_some());
        assert!(lists(0, 0, 2).is_none() && lists(2, 0, 2).is_none() && lists(1, 1, 2).is_none() && lists(1, 0, 1).is_none());
    }
}
