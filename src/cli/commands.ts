/** All commands but `start`. */
import type { Command } from 'commander';
import { policyJsonSchema } from '../policy/json-schema.ts';
import type { Registry } from './cli.ts';
import { addAlerts } from './alert.ts';
import { addAudit } from './audit.ts';
import { addAuditLog } from './audit-log.ts';
import { addCheck, addPolicy } from './check.ts';
import { addClients } from './client.ts';
import { addDkim } from './dkim.ts';
import { addDns } from './dns.ts';
import { addEgressList } from './egress-list.ts';
import { addEgressPause } from './egress-pause.ts';
import { addEgressTest } from './egress-test.ts';
import { addExplain } from './explain.ts';
import { addMessage } from './message.ts';
import { addNodes } from './nodes.ts';
import { addPresets } from './preset.ts';
import { addQueue } from './queue.ts';
import { addExports } from './export.ts';
import { addReports } from './report.ts';
import { addSend } from './send.ts';
import { addSimulateProvider } from './simulate-provider.ts';
import { addSpool } from './spool.ts';
import { addStats } from './stats.ts';
import { addSuppress } from './suppress.ts';
import { addTokens } from './token.ts';
import { addUsers } from './user.ts';
import { addWebhooks } from './webhook.ts';

/** Hangs them on the program, in the order in which its help lists them. */
export function addCommands(program: Command, registry: Registry): void {
  addCheck(program, registry);
  addSend(program, registry);
  addMessage(program, registry);
  addExplain(program, registry);
  addQueue(program, registry);
  addClients(program, registry);
  addDkim(program, registry);
  addDns(program, registry);
  addPolicy(program, registry, policyJsonSchema);
  addPresets(program, registry);
  addAudit(program, registry);
  addAuditLog(program, registry);
  addNodes(program, registry);
  addSpool(program, registry);
  addSimulateProvider(program, registry);
  addEgressList(program, registry);
  addEgressPause(program, registry);
  addEgressTest(program, registry);
  addStats(program, registry);
  addReports(program, registry);
  addExports(program, registry);
  addSuppress(program, registry);
  addTokens(program, registry);
  addUsers(program, registry);
  addAlerts(program, registry);
  addWebhooks(program, registry);
}
