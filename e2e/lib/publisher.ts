import type { BrowserContext, Page } from '@playwright/test';
import { layout, type Layout } from './layout.ts';
import type { StreamAccess } from './server.ts';

/** Codecs that the browser is made to send. */
export type VideoCodec = 'H264' | 'VP8' | 'VP9' | 'AV1';

/** A simulcast layer or, alone and without a name, the only stream. */
export interface Encoding {
  rid?: string;
  scaleResolutionDownBy?: number;
  /** Bit/s. */
  maxBitrate: number;
  scalabilityMode?: string;
}

/** Three layers as browsers' pages usually have them: 320x180, 640x360, 1280x720. */
export const SIMULCAST: Encoding[] = [
  { rid: 'q', scaleResolutionDownBy: 4, maxBitrate: 150_000 },
  { rid: 'h', scaleResolutionDownBy: 2, maxBitrate: 500_000 },
  { rid: 'f', scaleResolutionDownBy: 1, maxBitrate: 1_800_000 },
];

const SINGLE: Encoding[] = [{ maxBitrate: 2_500_000 }];

/** One stream that has its full size from the start. */
export const FULL_SIZE: Encoding[] = [{ maxBitrate: 2_000_000, scalabilityMode: 'L1T1' }];

interface Order {
  /** Null: to a <video> of the same page, for measuring the ruler itself. */
  whip: { url: string; key: string } | null;
  codec: VideoCodec;
  encodings: Encoding[];
  layout: Layout;
}

declare global {
  interface Window {
    weirPublisher: { connection: RTCPeerConnection; resource: string };
  }
}

/**
 * Runs in the page: draws the clock at the moment at which each frame is handed to the encoder, and publishes it
 * with beeps by WHIP.
 */
async function publishHere({ whip, codec, encodings, layout }: Order): Promise<void> {
  const width = 1280;
  const height = 720;
  const fps = 30;
  const luma = width * height;
  const frame = new Uint8Array((luma * 3) / 2).fill(128, luma);
  const texture = new Uint8Array(luma * 2);
  for (let y = 0; y < 2 * height; y++) {
    for (let x = 0; x < width; x++) {
      const wave = Math.sin(x * 0.031) + Math.sin((y * 2 * Math.PI * 6) / height) + Math.sin((x + 2 * y) * 0.013);
      const edge = (Math.floor(x / 97) + Math.floor((y % height) / 61)) & 1 ? 18 : -18;
      texture[y * width + x] = 118 + 22 * wave + edge;
    }
  }
  const fill = (column: number, row: number, columnEnd: number, rowEnd: number, value: number) => {
    const [left, right] = [(width * column) / layout.raster, (width * columnEnd) / layout.raster];
    for (let y = (height * row) / layout.raster; y < (height * rowEnd) / layout.raster; y++) {
      frame.fill(value, y * width + left, y * width + right);
    }
  };
  const draw = (value: number) => {
    let crc = 0;
    for (let byte = 3; byte >= 0; byte--) {
      crc ^= (value >>> (8 * byte)) & 0xff;
      for (let bit = 0; bit < 8; bit++) crc = crc & 0x80 ? ((crc << 1) ^ 0x07) & 0xff : crc << 1;
    }
    const bits = `1010${value.toString(2).padStart(32, '0')}${crc.toString(2).padStart(8, '0')}0101`;
    for (let cell = 0; cell < layout.cells; cell++) {
      const column = layout.firstColumn + (cell % layout.columns);
      const row = layout.firstRow + Math.floor(cell / layout.columns);
      fill(column, row, column + 1, row + 1, bits[cell] === '1' ? layout.bright : layout.dark);
    }
  };

  const audio = new AudioContext({ sampleRate: 48_000, latencyHint: 'interactive' });
  await audio.resume();
  const tone = new OscillatorNode(audio, { frequency: 1_000 });
  const beep = new GainNode(audio, { gain: 0 });
  const sound = new MediaStreamAudioDestinationNode(audio, { channelCount: 2 });
  tone.connect(beep).connect(sound);
  tone.start();

  // Chromium's own, not yet in the DOM's type library.
  type Generator = MediaStreamTrack & { writable: WritableStream<VideoFrame> };
  const MediaStreamTrackGenerator = (
    window as unknown as { MediaStreamTrackGenerator: new (init: { kind: 'video' }) => Generator }
  ).MediaStreamTrackGenerator;
  const video = new MediaStreamTrackGenerator({ kind: 'video' });
  video.contentHint = 'motion';
  const writer = video.writable.getWriter();
  const start = performance.now();
  let count = 0;
  const next = () => {
    const due = start + (count * 1000) / fps;
    frame.set(texture.subarray(((count * 2) % height) * width, ((count * 2) % height) * width + luma), 0);
    const inSecond = count % fps;
    const { column, row, columnEnd, rowEnd, frames } = layout.flash;
    fill(column, row, columnEnd, rowEnd, inSecond < frames ? layout.bright : layout.dark);
    if (inSecond === 0) {
      const at = audio.currentTime;
      beep.gain.setValueAtTime(0.5, at);
      beep.gain.setValueAtTime(0, at + 0.1);
    }
    draw(Date.now() % 2 ** 32);
    const timestamp = Math.round(due * 1000);
    void writer.write(new VideoFrame(frame, { format: 'I420', codedWidth: width, codedHeight: height, timestamp }));
    count++;
    setTimeout(next, Math.max(0, start + (count * 1000) / fps - performance.now()));
  };
  next();

  const connection = new RTCPeerConnection({ bundlePolicy: 'max-bundle' });
  const videoSender = connection.addTransceiver(video, {
    direction: 'sendonly',
    sendEncodings: encodings.map((encoding) => ({ ...encoding, maxFramerate: fps })),
  });
  const codecs = RTCRtpSender.getCapabilities('video')!.codecs;
  const wanted = codecs.filter(({ mimeType }) => mimeType.toLowerCase() === `video/${codec.toLowerCase()}`);
  if (wanted.length === 0) throw new Error(`this browser sends no ${codec}`);
  videoSender.setCodecPreferences([...wanted, ...codecs.filter(({ mimeType }) => mimeType === 'video/rtx')]);
  if (encodings.length > 1 || encodings[0].scalabilityMode !== undefined) {
    // A busy machine may cost frames, but never a layer.
    const parameters = videoSender.sender.getParameters();
    parameters.degradationPreference = 'maintain-resolution';
    await videoSender.sender.setParameters(parameters);
  }
  connection.addTransceiver(sound.stream.getAudioTracks()[0], { direction: 'sendonly' });
  if (whip === null) {
    const receiver = new RTCPeerConnection();
    connection.onicecandidate = ({ candidate }) => void receiver.addIceCandidate(candidate ?? undefined);
    receiver.onicecandidate = ({ candidate }) => void connection.addIceCandidate(candidate ?? undefined);
    const received = new MediaStream();
    receiver.ontrack = ({ track }) => received.addTrack(track);
    await connection.setLocalDescription();
    await receiver.setRemoteDescription(connection.localDescription!);
    await receiver.setLocalDescription();
    await connection.setRemoteDescription(receiver.localDescription!);
    document.querySelector('video')!.srcObject = received;
    window.weirPublisher = { connection, resource: '' };
  } else {
    await connection.setLocalDescription();
    const response = await fetch(whip.url, {
      method: 'POST',
      headers: { 'Content-Type': 'application/sdp', Authorization: `Bearer ${whip.key}` },
      body: connection.localDescription!.sdp,
    });
    if (response.status !== 201) throw new Error(`WHIP: ${response.status} ${await response.text()}`);
    await connection.setRemoteDescription({ type: 'answer', sdp: await response.text() });
    window.weirPublisher = { connection, resource: new URL(response.headers.get('Location')!, whip.url).href };
  }
  await new Promise<void>((resolve, reject) => {
    const look = () => {
      if (connection.connectionState === 'connected') resolve();
      if (connection.connectionState === 'failed') reject(new Error('the WHIP connection failed'));
    };
    connection.addEventListener('connectionstatechange', look);
    look();
  });
}

/** An empty page of the server's origin, which is a secure context and has no policies of its own. */
export async function blankPage(context: BrowserContext, origin: string, body = ''): Promise<Page> {
  const address = `${origin}/e2e-blank`;
  await context.route(address, (route) =>
    route.fulfill({ contentType: 'text/html', body: `<!doctype html><title>blank</title>${body}` }),
  );
  const page = await context.newPage();
  await page.goto(address);
  return page;
}

/** Publishes the clock from a page by WHIP. Closing the page ends it. */
export async function publishByWhip(
  page: Page,
  access: StreamAccess,
  codec: VideoCodec,
  encodings: Encoding[] = SINGLE,
): Promise<void> {
  await page.evaluate(publishHere, { whip: { url: access.whip_url, key: access.key }, codec, encodings, layout });
}

/** What a publishing page sends: its streams, largest first. */
export async function sending(page: Page): Promise<{ rid: string; size: string; kbps: number; mode: string; frames: number; bytes: number }[]> {
  return page.evaluate(async () => {
    const reports = [...(await window.weirPublisher.connection.getStats()).values()];
    return reports
      .filter((report) => report.type === 'outbound-rtp' && report.kind === 'video')
      .map((report) => ({
        rid: report.rid ?? '',
        size: `${report.frameWidth}x${report.frameHeight}`,
        kbps: Math.round((report.targetBitrate ?? 0) / 1_000),
        mode: report.scalabilityMode ?? '',
        frames: report.framesEncoded,
        bytes: report.bytesSent,
      }))
      .sort((a, b) => b.kbps - a.kbps);
  });
}

/** Sends the clock by WebRTC from a page to its own <video>, without any server. */
export async function sendToItself(page: Page, codec: VideoCodec): Promise<void> {
  await page.evaluate(publishHere, { whip: null, codec, encodings: SINGLE, layout });
}
