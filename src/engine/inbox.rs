//! What reaches an engine from outside: orders, and the rules that it goes by.
//!
//! Not channels of tokio's, whose queue has room for 32 from the start: that would be a kilobyte and a half for each of
//! thousands of secrets that are hardly ever ordered anything.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
};

use tokio::sync::Notify;

use super::order::Order;
use crate::{lock::lock, rotation::policy::Policy};

/// Orders that wait for one engine, all of them people's on the admin socket: no client's request ends here. A person
/// whose order finds no place is told that it was not taken.
const WAITING: usize = 16;

/// Of one engine. It is closed when the engine ends.
#[derive(Debug)]
pub struct Inbox {
    contents: Mutex<Contents>,
    arrival: Notify,
}

/// What has come in. Orders are taken before rules.
pub(super) enum Arrival {
    Order(Order),
    /// The rules have changed.
    Policy,
    /// The secret is no longer in the config.
    Closed,
}

#[derive(Debug)]
struct Contents {
    orders: VecDeque<Order>,
    policy: Arc<Policy>,
    policy_changed: bool,
    closed: bool,
}

impl Inbox {
    /// Without orders.
    pub fn new(policy: Arc<Policy>) -> Self {
        let contents = Contents { orders: VecDeque::new(), policy, policy_changed: false, closed: false };
        Self { contents: Mutex::new(contents), arrival: Notify::new() }
    }

    /// Puts an order in. False: too many wait, or nobody takes any.
    pub fn put(&self, order: Order) -> bool {
        let mut contents = lock(&self.contents);
        let taken = !contents.closed && contents.orders.len() < WAITING;
        if taken {
            contents.orders.push_back(order);
            self.arrival.notify_one();
        }
        taken
    }

    /// Other rules, from now on.
    pub fn replace_policy(&self, policy: Arc<Policy>) {
        let mut contents = lock(&self.contents);
        (contents.policy, contents.policy_changed) = (policy, true);
        self.arrival.notify_one();
    }

    /// The rules in force.
    pub(super) fn policy(&self) -> Arc<Policy> {
        Arc::clone(&lock(&self.contents).policy)
    }

    /// Waits for what comes next.
    pub(super) async fn next(&self) -> Arrival {
        loop {
            if let Some(arrival) = self.take() {
                return arrival;
            }
            self.arrival.notified().await;
        }
    }

    fn take(&self) -> Option<Arrival> {
        let mut contents = lock(&self.contents);
        if contents.closed {
            return Some(Arrival::Closed);
        }
        let order = contents.orders.pop_front().map(Arrival::Order);
        order.or_else(|| std::mem::take(&mut contents.policy_changed).then_some(Arrival::Policy))
    }

    /// Ends the engine, once the turn that it has begun is over. Whoever waits for an answer is told that none comes.
    pub fn close(&self) {
        let mut contents = lock(&self.contents);
        contents.closed = true;
        contents.orders.clear();
        self.arrival.notify_one();
    }
}
