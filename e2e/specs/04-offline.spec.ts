import { figure, ms } from '../lib/figures.ts';
import { expect, openWatchPage, player, test } from '../lib/fixtures.ts';
import { UdpGate } from '../lib/gate.ts';
import { blankPage, publishByWhip, sending } from '../lib/publisher.ts';
import { untilFresh } from '../lib/reader.ts';
import { until } from '../lib/server.ts';

/** Seconds for which a lost publisher is waited for. */
const GRACE = 6;
// Without TCP, a shut gate is the end of a way, not a detour.
test.use({ settings: { WEIR_MEDIA_GRACE: String(GRACE), WEIR_MEDIA_TCP: 'false' } });

test('an RTMP publisher that is killed is waited for, then offline, and the page plays again by itself', async ({ server, publish, viewers }) => {
  const access = await server.createStream('comeback');
  const page = await openWatchPage(viewers, access);
  // The viewer came first.
  await expect(player(page)).toHaveAttribute('data-state', 'offline');

  const first = publish(access, 'plain');
  await untilFresh(page, { maxAge: 3_000, timeout: 30_000 });
  const killed = Date.now();
  await first.kill();
  await expect(player(page)).toHaveAttribute('data-state', 'reconnecting', { timeout: 5_000 });
  figure('RTMP publisher killed: page says reconnecting after', ms(Date.now() - killed));
  await expect(player(page)).toHaveAttribute('data-state', 'offline', { timeout: GRACE * 1_000 + 5_000 });
  figure('  and offline after', `${ms(Date.now() - killed)} (grace ${ms(GRACE * 1_000)})`);
  expect(Date.now() - killed).toBeGreaterThan(GRACE * 1_000);

  const second = publish(access, 'plain');
  await second.flowing();
  const back = Date.now();
  await untilFresh(page, { maxAge: 3_000, since: second.started });
  await expect(player(page)).toHaveAttribute('data-state', 'playing');
  figure('RTMP publisher back: picture after', `${ms(Date.now() - back)} (from FFmpeg's first packets)`);
});

test('an RTMP publisher that says goodbye is offline at once', async ({ server, publish, viewers }) => {
  const access = await server.createStream('goodbye');
  const source = publish(access, 'plain');
  const page = await openWatchPage(viewers, access);
  await untilFresh(page, { maxAge: 3_000, timeout: 30_000 });
  const states: string[] = [];
  await page.exposeFunction('weirState', (state: string) => states.push(state));
  await page.evaluate(() => {
    const player = document.querySelector<HTMLElement>('.player')!;
    const tell = (window as unknown as { weirState: (state: string) => void }).weirState;
    new MutationObserver(() => tell(player.dataset.state!)).observe(player, { attributeFilter: ['data-state'] });
  });
  // FFmpeg that has hardly begun may hang on the signal instead of closing its outputs.
  await page.waitForFunction(() => document.querySelector('video')!.currentTime > 2);
  await source.stop();
  await expect(player(page)).toHaveAttribute('data-state', 'offline', { timeout: 3_000 });
  expect(states).not.toContain('reconnecting');
});

test('a stream that has ended stays ended, whatever was on its way about it', async ({ server, publish, viewers }) => {
  const access = await server.createStream('ended');
  const source = publish(access, 'small');
  await source.flowing();
  const page = await openWatchPage(viewers, access);
  await untilFresh(page, { maxAge: 3_000 });
  // A page that has heard nothing for a while asks whether it is still told. The answer is of before the end.
  let [asked, over, answered] = [false, false, false];
  await page.route(
    `**/api/v1/streams/${access.slug}`,
    async (route) => {
      const response = await route.fetch();
      asked = true;
      await until('the stream has ended', () => over, 20_000);
      await route.fulfill({ response });
      answered = true;
    },
    { times: 1 },
  );
  await until('the page asks', () => asked, 30_000);
  await source.stop();
  await expect(player(page)).toHaveAttribute('data-state', 'offline');
  over = true;
  await until('the late answer is there', () => answered);
  // Long enough for the page to take it.
  await page.waitForTimeout(500);
  await expect(player(page)).toHaveAttribute('data-state', 'offline', { timeout: 1 });
});

test('a WHIP publisher that falls silent is waited for and then offline', async ({ server, browser, viewers }) => {
  const gate = await UdpGate.create(server.media, true);
  const publisher = await browser.newContext();
  try {
    await gate.guard(publisher, /\/whip$/);
    const access = await server.createStream('silent');
    const source = await blankPage(publisher, server.origin);
    await publishByWhip(source, access, 'VP8');
    const page = await openWatchPage(viewers, access);
    await untilFresh(page, { maxAge: 3_000 });
    gate.open = false;
    const cut = Date.now();
    const state = () => player(page).getAttribute('data-state');
    await expect.poll(state, { timeout: 8_000, intervals: [50] }).toBe('reconnecting');
    const said = Date.now() - cut;
    figure('WHIP publisher cut off: page says reconnecting after', ms(said));
    expect(said).toBeLessThan(6_000);
    await expect(player(page)).toHaveAttribute('data-state', 'offline', { timeout: GRACE * 1_000 + 5_000 });
  } finally {
    await gate.close();
    await publisher.close();
  }
});

test('a second WHIP session of the same stream takes over, and viewers go on', async ({ server, browser, viewers }) => {
  const access = await server.createStream('takeover');
  const publisher = await browser.newContext();
  const source = await blankPage(publisher, server.origin);
  await publishByWhip(source, access, 'VP8');
  const page = await openWatchPage(viewers, access);
  await untilFresh(page, { maxAge: 3_000 });
  let offers = 0;
  page.on('request', (request) => {
    if (request.method() === 'POST' && request.url().includes('/whep/')) offers++;
  });

  const again = await publisher.newPage();
  await again.goto(`${server.origin}/e2e-blank`);
  await publishByWhip(again, access, 'VP8');
  // It takes over with its media, not with its session.
  await expect.poll(async () => (await sending(again))[0]?.frames ?? 0).toBeGreaterThan(5);
  const taken = Date.now();
  await source.close();
  await untilFresh(page, { maxAge: 3_000, since: taken + 1_500 });
  await expect(player(page)).toHaveAttribute('data-state', 'playing');
  expect(offers).toBe(0);
  await publisher.close();
});
