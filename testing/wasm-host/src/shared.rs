//! What the plugins of one host share: data and queues.

use std::collections::{HashMap, VecDeque};

use crate::Status;

/// Data by key, and queues by name.
#[derive(Debug, Default)]
pub(crate) struct Shared {
    data: HashMap<Vec<u8>, (Vec<u8>, u32)>,
    queues: Vec<(Vec<u8>, VecDeque<Vec<u8>>)>,
}

// === impl Shared ===

impl Shared {
    /// A value, and the number by which a write knows that nobody else wrote.
    pub(crate) fn get(&self, key: &[u8]) -> Result<&(Vec<u8>, u32), Status> {
        self.data.get(key).ok_or(Status::NotFound)
    }

    /// Writes where `cas` is 0 or the number of the last write.
    pub(crate) fn set(&mut self, key: &[u8], value: Vec<u8>, cas: u32) -> Result<(), Status> {
        let last = self.data.get(key).map_or(0, |(_, cas)| *cas);
        if cas != 0 && cas != last {
            return Err(Status::CasMismatch);
        }
        self.data.insert(key.to_vec(), (value, last + 1));
        Ok(())
    }

    /// The number of the queue of that name.
    pub(crate) fn queue(&self, name: &[u8]) -> Result<u32, Status> {
        let index = self.queues.iter().position(|(known, _)| known == name).ok_or(Status::NotFound)?;
        u32::try_from(index + 1).map_err(|_| Status::InternalFailure)
    }

    /// The same, made where there is none.
    pub(crate) fn register_queue(&mut self, name: &[u8]) -> Result<u32, Status> {
        if self.queue(name).is_err() {
            self.queues.push((name.to_vec(), VecDeque::new()));
        }
        self.queue(name)
    }

    pub(crate) fn enqueue(&mut self, number: u32, value: Vec<u8>) -> Result<(), Status> {
        self.find(number)?.push_back(value);
        Ok(())
    }

    pub(crate) fn dequeue(&mut self, number: u32) -> Result<Vec<u8>, Status> {
        self.find(number)?.pop_front().ok_or(Status::Empty)
    }

    fn find(&mut self, number: u32) -> Result<&mut VecDeque<Vec<u8>>, Status> {
        let index = usize::try_from(number).ok().and_then(|number| number.checked_sub(1));
        let queue = index.and_then(|index| self.queues.get_mut(index)).ok_or(Status::NotFound)?;
        Ok(&mut queue.1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_write_that_comes_too_late_is_refused() {
        let mut shared = Shared::default();
        assert_eq!(shared.set(b"key", b"1".to_vec(), 0), Ok(()));
        let (_, cas) = shared.get(b"key").unwrap().clone();
        assert_eq!(shared.set(b"key", b"2".to_vec(), cas), Ok(()));
        assert_eq!(shared.set(b"key", b"3".to_vec(), cas), Err(Status::CasMismatch));
        assert_eq!(shared.get(b"key").unwrap().0, b"2");
        assert_eq!(shared.get(b"other"), Err(Status::NotFound));
    }

    #[test]
    fn a_queue_gives_what_came_first() {
        let mut shared = Shared::default();
        assert_eq!(shared.queue(b"queue"), Err(Status::NotFound));
        let queue = shared.register_queue(b"queue").unwrap();
        assert_eq!(shared.register_queue(b"queue"), Ok(queue));
        assert_eq!(shared.enqueue(queue, b"1".to_vec()), Ok(()));
        assert_eq!(shared.enqueue(queue, b"2".to_vec()), Ok(()));
        assert_eq!(shared.enqueue(queue + 1, b"2".to_vec()), Err(Status::NotFound));
        assert_eq!(shared.dequeue(queue), Ok(b"1".to_vec()));
        assert_eq!(shared.dequeue(queue), Ok(b"2".to_vec()));
        assert_eq!(shared.dequeue(queue), Err(Status::Empty));
        assert_eq!(shared.dequeue(0), Err(Status::NotFound));
    }
}
