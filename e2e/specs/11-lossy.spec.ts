import { spawn } from 'node:child_process';
import dgram from 'node:dgram';
import { distribution, figure, ms } from '../lib/figures.ts';
import { expect, openWatchPage, player } from '../lib/fixtures.ts';
import { farAccess, test } from '../lib/link.ts';
import { blankPage, publishByWhip, sending, SIMULCAST } from '../lib/publisher.ts';
import { received, untilFresh, watch, watchedSince } from '../lib/reader.ts';
import { until } from '../lib/server.ts';

const percent = (share: number) => `${(100 * share).toFixed(1)} %`;

test('the ruler: the link delays, loses and narrows as it is told', async ({ link }) => {
  const echo = `
    const socket = require('dgram').createSocket('udp4');
    socket.on('message', (data, from) => socket.send(data, from.port, from.address));
    socket.bind(7, '${link.far}', () => console.log('ready'));`;
  const [program, ...args] = [...link.enter, process.execPath, '-e', echo];
  const far = spawn(program, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  const near = dgram.createSocket('udp4');
  try {
    await new Promise((resolve, reject) => {
      far.stdout.once('data', resolve);
      far.once('exit', () => reject(new Error('the echo ended')));
    });
    await new Promise<void>((resolve) => near.bind(0, link.near, resolve));
    /** Sends so many datagrams of 1,000 bytes and says what came back, and when. */
    const exchange = async (count: number, gap: number) => {
      const sent: number[] = [];
      const times: number[] = [];
      const order: number[] = [];
      const take = (data: Buffer) => {
        const number = data.readUInt32BE(0);
        order.push(number);
        times.push(performance.now() - sent[number]);
      };
      near.on('message', take);
      const begin = performance.now();
      for (let number = 0; number < count; number++) {
        const data = Buffer.alloc(1_000);
        data.writeUInt32BE(number);
        sent.push(performance.now());
        near.send(data, 7, link.far);
        const wait = begin + (number + 1) * gap - performance.now();
        if (wait > 0) await new Promise((resolve) => setTimeout(resolve, wait));
      }
      await new Promise((resolve) => setTimeout(resolve, 700));
      near.off('message', take);
      const overtaken = order.filter((number, i) => i > 0 && number < order[i - 1]).length;
      return { back: times.length / count, time: distribution(times), overtaken };
    };

    const bare = await exchange(100, 1);
    expect(bare.back).toBe(1);
    await link.shape('both', { delay: 25 });
    await link.shape('down', { loss: 5 });
    const lossy = await exchange(2_000, 1);
    const { down } = await link.count();
    figure('ruler: link of 25 ms and 5 % loss', `round trip p50 ${lossy.time.p50.toFixed(1)} ms, p95 ${lossy.time.p95.toFixed(1)} ms (${bare.time.p50.toFixed(2)} ms bare), lost ${percent(down.lost / 2_000)}`);
    expect(lossy.time.min).toBeGreaterThanOrEqual(50);
    expect(lossy.time.p50).toBeLessThan(60);
    expect(lossy.back).toBeCloseTo(1 - down.lost / 2_000, 6);
    expect(lossy.overtaken).toBe(0);
    // The seed is fixed, and so is the number.
    expect(down.lost / 2_000).toBeGreaterThan(0.035);
    expect(down.lost / 2_000).toBeLessThan(0.065);

    // Bad times of 4 packets on average, every 40: a tenth is lost, in bursts.
    await link.shape('down', { loss: 0, burst: [2.5, 25] });
    const bursty = await exchange(1_000, 1);
    expect(bursty.back).toBeGreaterThan(0.82);
    expect(bursty.back).toBeLessThan(0.96);

    await link.shape('down', { burst: [0, 0], reorder: [10, 5] });
    expect((await exchange(300, 1)).overtaken).toBeGreaterThan(10);

    // 1,028 bytes on the line each, 1 Mbit/s: 122 a second. 300 in half a second do not fit into 200 ms of queue.
    await link.shape('down', { reorder: [0, 0], rate: 1_000, queue: 200 });
    const narrow = await exchange(300, 1.67);
    expect(narrow.time.max).toBeGreaterThan(200);
    // All that waited; the slowest one may have waited for this process.
    expect(narrow.time.p95).toBeLessThan(50 + 200 + 60);
    expect(narrow.back).toBeLessThan(0.5);
    expect((await link.count()).down.queueDrops).toBeGreaterThan(100);
    await expect(link.shape('both', { loss: 101 })).rejects.toThrow(/not understood/);
  } finally {
    near.close();
    far.kill('SIGKILL');
  }
});

test('5 % loss and 50 ms of round trip: no freeze in a minute', async ({ server, link, publish, farViewers }) => {
  const access = await server.createStream('lossy');
  const source = publish(access, 'plain');
  await source.flowing();
  await link.shape('both', { delay: 25, loss: 0 });
  const page = await openWatchPage(farViewers, farAccess(access, server, link));
  await untilFresh(page, { maxAge: 3_000 });
  await expect(player(page)).toHaveAttribute('data-transport', 'webrtc');
  await watch(page, 3);

  await link.shape('down', { loss: 5 });
  const before = { ...(await received(page)), link: (await link.count()).down };
  const from = Date.now();
  const watched = await watch(page, 60);
  const after = { ...(await received(page)), link: (await link.count()).down };
  const gained = (what: 'freezes' | 'frozen' | 'framesDecoded' | 'videoPackets' | 'retransmitted' | 'nacks' | 'plis' | 'samples' | 'concealed') => after[what] - before[what];
  const lost = (after.link.lost - before.link.lost) / (after.link.packets - before.link.packets);
  const concealed = gained('concealed') / gained('samples');
  figure('5 % loss, 50 ms: longest time without a new frame', `${ms(watched.longestGap)} (limit 500) in 60 s, the source's own ${ms(source.longestPause(from))}; ${gained('freezes')} freezes by the browser's count, ${ms(gained('frozen'))} in all`);
  figure('  frames decoded, and seen by the page', `${gained('framesDecoded')} and ${watched.frames}; delay p50 ${ms(watched.delay.p50)}, p95 ${ms(watched.delay.p95)}`);
  figure('  lost on the link, repaired, asked for', `${percent(lost)}, ${gained('retransmitted')} packets, ${gained('nacks')} NACKs, ${gained('plis')} PLIs`);
  figure('  sound invented for what was lost', percent(concealed));
  // The browser's own round trip holds one delay of each direction.
  expect(after.roundTrip).toBeGreaterThanOrEqual(50);
  expect(lost).toBeGreaterThan(0.03);
  // What the source itself left out is not the link's.
  const own = Math.max(0, source.longestPause(from) - 1_000 / 30);
  expect(watched.longestGap - own).toBeLessThanOrEqual(500);
  expect(gained('framesDecoded')).toBeGreaterThan(60 * 30 * 0.93);
  expect(watched.frames).toBeGreaterThan(60 * 15);
  // 5 % of packets of 20 ms would be 5 % without any repair.
  expect(concealed).toBeLessThan(0.06);
  await expect(player(page)).toHaveAttribute('data-transport', 'webrtc');
});

test('a link cut from 5 to 1 Mbit/s and back: the layer that fits, soon and without flapping', async ({ server, link, browser, farViewers }) => {
  test.setTimeout(180_000); // What is waited for inside may take longer than a test usually does.
  const access = await server.createStream('cut');
  const publisher = await browser.newContext();
  const source = await blankPage(publisher, server.origin);
  await publishByWhip(source, access, 'VP8', SIMULCAST);
  await link.shape('both', { delay: 10, queue: 200 });
  await link.shape('down', { rate: 5_000 });
  const page = await openWatchPage(farViewers, farAccess(access, server, link));
  await untilFresh(page, { maxAge: 3_000 });
  await expect(player(page)).toHaveAttribute('data-transport', 'webrtc');
  await until('the top layer is on', async () => (await received(page)).width === 1280, 20_000);
  // A publisher that has not found its own way yet sends a top layer that fits through 1 Mbit/s.
  const arrives = async (seconds: number) => {
    const before = (await link.count()).down.bytes;
    const from = performance.now();
    await new Promise((resolve) => setTimeout(resolve, 1_000 * seconds));
    return (8 * ((await link.count()).down.bytes - before)) / (performance.now() - from);
  };
  await until('it comes in full', async () => (await arrives(3)) >= 1_700, 30_000);
  await watch(page, 5);

  const cut = Date.now();
  const before = await received(page);
  const sent = (await sending(source))[0]!;
  await link.shape('down', { rate: 1_000 });
  await watch(page, 12);
  const low = await watchedSince(page, cut);
  const after = await received(page);
  const top = (await sending(source)).find(({ rid }) => rid === sent.rid)!;
  const stepped = low.sizes.find(({ size }) => size !== '1280x720');
  figure('link cut from 5 to 1 Mbit/s: on a layer that fits after', `${stepped ? `${ms(stepped.from - cut)} (limit 2000)` : 'never'}: ${low.sizes.map(({ size, from }) => `${size} at ${ms(from - cut)}`).join(', ')}`);
  figure('  longest time without a new frame', `${ms(low.longestGap)}; ${after.freezes - before.freezes} freezes, ${ms(after.frozen - before.frozen)} in all, ${after.nacks - before.nacks} NACKs, ${after.plis - before.plis} PLIs`);
  figure('  the top layer meanwhile', `${Math.round((8 * (top.bytes - sent.bytes)) / (Date.now() - cut))} kbit/s`);

  const freed = Date.now();
  await link.shape('down', { rate: 5_000 });
  await until('the top layer is back', async () => (await received(page)).width === 1280, 20_000).catch(() => undefined);
  const back = Date.now();
  const up = await watchedSince(page, freed);
  figure('link free again: back on top after', `${ms(back - freed)} (limit 10000): ${up.sizes.map(({ size, from }) => `${size} at ${ms(from - freed)}`).join(', ')}`);

  const steady = await watch(page, 20);
  figure('  then on a steady link of 5 Mbit/s, in 20 s', `${steady.sizes.length - 1} changes, longest time without a new frame ${ms(steady.longestGap)}`);
  figure('  the publisher sent', (await sending(source)).map(({ rid, size, kbps }) => `${rid} ${size} ${kbps} kbit/s`).join(', '));
  await publisher.close();

  expect(stepped).toBeDefined();
  expect(stepped!.from - cut).toBeLessThan(2_000);
  // At the lower rate it may look upwards, but not to and fro.
  expect(low.sizes.length).toBeLessThanOrEqual(4);
  expect(low.size).not.toBe('1280x720');
  expect(back - freed).toBeLessThan(10_000);
  expect(steady.sizes.map(({ size }) => size)).toEqual(['1280x720']);
  expect(steady.longestGap).toBeLessThanOrEqual(500);
});
