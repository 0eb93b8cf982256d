import { mkdirSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect, openWatchPage, player, test } from '../lib/fixtures.ts';
import { untilFresh } from '../lib/reader.ts';
import { runWeir } from '../lib/server.ts';

test('the configuration is checked and shown without secrets', async ({}, info) => {
  const folder = info.outputPath('config');
  mkdirSync(folder, { recursive: true });
  const file = path.join(folder, 'weir.toml');

  writeFileSync(file, '[http]\nlissten = "127.0.0.1:1"\n');
  const unknown = await runWeir(['config'], folder);
  expect(unknown.code).not.toBe(0);
  expect(unknown.stderr).toContain('http.lissten');

  writeFileSync(file, '[rtmp]\nlisten = "nowhere"\n');
  const bad = await runWeir(['serve'], folder);
  expect(bad.code).not.toBe(0);
  expect(bad.stderr).toContain('rtmp.listen');

  writeFileSync(file, '[http]\nlisten = "127.0.0.1:1111"\n[ice]\nurls = ["turn:relay.example:3478"]\nturn_secret = "hush-hush-hush-hush"\n');
  const shown = await runWeir(['config', '--rtmp', '127.0.0.1:3333'], folder, { WEIR_MEDIA_UDP: '127.0.0.1:2222' });
  expect(shown.code, shown.stderr).toBe(0);
  expect(shown.stdout).not.toContain('hush');
  for (const address of ['127.0.0.1:1111', '127.0.0.1:2222', '127.0.0.1:3333']) expect(shown.stdout).toContain(address);
});

test('streams are managed beside a running server', async ({ server, publish, viewers }) => {
  const access = await server.createStream('beside', 'Beside');
  expect(Object.keys(access).sort()).toEqual(
    ['hls_url', 'key', 'rtmp_url', 'slug', 'watch_url', 'whep_url', 'whip_url'].sort(),
  );
  const twice = await server.command('stream', 'create', '--slug', 'beside', '--title', 'x', '--json', ...server.flags);
  expect(twice.code).not.toBe(0);
  expect(twice.stderr).toContain('beside');

  const list = await server.command('stream', 'list', '--json', ...server.flags);
  expect(list.code, list.stderr).toBe(0);
  expect(list.stdout).toContain('"beside"');
  expect(list.stdout).not.toContain(access.key);

  await publish(access, 'plain').flowing();
  const page = await openWatchPage(viewers, access);
  await untilFresh(page);
  const deleted = await server.command('stream', 'delete', '--slug', 'beside', ...server.flags);
  expect(deleted.code, deleted.stderr).toBe(0);
  await expect(player(page)).toHaveAttribute('data-state', /offline|missing/, { timeout: 15_000 });
  const gone = await server.command('stream', 'list', '--json', ...server.flags);
  expect(gone.stdout).not.toContain('"beside"');
});

test('secrets are private files, and metrics and health are there', async ({ server, publish, viewers }) => {
  const access = await server.createStream('metrics');
  await publish(access, 'plain').flowing();
  const page = await openWatchPage(viewers, access);
  await untilFresh(page);
  for (const name of readdirSync(path.join(server.folder, 'data'))) {
    const mode = statSync(path.join(server.folder, 'data', name)).mode & 0o077;
    expect(mode, `${name} can be read by others`).toBe(0);
  }
  expect((await fetch(`${server.origin}/healthz`)).status).toBe(200);
  const metrics = await (await fetch(`${server.origin}/metrics`)).text();
  expect(metrics).toMatch(/^weir_\S*streams\S* 1(\.0)?$/m);
  expect(metrics).toMatch(/^weir_\S*viewers\S* 1(\.0)?$/m);
});

test('SIGTERM ends the server in good order, with a publisher and a viewer on it', async ({ server, publish, viewers }) => {
  const access = await server.createStream('goodbye');
  await publish(access, 'plain').flowing();
  const page = await openWatchPage(viewers, access);
  await untilFresh(page);
  const workers = server.children('bridge-worker');
  expect(workers).toHaveLength(1);
  expect(await server.terminate()).toBe(0);
  expect(() => process.kill(workers[0], 0)).toThrow();
  expect(server.logs).not.toContain('panicked');
});
