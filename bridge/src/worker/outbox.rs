//! What leaves the worker, over a thread of its own.

use std::{
    io::Write,
    os::unix::net::UnixStream,
    sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel},
    thread::JoinHandle,
};

use weir_media::{HlsOutput, RtpPacket};

use super::fail;
use crate::link::message::FromWorker;

/// Messages that may wait for the main process. When there are more, whoever makes them waits: the
/// main process always reads, so a full outbox means that it is starved, and dropping would not help.
const CAPACITY: usize = 256;

/// Bytes gathered into one write.
const WRITE_BYTES: usize = 256 << 10;

/// Sends messages to the main process. Clones send over the same link.
#[derive(Debug, Clone)]
pub struct Outbox {
    sender: SyncSender<Vec<u8>>,
}

impl Outbox {
    /// Starts the writing thread. It ends when all clones are gone.
    pub fn start(link: UnixStream) -> std::io::Result<(Self, JoinHandle<()>)> {
        let (sender, receiver) = sync_channel(CAPACITY);
        let thread = std::thread::Builder::new()
            .name("outbox".into())
            .spawn(move || write(link, &receiver))?;
        Ok((Self { sender }, thread))
    }

    /// Sends one message.
    pub fn send(&self, message: &FromWorker) {
        self.send_all(std::slice::from_ref(message));
    }

    /// Sends a picture's packets so that they leave in one write.
    pub fn send_rtp(&self, packets: Vec<RtpPacket>) {
        let messages: Vec<_> = packets.into_iter().map(FromWorker::Rtp).collect();
        self.send_all(&messages);
    }

    /// Sends a piece of HLS.
    pub fn send_hls(&self, piece: HlsOutput) {
        self.send(&FromWorker::Hls(piece));
    }

    /// Says that the worker is alive, if nothing else waits to be said.
    pub fn heartbeat(&self) {
        let mut bytes = Vec::new();
        encode(&FromWorker::Heartbeat, &mut bytes);
        if let Err(TrySendError::Disconnected(_)) = self.sender.try_send(bytes) {
            fail("the outbox has stopped");
        }
    }

    fn send_all(&self, messages: &[FromWorker]) {
        let mut bytes = Vec::new();
        messages
            .iter()
            .for_each(|message| encode(message, &mut bytes));
        if !bytes.is_empty() && self.sender.send(bytes).is_err() {
            fail("the outbox has stopped");
        }
    }
}

fn encode(message: &FromWorker, bytes: &mut Vec<u8>) {
    if let Err(error) = message.encode(bytes) {
        tracing::warn!(%error, "output dropped");
    }
}

fn write(mut link: UnixStream, receiver: &Receiver<Vec<u8>>) {
    while let Ok(mut bytes) = receiver.recv() {
        while bytes.len() < WRITE_BYTES
            && let Ok(more) = receiver.try_recv()
        {
            bytes.extend_from_slice(&more);
        }
        if let Err(error) = link.write_all(&bytes) {
            fail(format!("cannot write to the main process: {error}"));
        }
    }
}
