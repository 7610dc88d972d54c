import { describe, expect, test } from 'vitest';
import { madeSignatures } from '../../tests/fakes/blank-signatures.ts';
import { FakeClock } from '../../tests/fakes/clock.ts';
import { CLIENTS } from '../../tests/fakes/ingress.ts';
import { MemoryLedger, RecordingHandoff, RecordingSpool } from '../../tests/fakes/recording-spool.ts';
import { formatReply } from '../message/reply.ts';
import { type PolicyInput, policySchema } from '../policy/schema.ts';
import { systemRandom } from '../system.ts';
import { Authenticator } from './auth.ts';
import { type Conversation, runCommand } from './commands.ts';
import { MemoryBudget } from './memory-budget.ts';
import { Receiver } from './receive.ts';
import { NO_RETURN_PATHS } from './return-path.ts';
import { Session } from './session.ts';

type ListenerInput = NonNullable<PolicyInput['listen']>[number];

/** A session without a socket: what is answered to a line, from anywhere, over any listener. */
function talk(options: { readonly listener: ListenerInput; readonly address: string; readonly secure?: boolean }) {
  const policy = policySchema.parse({ hostname: 'relay.example', clients: CLIENTS, listen: [options.listener] });
  const [listener] = policy.listen;
  if (listener === undefined) throw new Error('no listener');
  const clock = new FakeClock();
  const ports = { policy: () => policy, clock, random: systemRandom, emit: () => undefined };
  const leaveBlank = async () => madeSignatures();
  const receiver = new Receiver({ ...ports, spool: new RecordingSpool(), handoff: new RecordingHandoff(), leaveBlank });
  const authenticator = new Authenticator(ports);
  const budget = new MemoryBudget(() => 1e9);
  const mine = { receiver, authenticator, budget, returnBudget: budget, returnPaths: NO_RETURN_PATHS };
  const deps = { ...ports, ...mine, ledger: new MemoryLedger() };
  const { address, secure = false } = options;
  const state = new Session(deps, { listener, address, secure });
  const said: string[] = [];
  const conversation: Conversation = {
    state,
    authenticator,
    offersTls: !secure,
    offersProxying: false,
    say: (reply) => said.push(formatReply(reply)),
    sayLines: (code, lines) => said.push(...lines.map((line) => `${code} ${line}`)),
    expect: () => undefined,
    failedSignIn: (reply) => said.push(formatReply(reply)),
    unknownCommand: () => said.push('500'),
    startTls: async () => undefined,
    proxy: () => undefined,
    startMessage: () => null,
    quit: () => undefined,
  };
  return async (line: string): Promise<string[]> => {
    said.length = 0;
    await runCommand(conversation, Buffer.from(line));
    return [...said];
  };
}

const SUBMISSION: ListenerInput = { port: 587, tls: 'starttls', auth: 'required' };
const SIGN_IN = `AUTH PLAIN ${Buffer.from('\0shop\0secret').toString('base64')}`;

describe('passwords', () => {
  test('are not asked for in clear text from elsewhere, nor taken', async () => {
    const say = talk({ listener: SUBMISSION, address: '192.0.2.7' });
    expect(await say('EHLO x')).not.toContain('250 AUTH PLAIN LOGIN');
    expect(await say(SIGN_IN)).toEqual(['538 5.7.11 encryption required for authentication']);
    expect(await say('MAIL FROM:<ana@shop.example>')).toEqual(['530 5.7.0 must issue a STARTTLS command first']);
  });

  test.each([
    ['over TLS', { address: '192.0.2.7', secure: true }],
    ['from this machine', { address: '127.0.0.1' }],
    ['from this machine over IPv6', { address: '::1' }],
  ])('are taken %s', async (_where, from) => {
    const say = talk({ listener: SUBMISSION, ...from });
    expect(await say('EHLO x')).toContain('250 AUTH PLAIN LOGIN');
    expect(await say('MAIL FROM:<ana@shop.example>')).toEqual(['530 5.7.0 authentication required']);
    expect(await say(SIGN_IN)).toEqual(['235 2.7.0 authentication succeeded']);
    expect(await say('MAIL FROM:<ana@shop.example>')).toEqual(['250 2.1.0 sender ok']);
  });

  test.each(['10.127.0.1', '::ffff:192.0.2.7', '2001:db8::1', '1::1'])('%s is not this machine', async (address) => {
    const say = talk({ listener: SUBMISSION, address });
    expect(await say('EHLO x')).not.toContain('250 AUTH PLAIN LOGIN');
  });

  test('are no business of a listener without AUTH', async () => {
    const say = talk({
      listener: { port: 25, tls: 'opportunistic', auth: 'none' },
      address: '192.0.2.7',
      secure: true,
    });
    expect(await say('EHLO x')).not.toContain('250 AUTH PLAIN LOGIN');
    expect(await say(SIGN_IN)).toEqual(['503 5.5.1 authentication not offered here']);
  });
});

test('no command lets a stranger relay, on any kind of listener', async () => {
  for (const tls of ['starttls', 'implicit', 'opportunistic', 'none'] as const) {
    for (const auth of ['required', 'none'] as const) {
      for (const secure of [true, false]) {
        const say = talk({ listener: { port: 25, tls, auth }, address: '192.0.2.7', secure });
        await say('EHLO x');
        await say('MAIL FROM:<ana@shop.example>');
        const [reply] = await say('RCPT TO:<victim@dest.example>');
        expect(reply).toMatch(/^(?:503|550)/);
        expect(await say('DATA')).toEqual([expect.stringMatching(/^503/)]);
      }
    }
  }
});
