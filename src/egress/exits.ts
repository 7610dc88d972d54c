/** The exits of the policy in force, by name, and how they change when it does. */
import { isDeepStrictEqual } from 'node:util';
import { assertNever } from '../message/outcome.ts';
import type { EgressPolicy, Policy } from '../policy/schema.ts';
import type { Emit, Ports } from '../ports.ts';
import type { CloudPorts, TakeShare } from './cloud/cloud-ports.ts';
import type { ExitSign } from './cloud/headers.ts';
import type { Egress } from './egress.ts';
import { openMailgunEgress } from './mailgun/mailgun-egress.ts';
import { openSandbox } from './sandbox.ts';
import { openSendGridEgress } from './sendgrid/sendgrid-egress.ts';
import { openSesEgress } from './ses/ses-egress.ts';
import { DeadHosts } from './smtp/dead-hosts.ts';
import { cachedDns } from './smtp/dns-cache.ts';
import { openMxEgress } from './smtp/mx-egress.ts';
import { mxHosts } from './smtp/mx-hosts.ts';
import { openSmtpEgress } from './smtp/smtp-egress.ts';
import type { ExitPorts } from './smtp/smtp-exit.ts';

export type ExitsOptions = {
  readonly policy: () => Policy;
  readonly ports: Ports;
  readonly emit: Emit;
  /** Signs anew where an exit changes what was signed. Default: nothing is. */
  readonly sign?: ExitSign;
  /** Addresses of this machine, for the loop check (RFC 5321 §5.1); asked at most every few seconds. */
  readonly localAddresses: () => readonly string[];
  /** What a provider allows its account, shared by all processes. Default: this one alone uses it. */
  readonly takeShare?: TakeShare;
  /** How many connections this process may have by an exit now; null: what its settings say. Default: that. */
  readonly connectionsOf?: (exit: string) => number | null;
};

export type Exits = AsyncDisposable & {
  /** Enabled exits whose type this version has, by name. Look them up anew for each attempt. */
  readonly byName: ReadonlyMap<string, Egress>;
  /**
   * Follows a new policy: an exit whose settings are the same stays as it is, with its connections; the others are
   * replaced, what is under way on them ends in peace.
   */
  apply(policy: Policy): void;
  /** As `mxHosts`, by the same answers of DNS as the exits have; null where nothing goes out but to sandboxes. */
  hostsOf(domain: string): Promise<readonly string[] | null>;
};

type AllPorts = ExitPorts & Pick<CloudPorts, 'sign' | 'takeShare'>;

export function openExits(options: ExitsOptions): Exits {
  const { policy, ports, emit, localAddresses, connectionsOf, sign, takeShare } = options;
  let isEnding = false;
  const exitPorts: AllPorts = {
    ...ports,
    dns: cachedDns(ports.dns, ports.clock),
    policy,
    // A relay that ends knows no better of what was amiss: that its exits end is no all-clear.
    emit: (event) => (isEnding && event.event === 'alert' && !event.raised ? undefined : emit(event)),
    dead: new DeadHosts(ports.clock),
    isOwn: ownAddressCheck(policy, ports, localAddresses),
    ...(connectionsOf === undefined ? {} : { connectionsOf }),
    ...(sign === undefined ? {} : { sign }),
    ...(takeShare === undefined ? {} : { takeShare }),
  };
  const byName = new Map<string, Egress>();
  const settings = new Map<string, EgressPolicy>();
  const leaving = new Set<Promise<void>>();

  const retire = (egress: Egress): void => {
    const left = Promise.resolve(egress[Symbol.asyncDispose]()).finally(() => leaving.delete(left));
    leaving.add(left);
  };
  const apply = (next: Policy): void => {
    const gone = new Map(byName);
    for (const [name, wanted] of Object.entries(next.egress)) {
      if (!wanted.enabled) continue;
      const present = gone.get(name);
      if (present !== undefined && isDeepStrictEqual(settings.get(name), wanted)) {
        gone.delete(name);
        continue;
      }
      byName.set(name, openEgress(name, wanted, exitPorts));
      settings.set(name, wanted);
    }
    for (const [name, egress] of gone) {
      if (byName.get(name) === egress) {
        byName.delete(name);
        settings.delete(name);
      }
      retire(egress);
    }
  };

  apply(policy());
  return {
    byName,
    apply,
    hostsOf: async (domain) => {
      const isOut = [...settings.values()].some(({ type }) => type !== 'sandbox');
      return isOut ? mxHosts(domain, exitPorts.dns) : null;
    },
    [Symbol.asyncDispose]: async () => {
      isEnding = true;
      for (const egress of byName.values()) retire(egress);
      byName.clear();
      await Promise.race([Promise.all(leaving), ports.clock.sleep(LAST_CALLS_MS)]);
    },
  };
}

function openEgress(name: string, policy: EgressPolicy, ports: AllPorts): Egress {
  switch (policy.type) {
    case 'mx':
      return openMxEgress(name, policy, ports);
    case 'smtp':
      return openSmtpEgress(name, policy, ports);
    case 'sandbox':
      return openSandbox(name, policy, ports.clock);
    case 'mailgun':
      return openMailgunEgress(name, policy, ports);
    case 'ses':
      return openSesEgress(name, policy, ports);
    case 'sendgrid':
      return openSendGridEgress(name, policy, ports);
    default:
      return assertNever(policy);
  }
}

/** At the end of the relay, what is still under way has had its time: a peer that never answers must not hold the process. */
const LAST_CALLS_MS = 1_000;

/** Interfaces come and go, but asking for them costs more than a message may. */
const ADDRESSES_LIFE_MS = 10_000;

/** We talk to ourselves at an address of ours only on a port that we listen on there: another one is another server's. */
function ownAddressCheck(
  policy: () => Policy,
  { clock }: Ports,
  localAddresses: () => readonly string[],
): ExitPorts['isOwn'] {
  let known: { readonly addresses: ReadonlySet<string>; readonly policy: Policy; readonly untilMs: number } | null =
    null;
  const own = (address: string, current: Policy): boolean => {
    if (known === null || known.policy !== current || known.untilMs <= clock.monotonicMs()) {
      const addresses = new Set([...localAddresses(), ...sourcesOf(current)]);
      known = { addresses, policy: current, untilMs: clock.monotonicMs() + ADDRESSES_LIFE_MS };
    }
    return known.addresses.has(address);
  };
  return (address, port) => {
    const current = policy();
    return current.listen.some(
      (listener) =>
        listener.port === port && (listener.address === null ? own(address, current) : listener.address === address),
    );
  };
}

/** What mail leaves by: behind address translation no interface has it. */
function sourcesOf(policy: Policy): readonly string[] {
  return Object.values(policy.egress)
    .flatMap((egress) => (egress.type === 'mx' ? [egress.address, egress.bind] : []))
    .filter((address) => address !== null);
}
