//! What the image is made of.

use std::{collections::BTreeSet, fs, os::unix::fs::MetadataExt, path::Path, process::Command};

use crate::workshop::{Workshop, root, text};

#[test]
fn the_image_built_twice_from_the_same_binary_has_the_same_digest() {
    let (Some(one), Some(other)) = (Workshop::open(), Workshop::open()) else { return };
    // In OCI's format: Docker's older one notes the builder's own container in the image.
    let ids = [one.build("crossfade", "oci"), other.build("crossfade", "oci")];
    assert_eq!(ids[0], ids[1]);
    let digests = [one.digest("crossfade"), other.digest("crossfade")];
    assert!(digests[0].starts_with("sha256:") && digests[0] == digests[1], "{digests:?}");
}

#[test]
fn the_binary_needs_no_library_and_no_loader() {
    let Some(workshop) = Workshop::open() else { return };
    let arguments = ["--program-headers", "--dynamic", "--wide", text(&workshop.binary)];
    let read =
        Command::new("readelf").args(arguments).output().expect("readelf, of the C compiler's binutils");
    let read = String::from_utf8_lossy(&read.stdout).into_owned();
    assert!(read.contains("LOAD"), "{read}");
    assert!(!read.contains("INTERP") && !read.contains("(NEEDED)"), "{read}");
}

#[test]
fn the_image_holds_the_binary_the_certificates_and_a_folder_for_data_and_nothing_else() {
    let Some(workshop) = Workshop::open() else { return };
    workshop.build("crossfade", "docker");
    let rootfs = workshop.unpack("crossfade");
    let files = root("find", &[text(&rootfs), "-mindepth", "1", "-printf", "%P %y %m %U:%G\n"]);
    let files: BTreeSet<&str> = files.lines().collect();
    let wanted = [
        "crossfade f 755 0:0",
        "data d 755 65532:65532",
        "etc d 755 0:0",
        "etc/ssl d 755 0:0",
        "etc/ssl/certs d 755 0:0",
        "etc/ssl/certs/ca-certificates.crt f 644 0:0",
    ];
    assert_eq!(files, BTreeSet::from(wanted));
    assert_eq!(size(&rootfs.join("crossfade")), size(&workshop.binary));
    let certificates = fs::read_to_string(rootfs.join("etc/ssl/certs/ca-certificates.crt")).expect("they");
    assert!(certificates.matches("-----BEGIN CERTIFICATE-----").count() > 100);
}

#[test]
fn the_image_says_who_runs_what_and_how_its_health_is_asked() {
    let Some(workshop) = Workshop::open() else { return };
    workshop.build("crossfade", "docker");
    let config = workshop.describe("crossfade")["config"].clone();
    assert_eq!(config["User"], "65532:65532");
    assert_eq!(config["Entrypoint"], serde_json::json!(["/crossfade"]));
    assert_eq!(config["Cmd"], serde_json::json!(["serve", "-c", "/etc/crossfade/config.yaml"]));
    assert_eq!(config["Healthcheck"]["Test"], serde_json::json!(["CMD", "/crossfade", "health"]));
    // `docker stop` sends what it always sends.
    assert!(config["StopSignal"].is_null());
}

fn size(file: &Path) -> u64 {
    file.metadata().expect("a file").size()
}
