//! Faults of requests: scripted for the next that match, or drawn from a seed.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use serde_json::Value;

/// Enough for any script, and a bound on what may be posted.
const QUEUED_MAX: usize = 1_000;
const DELAY_MAX: Duration = Duration::from_mins(10);

/// A fault for the next requests whose method and path match.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Only this verb; none matches every verb.
    pub method: Option<String>,
    /// The path, query excluded, must begin with this.
    pub path_prefix: String,
    /// What happens.
    pub kind: FaultKind,
    /// How many requests suffer it.
    pub count: u32,
}

/// What a fault does to a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FaultKind {
    /// 429 with this `Retry-After`; the request is not performed.
    Throttle {
        /// The `Retry-After` header in seconds.
        retry_after_seconds: u64,
    },
    /// This error status; the request is not performed.
    Status(u16),
    /// The request is performed after a pause.
    Delay(Duration),
    /// The connection is reset; the request is not performed.
    Reset,
    /// The request is performed, then the connection is reset instead of an answer.
    LoseReply,
}

impl Fault {
    /// A fault for one request of any verb below `path_prefix`.
    pub fn once(path_prefix: &str, kind: FaultKind) -> Self {
        Self { method: None, path_prefix: path_prefix.to_owned(), kind, count: 1 }
    }

    /// The same fault for `count` requests.
    #[must_use]
    pub fn times(mut self, count: u32) -> Self {
        self.count = count;
        self
    }

    /// The same fault for one verb only.
    #[must_use]
    pub fn for_method(mut self, method: &str) -> Self {
        self.method = Some(method.to_ascii_uppercase());
        self
    }

    pub(crate) fn from_json(value: &Value) -> Result<Self, String> {
        let fields = value.as_object().ok_or("a fault must be an object")?;
        for name in fields.keys() {
            let known = ["method", "pathPrefix", "kind", "count", "status", "milliseconds"];
            if !known.contains(&name.as_str()) && name != "retryAfterSeconds" {
                return Err(format!("unknown field `{name}`"));
            }
        }
        let number = |name: &str, default: Option<u64>| match fields.get(name) {
            None => default.ok_or_else(|| format!("`{name}` is required")),
            Some(it) => it.as_u64().ok_or_else(|| format!("`{name}` must be a number")),
        };
        let text = |name: &str| fields.get(name).and_then(Value::as_str);
        let kind = match text("kind") {
            Some("throttle") => {
                FaultKind::Throttle { retry_after_seconds: number("retryAfterSeconds", Some(1))? }
            }
            Some("status") => match u16::try_from(number("status", Some(503))?) {
                Ok(status @ 400..=599) => FaultKind::Status(status),
                _ => return Err("`status` must be between 400 and 599".to_owned()),
            },
            Some("delay") => FaultKind::Delay(Duration::from_millis(number("milliseconds", None)?)),
            Some("reset") => FaultKind::Reset,
            Some("loseReply") => FaultKind::LoseReply,
            _ => return Err("`kind` is throttle, status, delay, reset or loseReply".to_owned()),
        };
        let fault = Self::once(text("pathPrefix").unwrap_or("/"), kind)
            .times(u32::try_from(number("count", Some(1))?).unwrap_or(u32::MAX));
        Ok(match text("method") {
            Some(method) => fault.for_method(method),
            None => fault,
        })
    }

    fn matches(&self, method: &str, path: &str) -> bool {
        self.count > 0
            && self.method.as_deref().is_none_or(|it| it.eq_ignore_ascii_case(method))
            && path.starts_with(&self.path_prefix)
    }
}

/// Faults that strike by chance; the same seed and the same requests give the same faults.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chaos {
    /// Where the draws begin.
    pub seed: u64,
    /// How many of a hundred requests suffer, and how many of a hundred deliveries.
    pub percent: u8,
}

impl Chaos {
    pub(crate) fn from_json(value: &Value) -> Result<Self, String> {
        let fields = value.as_object().ok_or("chaos must be an object")?;
        if let Some(name) = fields.keys().find(|it| !["seed", "percent"].contains(&it.as_str())) {
            return Err(format!("unknown field `{name}`"));
        }
        let number = |name: &str| {
            let found = fields.get(name).and_then(Value::as_u64);
            found.ok_or_else(|| format!("`{name}` must be a number"))
        };
        let percent = u8::try_from(number("percent")?).ok().filter(|it| *it <= 100);
        let percent = percent.ok_or("`percent` must be at most 100")?;
        Ok(Self { seed: number("seed")?, percent })
    }
}

/// Chaos under way: what it draws next.
pub(crate) struct Dice {
    state: u64,
    percent: u64,
}

impl Dice {
    pub(crate) fn new(chaos: &Chaos) -> Self {
        Self { state: chaos.seed, percent: u64::from(chaos.percent) }
    }

    /// A number below `sides` when this one is struck.
    pub(crate) fn strike(&mut self, sides: u64) -> Option<u64> {
        let struck = self.draw() % 100 < self.percent;
        let side = self.draw() % sides;
        struck.then_some(side)
    }

    /// The generator `SplitMix64`: small, and well spread from any seed.
    fn draw(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}

/// What chance does to a request, each as likely as the others.
fn by_chance(side: u64) -> FaultKind {
    match side {
        0 => FaultKind::Throttle { retry_after_seconds: 1 },
        1 => FaultKind::Status(503),
        2 => FaultKind::Delay(Duration::from_millis(50)),
        3 => FaultKind::Reset,
        _ => FaultKind::LoseReply,
    }
}

#[derive(Default)]
pub(crate) struct Faults {
    scripted: Mutex<VecDeque<Fault>>,
    dice: Mutex<Option<Dice>>,
}

impl Faults {
    pub(crate) fn add(&self, mut fault: Fault) -> bool {
        if let FaultKind::Delay(pause) = &mut fault.kind {
            *pause = (*pause).min(DELAY_MAX);
        }
        let mut queue = self.scripted.lock().unwrap_or_else(PoisonError::into_inner);
        let fits = queue.len() < QUEUED_MAX;
        if fits {
            queue.push_back(fault);
        }
        fits
    }

    /// Lets chance strike from now on; without chaos it strikes no more.
    pub(crate) fn chance(&self, chaos: Option<&Chaos>) {
        *self.dice.lock().unwrap_or_else(PoisonError::into_inner) = chaos.map(Dice::new);
    }

    /// What this request suffers: the first scripted fault that matches, else what chance gives.
    pub(crate) fn take(&self, method: &str, path: &str) -> Option<FaultKind> {
        self.take_scripted(method, path).or_else(|| {
            let mut dice = self.dice.lock().unwrap_or_else(PoisonError::into_inner);
            dice.as_mut()?.strike(5).map(by_chance)
        })
    }

    /// Takes one application of the first fault that matches.
    fn take_scripted(&self, method: &str, path: &str) -> Option<FaultKind> {
        let mut queue = self.scripted.lock().unwrap_or_else(PoisonError::into_inner);
        let at = queue.iter().position(|fault| fault.matches(method, path))?;
        let fault = queue.get_mut(at)?;
        fault.count -= 1;
        let kind = fault.kind.clone();
        if fault.count == 0 {
            queue.remove(at);
        }
        Some(kind)
    }
}
