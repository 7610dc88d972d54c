import type { ListenerPolicy } from '../policy/schema.ts';

/** A port of the policy that does not take mail, and what can be done about it. */
export type ListenProblem = {
  readonly kind: 'listen-failed';
  readonly port: number;
  readonly address: string | null;
  /** Of the system, `EACCES`; or `NO-CERTIFICATE`. */
  readonly code: string;
  readonly cause: string;
  readonly remedies: readonly string[];
};

/** One line for an operator. */
export function formatListenProblem({ port, address, cause, remedies }: ListenProblem): string {
  const where = address === null ? `port ${port}` : `port ${port} on ${address}`;
  return `cannot listen on ${where}: ${cause}${remedies.length === 0 ? '' : ` (${remedies.join('; or ')})`}`;
}

/** @param error of `listen`: its `code` decides what is said */
export function listenProblem({ port, address }: ListenerPolicy, error: NodeJS.ErrnoException): ListenProblem {
  const code = error.code ?? 'UNKNOWN';
  return { kind: 'listen-failed', port, address, code, ...explain(code, port, error.message) };
}

/** As a first start without the privilege takes them. */
const HIGH_PORTS: Readonly<Record<number, number>> = { 25: 2525, 465: 2465, 587: 2587 };

function explain(code: string, port: number, message: string): Pick<ListenProblem, 'cause' | 'remedies'> {
  switch (code) {
    case 'EACCES':
      return {
        cause: 'ports below 1024 need a privilege that this process does not have',
        remedies: [
          'give the Node that runs relevo the right: `sudo setcap cap_net_bind_service=+ep "$(readlink -f node_modules/.bin/node)"` in the folder of relevo',
          'start it from systemd with AmbientCapabilities=CAP_NET_BIND_SERVICE',
          `set another port, such as ${HIGH_PORTS[port] ?? 2000 + (port % 1000)}, in \`listen\` of the policy`,
        ],
      };
    case 'EADDRINUSE':
      return {
        cause: 'another program listens there already, perhaps another mail server (Postfix, Exim) or another relevo',
        remedies: [
          `find it with \`ss -ltnp 'sport = :${port}'\` and stop it`,
          'set another port, or one `address`, in `listen` of the policy',
        ],
      };
    case 'EADDRNOTAVAIL':
      return {
        cause: 'this machine does not have that address',
        remedies: ['correct `address` in `listen` of the policy'],
      };
    case 'NO-CERTIFICATE':
      return {
        cause: 'there is no certificate that works, and this port speaks TLS from the first byte',
        remedies: ['correct `tls.cert` and `tls.key` in the policy'],
      };
    default:
      return { cause: message, remedies: [] };
  }
}
