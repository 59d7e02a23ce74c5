/** What a server does with each connection. */
export type Behaviour = (connection: Deno.Conn) => Promise<void>;

/** A TCP server on loopback that counts its connections. */
export class Listener implements AsyncDisposable {
  readonly hostname: string;
  readonly port: number;
  /** How many connections there were. */
  connections = 0;
  readonly #listener: Deno.Listener;
  readonly #open = new Set<Deno.Conn>();
  readonly #accepting: Promise<void>;

  /** Listens on any free port unless one is given. */
  constructor(hostname: string, behaviour: Behaviour, port = 0) {
    this.#listener = Deno.listen({ hostname, port });
    this.hostname = hostname;
    this.port = this.#listener.addr.transport === "tcp" ? this.#listener.addr.port : 0;
    this.#accepting = this.#accept(behaviour);
  }

  /** Ends all connections. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#listener.close();
    for (const connection of this.#open) close(connection);
    await this.#accepting;
  }

  async #accept(behaviour: Behaviour): Promise<void> {
    const served: Promise<void>[] = [];
    for await (const connection of this.#listener) {
      this.connections++;
      this.#open.add(connection);
      served.push(this.#serve(connection, behaviour));
    }
    await Promise.all(served);
  }

  async #serve(connection: Deno.Conn, behaviour: Behaviour): Promise<void> {
    try {
      await behaviour(connection);
    } catch {
      // Whoever is at the other end went away.
    } finally {
      close(connection);
      this.#open.delete(connection);
    }
  }
}

function close(connection: Deno.Conn): void {
  try {
    connection.close();
  } catch {
    // It is closed already.
  }
}

/** Reads whatever comes, and never answers. */
export const silent: Behaviour = async (connection) => {
  const buffer = new Uint8Array(1024);
  while (await connection.read(buffer) !== null);
};

/** Closes at once. */
export const closing: Behaviour = () => Promise.resolve();

/** Takes anything for a bad HTTP request. */
export const http: Behaviour = async (connection) => {
  await connection.read(new Uint8Array(1024));
  await connection.write(
    new TextEncoder().encode("HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n"),
  );
};

/** Speaks first. */
export const ssh: Behaviour = async (connection) => {
  await connection.write(new TextEncoder().encode("SSH-2.0-OpenSSH_9.6\r\n"));
  await silent(connection);
};

/** Hands everything on to another server. */
export function proxyTo(target: { readonly hostname: string; readonly port: number }): Behaviour {
  return async (connection) => {
    using other = await Deno.connect({ hostname: target.hostname, port: target.port });
    await Promise.race([
      connection.readable.pipeTo(other.writable),
      other.readable.pipeTo(connection.writable),
    ]);
  };
}

/** A listener to which nobody can connect any more: its queue is full, the kernel drops every SYN. */
export async function fullQueue(
  hostname: string,
): Promise<AsyncDisposable & { readonly hostname: string; readonly port: number }> {
  const listener = Deno.listen({ hostname, port: 0, tcpBacklog: 1 });
  const { port } = listener.addr;
  const waiting = await Promise.all([1, 2].map(() => Deno.connect({ hostname, port })));
  return {
    hostname,
    port,
    [Symbol.asyncDispose]() {
      for (const connection of waiting) connection.close();
      listener.close();
      return Promise.resolve();
    },
  };
}
