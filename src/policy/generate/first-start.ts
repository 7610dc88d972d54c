/** The policy that a first start writes: the example with what is this machine's own. */
import { isScalar, parseDocument } from 'yaml';

export type FirstPolicy = {
  /** The text of `config/relevo.example.yaml`. */
  readonly example: string;
  /** Of client `app`. */
  readonly passwordHash: string;
  /** For submission, submissions and relaying without AUTH: 587, 465 and 25, or what an unprivileged user may bind. */
  readonly ports: { readonly submission: number; readonly submissions: number; readonly relay: number };
  /** DKIM selectors of example.com; the keys are `../certs/dkim/example.com.SELECTOR.pem`. */
  readonly selectors: { readonly rsa: string; readonly ed25519: string };
  /** Default: the example's. */
  readonly hostname?: string;
};

/** The text of `config/relevo.yaml`, comments and all. Throws where the example is not the generated one. */
export function firstPolicy({ example, passwordHash, ports, selectors, hostname }: FirstPolicy): string {
  const dkim = ['domains', 'example.com', 'dkim'];
  return withValues(example, [
    [['clients', 'app', 'password'], `'${passwordHash}'`],
    [['listen', 0, 'port'], String(ports.submission)],
    [['listen', 1, 'port'], String(ports.submissions)],
    [['listen', 2, 'port'], String(ports.relay)],
    [[...dkim, 0, 'selector'], selectors.rsa],
    [[...dkim, 0, 'key'], dkimKeyPath(selectors.rsa)],
    [[...dkim, 1, 'selector'], selectors.ed25519],
    [[...dkim, 1, 'key'], dkimKeyPath(selectors.ed25519)],
    ...(hostname === undefined ? [] : [[['hostname'], hostname] satisfies Change]),
  ]).replace('; the one below fits no password', '');
}

type Change = [path: (string | number)[], value: string];

function dkimKeyPath(selector: string): string {
  return `../certs/dkim/example.com.${selector}.pem`;
}

/** Puts values in the place of others and leaves every other character as it is. */
function withValues(text: string, changes: readonly Change[]): string {
  const document = parseDocument(text);
  const edits = changes.map(([path, value]) => {
    const node = document.getIn(path, true);
    if (!isScalar(node) || node.range === undefined || node.range === null)
      throw new Error(`the example policy has no ${path.join('.')}`);
    return { start: node.range[0], end: node.range[1], value };
  });
  return edits
    .toSorted((left, right) => right.start - left.start)
    .reduce((edited, { start, end, value }) => edited.slice(0, start) + value + edited.slice(end), text);
}
