import { expect, test } from '../lib/fixtures.ts';
import { blankPage } from '../lib/publisher.ts';
import { untilFresh, watch } from '../lib/reader.ts';
import { until } from '../lib/server.ts';
test.setTimeout(600_000);
test('shaka again and again', async ({ server, publish, viewers }) => {
  const access = await server.createStream('players');
  await publish(access, 'plain').flowing();
  await until('the playlist is there', async () => (await fetch(access.hls_url)).status === 200, 15_000);
  for (let round = 0; round < 14; round++) {
    const url = access.hls_url;
      const page = await blankPage(viewers, server.origin, '<video muted></video>');
      const log: string[] = [];
      const t0 = Date.now();
      page.on('console', (m) => log.push(`${Date.now() - t0} ${m.type()} ${m.text()}`));
      page.on('response', async (r) => { const u = new URL(r.url()); let extra=''; if (u.pathname.endsWith('.m3u8')) { try { extra = '\n' + (await r.text()).split('\n').slice(-12).join('\n      ') } catch {} } log.push(`${Date.now() - t0} ${r.status()} ${u.pathname}${u.search} ${extra}`)});
      await page.addScriptTag({ path: 'node_modules/shaka-player/dist/shaka-player.compiled.debug.js' });
      let state = 'ok';
      try {
      await page.evaluate(async (url) => {
        const { shaka } = window as any;
        shaka.log.setLevel(shaka.log.Level.DEBUG);
        shaka.polyfill.installAll();
        const player = new shaka.Player();
        player.addEventListener('error', (e: any) => console.log('SHAKAERR ' + e.detail.code + ' ' + JSON.stringify(e.detail.data)?.slice(0, 500)));
        (window as any).player = player;
        player.configure('streaming.lowLatencyMode', false);
        const video = document.querySelector('video')!;
        await player.attach(video);
        try { await player.load(url); } catch (e: any) { throw new Error('LOAD ' + e.code + ' ' + JSON.stringify(e.data)?.slice(0, 800)); }
        void video.play();
      }, url);
      await untilFresh(page, { maxAge: 20_000, timeout: 15_000 });
      } catch (e: any) { state = String(e.message).slice(0, 1200); }
      console.log(`ROUND ${round} ${Date.now()-t0} ${state}`);
      if (state !== 'ok') {
        console.log(await page.evaluate(() => { const v = document.querySelector('video')!; const b=[]; for (let i=0;i<v.buffered.length;i++) b.push([v.buffered.start(i), v.buffered.end(i)]); return JSON.stringify({t: v.currentTime, paused: v.paused, rs: v.readyState, b, range: (window as any).player.seekRange(), info: (window as any).player.getBufferedInfo(), stats: (window as any).player.getStats(), w: v.videoWidth}) }));
        (await import('node:fs')).writeFileSync(`/tmp/w6/shaka-${round}.log`, log.join('\n'));
      }
      await page.close();
      await new Promise((r) => setTimeout(r, [100, 3000, 12000, 6000][round % 4]));
  }
});
