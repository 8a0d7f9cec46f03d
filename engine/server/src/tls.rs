//! The certificate and key of the service, read again when their files change.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant, SystemTime},
};

use tokio_rustls::{
    TlsAcceptor,
    rustls::{
        self, ServerConfig,
        crypto::aws_lc_rs,
        pki_types::{
            CertificateDer, PrivateKeyDer,
            pem::{self, PemObject as _},
        },
    },
};

/// Between two looks at the files.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// Why a certificate cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file cannot be looked at.
    #[error("cannot read `{}`", .0.display())]
    Io(PathBuf, #[source] std::io::Error),
    /// A file is not what it should be.
    #[error("`{}` is no PEM file with a {what}", path.display())]
    Pem {
        /// Which.
        path: PathBuf,
        /// What should be in it.
        what: &'static str,
        /// Why it is not.
        #[source]
        source: pem::Error,
    },
    /// Certificate and key do not fit, or are of a kind that is not known here.
    #[error("the certificate and the key cannot be used together")]
    Unfit(#[source] rustls::Error),
}

/// The certificate and key of a service.
pub struct Tls {
    certificate: PathBuf,
    key: PathBuf,
    current: Mutex<Current>,
}

struct Current {
    acceptor: TlsAcceptor,
    stamp: Stamp,
    looked: Instant,
}

/// When the files were last changed.
type Stamp = [Option<SystemTime>; 2];

impl Tls {
    /// Reads both files.
    ///
    /// # Errors
    /// If they cannot be read or used.
    pub fn load(certificate: &Path, key: &Path) -> Result<Self, TlsError> {
        let stamp = stamp(certificate, key);
        let acceptor = acceptor(certificate, key)?;
        let current = Mutex::new(Current { acceptor, stamp, looked: Instant::now() });
        Ok(Self { certificate: certificate.to_path_buf(), key: key.to_path_buf(), current })
    }

    /// What takes connections, with the files as they are now. Files that cannot be used do not take
    /// the place of those that could.
    pub(crate) fn acceptor(&self) -> TlsAcceptor {
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        if LOOK_EVERY <= current.looked.elapsed() {
            current.looked = Instant::now();
            let stamp = stamp(&self.certificate, &self.key);
            if stamp != current.stamp {
                current.stamp = stamp;
                match acceptor(&self.certificate, &self.key) {
                    Ok(acceptor) => {
                        current.acceptor = acceptor;
                        tracing::info!("The certificate was read again.");
                    }
                    Err(error) => {
                        let error: &dyn std::error::Error = &error;
                        tracing::error!(error, "The changed certificate cannot be used.");
                    }
                }
            }
        }
        current.acceptor.clone()
    }
}

fn stamp(certificate: &Path, key: &Path) -> Stamp {
    let of = |path: &Path| fs::metadata(path).and_then(|it| it.modified()).ok();
    [of(certificate), of(key)]
}

fn acceptor(certificate: &Path, key: &Path) -> Result<TlsAcceptor, TlsError> {
    let read = |path: &Path| fs::read(path).map_err(|it| TlsError::Io(path.to_path_buf(), it));
    let fault = |path: &Path, what| {
        let path = path.to_path_buf();
        move |source| TlsError::Pem { path, what, source }
    };
    let chain: Vec<_> = CertificateDer::pem_slice_iter(&read(certificate)?)
        .collect::<Result<_, _>>()
        .map_err(fault(certificate, "certificate"))?;
    let secret = PrivateKeyDer::from_pem_slice(&read(key)?).map_err(fault(key, "private key"))?;
    let provider = Arc::new(aws_lc_rs::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(TlsError::Unfit)?
        .with_no_client_auth()
        .with_single_cert(chain, secret)
        .map_err(TlsError::Unfit)?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
}
