import { execFile, spawn } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** Frames a second. A pair of bytes goes with each frame. */
const FPS = 30;
const SECONDS = 12;

/** Seven bits and odd parity. */
const odd = (byte: number) => {
  let ones = 0;
  for (let bit = 0; bit < 7; bit++) ones += (byte >> bit) & 1;
  return byte | (ones % 2 === 0 ? 0x80 : 0);
};

/** CTA-608 for a text of the lowest row: loaded unseen, shown at once, erased by the next. Control codes are sent twice. */
function pairs(text: string): [number, number][] {
  const control = (second: number): [number, number][] => [
    [0x14, second],
    [0x14, second],
  ];
  const letters = [...text].map((letter) => letter.charCodeAt(0));
  if (letters.length % 2 === 1) letters.push(0);
  const words: [number, number][] = [];
  for (let at = 0; at < letters.length; at += 2) words.push([letters[at], letters[at + 1]]);
  // Resume caption loading, erase what is not displayed, row 15; end of caption.
  return [...control(0x20), ...control(0x2e), ...control(0x60), ...words, ...control(0x2f)];
}

/** A NAL unit with the captions of one picture (ATSC A/53 user data). */
function sei([first, second]: [number, number]): Buffer {
  const data = [0xb5, 0x00, 0x31, ...Buffer.from('GA94'), 0x03, 0x41, 0xff, 0xfc, odd(first), odd(second), 0xff];
  return Buffer.from([0, 0, 0, 1, 0x06, 0x04, data.length, ...data, 0x80]);
}

/** Puts captions behind each access unit delimiter of a byte stream. */
function captioned(stream: Buffer, lines: string[]): Buffer {
  const each = Math.floor((SECONDS * FPS) / lines.length);
  const delimiter = Buffer.from([0, 0, 0, 1, 0x09]);
  const parts: Buffer[] = [];
  let picture = 0;
  for (let at = stream.indexOf(delimiter); at >= 0; picture++) {
    const next = stream.indexOf(delimiter, at + 1);
    const unit = stream.subarray(at, next < 0 ? undefined : next);
    const line = pairs(lines[Math.floor(picture / each) % lines.length]);
    // A delimiter is two bytes behind its start code.
    parts.push(unit.subarray(0, 6), sei(line[picture % each] ?? [0, 0]), unit.subarray(6));
    at = next;
  }
  return Buffer.concat(parts);
}

/** FFmpeg publishing pictures with captions, again and again; each line for the same part of `SECONDS`. Ends it. */
export async function publishCaptions(url: string, folder: string, lines: string[]): Promise<() => Promise<void>> {
  const raw = path.join(folder, 'plain.h264');
  const file = path.join(folder, 'captioned.h264');
  const clip = path.join(folder, 'captioned.mp4');
  const source = `-f lavfi -i testsrc2=size=640x360:rate=${FPS} -t ${SECONDS} -pix_fmt yuv420p`;
  const codec = `-c:v libx264 -preset ultrafast -bf 0 -g ${FPS} -b:v 600k -x264-params aud=1:annexb=1`;
  await run('ffmpeg', [...`-loglevel error -y ${source} ${codec} -f h264`.split(' '), raw]);
  await writeFile(file, captioned(await readFile(raw), lines));
  await run('ffmpeg', [...`-loglevel error -y -r ${FPS} -f h264 -i`.split(' '), file, '-c', 'copy', clip]);
  const inputs = ['-re', '-stream_loop', '-1', '-i', clip, ...'-f lavfi -i sine=frequency=330:sample_rate=48000'.split(' ')];
  const outputs = '-map 0:v -map 1:a -c:v copy -c:a aac -f flv'.split(' ');
  const publisher = spawn('ffmpeg', ['-loglevel', 'error', '-nostdin', ...inputs, ...outputs, url], { stdio: 'ignore' });
  const ended = new Promise<void>((resolve) => publisher.on('exit', () => resolve()));
  return async () => {
    publisher.kill('SIGKILL');
    await ended;
  };
}
