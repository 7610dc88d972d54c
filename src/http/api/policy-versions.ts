/** Versions of the policy. */
import { z } from 'zod';
import type { PolicyOperations } from '../../operations/policy/policy-operations.ts';
import { etagOf } from '../../operations/policy/versions.ts';
import { type ApiCall, type ApiReply, type ApiRoute, defineRoute } from '../route.ts';
import { authorOf, COMMENT, HEX, notText, PART, putReply, VERSION, WRITTEN, yaml } from './policy-replies.ts';

const ID = /^[1-9]\d{0,8}$/;

export function versionRoutes(operations: PolicyOperations): readonly ApiRoute[] {
  return [
    ...rollbackRoutes(operations),
    defineRoute({
      method: 'GET',
      path: '/api/v1/policy/versions',
      scope: 'read',
      part: PART,
      summary:
        'The policies that came into force on this node, the newest first: who, when, and why; without their texts',
      answer: z.object({ versions: z.array(VERSION) }),
      run: async () => ({ kind: 'json', value: { versions: await operations.versions() } }),
    }),
    defineRoute({
      method: 'GET',
      path: '/api/v1/policy/versions/{id}',
      scope: 'admin',
      part: PART,
      summary: 'The text of a version, keys in clear among it',
      answer: { contentType: 'text/yaml' },
      run: (call) =>
        withVersion(call, operations, async (id) => {
          const text = await operations.versionText(id);
          return yaml(text, etagOf(text));
        }),
    }),
  ];
}

function rollbackRoutes(operations: PolicyOperations): readonly ApiRoute[] {
  return [
    defineRoute({
      method: 'POST',
      path: '/api/v1/policy/versions/{id}/rollback',
      scope: 'admin',
      part: PART,
      summary: 'Write a version into the policy file again, and put it in force',
      body: {
        as: 'json',
        schema: z.strictObject({ etag: HEX.nullable().default(null), comment: COMMENT }),
      },
      answer: WRITTEN,
      run: (call) =>
        withVersion(call, operations, async (id) => {
          const { etag, comment } = call.body;
          const put = await operations.rollback({ id, etag, by: authorOf(call.principal), comment });
          return putReply(put, 'policy.rollback');
        }),
    }),
  ];
}

/** 404 for one that is not kept. */
async function withVersion(
  { params }: Pick<ApiCall<unknown, unknown>, 'params'>,
  operations: PolicyOperations,
  use: (id: number) => Promise<ApiReply>,
): Promise<ApiReply> {
  const text = params['id'] ?? '';
  const id = ID.test(text) ? Number(text) : 0;
  const isThere = (await operations.versions()).some((version) => version.id === id);
  return isThere ? use(id) : notText(404, 'no such version is kept: /api/v1/policy/versions has those that are');
}
