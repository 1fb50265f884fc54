//! Listeners that join with everything a join takes: HTTP, ICE, DTLS, SRTP.
//!
//! Orders, a line each, and their answers, a line of JSON each: `join COUNT PER_SECOND` (0: each as soon as another one
//! ends; see [`report`]), `stats` (what those who stayed received), `leave` (everybody hangs up). The end of the input
//! ends it.

use std::error::Error;
use std::io::BufRead;
use std::net::Ipv4Addr;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use client::Door;
use http::Http;
use report::Outcome;
use sdp::Template;
use staying::Audience;

use crate::dtls::Party;
use crate::payloads::Payloads;
use crate::sys;

mod client;
mod http;
mod report;
mod sdp;
mod staying;

/// See the module. `most` joins are under way at the same time.
pub fn run(url: &str, path: &str, template: &str, payloads: &str, most: &str) -> Result<(), Box<dyn Error>> {
    sys::open_as_many_files_as_allowed();
    let mut crowd = Crowd {
        door: Door {
            http: Http::new(url)?,
            path: path.to_owned(),
            template: Template::new(&std::fs::read_to_string(template)?),
            party: Party::new()?,
        },
        most: most.parse()?,
        audience: Audience::new(Payloads::read(payloads)?)?,
        resources: Mutex::default(),
        came: AtomicU32::new(0),
    };
    for line in std::io::stdin().lock().lines() {
        let line = line?;
        let answer = match line.split_whitespace().collect::<Vec<_>>().as_slice() {
            ["join", count, per_second] => crowd.join(count.parse()?, per_second.parse()?),
            ["stats"] => crowd.audience.counted.json(),
            ["leave"] => crowd.leave(),
            _ => return Err(format!("no such order: {line}").into()),
        };
        println!("{answer}");
    }
    crowd.audience.end();
    Ok(())
}

struct Crowd {
    door: Door,
    most: usize,
    audience: Audience,
    /// Of those who stay.
    resources: Mutex<Vec<String>>,
    came: AtomicU32,
}

impl Crowd {
    fn join(&self, count: usize, per_second: f64) -> String {
        let outcomes: Mutex<Vec<Outcome>> = Mutex::default();
        let (next, behind) = (AtomicU32::new(0), AtomicU64::new(0));
        let began = Instant::now();
        thread::scope(|scope| {
            for _ in 0..self.most.min(count) {
                scope.spawn(|| {
                    loop {
                        let number = next.fetch_add(1, Ordering::Relaxed);
                        if number as usize >= count {
                            break;
                        }
                        if per_second > 0.0 {
                            let due = Duration::from_secs_f64(f64::from(number) / per_second);
                            thread::sleep(due.saturating_sub(began.elapsed()));
                            let late = began.elapsed().saturating_sub(due).as_micros();
                            behind.fetch_max(late as u64, Ordering::Relaxed);
                        }
                        let outcome = self.one();
                        outcomes.lock().unwrap_or_else(PoisonError::into_inner).push(outcome);
                    }
                });
            }
        });
        let outcomes = outcomes.into_inner().unwrap_or_else(PoisonError::into_inner);
        let behind = Duration::from_micros(behind.into_inner());
        report::json(&outcomes, began.elapsed().as_secs_f64(), behind)
    }

    fn one(&self) -> Outcome {
        let mut reached = Vec::new();
        let from = address(self.came.fetch_add(1, Ordering::Relaxed));
        let error = match self.door.join(from, &mut reached) {
            Ok(joined) => match self.audience.stay(joined) {
                Ok(resource) => {
                    self.resources.lock().unwrap_or_else(PoisonError::into_inner).push(resource);
                    None
                }
                Err(error) => Some(error.to_string()),
            },
            Err(error) => Some(error.to_string()),
        };
        (reached, error)
    }

    fn leave(&mut self) -> String {
        self.audience.fall_silent();
        let resources = std::mem::take(&mut *self.resources.lock().unwrap_or_else(PoisonError::into_inner));
        let left = resources
            .iter()
            .filter(|path| {
                self.door.http.request("DELETE", path, "").is_ok_and(|response| response.status < 300)
            })
            .count();
        format!(r#"{{"left": {left}, "refused": {}}}"#, resources.len() - left)
    }
}

/// A loopback address for each, in a block of this process: an address and port that somebody of an earlier crowd left
/// would still be theirs at the server.
fn address(number: u32) -> Ipv4Addr {
    let base = u32::from(Ipv4Addr::new(127, 64, 0, 0)) + ((std::process::id() % 128) << 16);
    Ipv4Addr::from(base + number / 250 * 256 + number % 250 + 1)
}
