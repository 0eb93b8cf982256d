import { figure, ms } from '../lib/figures.ts';
import { expect, openWatchPage, player, test } from '../lib/fixtures.ts';
import { untilFresh, watch, watchedSince } from '../lib/reader.ts';
import { until } from '../lib/server.ts';

for (const encoding of ['plain', 'obs'] as const) {
  test(`killing the bridge worker interrupts the picture for less than 2 s (${encoding})`, async ({ server, publish, viewers }) => {
    const access = await server.createStream(`worker-${encoding}`);
    const source = publish(access, encoding);
    await source.flowing();
    const page = await openWatchPage(viewers, access);
    let offers = 0;
    page.on('request', (request) => {
      if (request.method() === 'POST' && request.url().includes('/whep/')) offers++;
    });
    await untilFresh(page, { maxAge: 4_000 });
    await expect(player(page)).toHaveAttribute('data-transport', 'webrtc');
    await watch(page, 4);
    offers = 0;

    const workers = server.children('bridge-worker');
    expect(workers).toHaveLength(1);
    const killed = Date.now();
    process.kill(workers[0], 'SIGKILL');
    await until('another worker runs', () => server.children('bridge-worker').some((pid) => pid !== workers[0]));
    await untilFresh(page, { maxAge: 4_000, since: killed + 1_500 });
    await watch(page, 2);

    const watched = await watchedSince(page, killed - 500);
    figure(`worker killed (${encoding}): picture interrupted for`, `${ms(watched.longestGap)} (limit 2000)`);
    expect(watched.longestGap).toBeLessThan(2_000);
    expect(offers).toBe(0);
    await expect(player(page)).toHaveAttribute('data-transport', 'webrtc');
    expect(server.running).toBe(true);
  });
}
