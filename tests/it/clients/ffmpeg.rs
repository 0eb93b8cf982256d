//! FFmpeg's `whip` muxer.

use std::{
    process::{Command, Stdio},
    sync::Arc,
};

use weir_bench::server::Server;
use weir_protocol::StreamAccess;

use super::{
    RATE,
    watched::{Program, installed, watch},
};

/// A stream that FFmpeg publishes by WHIP, for players.
pub struct Source {
    pub slug: &'static str,
    pub access: StreamAccess,
    _publisher: Program,
}

pub fn source(server: &Server, slug: &'static str) -> Source {
    let access = server.create_stream(slug).unwrap();
    let publisher = publish(&access, "");
    Source {
        slug,
        access,
        _publisher: publisher,
    }
}

/// As DTLS server, which it offers by itself, or with the options for a client.
pub async fn publishes(server: Arc<Server>, slug: &'static str, options: &'static str) -> String {
    let access = server.create_stream(slug).unwrap();
    let _publisher = publish(&access, options);
    watch(&access.whep_url).await
}

fn publish(access: &StreamAccess, options: &str) -> Program {
    // Debian's is older and has no such muxer.
    let child = Command::new(installed("enhanced-ffmpeg/ffmpeg"))
        .args("-hide_banner -loglevel warning -re -f lavfi -i".split(' '))
        .arg(format!("testsrc2=size=320x180:rate={RATE}"))
        .args("-re -f lavfi -i sine=frequency=440:sample_rate=48000".split(' '))
        .args("-c:v libx264 -profile:v baseline -preset ultrafast -tune zerolatency".split(' '))
        .args("-pix_fmt yuv420p -bf 0 -g 30 -b:v 500k -c:a libopus -ac 2 -ar 48000".split(' '))
        .args(options.split_whitespace())
        .args(["-authorization", &access.key])
        .args(["-f", "whip", &access.whip_url])
        .stdin(Stdio::null())
        .spawn()
        .unwrap();
    Program(child)
}
