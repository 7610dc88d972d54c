/** The wizard: whether answers are sound, whether what they say works, and the policy that comes of them. */
import { z } from 'zod';
import { diffOf } from '../../operations/policy/policy-operations.ts';
import { ANSWERS, faultsOf, WIZARD_STEPS, type WizardAnswers } from '../../operations/wizard/answers.ts';
import type { WizardSetup } from '../../operations/wizard/setup.ts';
import { zoneLine } from '../../sign/records.ts';
import { problemWith } from '../answer.ts';
import { type ApiReply, type ApiRoute, defineRoute } from '../route.ts';
import type { PolicyDesk } from './policy.ts';
import { authorOf, COMMENT, DIFF, HEX, notText, PART, putReply, WRITTEN, wrong } from './policy-replies.ts';

const GIVEN = z.record(z.string(), z.unknown());
const FAULT = z.object({ step: z.string(), path: z.string(), text: z.string() });

export function wizardRoutes(desk: PolicyDesk): readonly ApiRoute[] {
  return [checkRoute(), testRoute(desk), applyRoute(desk)];
}

function checkRoute(): ApiRoute {
  return defineRoute({
    method: 'POST',
    path: '/api/v1/policy/wizard/check',
    scope: 'admin',
    unaudited: 'looks',
    part: PART,
    summary: 'What is wrong with the answers up to a step of the wizard; changes nothing',
    body: { as: 'json', schema: z.strictObject({ answers: GIVEN, until: z.enum(WIZARD_STEPS) }) },
    answer: z.object({ faults: z.array(FAULT) }),
    run: async ({ body: { answers, until } }) => ({ kind: 'json', value: { faults: faultsOf(answers, until) } }),
  });
}

function testRoute(desk: PolicyDesk): ApiRoute {
  return defineRoute({
    method: 'POST',
    path: '/api/v1/policy/wizard/test',
    scope: 'admin',
    part: PART,
    summary:
      'Try what the answers say: exits, DNS, a message; makes DKIM keys of the domain where there are none, and changes nothing else',
    body: {
      as: 'json',
      schema: z.strictObject({ answers: GIVEN, testTo: z.string().max(320).default('') }),
    },
    answer: DIFF.extend({ exits: z.array(z.looseObject({})), records: z.array(z.looseObject({})) }),
    run: async ({ body: { answers: given, testTo } }) =>
      withSetUp(desk, given, async ({ setup, base, answers }) => {
        const { loaded, text } = setup;
        if (loaded.kind === 'refused') return wrong(422, 'the policy would be refused', loaded.problems);
        const { domain } = answers.basics;
        const ask = { policy: loaded.policy, domain, testTo: testTo === '' ? null : testTo };
        const { exits, records, problems, message } = await desk.tryOut(ask);
        return {
          kind: 'json',
          value: {
            exits: exits.map(({ egress, isWell, result }) => ({
              egress,
              isWell,
              why: result.kind === 'failed' ? `${result.stage}: ${result.cause}` : null,
            })),
            records: records.map(({ record, state, advice }) => ({ ...record, state, advice, line: zoneLine(record) })),
            problems,
            message,
            ...diffOf(base, text),
          },
          // Keys may have been made for it.
          change: { what: 'policy.wizard-test', on: domain },
        };
      }),
  });
}

function applyRoute(desk: PolicyDesk): ApiRoute {
  return defineRoute({
    method: 'POST',
    path: '/api/v1/policy/wizard',
    scope: 'admin',
    part: PART,
    summary:
      'Put the answers of the wizard into the policy, and that in force; a password of a new client is told only now',
    body: {
      as: 'json',
      schema: z.strictObject({ answers: GIVEN, etag: HEX.nullable().default(null), comment: COMMENT }),
    },
    answer: WRITTEN.extend({ client: z.string(), password: z.string().nullable() }),
    run: async ({ body: { answers: given, etag, comment }, principal }) =>
      withSetUp(desk, given, async ({ setup, etagNow, answers }) => {
        const { text, password, secrets } = setup;
        const put = await desk.operations.change({
          etag: etag ?? etagNow,
          comment,
          by: authorOf(principal),
          what: 'wizard',
          secrets,
          edit: () => ({ kind: 'edited', text }),
        });
        const reply = putReply(put, 'policy.wizard');
        if (reply.kind !== 'json') return reply;
        return { ...reply, value: { ...(reply.value as object), client: answers.basics.client, password } };
      }),
  });
}

type Made = {
  readonly setup: Extract<WizardSetup, { kind: 'made' }>;
  readonly answers: WizardAnswers;
  /** The text that the answers went into. */
  readonly base: string;
  readonly etagNow: string;
};

/** 422 for answers that are not sound, with the step and the place of each fault. */
async function withSetUp(
  { operations, setUp }: PolicyDesk,
  given: unknown,
  use: (made: Made) => Promise<ApiReply>,
): Promise<ApiReply> {
  const faults = faultsOf(given);
  if (faults.length > 0) {
    const detail = `the answers are not sound: ${faults.map(({ path, text }) => `${path}: ${text}`).join('; ')}`;
    return { kind: 'answer', answer: problemWith({ faults }, 422, { detail }) };
  }
  const answers = ANSWERS.parse(given);
  const { text: base, etag: etagNow } = await operations.file();
  const setup = await setUp(answers, base);
  return setup.kind === 'failed' ? notText(422, setup.cause) : use({ setup, answers, base, etagNow });
}
