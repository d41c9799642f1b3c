//! One coarse timer wheel per worker: the deadlines of all exchanges, without a runtime timer per request.
//!
//! [`Wheel`] is pure: it is told the tick and returns the wakers to call. Deadlines fire up to one tick (16 ms) late,
//! never early. [`Timer`] is the shell that a worker owns.

use std::cell::RefCell;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use tokio::sync::Notify;

const TICK: Duration = Duration::from_millis(16);
/// The wheel turns once in about eight seconds; what lies further away waits another turn.
const SLOTS: u64 = 512;
const NIL: u32 = u32::MAX;

#[derive(Debug)]
struct Entry {
    tick: u64,
    previous: u32,
    next: u32,
    waker: Option<Waker>,
    fired: bool,
}

/// Deadlines by tick. Entries of one slot form a list through the slab, so that a deadline that is met costs no more
/// than one that fires, and memory follows the exchanges in flight.
#[derive(Debug)]
pub(crate) struct Wheel {
    heads: Vec<u32>,
    entries: Vec<Entry>,
    free: Vec<u32>,
    now: u64,
    armed: usize,
}

impl Wheel {
    fn new() -> Self {
        Self {
            heads: vec![NIL; usize::try_from(SLOTS).unwrap_or(1)],
            entries: Vec::new(),
            free: Vec::new(),
            now: 0,
            armed: 0,
        }
    }

    fn insert(&mut self, tick: u64, waker: Waker) -> u32 {
        let tick = tick.max(self.now + 1);
        let slot = slot(tick);
        let next = self.heads[slot];
        let entry = Entry { tick, previous: NIL, next, waker: Some(waker), fired: false };
        let key = match self.free.pop() {
            Some(key) => {
                self.entries[key as usize] = entry;
                key
            }
            None => {
                self.entries.push(entry);
                u32::try_from(self.entries.len() - 1).unwrap_or(NIL)
            }
        };
        if next != NIL {
            self.entries[next as usize].previous = key;
        }
        self.heads[slot] = key;
        self.armed += 1;
        key
    }

    fn remove(&mut self, key: u32) {
        if !self.entries[key as usize].fired {
            self.unlink(key);
        }
        self.entries[key as usize].waker = None;
        self.free.push(key);
    }

    fn unlink(&mut self, key: u32) {
        let Entry { tick, previous, next, .. } = self.entries[key as usize];
        match previous {
            NIL => self.heads[slot(tick)] = next,
            previous => self.entries[previous as usize].next = next,
        }
        if next != NIL {
            self.entries[next as usize].previous = previous;
        }
        self.armed -= 1;
    }

    /// Turns the wheel to `tick` and returns the wakers of what has passed.
    fn advance(&mut self, tick: u64) -> Vec<Waker> {
        let mut woken = Vec::new();
        let steps = tick.saturating_sub(self.now).min(SLOTS);
        for step in 0..steps {
            let mut key = self.heads[slot(tick - step)];
            while key != NIL {
                let next = self.entries[key as usize].next;
                if self.entries[key as usize].tick <= tick {
                    self.unlink(key);
                    let entry = &mut self.entries[key as usize];
                    entry.fired = true;
                    woken.extend(entry.waker.take());
                }
                key = next;
            }
        }
        self.now = self.now.max(tick);
        woken
    }
}

fn slot(tick: u64) -> usize {
    usize::try_from(tick % SLOTS).unwrap_or(0)
}

/// The wheel of one worker and its clock.
#[derive(Clone, Debug)]
pub(crate) struct Timer {
    wheel: Rc<RefCell<Wheel>>,
    armed: Rc<Notify>,
    epoch: Instant,
}

impl Timer {
    pub(crate) fn new() -> Self {
        Self { wheel: Rc::new(RefCell::new(Wheel::new())), armed: Rc::new(Notify::new()), epoch: Instant::now() }
    }

    /// Returns a future that is ready once `at` has passed. It is registered when first polled and forgotten when
    /// dropped.
    pub(crate) fn sleep_until(&self, at: Instant) -> Sleep {
        let since = at.saturating_duration_since(self.epoch);
        let tick = u64::try_from(since.as_nanos().div_ceil(TICK.as_nanos())).unwrap_or(u64::MAX);
        Sleep { timer: self.clone(), tick, key: None }
    }

    /// Turns the wheel for as long as it is polled; rests while nothing is armed.
    pub(crate) async fn run(self) {
        let mut interval = tokio::time::interval(TICK);
        interval.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Skip);
        loop {
            if self.wheel.borrow().armed == 0 {
                self.armed.notified().await;
                interval.reset();
            }
            interval.tick().await;
            let now = u64::try_from(self.epoch.elapsed().as_nanos() / TICK.as_nanos()).unwrap_or(u64::MAX);
            let woken = self.wheel.borrow_mut().advance(now);
            woken.into_iter().for_each(Waker::wake);
        }
    }
}

/// See [`Timer::sleep_until`].
#[derive(Debug)]
pub(crate) struct Sleep {
    timer: Timer,
    tick: u64,
    key: Option<u32>,
}

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = &mut *self;
        let mut wheel = this.timer.wheel.borrow_mut();
        match this.key {
            None => {
                if wheel.armed == 0 {
                    this.timer.armed.notify_one();
                }
                this.key = Some(wheel.insert(this.tick, cx.waker().clone()));
                Poll::Pending
            }
            Some(key) => {
                let entry = &mut wheel.entries[key as usize];
                if entry.fired {
                    return Poll::Ready(());
                }
                if !entry.waker.as_ref().is_some_and(|waker| waker.will_wake(cx.waker())) {
                    entry.waker = Some(cx.waker().clone());
                }
                Poll::Pending
            }
        }
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        if let Some(key) = self.key.take() {
            self.timer.wheel.borrow_mut().remove(key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fired(wheel: &Wheel, keys: &[u32]) -> Vec<bool> {
        keys.iter().map(|&key| wheel.entries[key as usize].fired).collect()
    }

    #[test]
    fn deadlines_fire_in_their_tick_and_never_before() {
        let mut wheel = Wheel::new();
        let keys: Vec<_> = [3, 3, 4, 3 + SLOTS].iter().map(|&tick| wheel.insert(tick, Waker::noop().clone())).collect();
        assert_eq!(wheel.advance(2).len(), 0);
        assert_eq!(wheel.advance(3).len(), 2);
        assert_eq!(fired(&wheel, &keys), [true, true, false, false]);
        assert_eq!(wheel.advance(SLOTS).len(), 1, "a late turn fires all that has passed");
        assert_eq!(wheel.advance(10 * SLOTS).len(), 1);
        assert_eq!(wheel.armed, 0);
    }

    #[test]
    fn what_is_removed_is_forgotten_and_its_place_used_again() {
        let mut wheel = Wheel::new();
        let keys: Vec<_> = (0..3).map(|_| wheel.insert(7, Waker::noop().clone())).collect();
        wheel.remove(keys[1]);
        assert_eq!(wheel.insert(8, Waker::noop().clone()), keys[1]);
        assert_eq!(wheel.advance(8).len(), 3);
        for key in keys {
            wheel.remove(key);
        }
        assert_eq!((wheel.free.len(), wheel.entries.len()), (3, 3));
    }

    #[test]
    fn a_worker_sleeps_until_its_deadline() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        runtime.block_on(async {
            let timer = Timer::new();
            let (start, pause) = (Instant::now(), Duration::from_millis(40));
            tokio::select! {
                () = timer.clone().run() => unreachable!("it never ends"),
                () = timer.sleep_until(start + pause) => {}
            }
            assert!(start.elapsed() >= pause);
            assert_eq!(timer.wheel.borrow().free.len(), 1);
        });
    }
}
