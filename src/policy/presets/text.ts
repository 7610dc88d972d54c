/** A preset as an operator would write it: a fragment of a policy file. */
import { Document, isMap, isScalar, isSeq, visit } from 'yaml';
import { isVariable, presetParts, type Part, type PresetServer } from './parts.ts';
import { findServers, isSet } from './servers.ts';
import type { PresetContents } from './presets.ts';
import type { Environment } from '../file/variables.ts';

/**
 * `egress`, `pools` and `routes` of a preset as YAML. A policy that has them instead of the preset is the same. Variables
 * stay variables; which of the optional ones stand there is the environment's word. Of a server that it does not have,
 * user and password are shown.
 */
export function presetText(contents: PresetContents, env: Environment): string {
  const servers = findServers(contents, { env }).servers.map((server) => withSignIn(server, env));
  const document = new Document(plain({ ...presetParts(contents, servers) }));
  visit(document, {
    Seq: (_, node) => {
      node.flow = node.items.every(isScalar);
    },
    Map: (_, node) => {
      node.flow = node.items.length === 0 || node.items.every(({ value }) => isSeq(value));
    },
  });
  if (isMap(document.contents)) document.contents.flow = false;
  return document.toString({ lineWidth: 0 });
}

function withSignIn(server: PresetServer, env: Environment): PresetServer {
  const number = server.name.slice('smtp-'.length);
  if (isSet(env, `SMTP_HOST_${number}`)) return server;
  const shown: [string, string][] = [
    ['username', `SMTP_USER_${number}`],
    ['password', `SMTP_PASSWORD_${number}`],
  ];
  return { ...server, variables: new Map([...server.variables, ...shown]) };
}

function plain(part: Part): unknown {
  if (typeof part !== 'object') return part;
  if (Array.isArray(part)) return part.map((child: Part) => plain(child));
  if (isVariable(part)) return `\${${part.name}}`;
  return Object.fromEntries(Object.entries(part).map(([key, child]) => [key, plain(child)]));
}
