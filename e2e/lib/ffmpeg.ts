import { spawn, type ChildProcess } from 'node:child_process';
import readline from 'node:readline';
import { compiled } from './compile.ts';
import { distribution, type Distribution } from './figures.ts';
import { until, type StreamAccess } from './server.ts';

const FPS = 30;

/** Nothing that WebRTC could not carry, and little work. */
const EASY = '-preset superfast -tune zerolatency -profile:v baseline';

/** How FFmpeg encodes the test picture at 30 frames a second: 1280x720 and 2.5 Mbit/s where nothing else is said. */
export const encodings = {
  /** What WebRTC can carry as it is: no B-frames, a keyframe each second. */
  plain: `${EASY} -g 30 -b:v 2500k -maxrate 2500k -bufsize 2500k`,
  /** OBS's default simple mode: High, 3 B-frames in a pyramid, a keyframe every 8.3 s, constant bit rate. */
  obs: '-preset veryfast -profile:v high -bf 3 -g 250 -b:v 2500k -minrate 2500k -maxrate 2500k -bufsize 2500k -x264-params nal-hrd=cbr:b-pyramid=normal',
  /** As `plain`, with a keyframe each 2 s and no other. */
  gop2: `${EASY} -g 60 -keyint_min 60 -sc_threshold 0 -b:v 2500k -maxrate 2500k -bufsize 2500k`,
  /** As `plain`, with a keyframe each 10 s and no other. */
  gop10: `${EASY} -g 300 -keyint_min 300 -sc_threshold 0 -b:v 2500k -maxrate 2500k -bufsize 2500k`,
  /** 640x360 at 800 kbit/s. */
  small: `${EASY} -g 30 -b:v 800k -maxrate 800k -bufsize 800k`,
} as const;

/** The picture's size in an encoding. */
function size(encoding: keyof typeof encodings): { width: number; height: number } {
  return encoding === 'small' ? { width: 640, height: 360 } : { width: 1280, height: 720 };
}

/** FFmpeg's inputs, as source/clock.c provides them. */
const inputs = (width: number, height: number) => [
  '-hide_banner -loglevel warning -nostdin',
  // FFmpeg reads its inputs in turn: a short queue lets one input block the other for ever.
  '-thread_queue_size 128 -probesize 32 -analyzeduration 0',
  `-f rawvideo -pix_fmt yuv420p -s ${width}x${height} -framerate ${FPS} -i pipe:3`,
  '-thread_queue_size 1024 -probesize 32 -analyzeduration 0 -f s16le -ar 48000 -ac 2 -i pipe:4',
].join(' ');

/** Samples a second that a publisher may send. The clock's are 48000; FFmpeg makes others of them. */
export type SampleRate = 44_100 | 48_000;

/** What is common to all encodings. */
const sound = (rate: SampleRate) => `-c:a aac -b:a 160k -ar ${rate}`;

/** Starts the clock with FFmpeg behind it. */
function startClock(encoding: keyof typeof encodings, ffmpeg: string[]): ChildProcess {
  const { width, height } = size(encoding);
  const command = ['ffmpeg', ...inputs(width, height).split(' '), ...ffmpeg];
  return spawn(compiled('clock'), [String(width), String(height), String(FPS), ...command], {
    stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
  });
}

/** Writes the clock into a file for so many seconds. */
export async function recordClock(file: string, seconds: number): Promise<void> {
  const encoding = `-c:v libx264 ${encodings.plain} ${sound(48_000)} -t ${seconds} -movflags +faststart -y`;
  const child = startClock('plain', [...encoding.split(' '), file]);
  for (const stream of [child.stdout!, child.stderr!, child.stdio[3] as NodeJS.ReadableStream]) stream.resume();
  const code = await new Promise((resolve) => child.on('exit', resolve));
  if (code !== 0) throw new Error(`FFmpeg ended with ${code}`);
}

/** Where an encoder sends to. */
export function publishUrl(access: StreamAccess, key = access.key): string {
  return `${access.rtmp_url.replace(/\/$/, '')}/${key}`;
}

/** FFmpeg publishing the clock over RTMP. */
export class FfmpegPublisher {
  /** Milliseconds since the epoch at which the first frame was drawn. */
  started = 0;
  lateFrames = 0;
  output = '';
  private encoder = 0;
  private readonly drawn: number[] = [];
  /** When each frame of the encoder came out, by presentation time in milliseconds. */
  private readonly encoded: { presentation: number; at: number }[] = [];
  private readonly child: ChildProcess;
  private readonly exited: Promise<void>;

  constructor(url: string, encoding: keyof typeof encodings, rate: SampleRate = 48_000) {
    // A copy of what is published comes back to us: it tells the encoder's own delay.
    const outputs = `[f=flv:flvflags=no_duration_filesize]${url}|[f=flv:flvflags=no_duration_filesize:onfail=ignore]pipe:1`;
    const encode = `-map 0:v -map 1:a -c:v libx264 -pix_fmt yuv420p ${encodings[encoding]} ${sound(rate)}`;
    const muxer = '-flags +global_header -flush_packets 1 -f tee';
    this.child = startClock(encoding, [...`${encode} ${muxer}`.split(' '), outputs]);
    this.exited = new Promise((resolve) => this.child.on('exit', () => resolve()));
    readline.createInterface({ input: this.child.stdio[3] as NodeJS.ReadableStream }).on('line', (line) => {
      const [first, second] = line.split(' ');
      if (first === 'pid') {
        this.encoder = Number(second);
      } else {
        this.started ||= Number(second);
        this.drawn[Number(first)] = Number(second);
      }
    });
    readline.createInterface({ input: this.child.stderr! }).on('line', (line) => {
      if (line.startsWith('late ')) this.lateFrames++;
      else this.output += `${line}\n`;
      // The copy would go on alone.
      if (line.includes('Slave muxer #0 failed')) this.child.kill('SIGKILL');
    });
    this.readFlv(this.child.stdout!);
  }

  /** Notes the arrival of each video tag of an FLV stream. */
  private readFlv(stream: NodeJS.ReadableStream) {
    let buffer = Buffer.alloc(0);
    let skipHeader = 13;
    stream.on('data', (data: Buffer) => {
      const at = Date.now();
      buffer = Buffer.concat([buffer, data]);
      if (skipHeader > 0) {
        if (buffer.length < skipHeader) return;
        buffer = buffer.subarray(skipHeader);
        skipHeader = 0;
      }
      for (;;) {
        if (buffer.length < 11) break;
        const size = buffer.readUIntBE(1, 3);
        if (buffer.length < 11 + size + 4) break;
        const isVideoFrame = buffer[0] === 9 && size > 5 && buffer[12] === 1;
        if (isVideoFrame) {
          const decode = buffer.readUIntBE(4, 3) + buffer[7] * 2 ** 24;
          this.encoded.push({ presentation: decode + buffer.readIntBE(13, 3), at });
        }
        buffer = buffer.subarray(11 + size + 4);
      }
    });
  }

  /** Longest time between two frames drawn since then: more than a frame's is a starved source. */
  longestPause(since: number): number {
    let longest = 0;
    for (let i = 1; i < this.drawn.length; i++) {
      if (this.drawn[i] >= since) longest = Math.max(longest, this.drawn[i] - this.drawn[i - 1]);
    }
    return longest;
  }

  get running(): boolean {
    return this.child.exitCode === null && this.child.signalCode === null;
  }

  /** Waits until the encoder has put out frames. */
  async flowing(timeout = 15_000): Promise<void> {
    await until(
      'FFmpeg publishes',
      () => {
        if (!this.running) throw new Error(`FFmpeg ended:\n${this.output}`);
        return this.encoded.length > 5;
      },
      timeout,
    );
  }

  /**
   * The source's own delay: from drawing a frame until the encoder has put it and all frames before it (in
   * display order) out. No receiver can show it sooner.
   */
  ownDelay(): Distribution {
    const frames = [...this.encoded].sort((a, b) => a.presentation - b.presentation);
    const first = frames[0]?.presentation ?? 0;
    let latest = 0;
    const delays: number[] = [];
    for (const { presentation, at } of frames) {
      latest = Math.max(latest, at);
      const drawn = this.drawn[Math.round(((presentation - first) * FPS) / 1000)];
      // What was encoded while FFmpeg started is of another kind.
      if (drawn !== undefined && drawn > this.started + 3_000) delays.push(latest - drawn);
    }
    return distribution(delays);
  }

  /** Ends it as a crash or a pulled plug does. */
  async kill(): Promise<void> {
    if (this.running && this.encoder > 0) process.kill(this.encoder, 'SIGKILL');
    await this.exited;
  }

  /** Ends it as `q` or Ctrl-C does. */
  async stop(): Promise<void> {
    if (!this.running) return;
    if (this.encoder > 0) {
      try {
        process.kill(this.encoder, 'SIGTERM');
      } catch {
        // It ended meanwhile.
      }
    }
    const timer = setTimeout(() => this.child.kill('SIGKILL'), 5_000);
    await this.exited;
    clearTimeout(timer);
  }

  /** Waits for its end, for runs that must fail. */
  async ended(): Promise<void> {
    await this.exited;
  }
}
