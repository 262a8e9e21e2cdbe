//! The supervisor itself, as a process of this machine, over both of its transports.

use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use sam_rs::channel::frame::{Answer, Exit, Spawn};
use sam_rs::channel::{Channel, Event, open};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::mpsc::UnboundedReceiver;
use tokio_util::task::TaskTracker;

struct Supervised {
    process: Child,
    channel: Channel,
    event_rx: UnboundedReceiver<Event>,
    port: u16,
    _directory: tempfile::TempDir,
}

impl Drop for Supervised {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Starts a supervisor on any free port, with a socket to call or with its standard streams.
async fn start(socket: bool) -> Supervised {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("s");
    let mut command = Command::new(env!("SAM_RS_SUPERVISOR"));
    command.arg("0").arg(&path);
    let stream = if socket {
        let listener = std::os::unix::net::UnixListener::bind(&path).unwrap();
        let process = command.stdin(Stdio::null()).spawn().unwrap();
        (process, listener.accept().unwrap().0)
    } else {
        let (ours, theirs) = UnixStream::pair().unwrap();
        let theirs = OwnedFd::from(theirs);
        let process = command
            .stdin(theirs.try_clone().unwrap())
            .stdout(theirs)
            .spawn()
            .unwrap();
        drop(command);
        (process, ours)
    };
    let (process, stream) = stream;
    stream.set_nonblocking(true).unwrap();
    let (reader, writer) = tokio::net::UnixStream::from_std(stream)
        .unwrap()
        .into_split();
    let (channel, mut event_rx) = open(reader, writer, &TaskTracker::new());
    let Some(Event::Hello {
        version: 1, port, ..
    }) = event_rx.recv().await
    else {
        panic!("no hello")
    };
    Supervised {
        process,
        channel,
        event_rx,
        port,
        _directory: directory,
    }
}

fn shell(script: &str) -> Spawn {
    let argv = ["/bin/sh", "-c", script].map(str::to_owned).to_vec();
    let env = vec![
        ("PATH".to_owned(), "/usr/bin:/bin".to_owned()),
        ("NAME".to_owned(), "value".to_owned()),
    ];
    Spawn {
        argv,
        env,
        cwd: "/tmp".to_owned(),
        group: true,
        extension: false,
    }
}

impl Supervised {
    /// Collects output until the process ends.
    async fn run(&mut self, script: &str) -> (String, Exit) {
        self.channel.spawn(7, shell(script));
        let mut text = String::new();
        loop {
            match tokio::time::timeout(Duration::from_secs(20), self.event_rx.recv())
                .await
                .unwrap()
            {
                Some(Event::Log(log)) => text.push_str(&String::from_utf8_lossy(&log.bytes)),
                Some(Event::Exited { exit, .. }) => return (text, exit),
                Some(_) => {}
                None => panic!("the channel ended"),
            }
        }
    }
}

#[tokio::test]
async fn a_process_gets_its_environment_and_its_end_is_told_last() {
    for socket in [true, false] {
        let mut sandbox = start(socket).await;
        let (text, exit) = sandbox.run("echo $NAME; pwd; echo err >&2; exit 3").await;
        assert!(
            text.contains("value\n/tmp\n") && text.contains("err\n"),
            "{text}"
        );
        assert_eq!((exit.status, exit.signal), (Some(3), None));
        let (_, exit) = sandbox.run("kill -SEGV $$").await;
        assert_eq!((exit.status, exit.signal), (None, Some(11)));
    }
}

#[tokio::test]
async fn output_beyond_the_window_is_neither_lost_nor_reordered() {
    for socket in [true, false] {
        let mut sandbox = start(socket).await;
        let (text, _) = sandbox.run("seq 1 200000").await;
        let numbers: Vec<u32> = text.lines().map(|line| line.parse().unwrap()).collect();
        assert!(
            numbers.len() == 200_000 && numbers.is_sorted(),
            "{}",
            numbers.len()
        );
    }
}

#[tokio::test]
async fn connections_go_both_ways_whatever_their_size() {
    for socket in [true, false] {
        let mut sandbox = start(socket).await;
        let mut inside = tokio::net::TcpStream::connect(("127.0.0.1", sandbox.port))
            .await
            .unwrap();
        let Some(Event::Opened(mut outside)) = sandbox.event_rx.recv().await else {
            panic!()
        };
        let sent: Vec<u8> = (0..3_000_000_u32).map(|n| (n % 251) as u8).collect();
        let (there, back) = (sent.clone(), sent.clone());
        let writer = tokio::spawn(async move {
            inside.write_all(&there).await.unwrap();
            let mut echo = vec![0; there.len()];
            inside.read_exact(&mut echo).await.unwrap();
            (inside, echo)
        });
        let mut received = vec![0; sent.len()];
        outside.read_exact(&mut received).await.unwrap();
        assert!(received == sent);
        outside.write_all(&back).await.unwrap();
        let (inside, echo) = writer.await.unwrap();
        assert!(echo == sent);
        drop(inside);
        assert_eq!(
            outside.read(&mut [0; 1]).await.unwrap(),
            0,
            "the end is passed on"
        );
    }
}

#[tokio::test]
async fn the_sandbox_can_be_called_into() {
    let sandbox = start(true).await;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let mut outside = sandbox.channel.dial(port);
    let (mut inside, _) = listener.accept().await.unwrap();
    outside.write_all(b"hello").await.unwrap();
    let mut text = [0; 5];
    inside.read_exact(&mut text).await.unwrap();
    assert_eq!(&text, b"hello");
    drop(listener);
    assert_eq!(
        sandbox.channel.dial(port).read(&mut [0; 1]).await.unwrap(),
        0,
        "a refused one is closed"
    );
}

#[tokio::test]
async fn questions_are_answered() {
    let mut sandbox = start(true).await;
    let Some(Answer::Stat(stat)) = sandbox.channel.stat("/bin/sh".into()).await else {
        panic!()
    };
    assert!(!stat.directory && stat.mode & 0o111 != 0);
    assert_eq!(
        sandbox.channel.stat("/nowhere".into()).await,
        Some(Answer::Error(2))
    );
    assert!(
        matches!(sandbox.channel.list("/".into()).await, Some(Answer::List(names)) if names.contains(&"bin".into()))
    );
    let usage = sandbox.channel.usage().await;
    assert!(matches!(usage, Ok(Answer::Usage(usage)) if usage.processes > 0));
    sandbox.channel.spawn(
        9,
        Spawn {
            argv: vec!["/nowhere".into()],
            cwd: "/".into(),
            ..Spawn::default()
        },
    );
    let Some(Event::Failed {
        process: 9,
        errno: 2,
        path,
    }) = sandbox.event_rx.recv().await
    else {
        panic!()
    };
    assert_eq!(path, "/nowhere");
}

#[tokio::test]
async fn its_end_takes_everything_with_it() {
    for socket in [true, false] {
        let mut sandbox = start(socket).await;
        sandbox
            .channel
            .spawn(7, shell("sleep 1000 & echo $!; wait"));
        let child = loop {
            if let Some(Event::Log(log)) = sandbox.event_rx.recv().await {
                break String::from_utf8_lossy(&log.bytes).trim().to_owned();
            }
        };
        // The handle and its events gone, the channel closes, as it does when this process dies.
        let (closed_tx, closed_rx) = tokio::sync::mpsc::unbounded_channel();
        drop(std::mem::replace(&mut sandbox.event_rx, closed_rx));
        drop(closed_tx);
        sandbox.channel.finish(Duration::ZERO);
        let end = tokio::time::Instant::now() + Duration::from_secs(1);
        while sandbox.process.try_wait().unwrap().is_none() {
            assert!(tokio::time::Instant::now() < end, "it ends within a second");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        let state = std::fs::read_to_string(format!("/proc/{child}/stat")).unwrap_or_default();
        assert!(
            state.is_empty() || state.contains(") Z "),
            "the grandchild is gone: {state}"
        );
    }
}

#[tokio::test]
async fn a_grace_lets_processes_end_by_themselves() {
    let mut sandbox = start(true).await;
    sandbox.channel.spawn(
        7,
        shell("trap 'echo bye; exit 0' TERM; echo ready; while :; do :; done"),
    );
    let mut text = String::new();
    while let Some(event) = sandbox.event_rx.recv().await {
        if let Event::Log(log) = event {
            text.push_str(&String::from_utf8_lossy(&log.bytes));
            if text == "ready\n" {
                sandbox.channel.finish(Duration::from_secs(5));
            }
        }
    }
    assert_eq!(text, "ready\nbye\n");
}
