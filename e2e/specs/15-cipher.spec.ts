import { existsSync } from 'node:fs';
import { figure } from '../lib/figures.ts';
import { expect, test as onLoopback } from '../lib/fixtures.ts';
import { farAccess, farOrigin, test as onLink } from '../lib/link.ts';
import { blankPage, publishByWhip } from '../lib/publisher.ts';
import { installReaderIn, received, watch } from '../lib/reader.ts';
import { firstFrame, join } from '../lib/whep.ts';

const FIREFOX = process.env.FIREFOX_BIN ?? '/usr/bin/firefox-esr';
/** As getStats names the profiles of RFC 7714. */
const GCM = /AEAD_AES_(128|256)_GCM/;

onLoopback('Chromium and the server agree on AES-GCM for the media', async ({ server, browser, viewers }) => {
  const access = await server.createStream('cipher');
  const publisher = await browser.newContext();
  const source = await blankPage(publisher, server.origin);
  await publishByWhip(source, access, 'VP8');
  const page = await blankPage(viewers, server.origin);
  await join(page, access.whep_url);
  await firstFrame(page);
  const viewer = await received(page);
  const sender = await source.evaluate(async () => {
    const reports = [...(await window.weirPublisher.connection.getStats()).values()];
    return reports.find(({ type }) => type === 'transport').srtpCipher as string;
  });
  figure('SRTP profile, Chromium', `viewer ${viewer.srtpCipher}, publisher ${sender}; DTLS ${viewer.dtlsCipher}`);
  expect(viewer.srtpCipher).toMatch(GCM);
  expect(sender).toMatch(GCM);
  await publisher.close();
});

// At the link's near end, because Firefox does not use the loopback interface for WebRTC.
onLink('Firefox plays, and agrees with the server on AES-GCM for the media', async ({ server, link, browser, playwright }) => {
  onLink.skip(!existsSync(FIREFOX) && !process.env.CI, `${FIREFOX} is missing: run script/bootstrap --test`);
  const access = await server.createStream('firefox');
  const publisher = await browser.newContext();
  // VP8: Firefox without a network has no H.264 decoder for WebRTC; it downloads that.
  const source = await blankPage(publisher, server.origin);
  await publishByWhip(source, access, 'VP8');

  // Debian's own, by WebDriver BiDi.
  const firefox = await playwright.firefox.launch({
    channel: 'moz-firefox',
    executablePath: FIREFOX,
    args: [],
    firefoxUserPrefs: { 'media.autoplay.default': 0 },
  });
  try {
    const context = await firefox.newContext();
    await installReaderIn(context);
    const page = await context.newPage();
    await page.goto(`${farOrigin(server, link)}/healthz`);
    await join(page, farAccess(access, server, link).whep_url);
    await firstFrame(page);
    const watched = await watch(page, 3);
    const stats = await received(page);
    figure(`SRTP profile, Firefox ${firefox.version()}`, `viewer ${stats.srtpCipher}; DTLS ${stats.dtlsCipher}; ${watched.frames} frames in 3 s, ${watched.size}`);
    expect(stats.srtpCipher).toMatch(GCM);
    expect(watched.frames).toBeGreaterThan(30);
  } finally {
    await firefox.close();
  }
  await publisher.close();
});
