import { distribution, figure, ms } from '../lib/figures.ts';
import { expect, test } from '../lib/fixtures.ts';
import { blankPage } from '../lib/publisher.ts';
import { watch, watchedSince } from '../lib/reader.ts';
import { firstFrame, join, leave } from '../lib/whep.ts';

const JOINS = 9;

for (const [encoding, seconds] of [['gop2', 2], ['gop10', 10]] as const) {
  test(`a viewer sees a picture at once, and a live one soon, with ${seconds} s between keyframes`, async ({ server, publish, viewers }) => {
    const access = await server.createStream(encoding);
    const source = publish(access, encoding);
    await source.flowing();
    const page = await blankPage(viewers, server.origin);

    // What the delay is when nothing is new any more; and the browser has its decoder loaded.
    const settled = await join(page, access.whep_url);
    await firstFrame(page);
    await watch(page, 6);
    const steady = (await watch(page, 3)).delay.p50;
    await leave(page, settled);

    const first: number[] = [];
    const phases: string[] = [];
    const behind: number[] = [];
    const gaps: number[] = [];
    const from = Date.now();
    for (let number = 0; number < JOINS; number++) {
      // Moments spread over the keyframe interval, the same in each run: every 3.1 s of 10, 2.7 of 2.
      const moment = from + number * (seconds === 2 ? 2_700 : 3_100);
      await page.waitForFunction((moment) => Date.now() >= moment, moment, { polling: 10 });
      const joined = await join(page, access.whep_url);
      const shown = await firstFrame(page);
      first.push(shown - joined.posted);
      phases.push((((joined.posted - source.started) / 1_000) % seconds).toFixed(1));
      const end = shown + 2_100;
      await page.waitForFunction((end) => Date.now() >= end, end, { polling: 50 });
      const watched = await watchedSince(page, joined.posted);
      gaps.push(watched.longestGap);
      const late = await watchedSince(page, shown + 1_700);
      behind.push(late.delay.p50 - steady);
      expect(watched.jumpBack, 'the clock runs forward only').toBe(0);
      await leave(page, joined);
    }
    const time = distribution(first);
    const extra = distribution(behind);
    figure(`keyframes every ${seconds} s: from WHEP POST to the first frame`, `p50 ${ms(time.p50)} (limit 250), from ${ms(time.min)} to ${ms(time.max)} of ${time.count}`);
    figure('  join by join', first.map((value, i) => `${Math.round(value)} at ${phases[i]} s`).join(', '));
    figure('  delay 2 s later, against the steady one', `p50 ${ms(extra.p50)} more, worst ${ms(extra.max)}; steady ${ms(steady)}; longest time without a new frame ${ms(Math.max(...gaps))}; ${source.lateFrames} late at the source`);
    expect(first).toHaveLength(JOINS);
    expect(time.p50).toBeLessThanOrEqual(250);
    expect(time.max).toBeLessThan(1_500);
    expect(extra.p50).toBeLessThan(100);
    expect(extra.max).toBeLessThan(400);
  });
}
