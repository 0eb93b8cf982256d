import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { until } from './server.ts';

/** The picture's size: OBS draws it without a graphics card here. */
export const OBS_PICTURE = { width: 640, height: 360, fps: 30 } as const;

const { width, height, fps } = OBS_PICTURE;
const NAME = 'weir';

/** As the first start's assistant leaves them, but for the size: what is not said is OBS's default. */
const settings = `[General]
Name=${NAME}

[Output]
Mode=Simple

[SimpleOutput]
VBitrate=1000
StreamEncoder=x264

[Video]
BaseCX=${width}
BaseCY=${height}
OutputCX=${width}
OutputCY=${height}
FPSType=0
FPSCommon=${fps}
`;

/** Nothing that would ask or look for news. */
const program = `[General]
FirstRun=true
EnableAutoUpdates=false
LastVersion=486539266
ConfirmOnExit=false

[BasicWindow]
SysTrayEnabled=false
WarnBeforeStartingStream=false
WarnBeforeStoppingStream=false
PreviewEnabled=false
`;

/** One scene that shows a film over and over. */
const scene = (film: string) => ({
  name: NAME,
  current_scene: 'Scene',
  current_program_scene: 'Scene',
  scene_order: [{ name: 'Scene' }],
  sources: [
    {
      id: 'ffmpeg_source',
      versioned_id: 'ffmpeg_source',
      name: 'Film',
      enabled: true,
      mixers: 255,
      volume: 1,
      settings: { is_local_file: true, local_file: film, looping: true, hw_decode: false },
    },
    {
      id: 'scene',
      versioned_id: 'scene',
      name: 'Scene',
      enabled: true,
      settings: { id_counter: 1, items: [{ id: 1, name: 'Film', visible: true, align: 5, scale: { x: 1, y: 1 } }] },
    },
  ],
});

/** OBS itself, on a screen that nobody sees. */
export class Obs {
  output = '';
  private readonly folder = mkdtempSync(path.join(os.tmpdir(), 'weir-obs-'));
  private readonly screen: ChildProcess;
  private obs: ChildProcess | undefined;
  private display = '';

  /** `service` is the file that the studio offers, as it was downloaded. */
  constructor(service: string) {
    const config = path.join(this.folder, 'obs-studio');
    const profile = path.join(config, 'basic/profiles', NAME);
    for (const made of [profile, path.join(config, 'basic/scenes'), path.join(this.folder, 'run')]) mkdirSync(made, { recursive: true, mode: 0o700 });
    const film = path.join(this.folder, 'film.mp4');
    execFileSync('ffmpeg', [
      ...`-v error -f lavfi -i testsrc2=size=${width}x${height}:rate=${fps}:duration=10`.split(' '),
      ...'-f lavfi -i sine=frequency=440:sample_rate=48000:duration=10'.split(' '),
      ...'-c:v libx264 -preset ultrafast -pix_fmt yuv420p -c:a aac'.split(' '),
      film,
    ]);
    writeFileSync(path.join(config, 'global.ini'), program);
    writeFileSync(path.join(config, 'basic/scenes', `${NAME}.json`), JSON.stringify(scene(film)));
    writeFileSync(path.join(profile, 'basic.ini'), settings);
    writeFileSync(path.join(profile, 'service.json'), readFileSync(service));
    // It takes a number that is free and says which.
    this.screen = spawn('Xvfb', ['-displayfd', '3', '-screen', '0', '1280x800x24', '-nolisten', 'tcp'], {
      stdio: ['ignore', 'ignore', 'ignore', 'pipe'],
    });
    this.screen.on('error', (error) => (this.output += `Xvfb: ${error.message}\n`));
    (this.screen.stdio[3] as NodeJS.ReadableStream).setEncoding('utf8').on('data', (text) => (this.display += text));
  }

  /** Starts it as with a click on "Start streaming". */
  async stream(): Promise<void> {
    await until(() => `a screen: ${this.output}`, () => this.display.includes('\n'));
    const flags = ['--multi', '--startstreaming', '--disable-updater', '--disable-missing-files-check', '--unfiltered_log'];
    this.obs = spawn('obs', [...flags, '--profile', NAME, '--collection', NAME], {
      env: {
        ...process.env,
        DISPLAY: `:${this.display.trim()}`,
        HOME: this.folder,
        XDG_CONFIG_HOME: this.folder,
        XDG_RUNTIME_DIR: path.join(this.folder, 'run'),
        QT_QPA_PLATFORM: 'xcb',
        LIBGL_ALWAYS_SOFTWARE: '1',
        PULSE_SERVER: 'none',
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.obs.on('exit', (code, signal) => (this.output += `obs: ended, ${signal ?? code}\n`));
    this.obs.on('error', (error) => (this.output += `obs: ${error.message}\n`));
    for (const stream of [this.obs.stdout!, this.obs.stderr!]) stream.setEncoding('utf8').on('data', (text) => (this.output += text));
    await until(() => `OBS streams:\n${this.output.slice(-4_000)}`, () => this.output.includes('Streaming Start'), 30_000);
  }

  /** Closes its window's program in an orderly way, and the screen. */
  async end(): Promise<void> {
    for (const [child, signal] of [[this.obs, 'SIGINT'], [this.screen, 'SIGTERM']] as const) {
      if (!child || child.exitCode !== null || child.signalCode !== null || child.pid === undefined) continue;
      const ended = new Promise((resolve) => child.once('exit', resolve));
      child.kill(signal);
      const late = setTimeout(() => child.kill('SIGKILL'), 10_000);
      await ended;
      clearTimeout(late);
    }
    rmSync(this.folder, { recursive: true, force: true });
  }

  /** What its log says of frames that it could not draw, encode or send in time. */
  get lateness(): string[] {
    return this.output.match(/^.*(lagged|skipped|dropped) frames.*$/gim)?.map((line) => line.replace(/^\S+: /, '')) ?? [];
  }
}
