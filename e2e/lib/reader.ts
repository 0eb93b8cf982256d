import type { BrowserContext, Page } from '@playwright/test';
import { layout, type Layout } from './layout.ts';
import { distribution, type Distribution } from './figures.ts';

/** One frame that a <video> of the page presented. Times are milliseconds since the Unix epoch. */
export interface Frame {
  /** When it was on the screen: the later of the callback and the browser's expected display time. */
  shown: number;
  /** The clock drawn into it, or null when the cells could not be read. */
  clock: number | null;
  /** Which <video> of the page, in document order. */
  video: number;
  /** Whether that is the one in front (the player keeps one per transport). */
  front: boolean;
  width: number;
  height: number;
  /** Its time on the element's timeline, in seconds. */
  media: number;
}

interface PageReader {
  frames: Frame[];
  /** Milliseconds from the start of the navigation to the first readable frame in front. */
  firstFrame: number | null;
  flashes: number[];
  beeps: number[];
  /** The page's WebRTC connections, oldest first. */
  connections: RTCPeerConnection[];
  /** Starts to listen to the front video's sound. */
  listen(): Promise<void>;
}

declare global {
  interface Window {
    weirReader: PageReader;
  }
  // Chromium has it in windows and for sound, of which the standard has neither.
  class MediaStreamTrackProcessor {
    constructor(init: { track: MediaStreamTrack });
    readable: ReadableStream<AudioData>;
  }
}

/**
 * Runs in the page: reads every frame that any <video> presents.
 *
 * What is measured is pessimistic by design. A frame's time is never earlier than the moment at which the page
 * could read it back, so the delay holds the encoder, the network, the jitter buffer, the decoder and the
 * compositor.
 */
function installReader(layout: Layout) {
  const width = 8 * layout.raster;
  const height = 6 * layout.raster;
  const canvas = document.createElement('canvas');
  canvas.width = width;
  canvas.height = height;
  const context = canvas.getContext('2d', { willReadFrequently: true })!;
  const cellWidth = width / layout.raster;
  const cellHeight = height / layout.raster;
  const KEEP_FRAMES = 30_000;
  /** A beep begins with a sample as loud as this, after so many seconds without one. */
  const LOUD = 0.1;
  const SILENCE = 0.3;

  /** Mean brightness of a cell's middle, where its neighbours and the codec's ringing do not reach. */
  function brightness(pixels: Uint8ClampedArray, column: number, row: number): number {
    let sum = 0;
    let count = 0;
    for (let y = Math.ceil((row + 0.3) * cellHeight); y < (row + 0.7) * cellHeight; y++) {
      for (let x = Math.ceil((column + 0.3) * cellWidth); x < (column + 0.7) * cellWidth; x++) {
        const at = 4 * (y * width + x);
        sum += pixels[at] + pixels[at + 1] + pixels[at + 2];
        count += 3;
      }
    }
    return sum / count;
  }

  /** The low 32 bits of the clock, or null when guards or checksum are wrong. */
  function decode(pixels: Uint8ClampedArray): number | null {
    const bits: number[] = [];
    for (let cell = 0; cell < layout.cells; cell++) {
      const column = layout.firstColumn + (cell % layout.columns);
      const row = layout.firstRow + Math.floor(cell / layout.columns);
      bits.push(brightness(pixels, column, row) > 127 ? 1 : 0);
    }
    if (bits.slice(0, 4).join('') !== '1010' || bits.slice(44).join('') !== '0101') return null;
    const number = (from: number, to: number) => bits.slice(from, to).reduce((value, bit) => value * 2 + bit, 0);
    const value = number(4, 36);
    let crc = 0;
    for (let byte = 3; byte >= 0; byte--) {
      crc ^= (value >>> (8 * byte)) & 0xff;
      for (let bit = 0; bit < 8; bit++) crc = crc & 0x80 ? ((crc << 1) ^ 0x07) & 0xff : crc << 1;
    }
    return crc === number(36, 44) ? value : null;
  }

  /** The full time whose low 32 bits are these, nearest to now. */
  function complete(low: number): number {
    const range = 2 ** 32;
    const now = Date.now();
    const value = now - (((now % range) - low + range) % range);
    return now - value > range / 2 ? value + range : value;
  }

  const reader: PageReader = {
    frames: [],
    firstFrame: null,
    flashes: [],
    beeps: [],
    connections: [],
    listen: async () => {
      const video = front();
      const audio = new AudioContext({ latencyHint: 'interactive', sampleRate: 48_000 });
      await audio.resume();
      if (video.srcObject instanceof MediaStream) {
        // Runs for its `outputLatency` alone. A WebRTC receiver counts on the device's delay and holds the picture
        // back so long, but what is read here has not had it.
        new ConstantSourceNode(audio, { offset: 0 }).connect(audio.destination);
        // Not through the AudioContext: Chromium has a queue of up to 100 ms between a MediaStream and it, which
        // fills whenever the machine is too busy and never drains. What is heard does not go through it.
        void tap(video.srcObject.getAudioTracks()[0], (at) => reader.beeps.push(at + audio.outputLatency * 1000));
        return;
      }
      const worklet = `registerProcessor('onset', class extends AudioWorkletProcessor {
        constructor() { super(); this.silent = 0; }
        process(inputs) {
          const samples = inputs[0][0];
          if (samples) for (let i = 0; i < samples.length; i++) {
            if (Math.abs(samples[i]) > ${LOUD}) {
              if (this.silent > sampleRate * ${SILENCE}) this.port.postMessage(Date.now());
              this.silent = 0;
            } else this.silent++;
          }
          return true;
        }
      });`;
      await audio.audioWorklet.addModule(URL.createObjectURL(new Blob([worklet], { type: 'text/javascript' })));
      const node = new AudioWorkletNode(audio, 'onset');
      video.muted = false;
      video.volume = 1;
      audio.createMediaElementSource(video).connect(node);
      // Pulled by the destination, heard by nobody.
      const mute = new GainNode(audio, { gain: 0 });
      node.connect(mute).connect(audio.destination);
      // A media element that plays into an AudioContext takes the device's delay for nothing: its picture is right
      // for a device without delay, and so nothing is added.
      node.port.onmessage = ({ data }) => reader.beeps.push(data - (Date.now() - performance.now()));
    },
  };

  /** Tells when a track's beeps are taken out of the receiver to be played, as `performance.now()` has it. */
  async function tap(track: MediaStreamTrack, onBeep: (at: number) => void): Promise<void> {
    const sound = new MediaStreamTrackProcessor({ track }).readable.getReader();
    let silent = 0;
    // Samples carry the time at which they were taken, on a clock of its own. They are read a little later, on a busy
    // machine much later: the shortest way says how the clocks are apart.
    let apart = Number.POSITIVE_INFINITY;
    for (;;) {
      const { value, done } = await sound.read();
      if (done) return;
      const taken = value.timestamp / 1000;
      apart = Math.min(apart, performance.now() - taken);
      const samples = new Float32Array(value.numberOfFrames);
      value.copyTo(samples, { planeIndex: 0, format: 'f32-planar' });
      for (let i = 0; i < samples.length; i++) {
        if (Math.abs(samples[i]) > LOUD) {
          if (silent > value.sampleRate * SILENCE) onBeep(taken + apart + (1000 * i) / value.sampleRate);
          silent = 0;
        } else silent++;
      }
      value.close();
    }
  }
  window.weirReader = reader;
  window.RTCPeerConnection = new Proxy(RTCPeerConnection, {
    construct(constructor, init) {
      const connection = new constructor(...init);
      reader.connections.push(connection);
      return connection;
    },
  });

  const videos = () => [...document.querySelectorAll('video')];
  function front(): HTMLVideoElement {
    return document.querySelector<HTMLVideoElement>('video.front') ?? videos()[0];
  }

  function follow(video: HTMLVideoElement) {
    let wasBright = true;
    const onFrame = (_now: number, about: VideoFrameCallbackMetadata) => {
      video.requestVideoFrameCallback(onFrame);
      const at = Math.max(performance.now(), about.expectedDisplayTime);
      context.drawImage(video, 0, 0, width, height);
      const { data } = context.getImageData(0, 0, width, height);
      const low = decode(data);
      const isFront = front() === video;
      const { column, row, columnEnd, rowEnd } = layout.flash;
      const bright = brightness(data, (column + columnEnd - 1) / 2, (row + rowEnd - 1) / 2) > 127;
      if (low !== null && isFront) {
        reader.firstFrame ??= at;
        if (bright && !wasBright) reader.flashes.push(at);
      }
      wasBright = bright;
      const shown = at + (Date.now() - performance.now());
      const index = videos().indexOf(video);
      // The time of display is a forecast. A frame whose successor is shown no later than it never was.
      const last = reader.frames.at(-1);
      if (last?.video === index && last.shown >= shown) reader.frames.pop();
      reader.frames.push({
        shown,
        clock: low === null ? null : complete(low),
        video: index,
        front: isFront,
        width: about.width,
        height: about.height,
        media: about.mediaTime,
      });
      if (reader.frames.length > KEEP_FRAMES) reader.frames.splice(0, KEEP_FRAMES / 2);
    };
    video.requestVideoFrameCallback(onFrame);
  }

  const followed = new WeakSet<HTMLVideoElement>();
  const look = () => {
    for (const video of videos()) {
      if (followed.has(video)) continue;
      followed.add(video);
      follow(video);
    }
  };
  new MutationObserver(look).observe(document, { childList: true, subtree: true });
  look();
}

/** Installs the reader into every page of the context, before the page's own scripts. */
export async function installReaderIn(context: BrowserContext): Promise<void> {
  await context.addInitScript(installReader, layout);
}

/** What a stretch of presented frames shows. */
export interface Watched {
  /** Milliseconds from drawing to display. */
  delay: Distribution;
  /** Frames that were presented and readable. */
  frames: number;
  /** Frames that were presented and could not be read. */
  unreadable: number;
  /** Longest time between two frames with a new clock, in milliseconds. */
  longestGap: number;
  /**
   * Furthest step of the clock from one frame back to an older one of the same <video>, in milliseconds: 0 when none
   * went back. HLS, when it takes over, is further behind, and that is no fault.
   */
  jumpBack: number;
  /** The last frame's size. */
  size: string;
  /** All sizes, in order, each as often as it came anew. */
  sizes: { size: string; from: number }[];
}

/** Waits until a frame is in front that was drawn less than `maxAge` milliseconds before it was shown. */
export async function untilFresh(page: Page, options: { maxAge?: number; timeout?: number; since?: number } = {}) {
  const { maxAge = 10_000, timeout = 20_000, since = 0 } = options;
  await page.waitForFunction(
    ([maxAge, since]) => {
      const frames = window.weirReader.frames;
      const last = frames.findLast((frame) => frame.front && frame.clock !== null);
      return last !== undefined && last.shown > since && last.shown - last.clock! < maxAge && Date.now() - last.shown < 1_000;
    },
    [maxAge, since],
    { timeout, polling: 50 },
  );
}

/** Watches the front video for so many seconds, from now or from a frame's time on. */
export async function watch(page: Page, seconds: number, from = Date.now()): Promise<Watched> {
  await page.waitForFunction((until) => Date.now() >= until, from + 1_000 * seconds, {
    timeout: 1_000 * seconds + 15_000,
    polling: 100,
  });
  return watchedSince(page, from);
}

/** What the front video showed since then. */
export async function watchedSince(page: Page, from: number): Promise<Watched> {
  const all: Frame[] = await page.evaluate(
    (from) => window.weirReader.frames.filter((frame) => frame.front && frame.shown >= from),
    from,
  );
  const readable = all.filter((frame) => frame.clock !== null);
  let longestGap = 0;
  let jumpBack = 0;
  for (let i = 1; i < readable.length; i++) {
    longestGap = Math.max(longestGap, readable[i].shown - readable[i - 1].shown);
    if (readable[i].video === readable[i - 1].video) {
      jumpBack = Math.max(jumpBack, readable[i - 1].clock! - readable[i].clock!);
    }
  }
  const sizes: Watched['sizes'] = [];
  for (const { width, height, shown } of all) {
    const size = `${width}x${height}`;
    if (sizes.at(-1)?.size !== size) sizes.push({ size, from: shown });
  }
  return {
    delay: distribution(readable.map((frame) => frame.shown - frame.clock!)),
    frames: readable.length,
    unreadable: all.length - readable.length,
    longestGap: Math.round(longestGap),
    jumpBack,
    size: sizes.at(-1)?.size ?? 'none',
    sizes,
  };
}

/** What the browser counted of the newest connection since its start. */
export interface Received {
  freezes: number;
  /** Milliseconds. */
  frozen: number;
  framesDecoded: number;
  keyFrames: number;
  videoPackets: number;
  videoLost: number;
  retransmitted: number;
  nacks: number;
  plis: number;
  width: number;
  audioPackets: number;
  samples: number;
  /** Samples that were invented for lost sound. */
  concealed: number;
  codec: string;
  srtpCipher: string;
  dtlsCipher: string;
  /** Milliseconds. */
  roundTrip: number;
  /** Where the media comes from. */
  remote: { protocol: string; port: number };
  connectionState: string;
}

export async function received(page: Page): Promise<Received> {
  return page.evaluate(async () => {
    const connection = window.weirReader.connections.at(-1)!;
    const reports = [...(await connection.getStats()).values()];
    const inbound = (kind: string) => reports.find((report) => report.type === 'inbound-rtp' && report.kind === kind) ?? {};
    const [video, audio] = [inbound('video'), inbound('audio')];
    const transport = reports.find(({ type }) => type === 'transport') ?? {};
    // By the transport: the pair in use is no longer "succeeded" while one of its checks is lost.
    const pair = reports.find(({ id }) => id === transport.selectedCandidatePairId);
    const remote = reports.find(({ id }) => id === pair?.remoteCandidateId);
    return {
      freezes: video.freezeCount ?? 0,
      frozen: Math.round(1_000 * (video.totalFreezesDuration ?? 0)),
      framesDecoded: video.framesDecoded ?? 0,
      keyFrames: video.keyFramesDecoded ?? 0,
      videoPackets: video.packetsReceived ?? 0,
      videoLost: video.packetsLost ?? 0,
      retransmitted: video.retransmittedPacketsReceived ?? 0,
      nacks: video.nackCount ?? 0,
      plis: video.pliCount ?? 0,
      width: video.frameWidth ?? 0,
      audioPackets: audio.packetsReceived ?? 0,
      samples: audio.totalSamplesReceived ?? 0,
      concealed: (audio.concealedSamples ?? 0) - (audio.silentConcealedSamples ?? 0),
      codec: reports.find(({ id }) => id === video.codecId)?.mimeType ?? '',
      srtpCipher: transport.srtpCipher ?? '',
      dtlsCipher: transport.dtlsCipher ?? '',
      roundTrip: Math.round(1_000 * (pair?.currentRoundTripTime ?? 0)),
      remote: { protocol: remote?.protocol ?? '', port: remote?.port ?? 0 },
      connectionState: connection.connectionState,
    };
  });
}

/** Milliseconds that frames and sound wait in the browser's jitter buffers, averaged over a few seconds from now. */
export async function jitterBuffers(page: Page, seconds = 3): Promise<{ video: number; audio: number }> {
  const look = () =>
    page.evaluate(async () => {
      const totals = { video: { delay: 0, count: 0 }, audio: { delay: 0, count: 0 } };
      const reports = await window.weirReader.connections.at(-1)!.getStats();
      for (const report of reports.values()) {
        if (report.type !== 'inbound-rtp') continue;
        totals[report.kind as 'video' | 'audio'] = {
          delay: report.jitterBufferDelay,
          count: report.jitterBufferEmittedCount,
        };
      }
      return totals;
    });
  const before = await look();
  await watch(page, seconds);
  const after = await look();
  const mean = (kind: 'video' | 'audio') =>
    (1000 * (after[kind].delay - before[kind].delay)) / (after[kind].count - before[kind].count);
  return { video: mean('video'), audio: mean('audio') };
}

/** Milliseconds by which the sound comes after the picture, one value per flash that has its beep. */
export async function soundOffsets(page: Page): Promise<number[]> {
  const { flashes, beeps } = await page.evaluate(() => ({
    flashes: window.weirReader.flashes,
    beeps: window.weirReader.beeps,
  }));
  const offsets: number[] = [];
  for (const flash of flashes) {
    const nearest = beeps.reduce(
      (best, beep) => (Math.abs(beep - flash) < Math.abs(best - flash) ? beep : best),
      Number.POSITIVE_INFINITY,
    );
    if (Math.abs(nearest - flash) < 450) offsets.push(nearest - flash);
  }
  return offsets;
}
