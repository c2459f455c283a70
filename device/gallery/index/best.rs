//! Rows and distances in, the nearest so many out.

/// A row and how far it is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Near {
    /// Which.
    pub row: u32,
    /// Low is alike.
    pub distance: f32,
}

/// The nearest of all that were seen, and some that will be dropped.
pub struct Best {
    wanted: usize,
    found: Vec<Near>,
    /// Nothing farther than this can be among them.
    pub limit: f32,
}

impl Best {
    pub fn new(wanted: usize) -> Self {
        let limit = if wanted == 0 { f32::NEG_INFINITY } else { f32::INFINITY };
        Self { wanted, found: Vec::with_capacity(wanted.min(4096) * 2), limit }
    }

    /// Takes one in that is nearer than [`Self::limit`].
    pub fn take(&mut self, near: Near) {
        self.found.push(near);
        if self.found.len() >= 2 * self.wanted {
            self.drop_far();
        }
    }

    fn drop_far(&mut self) {
        if self.found.len() > self.wanted {
            let (_, last, _) = self.found.select_nth_unstable_by(self.wanted - 1, order);
            self.limit = last.distance;
            self.found.truncate(self.wanted);
        }
    }

    /// Nearest first.
    pub fn sorted(mut self) -> Vec<Near> {
        if self.wanted > 0 {
            self.drop_far();
        }
        self.found.sort_unstable_by(order);
        self.found
    }
}

fn order(a: &Near, b: &Near) -> std::cmp::Ordering {
    a.distance.total_cmp(&b.distance).then(a.row.cmp(&b.row))
}
