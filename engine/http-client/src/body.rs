//! Reads the bytes of a response within bounds, gzip undone.

use std::io::{self, Write};

use base::{ErrorClass, Failure};
use flate2::write::MultiGzDecoder;

/// How many bytes one compressed byte may become. JSON reaches 60; a bomb starts at 1,000.
const GROWTH_MAX: usize = 100;
/// Below this size the growth does not matter.
const GROWTH_FREE_BYTES: usize = 1 << 20;

/// A body that is being received.
pub(crate) struct Body {
    coding: Coding,
    received_bytes: usize,
    bytes_max: usize,
}

enum Coding {
    Plain(Vec<u8>),
    Gzip(Box<MultiGzDecoder<Bounded>>),
}

/// Collects bytes up to a limit.
#[derive(Default)]
struct Bounded {
    bytes: Vec<u8>,
    allowed: usize,
}

impl Write for Bounded {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.allowed < self.bytes.len() + bytes.len() {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        self.bytes.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Body {
    /// An empty body of that `content-encoding`; other codings than gzip are kept as they are.
    pub(crate) fn new(coding: &str, bytes_max: usize) -> Self {
        let gzip = ["gzip", "x-gzip"].iter().any(|it| coding.trim().eq_ignore_ascii_case(it));
        let coding = if gzip {
            Coding::Gzip(Box::new(MultiGzDecoder::new(Bounded::default())))
        } else {
            Coding::Plain(Vec::new())
        };
        Self { coding, received_bytes: 0, bytes_max }
    }

    /// Whether the bytes that come out are others than those received.
    pub(crate) const fn is_decoded(&self) -> bool {
        matches!(self.coding, Coding::Gzip(_))
    }

    /// Adds bytes as they were received.
    pub(crate) fn add(&mut self, chunk: &[u8], origin: &str) -> Result<(), Failure> {
        self.received_bytes += chunk.len();
        if self.bytes_max < self.received_bytes {
            return Err(self.too_large(origin));
        }
        let allowed = (self.received_bytes * GROWTH_MAX).max(GROWTH_FREE_BYTES).min(self.bytes_max);
        let written = match &mut self.coding {
            Coding::Plain(bytes) => {
                bytes.extend_from_slice(chunk);
                Ok(())
            }
            Coding::Gzip(decoder) => {
                decoder.get_mut().allowed = allowed;
                decoder.write_all(chunk)
            }
        };
        written.map_err(|error| broken(&error, origin))
    }

    /// All bytes.
    pub(crate) fn finish(self, origin: &str) -> Result<Vec<u8>, Failure> {
        match self.coding {
            Coding::Plain(bytes) => Ok(bytes),
            Coding::Gzip(_) if self.received_bytes == 0 => Ok(Vec::new()),
            Coding::Gzip(decoder) => decoder
                .finish()
                .map(|bounded| bounded.bytes)
                .map_err(|error| broken(&error, origin)),
        }
    }

    /// The failure of a body that is larger than is read.
    pub(crate) fn too_large(&self, origin: &str) -> Failure {
        let message = format!("`{origin}` answered with more than {} bytes", self.bytes_max);
        Failure::of_class(ErrorClass::Permanent, "ResponseTooLarge", message)
    }
}

fn broken(error: &io::Error, origin: &str) -> Failure {
    if error.kind() == io::ErrorKind::FileTooLarge {
        return Failure::of_class(
            ErrorClass::Permanent,
            "ResponseTooLarge",
            format!("`{origin}` answered with a body that unpacks beyond all measure"),
        );
    }
    let message = format!("the body from `{origin}` is not valid gzip: {error}");
    Failure::of_class(ErrorClass::Transient, "ConnectionLost", message)
}
