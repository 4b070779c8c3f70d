//! Topics whose messages the broker does not acknowledge.
//!
//! A broker may acknowledge all topics but one, because of a rule or a plug-in that waits for something. Messages of that
//! topic would use up the Receive Maximum, which may be as small as 20, and those of other topics would wait for it. When a
//! message is overdue, its topic is therefore listed, and has at most [a share](Unanswered::share) of the Receive Maximum
//! until one of its messages is acknowledged. What is beyond fails at once.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::hash::{BuildHasher, RandomState};

/// The topics, and how many of their messages are in flight.
#[derive(Debug, Default)]
pub(super) struct Unanswered {
    /// A topic is known by a number, so that its name is not kept. It is random which names have the same number.
    hasher: RandomState,
    /// Messages that were sent before their topic was listed count when they are overdue.
    in_flight: HashMap<TopicNumber, usize>,
}

/// A topic within [`Unanswered`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct TopicNumber(u64);

/// The topic has its share of the Receive Maximum in flight.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Full;

/// How many topics are listed. What is beyond is not limited.
const TOPICS: usize = 1024;

// === impl Unanswered ===

impl Unanswered {
    /// How many messages of a listed topic may be in flight.
    pub(super) const fn share(receive_maximum: usize) -> usize {
        if receive_maximum < 8 { 1 } else { receive_maximum / 4 }
    }

    /// A message is sent. Returns the topic's number if it is listed.
    pub(super) fn admit(&mut self, topic: &[u8], share: usize) -> Result<Option<TopicNumber>, Full> {
        if self.in_flight.is_empty() {
            return Ok(None);
        }
        let number = self.number(topic);
        match self.in_flight.get_mut(&number) {
            None => Ok(None),
            Some(count) if *count >= share => Err(Full),
            Some(count) => {
                *count += 1;
                Ok(Some(number))
            }
        }
    }

    /// A message that was sent before its topic was listed is overdue. Returns the topic's number if it is listed now.
    pub(super) fn overdue(&mut self, topic: &[u8]) -> Option<TopicNumber> {
        let number = self.number(topic);
        if self.in_flight.len() >= TOPICS && !self.in_flight.contains_key(&number) {
            // Those without a message in flight are free of cost for the others.
            self.in_flight.retain(|_, count| *count > 0);
        }
        let is_full = self.in_flight.len() >= TOPICS;
        match self.in_flight.entry(number) {
            Entry::Occupied(mut entry) => *entry.get_mut() += 1,
            Entry::Vacant(_) if is_full => return None,
            Entry::Vacant(entry) => drop(entry.insert(1)),
        }
        Some(number)
    }

    /// A message of a listed topic is acknowledged: the topic is not listed any more.
    pub(super) fn acknowledged(&mut self, topic: TopicNumber) {
        self.in_flight.remove(&topic);
    }

    /// A message of a listed topic was removed without a PUBACK. The topic stays listed.
    pub(super) fn removed(&mut self, topic: TopicNumber) {
        if let Some(count) = self.in_flight.get_mut(&topic) {
            *count = count.saturating_sub(1);
        }
    }

    fn number(&self, topic: &[u8]) -> TopicNumber {
        TopicNumber(self.hasher.hash_one(topic))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_listed_topic_has_at_most_its_share_until_a_message_is_acknowledged() {
        let mut topics = Unanswered::default();
        assert_eq!(topics.admit(b"never", 2), Ok(None), "it is not listed");
        let number = topics.overdue(b"never").unwrap();
        assert_eq!(topics.admit(b"other", 2), Ok(None));
        assert_eq!(topics.admit(b"never", 2), Ok(Some(number)));
        assert_eq!(topics.admit(b"never", 2), Err(Full));
        topics.removed(number);
        assert_eq!(topics.admit(b"never", 2), Ok(Some(number)));
        assert_eq!(topics.admit(b"never", 2), Err(Full));
        topics.acknowledged(number);
        assert_eq!(topics.admit(b"never", 2), Ok(None));
        topics.removed(number);
    }

    #[test]
    fn the_number_of_listed_topics_is_limited_and_one_without_messages_makes_room() {
        let mut topics = Unanswered::default();
        let numbers: Vec<_> = (0..TOPICS).map(|topic| topics.overdue(topic.to_string().as_bytes())).collect();
        assert_eq!(topics.overdue(b"one more"), None);
        topics.removed(numbers[7].unwrap());
        assert!(topics.overdue(b"one more").is_some());
        assert_eq!(topics.in_flight.len(), TOPICS);
    }

    #[test]
    fn the_share_is_a_quarter_of_the_receive_maximum_and_at_least_one() {
        for (receive_maximum, expected) in [(1, 1), (7, 1), (8, 2), (20, 5), (65_535, 16_383)] {
            assert_eq!(Unanswered::share(receive_maximum), expected);
        }
    }
}
