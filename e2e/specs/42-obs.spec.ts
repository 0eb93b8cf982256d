import { figure, ms } from '../lib/figures.ts';
import { expect, openWatchPage, player, test } from '../lib/fixtures.ts';
import { Obs, OBS_PICTURE } from '../lib/obs.ts';
import { Visitor } from '../lib/pages.ts';
import { received } from '../lib/reader.ts';

const SECONDS = 30;

test('OBS streams for half a minute with the profile that the studio offers', async ({ server, browser, viewers }, info) => {
  const otto = await Visitor.arrive(browser, server);
  await otto.registerAs('otto', 'speaker');
  const { page } = otto;
  await otto.go('/studio');
  await page.getByRole('button', { name: 'New stream' }).click();
  await page.getByLabel('Title').fill('From OBS');
  await page.getByRole('button', { name: 'Create stream' }).click();
  const [profile] = await Promise.all([page.waitForEvent('download'), page.getByRole('link', { name: 'OBS profile' }).click()]);
  expect(profile.suggestedFilename()).toBe('service.json');
  const file = info.outputPath('service.json');
  await profile.saveAs(file);

  const obs = new Obs(file);
  try {
    await obs.stream();
    await expect(page.getByText('Your stream arrives by RTMP.')).toBeVisible();
    const slug = new URL(page.url()).pathname.split('/').at(-1)!;
    const watching = await openWatchPage(viewers, { watch_url: `${server.origin}/@${slug}` } as never);
    await expect(player(watching)).toHaveAttribute('data-state', 'playing', { timeout: 30_000 });
    await expect(player(watching)).toHaveAttribute('data-transport', 'webrtc');
    const before = await received(watching);
    await watching.waitForTimeout(1_000 * SECONDS);
    const after = await received(watching);
    const frames = after.framesDecoded - before.framesDecoded;
    const sound = (after.samples - before.samples - (after.concealed - before.concealed)) / 48_000;
    figure(
      `OBS by RTMP → watch page, ${SECONDS} s`,
      `${frames} frames, ${after.width} wide, ${after.freezes - before.freezes} freezes; ${sound.toFixed(1)} s of sound`,
    );
    expect(frames).toBeGreaterThan(SECONDS * OBS_PICTURE.fps * 0.8);
    expect(sound).toBeGreaterThan(SECONDS * 0.95);
    await page.screenshot({ path: info.outputPath('studio.png'), fullPage: true });
    await watching.screenshot({ path: info.outputPath('watch.png') });

    await obs.end();
    for (const late of obs.lateness) figure('OBS says', late);
    // It says goodbye on its way out; a publisher that is only gone is waited for, 15 s.
    const ended = Date.now();
    await expect(player(watching)).toHaveAttribute('data-state', 'offline', { timeout: 10_000 });
    figure('OBS ended: page says offline after', ms(Date.now() - ended));
  } catch (error) {
    await info.attach('OBS log', { body: obs.output, contentType: 'text/plain' });
    throw error;
  } finally {
    await obs.end();
  }
  await otto.leave();
});
