//! What goes wrong, when, and for how long.

use std::{fmt, time::Duration};

/// What goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trouble {
    /// Two hundred calls at once, and no token yet.
    Cold,
    /// Every token issued so far is refused.
    Revoked,
    /// The token endpoint answers 503.
    Unavailable,
    /// The token endpoint takes requests and never answers them, not even when it is well again.
    Hang,
    /// The token endpoint answers 429 with `Retry-After`.
    Busy,
    /// The issuer hands back the token it issued last, with what is left of its life.
    Sticky,
    /// The API refuses each new token for a while; the one before stays good to its end.
    Lag,
    /// One endpoint of the API refuses every token.
    BadEndpoint,
}

/// One trouble in its slot of time. Slots begin at fixed times, so that all contenders get the same
/// number of calls.
#[derive(Debug, Clone, Copy)]
pub struct Event {
    /// As tables name it.
    pub name: &'static str,
    /// What goes wrong.
    pub trouble: Trouble,
    /// The age of the newest token at which it begins; at once if there is none.
    pub age: Option<Duration>,
    /// From begin to end.
    pub lasts: Duration,
    /// How long is looked on afterwards.
    pub after: Duration,
    /// How long its begin may have to be waited for.
    pub wait: Duration,
}

impl Event {
    /// How long its slot is.
    pub fn slot(&self) -> Duration {
        self.wait + self.age.unwrap_or_default() + self.lasts + self.after
    }
}

/// All events in their order.
#[derive(Debug, Clone)]
pub struct Program {
    /// In the order in which they happen.
    pub events: Vec<Event>,
    /// Of tokens; whole seconds.
    pub life: Duration,
    /// How long the API refuses a new token while it lags.
    pub lag: Duration,
    /// What `Retry-After` says; whole seconds.
    pub retry_after: Duration,
    /// Whether [`at_ages`](Self::at_ages) changed it.
    late: bool,
}

/// How long callers wait before they give up.
pub const PATIENCE: Duration = Duration::from_secs(5);

impl Program {
    /// The whole of it.
    pub fn whole() -> Self {
        Self::scaled(10, 3, 1.0)
    }

    /// The same with tokens of 3 s, in about half a minute, for tests. Without the hang: time-outs
    /// of attempts are clients' own and don't get shorter with tokens.
    pub fn short() -> Self {
        let mut short = Self::scaled(3, 1, 0.3);
        short.events.retain(|event| event.trouble != Trouble::Hang);
        short
    }

    fn scaled(life: u64, retry_after: u64, scale: f64) -> Self {
        let seconds = |seconds: f64| Duration::from_secs_f64(seconds * scale);
        let life = Duration::from_secs(life);
        let event = |name, trouble, age: Option<f64>, lasts, after| Event {
            name,
            trouble,
            age: age.map(seconds),
            lasts: seconds(lasts),
            after: seconds(after),
            wait: if matches!(
                trouble,
                Trouble::Cold | Trouble::Revoked | Trouble::BadEndpoint
            ) {
                Duration::ZERO
            } else {
                life
            },
        };
        let events = vec![
            event("cold start", Trouble::Cold, None, 0.0, 2.0),
            event("all revoked", Trouble::Revoked, Some(3.0), 0.0, 5.0),
            event("503", Trouble::Unavailable, Some(1.2), 8.0, 3.8),
            event("hang", Trouble::Hang, Some(1.0), 15.0, 5.0),
            event("429", Trouble::Busy, Some(3.0), 6.0, 4.0),
            event("sticky token", Trouble::Sticky, Some(1.0), 10.0, 2.0),
            event("lag", Trouble::Lag, None, 4.0, 3.0),
            event("bad endpoint", Trouble::BadEndpoint, None, 15.0, 3.0),
        ];
        Self {
            events,
            life,
            lag: seconds(2.0),
            retry_after: Duration::from_secs(retry_after),
            late: false,
        }
    }

    /// Only the event of this name, after a cold start.
    ///
    /// # Errors
    /// If there is none of this name.
    pub fn only(mut self, name: &str) -> Result<Self, String> {
        let names: Vec<_> = self.events.iter().map(|event| event.name).collect();
        if !names.contains(&name) {
            return Err(format!("--only takes one of {}", names.join(", ")));
        }
        self.events
            .retain(|event| event.name == name || event.trouble == Trouble::Cold);
        Ok(self)
    }

    /// The token endpoint's failures begin at other ages of the token: 503, hang and 429.
    #[must_use]
    pub fn at_ages(mut self, ages: [Duration; 3]) -> Self {
        self.late = true;
        for event in &mut self.events {
            let [unavailable, hang, busy] = ages;
            match event.trouble {
                Trouble::Unavailable => event.age = Some(unavailable),
                Trouble::Hang => event.age = Some(hang),
                Trouble::Busy => event.age = Some(busy),
                _ => {}
            }
        }
        self
    }

    /// Whether the token endpoint's failures begin at other ages than usual.
    pub const fn is_late(&self) -> bool {
        self.late
    }

    /// From the first call to the last.
    pub fn length(&self) -> Duration {
        self.events.iter().map(Event::slot).sum()
    }

    /// When each event's slot begins.
    pub fn begins(&self) -> impl Iterator<Item = Duration> {
        self.events.iter().scan(Duration::ZERO, |begin, event| {
            let this = *begin;
            *begin += event.slot();
            Some(this)
        })
    }
}

impl fmt::Display for Program {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (life, length) = (self.life.as_secs(), self.length().as_secs());
        write!(f, "{length} s, tokens of {life} s;")?;
        for event in &self.events {
            write!(f, " {}", event.name)?;
            if event.lasts > Duration::ZERO {
                write!(f, " for {} s", event.lasts.as_secs_f64())?;
            }
            if let Some(age) = event.age {
                write!(f, " at age {} s", age.as_secs_f64())?;
            }
            f.write_str(",")?;
        }
        write!(f, " callers wait for {} s", PATIENCE.as_secs())
    }
}
