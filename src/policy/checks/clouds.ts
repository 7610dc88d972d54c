/** What exits by a provider's API must have: a key, an endpoint that is one, a region that is one. Pure. */
import type { Check } from './checks.ts';
import type { Path } from '../file/problem.ts';
import type { EgressPolicy, Policy, SendgridEgressPolicy, SesEgressPolicy } from '../schema.ts';

type CloudEgressPolicy = Extract<EgressPolicy, { type: 'sendgrid' | 'mailgun' | 'ses' }>;

/** Where SES is. One that is newer than this list is used with an `endpoint`. */
const SES_REGIONS: ReadonlySet<string> = new Set(
  [
    'af-south-1 ap-east-1 ap-northeast-1 ap-northeast-2 ap-northeast-3 ap-south-1 ap-south-2 ap-southeast-1 ap-southeast-2',
    'ap-southeast-3 ap-southeast-4 ap-southeast-5 ap-southeast-7 ca-central-1 ca-west-1 eu-central-1 eu-central-2 eu-north-1',
    'eu-south-1 eu-south-2 eu-west-1 eu-west-2 eu-west-3 il-central-1 me-central-1 me-south-1 mx-central-1 sa-east-1',
    'us-east-1 us-east-2 us-gov-east-1 us-gov-west-1 us-west-1 us-west-2',
  ].flatMap((line) => line.split(' ')),
);

/** Of exits in use only: those that are disabled need no key. */
export function checkCloudExits({ egress }: Pick<Policy, 'egress'>): Check[] {
  return Object.entries(egress).flatMap(([name, exit]): Check[] => {
    if (!exit.enabled || !isCloud(exit)) return [];
    const path: Path = ['egress', name];
    return [
      ...checkKeys(exit, path),
      ...checkEndpoint(exit, path),
      ...(exit.type === 'ses' ? checkSes(exit, path) : []),
      ...(exit.type === 'sendgrid' ? checkSendGrid(exit, path) : []),
    ];
  });
}

function isCloud(exit: EgressPolicy): exit is CloudEgressPolicy {
  return exit.type === 'sendgrid' || exit.type === 'mailgun' || exit.type === 'ses';
}

function checkKeys(exit: CloudEgressPolicy, path: Path): Check[] {
  if (exit.type === 'ses' || exit.apiKeys !== undefined) return [];
  const text = `is required: an exit of type ${exit.type} needs at least one key (or enabled: false)`;
  return [{ verdict: 'refuse', path: [...path, 'apiKeys'], text }];
}

function checkEndpoint(exit: CloudEgressPolicy, path: Path): Check[] {
  const { endpoint } = exit;
  if (endpoint === undefined) return [];
  const at: Path = [...path, 'endpoint'];
  const isSmtp = exit.type === 'sendgrid' && exit.transport === 'smtp';
  const schemes = isSmtp ? ['smtp:', 'smtps:'] : ['https:', 'http:'];
  const url = URL.parse(endpoint);
  if (url === null || !schemes.includes(url.protocol) || url.hostname === '') {
    const like = isSmtp ? 'smtp://smtp.example.com:587' : 'https://api.example.com';
    const by = exit.type === 'sendgrid' ? ` for transport ${exit.transport}` : '';
    const text = `expected a URL such as ${like} (${schemes.map((scheme) => `${scheme}//`).join(', ')})${by}, found "${endpoint}"`;
    return [{ verdict: 'refuse', path: at, text, ...(by === '' ? {} : { also: [...path, 'transport'] }) }];
  }
  if (url.username !== '' || url.password !== '' || url.search !== '' || url.hash !== '')
    return [{ verdict: 'refuse', path: at, text: 'expected a URL without user, query and fragment' }];
  if (isSmtp && url.pathname !== '' && url.pathname !== '/')
    return [{ verdict: 'refuse', path: at, text: 'expected host and port alone: there are no paths in SMTP' }];
  const version = /\/v\d+\/?$/.exec(url.pathname)?.[0];
  if (version !== undefined)
    return [{ verdict: 'refuse', path: at, text: `expected a URL without ${version}: the relay puts that behind it` }];
  if (url.protocol !== 'http:' || isHere(url.hostname)) return [];
  return [{ verdict: 'warn', path: at, text: 'keys and mail may go out in clear text' }];
}

function isHere(host: string): boolean {
  return host === 'localhost' || host === '[::1]' || /^127\.\d+\.\d+\.\d+$/.test(host);
}

function checkSendGrid({ transport, dkim }: SendgridEgressPolicy, path: Path): Check[] {
  if (transport !== 'api' || dkim !== 'sign') return [];
  const text =
    'sign needs transport: smtp: by its API SendGrid writes the message anew, and no signature of ours survives';
  return [{ verdict: 'refuse', path: [...path, 'dkim'], text, also: [...path, 'transport'] }];
}

function checkSes(exit: SesEgressPolicy, path: Path): Check[] {
  const checks: Check[] = [];
  const { accessKeyId, secretAccessKey, region, endpoint } = exit;
  if ((accessKeyId === undefined) !== (secretAccessKey === undefined)) {
    const missing = accessKeyId === undefined ? 'accessKeyId' : 'secretAccessKey';
    const text = 'is required: accessKeyId and secretAccessKey go together';
    checks.push({ verdict: 'refuse', path: [...path, missing], text });
  }
  if (endpoint === undefined && !SES_REGIONS.has(region)) {
    const text = `expected a region that has SES, such as eu-west-1, found "${region}" (one that is newer than this version: with its endpoint)`;
    checks.push({ verdict: 'refuse', path: [...path, 'region'], text });
  }
  return checks;
}
