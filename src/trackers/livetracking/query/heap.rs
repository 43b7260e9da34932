//! The heap of the original's standard library. Equal things leave it in an order of its own, which shows in answers.

/// Places of things, the first of them on top.
#[derive(Debug, Default)]
pub(crate) struct Heap {
    places: Vec<usize>,
}

/// Whether the thing at one place comes before that at another.
pub(crate) type Less<'a> = &'a dyn Fn(usize, usize) -> bool;

impl Heap {
    /// Of all these.
    pub(crate) fn of(places: Vec<usize>, less: Less<'_>) -> Self {
        let mut heap = Self { places };
        let length = heap.places.len();
        for at in (0..length / 2).rev() {
            heap.down(at, length, less);
        }
        heap
    }

    /// What is on top.
    pub(crate) fn first(&self) -> Option<usize> {
        self.places.first().copied()
    }

    /// Takes what is on top.
    pub(crate) fn pop(&mut self, less: Less<'_>) -> Option<usize> {
        let last = self.places.len().checked_sub(1)?;
        self.places.swap(0, last);
        self.down(0, last, less);
        self.places.pop()
    }

    pub(crate) fn push(&mut self, place: usize, less: Less<'_>) {
        self.places.push(place);
        let mut at = self.places.len() - 1;
        while at > 0 {
            let parent = (at - 1) / 2;
            if !self.less(at, parent, less) {
                break;
            }
            self.places.swap(at, parent);
            at = parent;
        }
    }

    fn down(&mut self, mut at: usize, length: usize, less: Less<'_>) {
        loop {
            let left = 2 * at + 1;
            if left >= length {
                break;
            }
            let right = left + 1;
            let child = if right < length && self.less(right, left, less) { right } else { left };
            if !self.less(child, at, less) {
                break;
            }
            self.places.swap(at, child);
            at = child;
        }
    }

    fn less(&self, left: usize, right: usize, less: Less<'_>) -> bool {
        match (self.places.get(left), self.places.get(right)) {
            (Some(left), Some(right)) => less(*left, *right),
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn things_leave_in_order() {
        let values = [5, 3, 8, 1, 9, 2];
        let less = |left: usize, right: usize| values[left] < values[right];
        let mut heap = Heap::of((0..5).collect(), &less);
        heap.push(5, &less);
        let left: Vec<_> = std::iter::from_fn(|| heap.pop(&less)).map(|place| values[place]).collect();
        assert_eq!(left, [1, 2, 3, 5, 8, 9]);
    }

    #[test]
    fn equal_things_leave_the_first_first_and_then_the_last() {
        let mut heap = Heap::of((0..5).collect(), &|_, _| false);
        let left: Vec<_> = std::iter::from_fn(|| heap.pop(&|_, _| false)).collect();
        assert_eq!(left, [0, 4, 3, 2, 1]);
    }
}
