// Publishes by WHIP as OBS 32 does, with libdatachannel, which OBS has too: its offer, its packetizers, what it makes of
// answers, and its end, which closes the connection before it sends DELETE.
//
//   node obs.mjs WHIP_URL KEY H264_FILE OGG_FILE
//
// The files are sent over and over until standard input ends, which is OBS's button "Stop streaming". Then figures are
// printed as JSON. Each picture of H264_FILE begins with an access unit delimiter; each page of OGG_FILE has one packet.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { randomBytes } from 'node:crypto';

// The browser tests have it among their packages.
const require = createRequire(new URL('../../../e2e/', import.meta.url));
const rtc = require('node-datachannel');

const [endpoint, key, videoFile, audioFile] = process.argv.slice(2);
const AUDIO = { mid: '0', payloadType: 111, clock: 48_000, every: 20 };
const VIDEO = { mid: '1', payloadType: 96, clock: 90_000, every: 1000 / 30 };
const FRAGMENT = 1200;
const NACK_BUFFER = 4000;
/** Of the encoder's 2,500 kbit/s, with OBS's room above it. */
const PACE = 25_000_000;
const PACE_INTERVAL = 5;
const TIMEOUT = 8_000;

/** The pictures of an H.264 byte stream, without the delimiters, which OBS does not send. */
function pictures(stream) {
  const delimiter = Buffer.from([0, 0, 0, 1, 9]);
  const found = [];
  for (let at = stream.indexOf(delimiter); at >= 0; ) {
    const next = stream.indexOf(delimiter, at + delimiter.length);
    found.push(stream.subarray(at + delimiter.length + 1, next < 0 ? undefined : next));
    at = next;
  }
  return found;
}

/** The packets of an Ogg file with one to a page (RFC 3533 section 6), without Opus's two headers. */
function packets(ogg) {
  const found = [];
  for (let at = 0; at < ogg.length; ) {
    const lacing = ogg.subarray(at + 27, at + 27 + ogg[at + 26]);
    const body = at + 27 + lacing.length;
    at = body + lacing.reduce((sum, value) => sum + value, 0);
    found.push(ogg.subarray(body, at));
  }
  return found.slice(2);
}

/** A track with the handlers that OBS chains, and what sends a sample on it. */
function track(connection, description, packetizer, rest) {
  let handlers = packetizer;
  for (const handler of rest) handlers.addToChain(handler);
  const made = connection.addTrack(description);
  made.setMediaHandler(packetizer);
  return made;
}

/** As curl does for OBS: redirects are followed with the method, the body and the token. */
async function request(method, url, body) {
  const headers = {
    Authorization: `Bearer ${key}`,
    'User-Agent': 'Mozilla/5.0 (OBS-Studio/32.1.2; Linux x86_64; en-US)',
    ...(body === undefined ? {} : { 'Content-Type': 'application/sdp' }),
  };
  for (let redirects = 0; redirects < 30; redirects++) {
    const response = await fetch(url, { method, headers, body, redirect: 'manual', signal: AbortSignal.timeout(TIMEOUT) });
    if (response.status < 300 || response.status > 399) return { response, url };
    url = new URL(response.headers.get('location'), url).href;
  }
  throw new Error('too many redirects');
}

const video = pictures(readFileSync(videoFile));
const audio = packets(readFileSync(audioFile));
const name = () => randomBytes(8).toString('hex');
const [stream, cname, ssrc] = [name(), name(), randomBytes(4).readUInt32BE() & 0x7fff_fffe];

const connection = new rtc.PeerConnection('obs', { iceServers: [] });
const began = Date.now();
let connected = null;
connection.onStateChange((state) => {
  if (state === 'connected') connected ??= Date.now() - began;
  // OBS stops for good after a first failure.
  if (state === 'failed' || state === 'disconnected') throw new Error(`the connection is ${state}`);
});

const audioConfig = new rtc.RtpPacketizationConfig(ssrc, cname, AUDIO.payloadType, AUDIO.clock);
const audioDescription = new rtc.Audio(AUDIO.mid, 'SendOnly');
audioDescription.addOpusCodec(AUDIO.payloadType);
audioDescription.addSSRC(ssrc, cname, stream, `${stream}-audio`);
const audioTrack = track(connection, audioDescription, new rtc.RtpPacketizer(audioConfig), [
  new rtc.RtcpSrReporter(audioConfig),
  new rtc.RtcpNackResponder(),
]);

const videoConfig = new rtc.RtpPacketizationConfig(ssrc + 1, cname, VIDEO.payloadType, VIDEO.clock);
const videoDescription = new rtc.Video(VIDEO.mid, 'SendOnly');
videoDescription.addSSRC(ssrc + 1, cname, stream, `${stream}-video`);
// Always declared as 42e01f, whatever the encoder makes.
videoDescription.addH264Codec(VIDEO.payloadType);
const videoTrack = track(connection, videoDescription, new rtc.H264RtpPacketizer('StartSequence', videoConfig, FRAGMENT), [
  new rtc.RtcpSrReporter(videoConfig),
  new rtc.RtcpNackResponder(NACK_BUFFER),
  new rtc.PacingHandler(PACE, PACE_INTERVAL),
]);

connection.setLocalDescription();
// OBS posts before it gathers.
const offer = connection.localDescription().sdp.replaceAll(/a=(candidate:.*|end-of-candidates)\r\n/g, '');
const { response, url } = await request('POST', endpoint, offer);
const answer = await response.text();
if (response.status !== 201) throw new Error(`${response.status}: ${answer}`);
const location = response.headers.get('location');
if (!answer || !location) throw new Error('an answer and its Location are needed');
const resource = location.startsWith('http') ? location : new URL(location, new URL(url).origin).href;
connection.setRemoteDescription(answer.slice(answer.indexOf('v=0')), 'answer');

const sent = { pictures: 0, sounds: 0 };
/** Sends what has become due, with times that run on whether or not the track is open, as an encoder's do. */
function pump(kind, own, config, samples, counter) {
  const start = Date.now();
  let due = 0;
  return setInterval(() => {
    for (; due * kind.every <= Date.now() - start; due++) {
      config.timestamp = Math.round((due * kind.every * kind.clock) / 1000) % 2 ** 32;
      if (!own.isOpen()) continue;
      // What it gives back says nothing where a pacer holds the packets for a while.
      own.sendMessageBinary(samples[due % samples.length]);
      sent[counter]++;
    }
  }, 5);
}
const pumps = [
  pump(VIDEO, videoTrack, videoConfig, video, 'pictures'),
  pump(AUDIO, audioTrack, audioConfig, audio, 'sounds'),
];

process.stdin.resume();
await new Promise((resolve) => process.stdin.on('end', resolve));
pumps.forEach(clearInterval);
connection.close();
const { response: ended } = await request('DELETE', resource);
console.log(JSON.stringify({ ...sent, connected, ended: ended.status }));
rtc.cleanup();
