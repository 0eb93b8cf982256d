import { spawn } from 'node:child_process';
import type { BrowserContext, Page } from '@playwright/test';
import type Hls from 'hls.js';
import { blankPage } from './publisher.ts';

declare global {
  interface Window {
    Hls: typeof Hls;
    weirHls: Hls;
  }
}

/** What a command-line player did. */
export interface Played {
  frames: number;
  output: string;
}

/** Runs a command, says `lines` after so many seconds, one each second, and ends it if it has not ended by then. */
async function run(command: string, args: string[], seconds: number, lines: string[] = []): Promise<string> {
  // VLC refuses to run as root.
  const nobody = process.getuid?.() === 0 && command === 'vlc' ? { uid: 65534, gid: 65534 } : {};
  const child = spawn(command, args, { ...nobody, env: { ...process.env, HOME: '/tmp' }, stdio: ['pipe', 'pipe', 'pipe'] });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text) => (output += text));
  child.stdin.on('error', () => undefined);
  const ended = new Promise<void>((resolve) => {
    child.on('exit', () => resolve());
    child.on('error', (error) => {
      output += error.message;
      resolve();
    });
  });
  const timers = lines.map((line, at) => setTimeout(() => child.stdin.write(`${line}\n`), 1_000 * (seconds + at)));
  if (lines.length === 0) timers.push(setTimeout(() => child.kill('SIGINT'), 1_000 * seconds));
  timers.push(setTimeout(() => child.kill('SIGKILL'), 1_000 * (seconds + 10)));
  await ended;
  timers.forEach(clearTimeout);
  return output;
}

/** FFmpeg decodes as it would to show: in real time. */
export async function ffmpeg(url: string, seconds: number): Promise<Played> {
  const args = ['-v', 'error', '-nostdin', '-progress', '-', '-i', url, '-map', '0:v:0', '-t', `${seconds - 2}`, '-f', 'null', '-'];
  const output = await run('ffmpeg', args, 2 * seconds);
  const frames = [...output.matchAll(/^frame=(\d+)$/gm)].at(-1)?.[1] ?? 0;
  return { frames: Number(frames), output };
}

/** GStreamer's playbin3, each frame counted where it would be shown. */
export async function gstreamer(url: string, seconds: number): Promise<Played> {
  const sinks = ['video-sink=fakesink silent=false sync=true', 'audio-sink=fakesink sync=true'];
  const output = await run('gst-launch-1.0', ['-v', 'playbin3', `uri=${url}`, ...sinks], seconds);
  return { frames: output.match(/chain +\*/g)?.length ?? 0, output };
}

/** VLC with a picture that nobody sees. */
export async function vlc(url: string, seconds: number): Promise<Played> {
  const args = ['-I', 'rc', '--rc-fake-tty', '--vout', 'dummy', '--aout', 'dummy', url];
  const output = await run('vlc', args, seconds, ['stats', 'quit']);
  return { frames: Number(/frames displayed\s*:\s*(\d+)/.exec(output)?.[1] ?? 0), output };
}

/** hls.js, low latency, in a blank page of the server's origin. */
export async function openHlsJs(
  context: BrowserContext,
  origin: string,
  url: string,
  config: { maxLiveSyncPlaybackRate?: number } = {},
): Promise<Page> {
  const page = await blankPage(context, origin, '<video muted></video>');
  await page.addScriptTag({ path: 'node_modules/hls.js/dist/hls.min.js' });
  await page.evaluate(
    ({ url, config }) => {
      const video = document.querySelector('video')!;
      window.weirHls = new window.Hls({ lowLatencyMode: true, ...config });
      window.weirHls.loadSource(url);
      window.weirHls.attachMedia(video);
      void video.play();
    },
    { url, config },
  );
  return page;
}
