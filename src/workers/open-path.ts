/** The way of mail of a relay: in this thread, or in workers. */
import type { ExitStandings } from '../exits/standings.ts';
import type { Suppressing } from '../feedback/suppression/suppression.ts';
import type { Foundation, RelayOptions } from '../foundation/foundation.ts';
import type { MailPath } from '../mail-path.ts';
import { WHOLE } from '../policy/share.ts';
import { canSendFrom } from '../system.ts';

/** With one worker all mail goes its way in this thread. Only what is needed is read: each is some 15 MB. */
export async function openPath(
  { workers, localAddresses }: RelayOptions,
  foundation: Foundation,
  known: { readonly standings: ExitStandings; readonly suppression: Suppressing },
): Promise<MailPath> {
  const { name: node } = await foundation.nodeFacts();
  if (workers === 1) {
    const { openMailPath } = await import('../mail-path.ts');
    return openMailPath({ ...foundation, localAddresses, node, canSendFrom, share: WHOLE, ...known });
  }
  const { startSupervisor } = await import('./supervisor.ts');
  const { ports, holder } = foundation;
  return startSupervisor({ ...foundation, node, workers, clock: ports.clock, version: () => holder.state().version });
}
