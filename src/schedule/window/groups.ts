import { domainOf } from '../../message/address.ts';
import type { Delivery } from '../../message/delivery.ts';
import type { MessageFacts } from '../../policy/match.ts';
import type { RoutePolicy } from '../../policy/schema.ts';
import type { Choice } from '../../routing/choose.ts';
import type { LeasedDelivery } from '../../spool/spool.ts';
import type { ExitQuestion } from '../exits/exit-question.ts';
import type { Exits } from '../exits/exits.ts';
import { looksGreylisted } from '../settlement/retry.ts';
import type { Site } from '../sites/site.ts';
import type { Sites } from '../sites/sites.ts';
import { weightOf, type ContentBudget } from './content-budget.ts';
import type { Group } from './entry.ts';

/** What the routes may ask of a delivery. */
export function factsOf({ delivery, message }: Pick<LeasedDelivery, 'delivery' | 'message'>): MessageFacts {
  return {
    client: delivery.client,
    stream: delivery.stream,
    priority: delivery.priority,
    senderDomain: domainOf(message.envelope.sender),
    recipientDomain: delivery.domain,
    tag: message.tag,
    sizeBytes: message.sizeBytes,
    ...(message.headers === undefined ? {} : { headers: message.headers }),
    ...(message.avoids === undefined ? {} : { avoids: message.avoids }),
  };
}

const KEPT_MOST = 1_000;

/** The exits that a site refused a delivery by; see `Group`. */
export type Refusals = { readonly refused: readonly string[]; readonly avoid: string | null };
type RefusalsOf = (delivery: Delivery) => Refusals;

const NO_REFUSALS: Refusals = { refused: [], avoid: null };

const NOWHERE: Choice = { kind: 'wait', untilMs: null, busy: false, reasons: [], limited: [] };

/** The groups of the deliveries in memory, and the choice that each would get now: made once, not once a delivery. */
export class Groups {
  readonly #exits: Exits;
  readonly #contentBudget: ContentBudget;
  readonly #sites: Sites;
  readonly #refusalsOf: RefusalsOf;
  readonly #groups = new Map<string, Group>();
  #choices = new Map<Group, Choice>();
  #generation = -1;

  constructor({
    exits,
    contentBudget,
    sites,
    refusalsOf = () => NO_REFUSALS,
  }: {
    readonly exits: Exits;
    readonly contentBudget: ContentBudget;
    readonly sites: Sites;
    /** Default: none. */
    readonly refusalsOf?: RefusalsOf;
  }) {
    this.#exits = exits;
    this.#contentBudget = contentBudget;
    this.#sites = sites;
    this.#refusalsOf = refusalsOf;
  }

  /** @param inMemory its content need not be read from the store */
  groupOf(leased: LeasedDelivery, inMemory: boolean): Group {
    const { delivery, message } = leased;
    const weight = inMemory ? 'light' : weightOf(message.sizeBytes);
    const route = this.#exits.routeOf(factsOf(leased));
    const keep = looksGreylisted(delivery.lastReply) ? delivery.lastEgress : null;
    const here = leased.forUs === true;
    const refusals = this.#refusalsOf(delivery);
    const { refused, avoid } = refusals;
    const around = refused.length === 0 && avoid === null ? '' : ` not ${refused.join(',')} ${avoid ?? ''}`;
    const away = message.avoids === undefined ? '' : ` avoids ${message.avoids.join(',')}`;
    const key = `${route?.name ?? ''} ${delivery.stream} ${keep ?? ''} ${weight}${here ? ' here' : ''}${around}${away}`;
    let group = this.#groups.get(key);
    if (group === undefined || group.route !== route) {
      group = { key, route, stream: delivery.stream, keep, here, ...refusals, weight, waiting: 0 };
      this.#groups.set(key, group);
    }
    return group;
  }

  /** @param site where the mail goes; null: anywhere */
  choiceOf(group: Group, site: Site | null = null): Choice {
    const choice = this.#choiceAnywhere(group);
    if (site === null || choice.kind !== 'egress' || group.route === null || !this.#sites.isNarrow(site)) return choice;
    // What a site does not keep from the first choice is the first choice there too.
    if (this.#sites.gateOf(site, choice.name) === null) return choice;
    if (site.chosenAt !== this.#exits.generation || site.chosenFor !== site.version) {
      site.choices.clear();
      site.chosenAt = this.#exits.generation;
      site.chosenFor = site.version;
    }
    let there = site.choices.get(group);
    if (there === undefined) {
      there = this.#choose(group, group.route, (exit) => this.#sites.gateOf(site, exit));
      site.choices.set(group, there);
    }
    return there;
  }

  /** Around the exits that the site refused, as long as there is, or will be, another. */
  #choose(group: Group, route: RoutePolicy, siteGate?: ExitQuestion['siteGate']): Choice {
    const { refused = [], avoid = null } = group;
    const question = { ...group, route, ...(siteGate === undefined ? {} : { siteGate }) };
    if (avoid !== null) {
      const other = this.#exits.choose({ ...question, tried: new Set([...refused, avoid]) });
      if (other.kind !== 'wait' || other.busy) return other;
    }
    if (refused.length > 0) {
      const other = this.#exits.choose({ ...question, tried: new Set(refused) });
      if (other.kind !== 'wait' || other.busy || other.untilMs !== null) return other;
    }
    return this.#exits.choose(question);
  }

  #choiceAnywhere(group: Group): Choice {
    if (this.#generation !== this.#exits.generation) {
      this.#choices = new Map();
      this.#generation = this.#exits.generation;
    }
    let choice = this.#choices.get(group);
    if (choice === undefined) {
      choice = group.route === null ? NOWHERE : this.#choose(group, group.route);
      this.#choices.set(group, choice);
    }
    return choice;
  }

  /** Whether an attempt may begin now, there is room for its content, and an exit; or it is for another node to send. Of a group that waits. */
  readonly isOpen = (group: Group, site: Site | null = null): boolean => {
    const choice = this.choiceOf(group, site);
    if (choice.kind === 'wait' && choice.turn !== undefined) this.#exits.wantTurn(choice.turn, group.waiting);
    return choice.kind === 'elsewhere' || (choice.kind === 'egress' && this.#contentBudget.hasRoomFor(group.weight));
  };

  /** Waits for time or another policy, not for a connection: no use keeping its deliveries in memory. */
  isBlocked(group: Group, site: Site): boolean {
    const choice = this.choiceOf(group, site);
    return choice.kind === 'wait' && !choice.busy;
  }

  /** The exit whose rate alone keeps it waiting for a moment, and until when, monotonic ms; null: it does not wait, or for more. */
  pacedBy(group: Group): { readonly exit: string; readonly untilMs: number } | null {
    const choice = this.choiceOf(group);
    if (choice.kind !== 'wait' || choice.turn !== undefined) return null;
    const { reasons } = choice;
    if (reasons.some(({ gate }) => gate === 'busy' || gate === 'probing' || gate === 'asking')) return null;
    const paced = reasons.find(({ gate }) => gate === 'paced');
    return paced === undefined ? null : { exit: paced.egress, untilMs: paced.untilMs ?? 0 };
  }

  /** Whether any delivery that waits may be tried now. */
  anyOpen(): boolean {
    for (const group of this.#groups.values()) if (group.waiting > 0 && this.isOpen(group)) return true;
    return false;
  }

  /** Groups are few; a client that makes up streams must not make them many. Not between `groupOf` and its use. */
  forget(): void {
    if (this.#groups.size < KEPT_MOST) return;
    for (const [key, group] of this.#groups) if (group.waiting === 0) this.#groups.delete(key);
  }

  /** Another policy is in force: routes are matched anew, once the deliveries were asked for them (`groupOf`). */
  reset(): void {
    this.#groups.clear();
    this.#choices.clear();
  }
}

const NO_EXIT_NOW = 'no exit can take it now: ';
const AT_ITS_RATE = 'waits for its turn at the rate of ';

export function paceText(exit: string): string {
  return AT_ITS_RATE + exit;
}

/** Whether a delivery was put off for want of an exit, and not by a server. */
export function isWaitText(text: string): boolean {
  return text.startsWith(NO_EXIT_NOW) || text.startsWith(AT_ITS_RATE);
}

/** Whether that exit is among those for want of which a delivery was put off. */
export function waitsForExit(text: string, exit: string): boolean {
  if (text === paceText(exit)) return true;
  if (!text.startsWith(NO_EXIT_NOW)) return false;
  return text
    .slice(NO_EXIT_NOW.length)
    .split(', ')
    .some((part) => part.startsWith(`${exit} `));
}

/** Why a group waits, for operators, without what changes from moment to moment. */
export function waitText(choice: Choice): string {
  if (choice.kind !== 'wait') return `goes out by ${choice.name}`;
  if (choice.reasons.length === 0) return 'no route takes this message, or none of its exits may';
  const parts = choice.reasons.map(
    ({ egress, gate, cause }) => `${egress} ${gate}${cause === '' ? '' : ` (${cause})`}`,
  );
  return NO_EXIT_NOW + parts.join(', ');
}
