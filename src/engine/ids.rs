//! Typed 32-bit ids and columns indexed by them.

use std::fmt;
use std::marker::PhantomData;
use std::ops::{Index, IndexMut};

/// A typed index: `Id<Pod>` cannot be used where `Id<Client>` is meant. Ids are dense and never reused within a run.
pub struct Id<T> {
    index: u32,
    kind: PhantomData<fn() -> T>,
}

impl<T> Id<T> {
    /// The id of position `index`.
    pub const fn new(index: u32) -> Self {
        Id { index, kind: PhantomData }
    }
    /// The id of position `index`; panics beyond 2³²−1, which the limits of a scenario exclude.
    pub fn from_usize(index: usize) -> Self {
        Id::new(u32::try_from(index).expect("limits keep ids below 2^32"))
    }
    /// The position in its [`Column`].
    pub const fn index(self) -> usize {
        self.index as usize
    }
    /// The raw number, for packing and random addresses.
    pub const fn raw(self) -> u32 {
        self.index
    }
}

// Derives would demand the same of `T`, which is only a tag.
impl<T> Clone for Id<T> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<T> Copy for Id<T> {}
impl<T> PartialEq for Id<T> {
    fn eq(&self, other: &Self) -> bool {
        self.index == other.index
    }
}
impl<T> Eq for Id<T> {}
impl<T> PartialOrd for Id<T> {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl<T> Ord for Id<T> {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.index.cmp(&other.index)
    }
}
impl<T> std::hash::Hash for Id<T> {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.index.hash(state);
    }
}
impl<T> fmt::Debug for Id<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{}", self.index)
    }
}

/// A growing table with one `V` per `Id<T>`.
#[derive(Clone)]
pub struct Column<T, V> {
    values: Vec<V>,
    kind: PhantomData<fn() -> T>,
}

impl<T, V> Column<T, V> {
    /// An empty column.
    pub const fn new() -> Self {
        Column { values: Vec::new(), kind: PhantomData }
    }
    /// Adds a row and returns its id.
    pub fn push(&mut self, value: V) -> Id<T> {
        let id = Id::from_usize(self.values.len());
        self.values.push(value);
        id
    }
    /// Number of rows.
    pub fn len(&self) -> usize {
        self.values.len()
    }
    /// True when there is no row.
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }
    /// All values in id order.
    pub fn iter(&self) -> std::slice::Iter<'_, V> {
        self.values.iter()
    }
    /// All values in id order, changeable.
    pub fn iter_mut(&mut self) -> std::slice::IterMut<'_, V> {
        self.values.iter_mut()
    }
    /// All ids in order.
    pub fn ids(&self) -> impl Iterator<Item = Id<T>> + use<T, V> {
        (0..u32::try_from(self.values.len()).expect("limits keep ids below 2^32")).map(Id::new)
    }
}

impl<T, V> Default for Column<T, V> {
    fn default() -> Self {
        Self::new()
    }
}
impl<T, V> Index<Id<T>> for Column<T, V> {
    type Output = V;
    fn index(&self, id: Id<T>) -> &V {
        &self.values[id.index()]
    }
}
impl<T, V> IndexMut<Id<T>> for Column<T, V> {
    fn index_mut(&mut self, id: Id<T>) -> &mut V {
        &mut self.values[id.index()]
    }
}
