import dgram from 'node:dgram';
import type { AddressInfo } from 'node:net';
import type { BrowserContext } from '@playwright/test';

/**
 * Stands between the browser's UDP and the server's, and can be shut.
 *
 * The answer's candidates are rewritten so that the browser sends here. Shut, datagrams vanish without any
 * error, as behind a firewall that drops them.
 */
export class UdpGate {
  open: boolean;
  private readonly outside = dgram.createSocket('udp4');
  private readonly inside = new Map<string, dgram.Socket>();
  private readonly guarded: BrowserContext[] = [];

  private constructor(
    private readonly serverPort: number,
    open: boolean,
  ) {
    this.open = open;
  }

  static async create(serverPort: number, open: boolean): Promise<UdpGate> {
    const gate = new UdpGate(serverPort, open);
    await new Promise<void>((resolve) => gate.outside.bind(0, '127.0.0.1', resolve));
    gate.outside.on('message', (datagram, from) => {
      if (!gate.open) return;
      gate.insideOf(from.address, from.port).send(datagram, gate.serverPort, '127.0.0.1');
    });
    return gate;
  }

  get port(): number {
    return (this.outside.address() as AddressInfo).port;
  }

  /** One socket towards the server for each of the browser's, as a NAT has. */
  private insideOf(address: string, port: number): dgram.Socket {
    const key = `${address}:${port}`;
    let socket = this.inside.get(key);
    if (socket === undefined) {
      socket = dgram.createSocket('udp4');
      socket.on('message', (datagram) => {
        if (this.open) this.outside.send(datagram, port, address);
      });
      this.inside.set(key, socket);
    }
    return socket;
  }

  /** Sends what this context's pages negotiate at `path` (a regular expression) through the gate. */
  async guard(context: BrowserContext, path: RegExp): Promise<void> {
    this.guarded.push(context);
    await context.route(path, async (route) => {
      // Answers to offers, and to restarts of ICE.
      if (!['POST', 'PATCH'].includes(route.request().method())) return route.continue();
      const response = await route.fetch();
      const answer = (await response.text()).replace(
        /^(a=candidate:\S+ \d+ udp \d+) \S+ \d+ /gim,
        `$1 127.0.0.1 ${this.port} `,
      );
      await route.fulfill({ response, body: answer });
    });
  }

  /** Answers that are on their way are for nobody any more. */
  async close(): Promise<void> {
    for (const context of this.guarded) {
      await context.unrouteAll({ behavior: 'ignoreErrors' }).catch(() => {}); // It may be closed already.
    }
    this.outside.close();
    for (const socket of this.inside.values()) socket.close();
  }
}
