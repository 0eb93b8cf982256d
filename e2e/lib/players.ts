import { spawn } from 'node:child_process';

/** What a command-line player did. */
export interface Played {
  frames: number;
  output: string;
}

/** Runs a command, says `input` after so many seconds, and ends it some seconds later if it has not ended by then. */
async function run(command: string, args: string[], seconds: number, input = ''): Promise<string> {
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
  const speak = setTimeout(() => child.stdin.write(input), 1_000 * seconds);
  const stop = setTimeout(() => child.kill(input === '' ? 'SIGINT' : 'SIGKILL'), 1_000 * (seconds + (input === '' ? 0 : 5)));
  const kill = setTimeout(() => child.kill('SIGKILL'), 1_000 * (seconds + 10));
  await ended;
  for (const timer of [speak, stop, kill]) clearTimeout(timer);
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
  return { frames: output.match(/chain {2}\*/g)?.length ?? 0, output };
}

/** VLC with a picture that nobody sees. */
export async function vlc(url: string, seconds: number): Promise<Played> {
  const args = ['-I', 'rc', '--rc-fake-tty', '--vout', 'dummy', '--aout', 'dummy', url];
  const output = await run('vlc', args, seconds, 'stats\nquit\n');
  return { frames: Number(/video decoded\s*:\s*(\d+)/.exec(output)?.[1] ?? 0), output };
}
