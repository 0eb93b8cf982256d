import { execFile, spawn, type ChildProcess } from 'node:child_process';
import dgram from 'node:dgram';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import net, { type AddressInfo } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** What `weir stream create --json` prints. */
export interface StreamAccess {
  slug: string;
  key: string;
  rtmp_url: string;
  whip_url: string;
  whep_url: string;
  hls_url: string;
  watch_url: string;
}

/** Settings of a server by their environment variables, `WEIR_MEDIA_GRACE` for `media.grace`. */
export type Settings = Record<`WEIR_${string}`, string>;

/** The release binary under test. */
export function weirBinary(): string {
  const repository = path.resolve(import.meta.dirname ?? path.dirname(new URL(import.meta.url).pathname), '../..');
  const target = path.resolve(repository, process.env.CARGO_TARGET_DIR ?? 'target');
  const binary = process.env.WEIR_BIN ?? path.join(target, 'release/weir');
  if (!existsSync(binary)) throw new Error(`${binary} is missing: run script/build, or set WEIR_BIN`);
  return binary;
}

async function freeTcpPort(): Promise<number> {
  const server = net.createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** Free for TCP too, which takes media on the same number. */
async function freeUdpPort(): Promise<number> {
  for (;;) {
    const port = await freeTcpPort();
    const socket = dgram.createSocket('udp4');
    const free = await new Promise<boolean>((resolve) => {
      socket.once('error', () => resolve(false));
      socket.bind(port, '127.0.0.1', () => resolve(true));
    });
    await new Promise<void>((resolve) => socket.close(resolve));
    if (free) return port;
  }
}

/** The environment without settings of a developer's own server. */
function cleanEnvironment(): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('WEIR_')));
}

/** Waits until `condition` holds. `what` may be said at the end only, with what there is then. */
export async function until(
  what: string | (() => string),
  condition: () => boolean | Promise<boolean>,
  timeout = 10_000,
  every = 50,
): Promise<void> {
  const end = Date.now() + timeout;
  while (!(await condition())) {
    if (Date.now() > end) throw new Error(`not within ${timeout} ms: ${typeof what === 'string' ? what : what()}`);
    await new Promise((resolve) => setTimeout(resolve, every));
  }
}

/** A `weir serve` of its own: ports, data folder and process. */
export class WeirServer {
  readonly folder = mkdtempSync(path.join(os.tmpdir(), 'weir-e2e-'));
  logs = '';
  private child: ChildProcess | undefined;
  private exited!: Promise<number | null>;

  private constructor(
    readonly http: number,
    readonly rtmp: number,
    readonly media: number,
    private readonly settings: Settings,
    private readonly reachableAt: string | undefined,
  ) {}

  /** With `reachableAt`, an address of this machine, clients elsewhere reach HTTP and media there too. */
  static async start(settings: Settings = {}, reachableAt?: string): Promise<WeirServer> {
    for (let attempt = 1; ; attempt++) {
      const ports = [await freeTcpPort(), await freeTcpPort(), await freeUdpPort()] as const;
      const server = new WeirServer(...ports, settings, reachableAt);
      try {
        await server.launch();
        return server;
      } catch (error) {
        await server.stop();
        // A port that was free a moment ago may be somebody's now.
        if (attempt === 3 || !server.logs.includes('Address already in use')) throw error;
      }
    }
  }

  private async launch(): Promise<void> {
    const child = spawn(weirBinary(), ['serve', ...this.flags], {
      cwd: this.folder,
      env: { ...cleanEnvironment(), ...this.environment },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.child = child;
    this.exited = new Promise((resolve) => {
      child.on('exit', (code) => resolve(code));
      child.on('error', (error) => {
        this.logs += `cannot start: ${error.message}\n`;
        resolve(null);
      });
    });
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => {
        this.logs += text;
      });
    }
    await until(
      `the server is ready; it said:\n${this.logs}`,
      async () => {
        if (!this.running) throw new Error(`the server ended at once:\n${this.logs}`);
        return (await fetch(`${this.origin}/readyz`).catch(() => undefined))?.status === 200;
      },
      30_000,
    );
  }

  get flags(): string[] {
    const listen = this.reachableAt === undefined ? '127.0.0.1' : this.reachableAt.includes(':') ? '[::]' : '0.0.0.0';
    return [
      ...['--http', `${listen}:${this.http}`],
      ...['--rtmp', `127.0.0.1:${this.rtmp}`],
      ...['--media-udp', `${listen}:${this.media}`],
      ...['--data-dir', path.join(this.folder, 'data')],
    ];
  }

  /** What flags do not say. */
  private get environment(): NodeJS.ProcessEnv {
    if (this.reachableAt === undefined) return this.settings;
    return { WEIR_MEDIA_ADVERTISE: this.reachableAt, WEIR_HTTP_PUBLIC_URL: this.origin, ...this.settings };
  }

  get origin(): string {
    return `http://127.0.0.1:${this.http}`;
  }

  get pid(): number {
    return this.child!.pid!;
  }

  get running(): boolean {
    return this.child?.pid !== undefined && this.child.exitCode === null && this.child.signalCode === null;
  }

  /** Runs another `weir` command beside this server; resolves with its output whatever its exit status. */
  async command(...args: string[]): Promise<{ stdout: string; stderr: string; code: number }> {
    return runWeir(args, this.folder, this.environment);
  }

  async createStream(slug: string, title = slug): Promise<StreamAccess> {
    const { stdout, stderr, code } = await this.command(
      ...['stream', 'create', '--slug', slug, '--title', title, '--json'],
      ...this.flags,
    );
    if (code !== 0) throw new Error(`stream create failed: ${stderr}`);
    return JSON.parse(stdout);
  }

  /** Of the account that the server made on its first start: it is printed once the server is ready. */
  async adminPassword(): Promise<string> {
    const printed = () => /admin \/ (\S+)/.exec(this.logs)?.[1];
    await until('the password of the admin is printed', () => printed() !== undefined);
    return printed()!;
  }

  /** Process ids of the children with this word among their arguments. */
  children(word: string): number[] {
    const found: number[] = [];
    for (const thread of readdirSync(`/proc/${this.pid}/task`)) {
      let list = '';
      try {
        list = readFileSync(`/proc/${this.pid}/task/${thread}/children`, 'utf8');
      } catch {
        continue; // The thread ended meanwhile.
      }
      for (const pid of list.split(' ').filter(Boolean).map(Number)) {
        try {
          if (readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0').includes(word)) found.push(pid);
        } catch {
          continue; // The process ended meanwhile.
        }
      }
    }
    return found;
  }

  /** Resident memory of the server itself, in MiB. */
  residentMiB(): number {
    const status = readFileSync(`/proc/${this.pid}/status`, 'utf8');
    return Number(/^VmRSS:\s+(\d+) kB/m.exec(status)![1]) / 1024;
  }

  /** Sends SIGTERM and waits; resolves with the exit code, null when it had to be killed. */
  async terminate(timeout = 20_000): Promise<number | null> {
    this.child!.kill('SIGTERM');
    const timer = setTimeout(() => this.child!.kill('SIGKILL'), timeout);
    const code = await this.exited;
    clearTimeout(timer);
    return code;
  }

  async stop(): Promise<void> {
    if (this.running) await this.terminate();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** Runs `weir` with these arguments in a folder. */
export async function runWeir(
  args: string[],
  cwd: string,
  environment: NodeJS.ProcessEnv = {},
): Promise<{ stdout: string; stderr: string; code: number }> {
  try {
    const { stdout, stderr } = await run(weirBinary(), args, {
      cwd,
      env: { ...cleanEnvironment(), ...environment },
      timeout: 30_000,
    });
    return { stdout, stderr, code: 0 };
  } catch (error) {
    const { stdout, stderr, code } = error as { stdout: string; stderr: string; code: number };
    if (typeof code !== 'number') throw error;
    return { stdout, stderr, code };
  }
}
