import type { RoutePolicy } from '../../policy/schema.ts';
import type { GateState } from '../../routing/choose.ts';

/** Which exit a delivery is to take: what the choice needs to know of it, see `ChooseRequest`. */
export type ExitQuestion = {
  readonly route: RoutePolicy;
  readonly stream: string;
  readonly tried?: ReadonlySet<string>;
  readonly keep?: string | null;
  readonly here?: boolean;
  /** What keeps mail to the receiving site from an exit. Default: nothing. */
  readonly siteGate?: (egress: string) => GateState | null;
};
