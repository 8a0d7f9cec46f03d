//! Encrypted connections: made when asked for, and only to whom the certificate names.

use super::{chain, open, put_flow};
use crate::{Options, PostgresStore, cluster::Cluster};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_certificate_is_checked() {
    let Some(cluster) = Cluster::start() else { return };
    let database = cluster.database();
    let plain = cluster.over_network(&database);
    let required = format!("{plain}?sslmode=require");
    let refused = PostgresStore::connect(&required, Options::default());
    let text = chain(&refused.await.unwrap_err());
    assert!(text.contains("TLS"), "the server has no certificate yet: {text}");

    let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
    let other = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
    cluster.crash();
    cluster.certify(&made.cert.pem(), &made.signing_key.serialize_pem());
    cluster.resume();
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, text: String| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let (known, unknown) =
        (file("known.pem", made.cert.pem()), file("other.pem", other.cert.pem()));

    let encrypted = format!("{plain}?sslmode=verify-full&sslrootcert={known}");
    let store = open(&encrypted).await;
    put_flow(&store).await;
    let count = "SELECT count(*) > 0 AND bool_and(ssl) FROM pg_stat_ssl
        JOIN pg_stat_activity USING (pid) WHERE application_name = 'flowright'";
    assert_eq!(cluster.ask(&database, count), "t");

    for wrong in [
        format!("{plain}?sslmode=require"),
        format!("{plain}?sslmode=verify-full&sslrootcert={unknown}"),
        encrypted.replace("127.0.0.1", "localhost"),
    ] {
        let refused = PostgresStore::connect(&wrong, Options::default()).await.unwrap_err();
        let text = chain(&refused);
        assert!(text.contains("certificate"), "{wrong}: {text}");
        assert!(!text.contains(crate::cluster::PASSWORD), "{text}");
    }
    let wrong = plain.replace(crate::cluster::PASSWORD, "hunter2");
    let text = chain(&PostgresStore::connect(&wrong, Options::default()).await.unwrap_err());
    assert!(text.contains("password authentication failed"), "{text}");
    assert!(!text.contains("hunter2"), "{text}");
}
