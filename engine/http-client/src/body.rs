//! Reads the bytes of a response within bounds, compression undone.

use std::io::{self, Write};

use base::{ErrorClass, Failure};
use brotli_decompressor::DecompressorWriter;
use flate2::write::MultiGzDecoder;
use zstd::stream::{
    raw::{DParameter, Decoder},
    zio,
};

/// How many bytes one compressed byte may become. JSON reaches 60; a bomb starts at 1,000.
const GROWTH_MAX: usize = 100;
/// Below this size the growth does not matter.
const GROWTH_FREE_BYTES: usize = 1 << 20;
/// What brotli decodes at a time.
const BROTLI_BUFFER_BYTES: usize = 4096;
/// How far back zstd may look, as a power of two: what is agreed upon for HTTP (RFC 9659).
const ZSTD_WINDOW_LOG_MAX: u32 = 23;

/// A body that is being received.
pub(crate) struct Body {
    coding: Coding,
    received_bytes: usize,
    bytes_max: usize,
}

type Zstd = zio::Writer<Bounded, Decoder<'static>>;

enum Coding {
    Plain(Vec<u8>),
    Gzip(Box<MultiGzDecoder<Bounded>>),
    Brotli(Box<DecompressorWriter<Bounded>>),
    Zstd(Box<Zstd>),
}

/// Collects bytes up to a limit.
#[derive(Default)]
struct Bounded {
    bytes: Vec<u8>,
    allowed: usize,
    is_over: bool,
}

impl Write for Bounded {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.allowed < self.bytes.len() + bytes.len() {
            // Not every decoder passes our error on as it is.
            self.is_over = true;
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        self.bytes.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Coding {
    /// As a `content-encoding` says; what is not known is kept as it is.
    fn named(name: &str) -> io::Result<Self> {
        let bounded = Bounded::default();
        Ok(match name.trim().to_ascii_lowercase().as_str() {
            "gzip" | "x-gzip" => Self::Gzip(Box::new(MultiGzDecoder::new(bounded))),
            "br" => Self::Brotli(Box::new(DecompressorWriter::new(bounded, BROTLI_BUFFER_BYTES))),
            "zstd" => {
                let mut decoder = Decoder::new()?;
                decoder.set_parameter(DParameter::WindowLogMax(ZSTD_WINDOW_LOG_MAX))?;
                Self::Zstd(Box::new(zio::Writer::new(bounded, decoder)))
            }
            _ => Self::Plain(Vec::new()),
        })
    }

    const fn name(&self) -> &'static str {
        match self {
            Self::Plain(_) => "text",
            Self::Gzip(_) => "gzip",
            Self::Brotli(_) => "brotli",
            Self::Zstd(_) => "zstd",
        }
    }

    fn bounded(&mut self) -> Option<&mut Bounded> {
        match self {
            Self::Plain(_) => None,
            Self::Gzip(decoder) => Some(decoder.get_mut()),
            Self::Brotli(decoder) => Some(decoder.get_mut()),
            Self::Zstd(decoder) => Some(decoder.writer_mut()),
        }
    }

    fn write_all(&mut self, chunk: &[u8]) -> io::Result<()> {
        match self {
            Self::Plain(bytes) => {
                bytes.extend_from_slice(chunk);
                Ok(())
            }
            Self::Gzip(decoder) => decoder.write_all(chunk),
            Self::Brotli(decoder) => decoder.write_all(chunk),
            Self::Zstd(decoder) => decoder.write_all(chunk),
        }
    }

    /// All bytes, if what was received is whole.
    fn finish(&mut self) -> io::Result<Vec<u8>> {
        match self {
            Self::Plain(bytes) => return Ok(std::mem::take(bytes)),
            Self::Gzip(decoder) => decoder.try_finish()?,
            Self::Brotli(decoder) => decoder.close()?,
            Self::Zstd(decoder) => decoder.finish()?,
        }
        Ok(self.bounded().map(|it| std::mem::take(&mut it.bytes)).unwrap_or_default())
    }
}

impl Body {
    /// An empty body of that `content-encoding`.
    pub(crate) fn new(coding: &str, bytes_max: usize, origin: &str) -> Result<Self, Failure> {
        let coding = Coding::named(coding).map_err(|error| {
            let message = format!("the body from `{origin}` cannot be unpacked: {error}");
            Failure::of_class(ErrorClass::Transient, "ConnectionLost", message)
        })?;
        Ok(Self { coding, received_bytes: 0, bytes_max })
    }

    /// Whether the bytes that come out are others than those received.
    pub(crate) const fn is_decoded(&self) -> bool {
        !matches!(self.coding, Coding::Plain(_))
    }

    /// Adds bytes as they were received.
    pub(crate) fn add(&mut self, chunk: &[u8], origin: &str) -> Result<(), Failure> {
        self.received_bytes += chunk.len();
        if self.bytes_max < self.received_bytes {
            return Err(self.too_large(origin));
        }
        let allowed = (self.received_bytes * GROWTH_MAX).max(GROWTH_FREE_BYTES).min(self.bytes_max);
        if let Some(bounded) = self.coding.bounded() {
            bounded.allowed = allowed;
        }
        self.coding.write_all(chunk).map_err(|error| self.broken(&error, origin))
    }

    /// All bytes.
    pub(crate) fn finish(mut self, origin: &str) -> Result<Vec<u8>, Failure> {
        if self.received_bytes == 0 {
            return Ok(Vec::new());
        }
        self.coding.finish().map_err(|error| self.broken(&error, origin))
    }

    /// The failure of a body that is larger than is read.
    pub(crate) fn too_large(&self, origin: &str) -> Failure {
        let message = format!("`{origin}` answered with more than {} bytes", self.bytes_max);
        Failure::of_class(ErrorClass::Permanent, "ResponseTooLarge", message)
    }

    fn broken(&mut self, error: &io::Error, origin: &str) -> Failure {
        if self.coding.bounded().is_some_and(|it| it.is_over) {
            return Failure::of_class(
                ErrorClass::Permanent,
                "ResponseTooLarge",
                format!("`{origin}` answered with a body that unpacks beyond all measure"),
            );
        }
        let name = self.coding.name();
        let message = format!("the body from `{origin}` is not valid {name}: {error}");
        Failure::of_class(ErrorClass::Transient, "ConnectionLost", message)
    }
}
