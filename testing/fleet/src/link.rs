//! A connection between a server and a daemon that can be cut: what is on its way stays on its way, as when a network fails.

use std::{
    io::{Read, Write},
    net::{Shutdown, TcpListener, TcpStream},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    thread,
    time::Duration,
};

#[derive(Debug)]
pub struct Link {
    pub port: u16,
    shared: Arc<Shared>,
}

#[derive(Default, Debug)]
struct Shared {
    cut: AtomicBool,
    /// One end of each connection that was made since the last were dropped.
    open: Mutex<Vec<TcpStream>>,
}

impl Link {
    pub fn to(target: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = listener.local_addr().expect("its address").port();
        let shared = Arc::new(Shared::default());
        let both = Arc::clone(&shared);
        // Ends with the process: a test has few of them.
        thread::spawn(move || {
            for near in listener.incoming().flatten() {
                let Ok(far) = TcpStream::connect(("127.0.0.1", target)) else { continue };
                let (Ok(near_too), Ok(far_too)) = (near.try_clone(), far.try_clone()) else { continue };
                let Ok(kept) = near.try_clone() else { continue };
                both.keep(kept);
                let one = Arc::clone(&both);
                thread::spawn(move || pass(near, far, &one.cut));
                let other = Arc::clone(&both);
                thread::spawn(move || pass(far_too, near_too, &other.cut));
            }
        });
        Self { port, shared }
    }

    /// Nothing passes, and nobody is told.
    pub fn cut(&self) {
        self.shared.cut.store(true, Relaxed);
    }

    pub fn mend(&self) {
        self.shared.cut.store(false, Relaxed);
    }

    /// Ends every connection at once; the next ones pass.
    pub fn drop_all(&self) {
        let mut open = self.shared.open.lock().unwrap_or_else(PoisonError::into_inner);
        for stream in open.drain(..) {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }
}

impl Shared {
    fn keep(&self, stream: TcpStream) {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        // One that has ended has no peer any more.
        open.retain(|stream| stream.peer_addr().is_ok());
        open.push(stream);
    }
}

fn pass(mut from: TcpStream, mut to: TcpStream, cut: &AtomicBool) {
    let mut bytes = [0; 16 * 1024];
    while let Ok(read @ 1..) = from.read(&mut bytes) {
        while cut.load(Relaxed) {
            thread::sleep(Duration::from_millis(20));
        }
        if to.write_all(&bytes[..read]).is_err() {
            break;
        }
    }
    let _ = to.shutdown(Shutdown::Both);
    let _ = from.shutdown(Shutdown::Both);
}
