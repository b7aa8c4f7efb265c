//! What docs/proxies.md says for a daemon that speaks TLS: the proxy asks the one with the right name, and no other.

use std::{fs, path::Path};

use crate::{
    Front, Proxy,
    pki::{Authority, replace},
    world::World,
};

const NAME: &str = "dns:crossfade.example.com";

/// The document's lines in the sample's place for them.
fn with_tls(proxy: Proxy, folder: &Path, ca: &Path) {
    let (fence, before, place) = match proxy {
        Proxy::Nginx => ("```nginx\n", "            proxy_pass http://crossfade/v1/authorize;\n", ""),
        Proxy::Envoy => {
            let place = "  - name: crossfade\n    connect_timeout: 2s\n";
            ("```yaml\n    transport_socket", place, place)
        }
        _ => unreachable!("the others check by themselves"),
    };
    let document =
        fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/proxies.md")).expect("a file");
    let at = document.find(fence).expect("a sample");
    let lines =
        document[at..].split_once('\n').and_then(|(_, rest)| rest.split("```").next()).expect("lines");
    let lines = lines.replace("/etc/crossfade/ca.pem", &ca.to_string_lossy());
    let sample = folder.join(proxy.samples()[0]);
    let text = fs::read_to_string(&sample).expect("a sample");
    assert_eq!(text.matches(before).count(), 1, "{proxy:?}: the place is there");
    fs::write(sample, text.replace(before, &format!("{place}{lines}"))).expect("a write");
}

#[test]
fn over_tls_nginx_and_envoy_ask_a_daemon_with_the_right_name_and_no_other() {
    let (ours, theirs) = (Authority::new("ours"), Authority::new("theirs"));
    for (authority, name, status) in
        [(&ours, NAME, 200), (&ours, "dns:another.example.com", 503), (&theirs, NAME, 503)]
    {
        let world = World::new("30s");
        authority.issue(&[name]).write(world.folder.path());
        let config = fs::read_to_string(world.path("config.yaml")).expect("a config");
        let config = format!("tls: {{cert: cert.pem, key: key.pem}}\n{config}");
        replace(&world.path("config.yaml"), &config, 0o600);
        let _daemon = world.start();
        let bearer = format!("Bearer {}", world.token());
        ours.write(&world.path("ca.pem"));
        for proxy in [Proxy::Nginx, Proxy::Envoy] {
            let folder = world.path(&format!("{proxy:?}"));
            fs::create_dir(&folder).expect("a folder");
            let change = |folder: &Path| with_tls(proxy, folder, &world.path("ca.pem"));
            let Some(front) = Front::changed(proxy, &folder, world.listen, change) else { continue };
            front.is_up();
            let answer = front.ask(&[("Authorization", &bearer)]);
            assert_eq!(answer.status, status, "{front:?} {name}: {answer:?}");
        }
    }
}
