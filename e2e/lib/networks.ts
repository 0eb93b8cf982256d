import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { chmodSync, existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import type { Browser, BrowserContext } from '@playwright/test';
import { test as base } from './fixtures.ts';
import { installReaderIn } from './reader.ts';
import { WeirServer, type Settings } from './server.ts';

const run = promisify(execFile);

/** Why there can be no networks on this machine, or null. */
function obstacle(): string | null {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return 'networks of their own need root on Linux';
  const folders = ['/usr/sbin', '/sbin', '/usr/bin', '/bin'];
  const missing = ['ip', 'iptables', 'nsenter', 'unshare'].filter((tool) => !folders.some((folder) => existsSync(path.join(folder, tool))));
  return missing.length > 0 ? `networks need ${missing.join(', ')}: run script/bootstrap --test` : null;
}

/** A network namespace without a name. It lives for as long as this process, and the kernel removes what is in it. */
class Namespace {
  private constructor(private readonly holder: ChildProcess) {}

  static async open(): Promise<Namespace> {
    // Ends with its standard input, whoever crashed.
    const holder = spawn('unshare', ['--net', 'sh', '-c', 'echo there; exec cat'], { stdio: ['pipe', 'pipe', 'inherit'] });
    await new Promise<void>((resolve, reject) => {
      holder.stdout!.once('data', () => resolve());
      holder.once('exit', () => reject(new Error('no network namespace')));
      holder.once('error', reject);
    });
    return new Namespace(holder);
  }

  get pid(): number {
    return this.holder.pid!;
  }

  get enter(): string[] {
    return ['nsenter', `--net=/proc/${this.pid}/ns/net`, '--'];
  }

  /** Runs lines of shell there; the first that fails is an error. */
  async sh(script: string): Promise<string> {
    const [program, ...args] = [...this.enter, 'sh', '-eu', '-c', script];
    return (await run(program, args)).stdout;
  }

  async close(): Promise<void> {
    const exited = new Promise((resolve) => this.holder.once('exit', resolve));
    this.holder.stdin!.end();
    await exited;
  }
}

/** What a router lets through towards the server, in the words of iptables; answers always pass. */
export type Passes = string[] | 'everything';

/**
 * A server's network, a router, and a client's network behind it:
 *
 *   server (this namespace) ── router ── client
 *
 * For IPv4 the router translates addresses (NAT); for IPv6 it routes.
 */
export class Networks {
  private readonly folder = mkdtempSync(path.join(os.tmpdir(), 'weir-networks-'));

  private constructor(
    private readonly router: Namespace,
    private readonly client: Namespace,
    private readonly number: number,
  ) {}

  static async open(): Promise<Networks> {
    const taken = Object.values(os.networkInterfaces()).flatMap((list) => list!.map(({ address }) => address));
    let number = process.pid & 0xff;
    while (taken.some((address) => address.startsWith(`198.18.${number}.`))) number = (number + 1) & 0xff;
    const networks = new Networks(await Namespace.open(), await Namespace.open(), number);
    try {
      await networks.connect();
    } catch (error) {
      await networks.close();
      throw error;
    }
    return networks;
  }

  /**
   * The server's addresses: one that clients reach, and one to which nothing leads from the router. They are of the
   * range for tests of networks (RFC 2544): Chromium takes no candidate on port 443 of a private address.
   */
  get near(): string {
    return `198.18.${this.number}.1`;
  }

  get unreachable(): string {
    return `198.19.${this.number}.1`;
  }

  get near6(): string {
    return `fd57:e12:${this.number.toString(16)}:1::1`;
  }

  private get device(): string {
    return `weir-net${this.number}`;
  }

  private async connect(): Promise<void> {
    const { near, near6, unreachable, device, number, router, client } = this;
    const v6 = `fd57:e12:${number.toString(16)}`;
    // Nobody else can have an address there, and looking for them takes a second.
    for (const namespace of [router, client]) await namespace.sh('echo 0 > /proc/sys/net/ipv6/conf/default/accept_dad');
    // Both ends go with the other one, so that nothing is left in this namespace.
    await run('sh', ['-eu', '-c', `
      ip link add ${device} type veth peer name outside netns ${router.pid}
      ip address add ${near}/30 dev ${device}
      ip address add ${unreachable}/32 dev ${device}
      ip -6 address add ${near6}/64 dev ${device} nodad
      echo 0 > /proc/sys/net/ipv6/conf/${device}/accept_dad
      ip link set ${device} up`]);
    await router.sh(`
      ip link set lo up
      ip address add 198.18.${number}.2/30 dev outside
      ip -6 address add ${v6}:1::2/64 dev outside nodad
      ip link set outside up
      ip route add blackhole ${unreachable}/32
      ip link add inside type veth peer name eth0 netns ${client.pid}
      ip address add 192.168.77.1/24 dev inside
      ip -6 address add ${v6}:2::1/64 dev inside nodad
      ip link set inside up
      echo 1 > /proc/sys/net/ipv4/ip_forward
      echo 1 > /proc/sys/net/ipv6/conf/all/forwarding
      iptables -t nat -A POSTROUTING -o outside -j MASQUERADE`);
    await client.sh('ip link set lo up; ip link set eth0 up');
    await run('sh', ['-eu', '-c', `ip -6 route add ${v6}:2::/64 via ${v6}:1::2 dev ${device}`]);
  }

  /** Gives the client an address of this family. */
  async address(family: 4 | 6): Promise<void> {
    if (family === 4) return this.move(2);
    const v6 = `fd57:e12:${this.number.toString(16)}:2`;
    await this.client.sh(`ip -6 address add ${v6}::2/64 dev eth0 nodad; ip -6 route add default via ${v6}::1`);
  }

  /** The client has this IPv4 address from now on, and no other. */
  async move(host: number): Promise<void> {
    await this.client.sh(`
      ip -4 address flush dev eth0
      ip address add 192.168.77.${host}/24 dev eth0
      ip route add default via 192.168.77.1`);
  }

  /** The client has no network. */
  async leave(): Promise<void> {
    await this.client.sh('ip -4 address flush dev eth0');
  }

  /** The rest is dropped without a word. */
  async pass(passes: Passes): Promise<void> {
    if (passes === 'everything') return;
    const rules = passes.map((rule) => `iptables -A FORWARD -i inside ${rule} -j ACCEPT`);
    await this.router.sh([
      'iptables -P FORWARD DROP',
      'iptables -A FORWARD -i outside -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT',
      ...rules,
    ].join('\n'));
  }

  /** A program that is this one in the client's network. */
  wrap(program: string): string {
    const wrapper = path.join(this.folder, path.basename(program));
    writeFileSync(wrapper, `#!/bin/sh\nexec ${this.client.enter.join(' ')} '${program}' "$@"\n`);
    chmodSync(wrapper, 0o755);
    return wrapper;
  }

  async close(): Promise<void> {
    await this.client.close();
    await this.router.close();
    // Gone with its other end, which the kernel removes a moment after the last process.
    await run('ip', ['link', 'delete', this.device]).catch(() => {});
    rmSync(this.folder, { recursive: true, force: true });
  }
}

interface Case {
  /** The client's family of addresses. */
  family?: 4 | 6;
  settings?: Settings;
  /** The address of the site for the client. */
  origin?: (server: WeirServer) => string;
  passes?: (server: WeirServer) => Passes;
  /** More arguments of the client's browser. */
  args?: string[];
}

/** A server, and a browser elsewhere. */
export interface Elsewhere {
  server: WeirServer;
  browser: Browser;
  /** With the reader in every page. */
  viewers: BrowserContext;
  /** The site's address there. */
  origin: string;
}

interface NetworkFixtures {
  networks: Networks;
  /** Sets a case up, once a test. */
  elsewhere: (it: Case) => Promise<Elsewhere>;
}

export const test = base.extend<NetworkFixtures>({
  // eslint-disable-next-line no-empty-pattern
  networks: async ({}, use, info) => {
    const reason = obstacle();
    if (reason !== null && process.env.WEIR_E2E_REQUIRE_NETNS === '1') throw new Error(reason);
    info.skip(reason !== null, `${reason}; WEIR_E2E_REQUIRE_NETNS=1 makes this an error`);
    const networks = await Networks.open();
    try {
      await use(networks);
    } finally {
      await networks.close();
    }
  },
  elsewhere: async ({ networks, playwright, launchOptions }, use, info) => {
    const ends: (() => Promise<unknown>)[] = [];
    await use(async ({ family = 4, settings = {}, origin: site, passes, args = [] }) => {
      const near = family === 4 ? networks.near : networks.near6;
      const server = await WeirServer.start(settings, near);
      ends.push(async () => {
        if (info.status !== info.expectedStatus) console.log(`--- server log, last lines ---\n${server.logs.split('\n').slice(-60).join('\n')}`);
        await server.stop();
      });
      const origin = site?.(server) ?? `http://${family === 4 ? near : `[${near}]`}:${server.http}`;
      await networks.address(family);
      await networks.pass(passes?.(server) ?? 'everything');
      const browser = await playwright.chromium.launch({
        ...launchOptions,
        executablePath: networks.wrap(launchOptions.executablePath!),
        // As https would be: cameras and the reader need a secure context.
        args: [...launchOptions.args!, ...args, `--unsafely-treat-insecure-origin-as-secure=${origin}`],
      });
      ends.push(() => browser.close());
      const viewers = await browser.newContext({ bypassCSP: true, ignoreHTTPSErrors: true, viewport: { width: 1280, height: 800 } });
      await installReaderIn(viewers);
      return { server, browser, viewers, origin };
    });
    for (const end of ends.reverse()) await end();
  },
});
