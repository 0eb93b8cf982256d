import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import dgram from 'node:dgram';
import { once } from 'node:events';
import net from 'node:net';
import { promisify } from 'node:util';
import { publishUrl } from '../lib/ffmpeg.ts';
import { figure } from '../lib/figures.ts';
import { expect, openWatchPage, test } from '../lib/fixtures.ts';
import { untilFresh } from '../lib/reader.ts';
import { until } from '../lib/server.ts';

const run = promisify(execFile);

/** Tries to publish with FFmpeg; resolves with its exit status, words and duration in milliseconds. */
async function tryToPublish(url: string): Promise<{ code: number; stderr: string; took: number }> {
  const from = Date.now();
  const input = '-hide_banner -nostdin -f lavfi -re -i testsrc=size=320x180:rate=15 -c:v libx264 -preset ultrafast -t 8 -f flv';
  try {
    const { stderr } = await run('ffmpeg', [...input.split(' '), url], { timeout: 20_000 });
    return { code: 0, stderr, took: Date.now() - from };
  } catch (error) {
    const { code, stderr } = error as { code: number; stderr: string };
    return { code, stderr, took: Date.now() - from };
  }
}

/** Sends bytes to the RTMP port and waits until the server ends the connection or time is up. */
async function throwAt(port: number, bytes: Buffer, patience = 3_000): Promise<void> {
  const socket = net.connect(port, '127.0.0.1');
  socket.on('error', () => {}); // Being thrown out is what is asked for.
  socket.resume();
  socket.write(bytes);
  const timer = setTimeout(() => socket.destroy(), patience);
  await once(socket, 'close').catch(() => {});
  clearTimeout(timer);
}

/** A handshake that is right, with garbage behind it. */
function garbageAfterHandshake(): Buffer {
  return Buffer.concat([Buffer.from([3]), Buffer.alloc(8), randomBytes(1528), randomBytes(1536), randomBytes(20_000)]);
}

const AUDIO_ONLY = (direction: string) =>
  [
    ...['v=0', 'o=- 1 1 IN IP4 127.0.0.1', 's=-', 't=0 0', 'a=group:BUNDLE 0', 'a=msid-semantic: WMS *'],
    ...['m=audio 9 UDP/TLS/RTP/SAVPF 111', 'c=IN IP4 0.0.0.0', 'a=mid:0', `a=${direction}`, 'a=rtcp-mux'],
    ...['a=ice-ufrag:abcd', 'a=ice-pwd:abcdefghijklmnopqrstuvwx', 'a=setup:actpass', 'a=rtpmap:111 opus/48000/2'],
    `a=fingerprint:sha-256 ${Array(32).fill('AB').join(':')}`,
    '',
  ].join('\r\n');

const UNKNOWN_CODECS = (direction: string) =>
  AUDIO_ONLY(direction)
    .replace('m=audio', 'm=video')
    .replace('a=rtpmap:111 opus/48000/2', 'a=rtpmap:111 CINEPAK/90000');

test('wrong and rotated keys are refused at once', async ({ server, viewers, publish }) => {
  const access = await server.createStream('keys');
  const wrong = await tryToPublish(publishUrl(access, 'not-a-key'));
  expect(wrong.code, wrong.stderr).not.toBe(0);
  expect(wrong.took).toBeLessThan(5_000);

  const live = publish(access, 'plain');
  await live.flowing();
  const page = await openWatchPage(viewers, access);
  await untilFresh(page);
  const rotated = await server.command('stream', 'rotate-key', '--slug', 'keys', '--json', ...server.flags);
  expect(rotated.code, rotated.stderr).toBe(0);
  const { key } = JSON.parse(rotated.stdout);
  expect(key).not.toBe(access.key);
  // Whoever holds the old key is thrown out, and cannot come back.
  await until('the publisher with the old key is gone', () => !live.running, 15_000);
  const old = await tryToPublish(publishUrl(access));
  expect(old.code, old.stderr).not.toBe(0);

  const again = publish({ ...access, key }, 'plain');
  await again.flowing();
  await untilFresh(page, { since: again.started });
  for (const secret of [access.key, key, 'not-a-key']) expect(server.logs).not.toContain(secret);
});

test('bad requests get their errors', async ({ server, publish }) => {
  const access = await server.createStream('requests');
  const source = publish(access, 'plain');
  await source.flowing();
  const post = async (url: string, body: string | undefined, headers: Record<string, string> = {}) =>
    (await fetch(url, { method: 'POST', body, headers: { 'Content-Type': 'application/sdp', ...headers } })).status;
  // A stream of its own: an offer that is accepted takes over from whoever publishes.
  const other = await server.createStream('other');
  const bearer = { Authorization: `Bearer ${other.key}` };

  const summary = async () => (await (await fetch(`${server.origin}/api/v1/streams/requests`)).json()) as { hls_ready: boolean };
  await until('the media flows', async () => (await summary()).hls_ready, 15_000);
  expect(await post(access.whip_url, 'v=0'), 'no key').toBe(401);
  expect(await post(access.whip_url, 'v=0', { Authorization: 'Bearer wrong' }), 'wrong key').toBe(401);
  for (const [url, headers, direction] of [
    [access.whip_url, bearer, 'sendonly'],
    [access.whep_url, {}, 'recvonly'],
  ] as const) {
    expect(await post(url, 'v=0', { ...headers, 'Content-Type': 'text/plain' }), `${url}: media type`).toBe(415);
    // WHEP answers nothing with an offer of its own.
    expect(await post(url, '', headers), `${url}: empty`).toBe(url === access.whip_url ? 400 : 406);
    expect(await post(url, randomBytes(400).toString('hex'), headers), `${url}: nonsense`).toBe(400);
    expect([400, 413], `${url}: huge`).toContain(await post(url, `v=0\r\n${'a=x\r\n'.repeat(600_000)}`, headers));
    expect(await post(url, UNKNOWN_CODECS(direction), headers), `${url}: unknown codec`).toBe(422);
    // Sound alone is allowed where it makes sense; what counts is that the server has an answer.
    expect([201, 400, 409, 422], `${url}: sound alone`).toContain(await post(url, AUDIO_ONLY(direction), headers));
    const preflight = await fetch(url, { method: 'OPTIONS' });
    expect(preflight.headers.get('Accept-Post'), `${url}: OPTIONS`).toContain('application/sdp');
  }
  expect(await post(`${server.origin}/whep/nobody-made-this`, AUDIO_ONLY('recvonly'))).toBe(404);
  expect((await fetch(`${server.origin}/hls/nobody-made-this/master.m3u8`)).status).toBe(404);
  expect(server.running).toBe(true);
});

test('a storm of nonsense neither stops the server nor stays in its memory', async ({ server, publish, viewers }) => {
  const access = await server.createStream('storm');
  const source = publish(access, 'plain');
  await source.flowing();
  const page = await openWatchPage(viewers, access);
  await untilFresh(page);

  // Half a handshake, held open all the while.
  const held: net.Socket[] = [];
  for (let i = 0; i < 50; i++) {
    const socket = net.connect(server.rtmp, '127.0.0.1');
    socket.on('error', () => {});
    socket.write(Buffer.concat([Buffer.from([3]), randomBytes(700)]));
    held.push(socket);
  }

  const udp = dgram.createSocket('udp4');
  const storm = async () => {
    for (let i = 0; i < 20; i++) {
      await Promise.all([
        throwAt(server.rtmp, randomBytes(40_000)),
        throwAt(server.rtmp, garbageAfterHandshake()),
        throwAt(server.rtmp, Buffer.from('GET / HTTP/1.1\r\nHost: x\r\n\r\n')),
        throwAt(server.rtmp, Buffer.alloc(0), 50),
      ]);
    }
    for (let i = 0; i < 20_000; i++) {
      const datagram = randomBytes(1 + (i % 1_300));
      // The first byte says what it claims to be: STUN, DTLS, RTP (RFC 7983).
      datagram[0] = [0, 22, 128, 200][i % 4];
      await new Promise<void>((resolve) => udp.send(datagram, server.media, '127.0.0.1', () => resolve()));
    }
    for (let i = 0; i < 100; i++) {
      const body = i % 2 ? '' : randomBytes(2_000).toString('base64');
      const headers = { 'Content-Type': 'application/sdp', Authorization: `Bearer ${access.key}` };
      await fetch(i % 3 ? access.whip_url : access.whep_url, { method: 'POST', body, headers });
    }
  };
  await storm();
  const before = server.residentMiB();
  for (let round = 0; round < 3; round++) await storm();
  const after = server.residentMiB();
  figure('resident memory of the server before and after three storms', `${before.toFixed(0)} → ${after.toFixed(0)} MiB`);
  expect(after - before).toBeLessThan(24);

  for (const socket of held) socket.destroy();
  udp.close();
  expect((await fetch(`${server.origin}/readyz`)).status).toBe(200);
  expect(server.logs).not.toContain('panicked');
  // Whoever watched all the while still does.
  await untilFresh(page, { maxAge: 3_000, since: Date.now() });
});
