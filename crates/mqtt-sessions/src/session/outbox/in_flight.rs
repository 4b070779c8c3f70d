//! The messages that wait for a PUBACK, by Packet Identifier, in the order in which they were sent.
//!
//! A resumed session sends them again in this order (MQTT 5.0, 4.6). It is also the order of their deadlines, because all
//! messages have the same time-out. Each slot links to its neighbours, so every operation is O(1).

use std::collections::VecDeque;

use crate::codec::puback::PacketIdentifier;

/// The table.
#[derive(Debug)]
pub(super) struct InFlight<T> {
    /// The slot of identifier `n` is number `n - 1`. There are as many as were ever in flight at the same time.
    slots: Vec<Option<Slot<T>>>,
    /// Identifiers that are free again, the longest unused first, so that a late PUBACK seldom meets a new message.
    free: VecDeque<PacketIdentifier>,
    ends: Option<Ends>,
    length: usize,
}

#[derive(Debug)]
struct Slot<T> {
    value: T,
    before: Option<PacketIdentifier>,
    after: Option<PacketIdentifier>,
}

#[derive(Clone, Copy, Debug)]
struct Ends {
    first: PacketIdentifier,
    last: PacketIdentifier,
}

/// A message that was removed, and the one that was sent next after it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Removed<T> {
    pub(super) value: T,
    pub(super) after: Option<PacketIdentifier>,
}

// === impl InFlight ===

impl<T> InFlight<T> {
    pub(super) const fn new() -> Self {
        Self { slots: Vec::new(), free: VecDeque::new(), ends: None, length: 0 }
    }

    pub(super) const fn len(&self) -> usize {
        self.length
    }

    /// Appends a message. Returns it as the error if all 65,535 identifiers are in use.
    pub(super) fn push(&mut self, value: T) -> Result<PacketIdentifier, T> {
        let Some(identifier) = self.free.pop_front().or_else(|| self.grow()) else {
            return Err(value);
        };
        let before = self.ends.map(|ends| ends.last);
        if let Some(last) = before.and_then(|last| self.slot_mut(last)) {
            last.after = Some(identifier);
        }
        let first = self.ends.map_or(identifier, |ends| ends.first);
        self.ends = Some(Ends { first, last: identifier });
        if let Some(place) = self.slots.get_mut(index(identifier)) {
            *place = Some(Slot { value, before, after: None });
        }
        self.length += 1;
        Ok(identifier)
    }

    /// Removes the message and frees its identifier.
    pub(super) fn remove(&mut self, identifier: PacketIdentifier) -> Option<Removed<T>> {
        let Slot { value, before, after } = self.slots.get_mut(index(identifier))?.take()?;
        match before.and_then(|before| self.slot_mut(before)) {
            Some(slot) => slot.after = after,
            None => self.ends = self.ends.and_then(|ends| after.map(|first| Ends { first, ..ends })),
        }
        match after.and_then(|after| self.slot_mut(after)) {
            Some(slot) => slot.before = before,
            None => self.ends = self.ends.and_then(|ends| before.map(|last| Ends { last, ..ends })),
        }
        self.free.push_back(identifier);
        self.length -= 1;
        Some(Removed { value, after })
    }

    pub(super) fn get(&self, identifier: PacketIdentifier) -> Option<&T> {
        self.slots.get(index(identifier))?.as_ref().map(|slot| &slot.value)
    }

    pub(super) fn get_mut(&mut self, identifier: PacketIdentifier) -> Option<&mut T> {
        self.slot_mut(identifier).map(|slot| &mut slot.value)
    }

    /// The oldest message.
    pub(super) fn first(&self) -> Option<PacketIdentifier> {
        self.ends.map(|ends| ends.first)
    }

    /// The message that was sent next after this one.
    pub(super) fn after(&self, identifier: PacketIdentifier) -> Option<PacketIdentifier> {
        self.slots.get(index(identifier))?.as_ref()?.after
    }

    fn grow(&mut self) -> Option<PacketIdentifier> {
        let next = u16::try_from(self.slots.len() + 1).ok().and_then(PacketIdentifier::new)?;
        self.slots.push(None);
        Some(next)
    }

    fn slot_mut(&mut self, identifier: PacketIdentifier) -> Option<&mut Slot<T>> {
        self.slots.get_mut(index(identifier))?.as_mut()
    }
}

const fn index(identifier: PacketIdentifier) -> usize {
    identifier.get() as usize - 1
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn in_order(table: &InFlight<u32>) -> Vec<u32> {
        let mut values = Vec::new();
        let mut next = table.first();
        while let Some(identifier) = next {
            values.push(*table.get(identifier).unwrap());
            next = table.after(identifier);
        }
        values
    }

    #[test]
    fn there_are_65535_identifiers() {
        let mut table = InFlight::new();
        for number in 1..=65_535u32 {
            assert_eq!(u32::from(table.push(number).unwrap().get()), number);
        }
        assert_eq!(table.push(0), Err(0));
        let freed = PacketIdentifier::new(77).unwrap();
        assert_eq!(table.remove(freed).unwrap().value, 77);
        assert_eq!(table.push(0), Ok(freed));
    }

    proptest! {
        #[test]
        fn the_table_is_a_list_in_sending_order_with_unique_identifiers(
            steps in proptest::collection::vec((any::<bool>(), any::<proptest::sample::Index>()), 1..200)
        ) {
            let mut table = InFlight::new();
            let mut model: Vec<(PacketIdentifier, u32)> = Vec::new();
            for (number, (push, index)) in (0u32..).zip(steps) {
                if push || model.is_empty() {
                    let identifier = table.push(number).unwrap();
                    prop_assert!(model.iter().all(|(taken, _)| *taken != identifier));
                    model.push((identifier, number));
                } else {
                    let at = index.index(model.len());
                    let (identifier, value) = model.remove(at);
                    let after = model.get(at).map(|(after, _)| *after);
                    prop_assert_eq!(table.remove(identifier), Some(Removed { value, after }));
                    prop_assert_eq!(table.remove(identifier), None);
                }
                prop_assert_eq!(table.len(), model.len());
                prop_assert_eq!(in_order(&table), model.iter().map(|(_, value)| *value).collect::<Vec<_>>());
            }
        }
    }
}
